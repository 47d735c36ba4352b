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


@patch(
    moto="leaves the alternative names out of the list of certificates",
    aws="lists up to a hundred of them for each, and says whether there are more",
    document="https://docs.aws.amazon.com/acm/latest/APIReference/API_CertificateSummary.html",
)
def names_in_the_list() -> None:
    from moto.acm.responses import AWSCertificateManagerResponse

    @wrap(AWSCertificateManagerResponse, "list_certificates")
    def listed(original: Any, self: Any) -> Any:
        answer = original(self)
        for summary in answer.result["CertificateSummaryList"]:
            names = summary.get("SubjectAlternativeNames", [])
            summary["SubjectAlternativeNameSummaries"] = names[:100]
            summary["HasAdditionalSubjectAlternativeNames"] = len(names) > 100
        return answer


@patch(
    moto="forgets the tags of a certificate that is imported again under its ARN, and what uses it",
    aws="keeps everything but the certificate itself: tags and associations stay",
    document="https://docs.aws.amazon.com/acm/latest/userguide/import-reimport.html",
)
def imported_again() -> None:
    from moto.acm.models import AWSCertificateManagerBackend

    @wrap(AWSCertificateManagerBackend, "import_certificate")
    def imported(original: Any, self: Any, *arguments: Any, **named: Any) -> Any:
        before = dict(self._certificates)
        arn = original(self, *arguments, **named)
        if arn in before:
            self._certificates[arn].tags = before[arn].tags
            self._certificates[arn].in_use_by = before[arn].in_use_by
        return arn
