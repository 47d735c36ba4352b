"""Elastic Load Balancing v2: the default certificate of a listener and the others."""

from __future__ import annotations

from typing import Any

from lab.api.patching import patch
from lab.api.wrapping import wrap

API = "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/"


@patch(
    moto="DescribeListeners shows every certificate of a listener, ModifyListener removes all but the new default one, the"
    " default one can be removed, the same can be added twice, and any ARN can be added;"
    " CreateListener has another name for the error",
    aws="DescribeListeners shows the default certificate, DescribeListenerCertificates all; a new default one leaves the"
    " others alone; the default one cannot be removed (OperationNotPermitted); what does"
    " not exist is CertificateNotFound",
    document=API + "API_AddListenerCertificates.html",
)
def default_certificate() -> None:
    from moto.elbv2 import models
    from moto.elbv2.exceptions import ELBClientError
    from moto.elbv2.models import ELBv2Backend
    from moto.elbv2.responses import ELBV2Response

    transformers = ELBV2Response.RESPONSE_KEY_PATH_TO_TRANSFORMER
    for operation in ("Create", "Describe", "Modify"):
        key = f"{operation}Listener{'s' if operation == 'Describe' else ''}Output.Listeners.Listener.Certificates"
        transformers[key] = lambda arns: [{"CertificateArn": arn} for arn in list(arns or [])[:1]] or None

    @wrap(models, "register_certificate")
    def registered(original: Any, account_id: str, region: str, arn_certificate: str, arn_user: str) -> None:
        if not ELBv2Backend._certificate_exists(models.elbv2_backends[account_id][region], arn_certificate):
            raise ELBClientError("CertificateNotFound", f"Certificate ARN '{arn_certificate}' is not valid")
        original(account_id=account_id, region=region, arn_certificate=arn_certificate, arn_user=arn_user)

    @wrap(ELBv2Backend, "modify_listener")
    def modify(original: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
        arn = kwargs.get("arn") or args[0]
        balancer = self.load_balancers.get(arn.replace(":listener/", ":loadbalancer/").rsplit("/", 1)[0])
        before = list(balancer.listeners[arn].certificates) if balancer and arn in balancer.listeners else []
        listener = original(self, *args, **kwargs)
        if listener.certificates and listener.certificates != before:
            default = listener.certificates[0]
            listener.certificates = [default, *(each for each in before[1:] if each != default)]
        if listener.protocol == "HTTP":
            # https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ModifyListener.html: "Changing the
            # protocol from HTTPS to HTTP […] removes the security policy and default certificate properties."
            listener.certificates, listener.certificate = [], None
        return listener

    @wrap(ELBv2Backend, "add_listener_certificates")
    def add(original: Any, self: Any, arn: str, certificates: list[dict[str, Any]]) -> Any:
        there = self.describe_listener_certificates(arn)
        for each in certificates:
            if not self._certificate_exists(certificate_arn=each["CertificateArn"]):
                raise ELBClientError("CertificateNotFound", f"Certificate ARN '{each['CertificateArn']}' is not valid")
        return original(self, arn, [each for each in certificates if each["CertificateArn"] not in there])

    @wrap(ELBv2Backend, "remove_listener_certificates")
    def remove(original: Any, self: Any, arn: str, certificates: list[dict[str, Any]]) -> Any:
        default = next(iter(self.describe_listener_certificates(arn)), None)
        if default in [each["CertificateArn"] for each in certificates]:
            message = f"Default certificate '{default}' cannot be removed from listener '{arn}'"
            raise ELBClientError("OperationNotPermitted", message)
        return original(self, arn, certificates)
