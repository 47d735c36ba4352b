"""Certificates in use, several of a listener, and states a test can ask for."""

from __future__ import annotations

from typing import Any

import pytest
from probes import both_ways, error_code, network, probe
from test_patches_others import certificate

from lab.api.testing import Lab


def imported(lab: Lab, name: str) -> str:
    return str(lab.client("acm").import_certificate(**certificate(name))["CertificateArn"])


def listener(lab: Lab, arn: str) -> dict[str, Any]:
    elbv2, net = lab.client("elbv2"), network(lab)
    balancer = elbv2.create_load_balancer(Name="probe", Subnets=net["subnets"], SecurityGroups=[net["group"]])
    return dict(
        elbv2.create_listener(
            LoadBalancerArn=balancer["LoadBalancers"][0]["LoadBalancerArn"],
            Protocol="HTTPS",
            Port=443,
            Certificates=[{"CertificateArn": arn}],
            DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}],
        )["Listeners"][0]
    )


@probe("acm.in_use")
def certificate_of_a_listener_stays(lab: Lab) -> None:
    acm, elbv2 = lab.client("acm"), lab.client("elbv2")
    first, second = imported(lab, "probe.example"), imported(lab, "other.example")
    made = listener(lab, first)
    elbv2.add_listener_certificates(ListenerArn=made["ListenerArn"], Certificates=[{"CertificateArn": second}])
    for arn in (first, second):
        used = acm.describe_certificate(CertificateArn=arn)["Certificate"]["InUseBy"]
        assert used == [made["LoadBalancerArn"]]
        assert error_code(acm.delete_certificate, CertificateArn=arn) == "ResourceInUseException"
    elbv2.delete_listener(ListenerArn=made["ListenerArn"])
    for arn in (first, second):
        assert acm.describe_certificate(CertificateArn=arn)["Certificate"]["InUseBy"] == []
        acm.delete_certificate(CertificateArn=arn)


@probe("acm.in_use")
def certificate_of_a_distribution_stays(lab: Lab) -> None:
    acm, arn = lab.client("acm"), imported(lab, "probe.example")
    origin = {"Id": "o", "DomainName": "origin.example", "CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443}}
    origin["CustomOriginConfig"]["OriginProtocolPolicy"] = "https-only"  # type: ignore[index]
    made = lab.client("cloudfront").create_distribution(
        DistributionConfig={
            "CallerReference": "1",
            "Comment": "probe",
            "Enabled": True,
            "Origins": {"Quantity": 1, "Items": [origin]},
            "DefaultCacheBehavior": {"TargetOriginId": "o", "ViewerProtocolPolicy": "https-only"},
            "ViewerCertificate": {"ACMCertificateArn": arn, "SSLSupportMethod": "sni-only"},
        }
    )["Distribution"]["ARN"]
    assert acm.describe_certificate(CertificateArn=arn)["Certificate"]["InUseBy"] == [made]
    assert error_code(acm.delete_certificate, CertificateArn=arn) == "ResourceInUseException"


@probe("elbv2_certificates.default_certificate")
def listener_shows_its_default_certificate(lab: Lab) -> None:
    elbv2 = lab.client("elbv2")
    first, second, third = (imported(lab, f"{name}.example") for name in ("one", "two", "three"))
    arn = listener(lab, first)["ListenerArn"]
    elbv2.add_listener_certificates(ListenerArn=arn, Certificates=[{"CertificateArn": second}])
    elbv2.add_listener_certificates(ListenerArn=arn, Certificates=[{"CertificateArn": second}])
    elbv2.modify_listener(ListenerArn=arn, Certificates=[{"CertificateArn": third}])
    shown = elbv2.describe_listeners(ListenerArns=[arn])["Listeners"][0]["Certificates"]
    assert [each["CertificateArn"] for each in shown] == [third]
    held = elbv2.describe_listener_certificates(ListenerArn=arn)["Certificates"]
    assert {each["CertificateArn"]: each["IsDefault"] for each in held} == {third: True, second: False}


@probe("elbv2_certificates.default_certificate")
def listener_of_http_has_no_certificate(lab: Lab) -> None:
    elbv2 = lab.client("elbv2")
    arn = listener(lab, imported(lab, "probe.example"))["ListenerArn"]
    elbv2.modify_listener(ListenerArn=arn, Protocol="HTTP")
    assert not elbv2.describe_listeners(ListenerArns=[arn])["Listeners"][0].get("Certificates")


@probe("elbv2_certificates.default_certificate")
def default_certificate_cannot_be_removed(lab: Lab) -> None:
    elbv2, first = lab.client("elbv2"), imported(lab, "probe.example")
    arn = listener(lab, first)["ListenerArn"]
    refused = {"ListenerArn": arn, "Certificates": [{"CertificateArn": first}]}
    assert error_code(elbv2.remove_listener_certificates, **refused) == "OperationNotPermitted"
    missing = [{"CertificateArn": first[:-12] + "0" * 12}]
    assert error_code(elbv2.add_listener_certificates, ListenerArn=arn, Certificates=missing) == "CertificateNotFound"


test_as_aws_does, test_moto_still_differs = both_ways(__name__)


def test_a_certificate_can_be_put_into_a_failed_state(lab: Lab) -> None:
    acm = lab.client("acm")
    arn = acm.request_certificate(DomainName="probe.example", ValidationMethod="DNS")["CertificateArn"]
    for state in ("VALIDATION_TIMED_OUT", "FAILED", "PENDING_VALIDATION"):
        lab.state("acm", arn, state)
        assert acm.describe_certificate(CertificateArn=arn)["Certificate"]["Status"] == state


def test_other_resources_can_be_put_into_a_failed_state(lab: Lab) -> None:
    ec2, rds, net = lab.client("ec2"), lab.client("rds"), network(lab)
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    gateway = ec2.create_nat_gateway(SubnetId=net["subnets"][0], AllocationId=address)["NatGateway"]["NatGatewayId"]
    lab.state("nat_gateway", gateway, "failed")
    assert ec2.describe_nat_gateways(NatGatewayIds=[gateway])["NatGateways"][0]["State"] == "failed"
    rds.create_db_instance(
        DBInstanceIdentifier="probe",
        DBInstanceClass="db.t3.micro",
        Engine="postgres",
        AllocatedStorage=20,
        MasterUsername="probe",
        MasterUserPassword="probeprobe",
    )
    lab.state("rds", "probe", "storage-full")
    assert rds.describe_db_instances()["DBInstances"][0]["DBInstanceStatus"] == "storage-full"
    arn = lab.client("elbv2").create_load_balancer(Name="probe", Subnets=net["subnets"])["LoadBalancers"][0]
    lab.state("elbv2", arn["LoadBalancerArn"], "failed")
    assert lab.client("elbv2").describe_load_balancers()["LoadBalancers"][0]["State"]["Code"] == "failed"


@pytest.mark.parametrize(
    ("service", "resource", "state"),
    [("acm", "arn:none", "FAILED"), ("acm", "arn:none", "BROKEN"), ("toaster", "x", "on")],
)
def test_what_cannot_be_set_is_said(lab: Lab, service: str, resource: str, state: str) -> None:
    with pytest.raises(Exception, match=r"StateError|400"):
        lab.state(service, resource, state)
