"""ACM: imported certificates."""

from __future__ import annotations

from typing import Any

from lab.api.patching import patch
from lab.api.wrapping import wrap


@patch(
    moto="adds Amazon's root certificate to the chain of every certificate, imported ones too",
    aws="returns an imported certificate's chain as it was imported, and without one the certificate itself (the API"
    " reference does not say so; community.aws.acm_certificate, tested on AWS, relies on it)",
    document="https://docs.aws.amazon.com/acm/latest/APIReference/API_GetCertificate.html",
)
def imported_chain() -> None:
    from moto.acm.models import AWS_ROOT_CA
    from moto.acm.responses import AWSCertificateManagerResponse

    @wrap(AWSCertificateManagerResponse, "get_certificate")
    def get(original: Any, self: Any) -> Any:
        answer = original(self)
        bundle = self.acm_backend.get_certificate(self._get_param("CertificateArn"))
        if bundle.type == "IMPORTED":
            chain = bundle.chain.replace(AWS_ROOT_CA, b"").strip() or bundle.cert.strip()
            answer.result["CertificateChain"] = chain.decode() + "\n"
        return answer
