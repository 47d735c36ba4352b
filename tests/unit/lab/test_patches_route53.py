"""Route 53 as AWS has it: batches, names, zones, pages."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from probes import both_ways, error_code, network, probe

from lab.api.record_sets import listed
from lab.api.testing import Lab

REFUSED = "InvalidChangeBatch"


def zone(lab: Lab, name: str = "probe.example.") -> str:
    made = lab.client("route53").create_hosted_zone(Name=name, CallerReference=name)
    return str(made["HostedZone"]["Id"])


def change(action: str, name: str, sort: str = "A", value: str = "192.0.2.1", **more: Any) -> dict[str, Any]:
    record = {"Name": name, "Type": sort, "TTL": 60, "ResourceRecords": [{"Value": value}], **more}
    return {"Action": action, "ResourceRecordSet": record}


def batch(lab: Lab, zone_id: str, *changes: dict[str, Any]) -> None:
    lab.client("route53").change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch={"Changes": list(changes)})


def refused(lab: Lab, zone_id: str, *changes: dict[str, Any]) -> str:
    """The error code a batch ends with."""
    try:
        batch(lab, zone_id, *changes)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    raise AssertionError("the batch succeeded")


def records(lab: Lab, zone_id: str) -> list[tuple[str, str | None]]:
    pages = lab.client("route53").get_paginator("list_resource_record_sets")
    found = pages.paginate(HostedZoneId=zone_id).build_full_result()["ResourceRecordSets"]
    return [(each["Name"], each.get("SetIdentifier")) for each in found if each["Type"] not in ("NS", "SOA")]


@probe("route53.batches")
def a_record_set_is_created_once(lab: Lab) -> None:
    one = zone(lab)
    batch(lab, one, change("UPSERT", "www.probe.example"))
    assert refused(lab, one, change("CREATE", "WWW.probe.example.", value="192.0.2.2")) == REFUSED
    assert records(lab, one) == [("www.probe.example.", None)]


@probe("route53.batches")
def a_weighted_record_is_deleted_with_its_identifier(lab: Lab) -> None:
    one = zone(lab)
    pair = {name: {"SetIdentifier": name, "Weight": 10} for name in ("blue", "green")}
    batch(lab, one, *(change("CREATE", "www.probe.example", **more) for more in pair.values()))
    batch(lab, one, change("CREATE", "api.probe.example", **pair["blue"]))
    assert refused(lab, one, change("DELETE", "www.probe.example")) == REFUSED
    assert refused(lab, one, change("DELETE", "www.probe.example", Weight=10)) == "InvalidInput"
    batch(lab, one, change("DELETE", "www.probe.example", **pair["blue"]))
    assert records(lab, one) == [("api.probe.example.", "blue"), ("www.probe.example.", "green")]


@probe("route53.batches")
def simple_and_weighted_records_exclude_each_other(lab: Lab) -> None:
    one = zone(lab)
    batch(lab, one, change("CREATE", "www.probe.example"))
    weighted = change("CREATE", "www.probe.example", SetIdentifier="blue", Weight=1)
    assert refused(lab, one, weighted) == REFUSED
    assert refused(lab, one, change("CREATE", "www.probe.example", "CNAME", "other.example")) == REFUSED
    assert refused(lab, one, change("CREATE", "probe.example", "CNAME", "other.example")) == REFUSED


@probe("route53.batches")
def a_name_has_labels_and_a_cname_one_value(lab: Lab) -> None:
    one = zone(lab)
    assert refused(lab, one, change("CREATE", "www..probe.example")) == REFUSED
    assert refused(lab, one, change("CREATE", f"{'x' * 64}.probe.example")) == REFUSED
    two = [{"Value": "a.example"}, {"Value": "b.example"}]
    assert refused(lab, one, change("CREATE", "www.probe.example", "CNAME", ResourceRecords=two)) == REFUSED
    batch(lab, one, change("CREATE", f"{'x' * 63}.probe.example"), change("CREATE", "*.probe.example"))


@probe("route53.batches")
def a_deletion_names_the_values(lab: Lab) -> None:
    one = zone(lab)
    batch(lab, one, change("CREATE", "www.probe.example"))
    assert refused(lab, one, change("DELETE", "www.probe.example", value="192.0.2.9")) == REFUSED
    assert refused(lab, one, change("DELETE", "other.probe.example")) == REFUSED
    batch(lab, one, change("DELETE", "www.probe.example"))
    assert records(lab, one) == []


@probe("route53.batches")
def a_batch_is_done_as_a_whole_or_not_at_all(lab: Lab) -> None:
    one = zone(lab)
    right, wrong = change("CREATE", "a.probe.example"), change("CREATE", "a.other.example")
    assert refused(lab, one, right, wrong) == REFUSED
    assert refused(lab, one, right, change("CREATE", "b.probe.example", value="nowhere")) == REFUSED
    assert records(lab, one) == []


@probe("route53.batches")
def names_are_listed_in_one_way(lab: Lab) -> None:
    one = zone(lab)
    alias = {"HostedZoneId": "Z1", "DNSName": "LB-1.us-east-1.elb.amazonaws.com", "EvaluateTargetHealth": False}
    record = {"Name": "*.Probe.Example", "Type": "A", "AliasTarget": alias}
    batch(lab, one, {"Action": "UPSERT", "ResourceRecordSet": record})
    found = lab.client("route53").list_resource_record_sets(HostedZoneId=one)["ResourceRecordSets"]
    [shown] = [each for each in found if each["Type"] == "A"]
    assert shown["Name"] == "\\052.probe.example."
    assert shown["AliasTarget"]["DNSName"] == "lb-1.us-east-1.elb.amazonaws.com."


@probe("route53.zones")
def a_zone_is_made_once(lab: Lab) -> None:
    route53 = lab.client("route53")
    made = route53.create_hosted_zone(Name="Probe.Example", CallerReference="1")["HostedZone"]
    assert made["Name"] == "probe.example."
    again = error_code(route53.create_hosted_zone, Name="probe.example", CallerReference="1")
    assert again == "HostedZoneAlreadyExists"
    vpc = {"VPCRegion": "us-east-1", "VPCId": network(lab)["vpc"]}
    route53.create_hosted_zone(Name="inside.example", CallerReference="2", VPC=vpc)
    second = {"Name": "inside.example", "CallerReference": "3", "VPC": vpc}
    assert error_code(route53.create_hosted_zone, **second) == "ConflictingDomainExists"


@probe("route53.zones_with_records")
def a_zone_that_delegates_is_not_empty(lab: Lab) -> None:
    one, route53 = zone(lab), lab.client("route53")
    delegation = change("CREATE", "sub.probe.example", "NS", "ns.other.example.")
    batch(lab, one, delegation)
    assert error_code(route53.delete_hosted_zone, Id=one) == "HostedZoneNotEmpty"
    batch(lab, one, {**delegation, "Action": "DELETE"})
    route53.delete_hosted_zone(Id=one)


@probe("route53.pages")
def pages_go_on_between_record_sets_of_a_name(lab: Lab) -> None:
    one = zone(lab)
    weighted = [change("CREATE", "www.probe.example", SetIdentifier=f"s{n:02}", Weight=n) for n in range(12)]
    batch(lab, one, *weighted)
    client, seen, start = lab.client("route53"), [], {}
    while True:
        page = client.list_resource_record_sets(HostedZoneId=one, MaxItems="5", **start)
        seen += [each.get("SetIdentifier") for each in page["ResourceRecordSets"]]
        if not page["IsTruncated"]:
            break
        start = {"StartRecordName": page["NextRecordName"], "StartRecordType": page["NextRecordType"]}
        if "NextRecordIdentifier" in page:
            start["StartRecordIdentifier"] = page["NextRecordIdentifier"]
        assert len(seen) < 30
    assert [each for each in seen if each] == [f"s{n:02}" for n in range(12)]


@probe("route53.zones_by_name")
def zones_are_listed_from_a_name_on(lab: Lab) -> None:
    for name in ("b.example.", "a.example.", "example.net."):
        zone(lab, name)
    client = lab.client("route53")
    names = [each["Name"] for each in client.list_hosted_zones_by_name(DNSName="b.example")["HostedZones"]]
    assert names == ["b.example.", "example.net."]
    page = client.list_hosted_zones_by_name(MaxItems="2")
    assert page["IsTruncated"]
    assert page["NextDNSName"] == "example.net."


test_as_aws_does, test_moto_still_differs = both_ways(__name__)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("WWW.Example.COM", "www.example.com."),
        ("*.example.com.", "\\052.example.com."),
        ("\\052.example.com", "\\052.example.com."),
        ("_sip._tcp.example.com", "_sip._tcp.example.com."),
        ("a@b.example.com", "a\\100b.example.com."),
        ("\\101.example.com", "a.example.com."),
    ],
)
def test_names_as_they_are_listed(written: str, shown: str) -> None:
    assert listed(written) == shown
