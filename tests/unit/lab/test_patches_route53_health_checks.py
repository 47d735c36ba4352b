"""Route 53's health checks as AWS has them: settings, versions, deletion, pages, and the records that name them."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError
from probes import both_ways, error_code, probe

from lab.api.testing import Lab

HTTPS = {"Type": "HTTPS", "FullyQualifiedDomainName": "www.example.com"}


def made(lab: Lab, reference: str = "one", **config: Any) -> dict[str, Any]:
    answer = lab.client("route53").create_health_check(CallerReference=reference, HealthCheckConfig={**HTTPS, **config})
    return dict(answer["HealthCheck"])


def read(lab: Lab, ident: str) -> dict[str, Any]:
    return dict(lab.client("route53").get_health_check(HealthCheckId=ident)["HealthCheck"])


def refused(lab: Lab, **config: Any) -> str:
    """The error code a configuration ends with; empty where it is taken."""
    try:
        lab.client("route53").create_health_check(CallerReference="probe", HealthCheckConfig=config)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


@probe("value_limits.values")
def numbers_have_ranges(lab: Lab) -> None:
    for wrong in ({"FailureThreshold": 11}, {"Port": 65536}, {"ResourcePath": "/" + "x" * 255}):
        assert refused(lab, **HTTPS, **wrong) == "InvalidInput", wrong
    one = made(lab)["Id"]
    update = lab.client("route53").update_health_check
    assert error_code(update, HealthCheckId=one, FailureThreshold=11) == "InvalidInput"


@probe("route53_health_checks.creation")
def types_have_settings_of_their_own(lab: Lab) -> None:
    alarm = {"AlarmIdentifier": {"Region": "us-west-2", "Name": "one"}}
    for wrong in (
        {"Type": "HTTPS"},
        {"Type": "TCP", "IPAddress": "192.0.2.1"},
        {**HTTPS, "RequestInterval": 20},
        {**HTTPS, "SearchString": "ok"},
        {**HTTPS, "Type": "HTTP_STR_MATCH"},
        {**HTTPS, "Type": "HTTP", "EnableSNI": True},
        {**HTTPS, **alarm},
        {"Type": "CLOUDWATCH_METRIC"},
        {"Type": "CLOUDWATCH_METRIC", "IPAddress": "192.0.2.1", **alarm},
    ):
        assert refused(lab, **wrong) == "InvalidInput", wrong


@probe("route53_health_checks.creation")
def defaults_are_those_of_the_type(lab: Lab) -> None:
    config = made(lab)["HealthCheckConfig"]
    assert (config["Port"], config["EnableSNI"], config["FailureThreshold"]) == (443, True, 3)
    other = {"Type": "CLOUDWATCH_METRIC", "AlarmIdentifier": {"Region": "us-west-2", "Name": "one"}}
    client = lab.client("route53")
    alarm = client.create_health_check(CallerReference="two", HealthCheckConfig=other)["HealthCheck"]
    assert read(lab, alarm["Id"])["HealthCheckConfig"]["AlarmIdentifier"] == other["AlarmIdentifier"]


@probe("route53_health_checks.creation")
def a_reference_makes_one_check(lab: Lab) -> None:
    one = made(lab)
    assert made(lab)["Id"] == one["Id"]
    assert refused(lab, **HTTPS) == ""
    create = lab.client("route53").create_health_check
    again = {"CallerReference": "one", "HealthCheckConfig": {**HTTPS, "Port": 8443}}
    assert error_code(create, **again) == "HealthCheckAlreadyExists"
    lab.client("route53").delete_health_check(HealthCheckId=one["Id"])
    assert error_code(create, CallerReference="one", HealthCheckConfig=HTTPS) == "HealthCheckAlreadyExists"


@probe("route53_health_checks.changes")
def what_is_not_said_stays_and_what_is_reset_goes(lab: Lab) -> None:
    regions = ["us-east-1", "us-west-1", "us-west-2"]
    one = made(lab, Regions=regions, ResourcePath="/healthz")
    client = lab.client("route53")
    client.update_health_check(HealthCheckId=one["Id"], HealthCheckVersion=1, FailureThreshold=5)
    found = read(lab, one["Id"])
    assert (found["HealthCheckVersion"], found["HealthCheckConfig"]["Regions"]) == (2, regions)
    stale = {"HealthCheckId": one["Id"], "HealthCheckVersion": 1, "Inverted": True}
    assert error_code(client.update_health_check, **stale) == "HealthCheckVersionMismatch"
    client.update_health_check(HealthCheckId=one["Id"], ResetElements=["ResourcePath", "Regions"])
    assert not {"ResourcePath", "Regions"} & set(read(lab, one["Id"])["HealthCheckConfig"])


@probe("route53_health_checks.deletion")
def a_check_is_deleted_once(lab: Lab) -> None:
    client, ident = lab.client("route53"), made(lab)["Id"]
    client.delete_health_check(HealthCheckId=ident)
    assert error_code(client.delete_health_check, HealthCheckId=ident) == "NoSuchHealthCheck"


@probe("route53_health_checks.pages")
def checks_come_in_pages(lab: Lab) -> None:
    idents = sorted(made(lab, str(number))["Id"] for number in range(5))
    pages = list(lab.client("route53").get_paginator("list_health_checks").paginate(PaginationConfig={"PageSize": 2}))
    assert [len(page["HealthChecks"]) for page in pages] == [2, 2, 1]
    assert [each["Id"] for page in pages for each in page["HealthChecks"]] == idents


@probe("route53_health_checks.tags")
def tags_are_of_what_is_there(lab: Lab) -> None:
    arguments = {"ResourceType": "healthcheck", "ResourceId": "none"}
    assert error_code(lab.client("route53").list_tags_for_resource, **arguments) == "NoSuchHealthCheck"


def failover(sort: str, **more: Any) -> dict[str, Any]:
    record = {"Name": "www.probe.example", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}]}
    return {"Action": "CREATE", "ResourceRecordSet": {**record, "SetIdentifier": sort, "Failover": sort, **more}}


def batch_error(lab: Lab, zone: str, change: dict[str, Any]) -> str:
    call = lab.client("route53").change_resource_record_sets
    return str(error_code(call, HostedZoneId=zone, ChangeBatch={"Changes": [change]}))


def a_zone(lab: Lab) -> str:
    made_zone = lab.client("route53").create_hosted_zone(Name="probe.example.", CallerReference="1")
    return str(made_zone["HostedZone"]["Id"])


@probe("route53.batches")
def a_primary_record_has_a_check_that_is_there(lab: Lab) -> None:
    zone = a_zone(lab)
    assert batch_error(lab, zone, failover("PRIMARY")) == "InvalidChangeBatch"
    assert batch_error(lab, zone, failover("PRIMARY", HealthCheckId="none")) == "NoSuchHealthCheck"


@probe("route53.batches")
def a_name_has_one_primary_record(lab: Lab) -> None:
    zone, ident = a_zone(lab), made(lab)["Id"]
    change = failover("PRIMARY", HealthCheckId=ident)
    lab.client("route53").change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [change]})
    other = failover("PRIMARY", HealthCheckId=ident, SetIdentifier="other")
    assert batch_error(lab, zone, other) == "InvalidChangeBatch"


test_as_aws_does, test_moto_still_differs = both_ways(__name__)


def test_a_check_that_a_record_names_is_deleted_all_the_same(lab: Lab) -> None:
    zone, ident = a_zone(lab), made(lab)["Id"]
    change = failover("PRIMARY", HealthCheckId=ident)
    client = lab.client("route53")
    client.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [change]})
    client.delete_health_check(HealthCheckId=ident)
    change["Action"] = "DELETE"
    client.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [change]})
