"""Two cells of two regions with a record each in one public zone of neither: a failover that Route 53 makes by itself."""

from __future__ import annotations

import typing as t

import pytest

EAST, WEST = "shared-use1", "shared-usw2"
NOTHING = {"add": 0, "change": 0, "remove": 0, "orphan": 0}
ZONE = "domain:example.com"


def cell(region: str, identifier: str, role: str, address: str, **options: t.Any) -> dict[str, t.Any]:
    record = {"values": [address], "set_identifier": identifier, "failover": role, **options}
    return {"cell_region": region, "dns_shared_zones": ["example.com"], "dns_names": {ZONE: {"www": record}}}


PAIR = {
    EAST: {
        **cell("us-east-1", "use1", "primary", "192.0.2.1", health_check="active"),
        "dns_health_checks": {
            "active": {
                "fqdn": "switch.s3.us-west-2.amazonaws.com",
                "resource_path": "/taken-over",
                "request_interval": 10,
                "inverted": True,
            }
        },
    },
    WEST: cell("us-west-2", "usw2", "secondary", "192.0.2.2"),
}


@pytest.fixture(scope="module")
def zone(api) -> str:
    made = api.client("route53").create_hosted_zone(Name="example.com", CallerReference="by hand")
    return str(made["HostedZone"]["Id"])


def records(api, zone: str) -> dict[str, dict[str, t.Any]]:
    """The records of the name in the zone, by identifier."""
    found = api.client("route53").list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    return {each["SetIdentifier"]: each for each in found if each["Name"] == "www.example.com."}


def test_a_zone_that_is_not_there_is_said_before_anything_is_written(api, cells):
    api.reset_calls()
    run = cells.play("provision_dns", {WEST: PAIR[WEST]})
    assert run.status, run.output
    assert "this account has no public zone of the domain example.com" in " ".join(run.output.split())
    assert api.calls()["writes"] == 0


def test_both_write_their_records_and_nothing_differs_afterwards(api, cells, zone):
    cells.play("provision_dns", PAIR).ok()
    found = records(api, zone)
    assert {name: (each["Failover"], "HealthCheckId" in each) for name, each in found.items()} == {
        "use1": ("PRIMARY", True),
        "usw2": ("SECONDARY", False),
    }
    api.reset_calls()
    again = cells.play("provision_dns", PAIR).ok()
    assert {cell: again.planned(cell) for cell in PAIR} == dict.fromkeys(PAIR, NOTHING)
    assert api.calls()["writes"] == 0


def test_a_check_that_is_replaced_stays_until_the_record_has_the_new_one(api, cells, zone):
    before = records(api, zone)["use1"]["HealthCheckId"]
    east = PAIR[EAST] | {
        "dns_health_checks": {"active": PAIR[EAST]["dns_health_checks"]["active"] | {"request_interval": 30}}
    }
    cells.play(
        "provision_dns", {EAST: {**east, "terrace_allow_replace": ["health_check/active"]}, WEST: PAIR[WEST]}
    ).ok()
    [check] = api.client("route53").list_health_checks()["HealthChecks"]
    assert check["Id"] == records(api, zone)["use1"]["HealthCheckId"] != before


def test_a_cell_that_is_destroyed_takes_its_own_record_and_nothing_else(api, cells, zone):
    cells.play("provision_dns", {EAST: {**PAIR[EAST], "dns_state": "absent"}, WEST: PAIR[WEST]}).ok()
    assert list(records(api, zone)) == ["usw2"]
    assert api.client("route53").list_health_checks()["HealthChecks"] == []
    # The last entry is gone from the inventory, and the zone is still looked at.
    cells.play("provision_dns", {WEST: {**PAIR[WEST], "dns_names": {}, "terrace_prune": True}}).ok()
    assert records(api, zone) == {}
