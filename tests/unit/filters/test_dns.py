"""Filters of the dns role."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.terrace.aws.plugins.filter.dns import (
    dns_health_check,
    dns_record_sets,
    dns_records,
    dns_vpcs,
    name_in_zone,
)

RESOURCES = {
    "hosted_zone": {"internal": {"id": "Z1", "attributes": {"domain": "example.internal"}}},
    "db_instance": {"main": {"facts": {"endpoint": "db.example.com"}}, "new": {"facts": {"endpoint": ""}}},
    "health_check": {"active": {"id": "abc"}},
    "replication_group": {},
    "load_balancer": {"internal": {"facts": {"dns_name": "lb.example.com", "hosted_zone": "Z2"}}},
}


def entry(name="api", kind="A", **options):
    return {"zone": "internal", "name": name, "type": kind, "ttl": 60, "values": [], "target": "", **options}


def test_names_become_records_whose_type_follows_from_the_target():
    names = {
        "internal": {
            "database": {"target": "database:main"},
            "app": {"target": "load_balancer:internal"},
            "@": {"type": "TXT", "values": ["a"]},
            "host": {"values": ["10.0.0.1"]},
        }
    }
    made = dns_records(names)
    assert list(made) == ["internal/database/CNAME", "internal/app/A", "internal/@/TXT", "internal/host/A"]
    assert made["internal/@/TXT"] == {"type": "TXT", "values": ["a"], "zone": "internal", "name": "@"}
    assert dns_records({}) == {}


def made_of(entry):
    """The record set of one entry."""
    (zone,) = dns_record_sets({"x": entry}, RESOURCES, "test").items()
    assert zone[0] == "Z1"
    return zone[1][0]


def test_values_go_as_they_are_and_the_zones_own_name_is_its_domain():
    made = made_of({**entry("@", "TXT", values=["a"]), "action": "create"})
    assert made["record_set"] == {
        "Name": "example.internal",
        "Type": "TXT",
        "TTL": 60,
        "ResourceRecords": [{"Value": '"a"'}],
    }
    assert made["create"]
    assert made["mark"]["Name"] == "_terrace-txt.example.internal"
    assert made["mark"]["ResourceRecords"] == [{"Value": '"heritage=terrace,cell=test"'}]


def test_a_database_is_led_to_by_its_endpoint():
    made = made_of(entry("db", "CNAME", target="database:main"))
    assert made["record_set"]["ResourceRecords"] == [{"Value": "db.example.com"}]
    assert not made["create"]


def test_a_balancer_is_led_to_by_an_alias_without_ttl():
    made = made_of(entry(target="load_balancer:internal"))["record_set"]
    assert made["AliasTarget"] == {"HostedZoneId": "Z2", "DNSName": "lb.example.com", "EvaluateTargetHealth": False}
    assert "TTL" not in made


@pytest.mark.parametrize("target", ["database:new", "database:none", "cache:main"])
def test_a_target_without_a_name_is_said(target):
    with pytest.raises(AnsibleFilterError, match=f"api.example.internal: {target} has no DNS name yet"):
        made_of(entry(kind="CNAME", target=target))


def test_vpcs_carry_the_region():
    assert dns_vpcs(["main"], {"main": "vpc-1"}, "eu-west-1") == [{"id": "vpc-1", "region": "eu-west-1"}]


def test_a_record_names_its_check_by_the_id():
    options = {"set_identifier": "one", "failover": "primary", "health_check": "active"}
    made = made_of(entry(values=["192.0.2.1"], **options))["record_set"]
    assert (made["SetIdentifier"], made["Failover"], made["HealthCheckId"]) == ("one", "PRIMARY", "abc")


def test_a_zone_of_others_is_named_by_its_domain():
    [(zone, [made])] = dns_record_sets(
        {"x": {**entry(values=["192.0.2.1"]), "zone": "domain:example.com"}}, {}, "test"
    ).items()
    assert (zone, made["record_set"]["Name"]) == ("domain:example.com", "api.example.com")


def test_a_check_has_what_its_type_has():
    defaults = {
        **dict.fromkeys(("fqdn", "ip_address", "resource_path", "search_string"), ""),
        "port": None,
        "request_interval": 30,
        "failure_threshold": 3,
        "measure_latency": False,
        "enable_sni": True,
        "inverted": False,
        "disabled": False,
        "regions": [],
        "alarm": None,
        "children": [],
        "health_threshold": 1,
    }
    both = {"Inverted": False, "Disabled": False}
    asked = {"RequestInterval": 30, "FailureThreshold": 3, "MeasureLatency": False, **both}
    assert dns_health_check({**defaults, "type": "HTTPS", "fqdn": "A.example."}, {}) == {
        "Type": "HTTPS",
        "FullyQualifiedDomainName": "a.example",
        "Port": 443,
        "EnableSNI": True,
        **asked,
    }
    assert dns_health_check({**defaults, "type": "TCP", "ip_address": "192.0.2.1", "port": 22}, {}) == {
        "Type": "TCP",
        "IPAddress": "192.0.2.1",
        "Port": 22,
        **asked,
    }
    assert dns_health_check({**defaults, "type": "CALCULATED", "children": ["b", "a"]}, {"a": "1", "b": "2"}) == {
        "Type": "CALCULATED",
        "ChildHealthChecks": ["1", "2"],
        "HealthThreshold": 1,
        **both,
    }


@pytest.mark.parametrize(
    ("domain", "zone", "name"),
    [
        ("shop.example.com", "example.com", "shop"),
        ("Example.com.", "example.com", "@"),
        ("example.com.example.com", "example.com", "example.com"),
    ],
)
def test_a_name_in_its_zone(domain, zone, name):
    assert name_in_zone(domain, zone) == name


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("shop.example.org", "example.com"), "does not lie in the zone example.com"),
        (("badexample.com", "example.com"), "does not lie in the zone"),
        (("shop.example.com", "example.com", "wiki.example.com"), "the other cell of the pair has wiki.example.com"),
    ],
)
def test_a_name_that_is_in_no_zone_or_another_for_each_cell_is_refused(given, said):
    with pytest.raises(AnsibleFilterError, match=said):
        name_in_zone(*given)
