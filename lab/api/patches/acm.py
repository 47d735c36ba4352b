"""ACM: imported certificates, and certificates in use."""

from __future__ import annotations

from typing import Any

from lab.api import tagged
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
            self._certificates[arn].__dict__["lab_classic"] = before[arn].__dict__.get("lab_classic", [])
        return arn


@patch(
    moto="deletes a certificate that a listener uses, and remembers as users what was ever told to use it",
    aws="answers ResourceInUseException while a load balancer or a distribution uses it; InUseBy names them by ARN",
    document="https://docs.aws.amazon.com/acm/latest/APIReference/API_DeleteCertificate.html",
)
def in_use() -> None:
    from moto.acm.models import AWSCertificateManagerBackend, CertBundle
    from moto.core.exceptions import JsonRESTError

    def get_users(self: Any) -> list[str]:
        return sorted({*self.__dict__.get("lab_classic", []), *users(self.arn)})

    # moto notes users of both generations of load balancers; the classic ones are the only it is asked to remember.
    CertBundle.in_use_by = property(  # type: ignore[assignment]
        get_users, lambda self, value: self.__dict__.update(lab_classic=list(value))
    )

    @wrap(AWSCertificateManagerBackend, "set_certificate_in_use_by")
    def note(original: Any, self: Any, arn: str, load_balancer_name: str) -> None:
        if ":listener/" not in load_balancer_name and arn in self._certificates:
            self._certificates[arn].__dict__.setdefault("lab_classic", []).append(load_balancer_name)
            return
        original(self, arn, load_balancer_name)

    @wrap(AWSCertificateManagerBackend, "delete_certificate")
    def delete(original: Any, self: Any, arn: str) -> None:
        bundle = self._certificates.get(arn)
        if bundle and bundle.in_use_by:
            message = f"Certificate {arn} in account {self.account_id} is in use."
            raise JsonRESTError("ResourceInUseException", message)
        original(self, arn)


def users(arn: str) -> set[str]:
    """ARNs of the load balancers and distributions that use a certificate."""
    account, region = arn.split(":")[4], arn.split(":")[3]
    found = set()
    elbv2 = tagged.backend_of("elbv2", account, region)
    for balancer in list(elbv2.load_balancers.values()) if elbv2 else []:
        for listener in list(balancer.listeners.values()):
            if arn in (listener.certificate, *(listener.certificates or [])):
                found.add(balancer.arn)
    cloudfront = tagged.backend_of("cloudfront", account, region) if region == tagged.GLOBAL_REGION else None
    for distribution in list(cloudfront.distributions.values()) if cloudfront else []:
        if distribution.distribution_config.ViewerCertificate.acm_certificate_arn == arn:
            found.add(distribution.arn)
    return found
