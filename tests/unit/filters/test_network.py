"""The compact description of a network."""

from __future__ import annotations

import re

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.terrace.aws.plugins.filter.network import (
    acl_rules,
    acl_subnets,
    network_layout,
    route_targets,
    subnets_of_others,
)
from ansible_collections.terrace.aws.plugins.plugin_utils import specs

TIERS = {"public": {"number": 0, "route": "internet"}, "app": {"number": 1}, "data": {"number": 2, "route": "none"}}


def layout(cidr="10.0.0.0/16", zones=("a", "b", "c"), tiers=None, nat="per_zone"):
    return network_layout(cidr, "us-east-1", list(zones), TIERS if tiers is None else tiers, nat)


def test_every_tier_has_a_subnet_in_every_zone():
    subnets = layout()["subnets"]
    assert {name: each["cidr"] for name, each in subnets.items()} == {
        "public-a": "10.0.0.0/22",
        "public-b": "10.0.4.0/22",
        "public-c": "10.0.8.0/22",
        "app-a": "10.0.16.0/22",
        "app-b": "10.0.20.0/22",
        "app-c": "10.0.24.0/22",
        "data-a": "10.0.32.0/22",
        "data-b": "10.0.36.0/22",
        "data-c": "10.0.40.0/22",
    }
    assert subnets["app-b"]["zone"] == "us-east-1b"


def test_another_zone_moves_nothing():
    before, after = layout(zones=("a", "b"))["subnets"], layout(zones=("a", "b", "c"))["subnets"]
    assert {name: after[name] for name in before} == before


@pytest.mark.parametrize(
    ("nat", "gateways", "tables"),
    [
        ("per_zone", ["a", "b", "c"], ["app-a", "app-b", "app-c", "data", "public"]),
        ("single", ["a"], ["app", "data", "public"]),
        ("none", [], ["app", "data", "public"]),
    ],
)
def test_nat_gateways_and_route_tables(nat, gateways, tables):
    made = layout(nat=nat)
    assert sorted(made["nat_gateways"]) == gateways
    assert sorted(made["route_tables"]) == tables
    assert made["route_tables"]["public"]["routes"] == {"0.0.0.0/0": "internet_gateway:main"}
    assert made["route_tables"]["data"]["routes"] == {}
    own = made["route_tables"].get("app-b") or made["route_tables"]["app"]
    assert own["routes"] == ({"0.0.0.0/0": f"nat_gateway:{'b' if nat == 'per_zone' else 'a'}"} if gateways else {})


def test_no_network_is_nothing():
    assert not any(layout(cidr="").values())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"cidr": "10.0.0.0/33"}, "network_cidr"),
        ({"cidr": "10.0.0.1/16"}, "has host bits set"),
        ({"cidr": "10.0.0.0/26"}, "AWS takes at most a /28"),
        ({"zones": "aa"}, "names a zone twice"),
        ({"zones": "abcde"}, "leaves room for 4 zones, not 5"),
        ({"zones": ""}, "name at least one zone"),
        ({"tiers": {**TIERS, "x": {"number": 1}}}, "overlaps 10.0.16.0/20 of tier app"),
        ({"tiers": {**TIERS, "x": {"number": 16}}}, "has 16 blocks"),
        ({"tiers": {"app": {"number": 0}}}, "needs a tier with route: internet"),
        ({"tiers": {"app": {"number": 0, "rout": "nat"}}}, "there is no option rout; did you mean route?"),
        ({"tiers": {"app": {"number": "one"}}}, "network_tiers.app"),
        (
            {"tiers": {**TIERS, "app": {"number": 9, "acl": {"ingress": {"100": {"cdir": "10.0.0.0/8"}}}}}},
            "network_tiers.app.acl.ingress.100.cdir: there is no option cdir; did you mean cidr?",
        ),
    ],
)
def test_what_does_not_fit_is_said(change, said):
    with pytest.raises(AnsibleFilterError, match=re.escape(said)):
        layout(**change)


def test_everything_wrong_is_said_at_once():
    with pytest.raises(AnsibleFilterError) as error:
        layout(zones="aab", tiers={**TIERS, "x": {"number": 1}, "y": {"number": 99}})
    assert all(part in str(error.value) for part in ("names a zone twice", "overlaps", "blocks"))


def test_acl_rules_as_the_module_takes_them():
    rules = {"200": {"cidr": "10.0.0.0/8", "protocol": "icmp"}, "100": {"cidr": "0.0.0.0/0", "ports": "1024-65535"}}
    filled, problems = specs.named(specs.shape("network", "network_acl_entry"), rules, "rules")
    assert problems == []
    assert acl_rules(filled) == [
        [100, "tcp", "allow", "0.0.0.0/0", None, None, 1024, 65535],
        [200, "icmp", "allow", "10.0.0.0/8", -1, -1, None, None],
    ]


def test_targets_are_ids():
    ids = {"nat_gateway": {"a": "nat-1"}, "internet_gateway": {"main": "igw-1"}}
    routes = {"0.0.0.0/0": "nat_gateway:a", "::/0": "egress_gateway:eigw-1", "pl-1": "internet_gateway:main"}
    assert route_targets(routes, ids) == {"0.0.0.0/0": "nat-1", "::/0": "eigw-1", "pl-1": "igw-1"}


def test_subnets_that_other_tables_are_to_have():
    tables = {"app": {"subnets": ["app-a", "app-b"]}, "data": {"subnets": ["data-a", "new"]}, "empty": {}}
    ids = {"app-a": "subnet-1", "app-b": "subnet-2", "data-a": "subnet-3"}
    assert subnets_of_others(tables, "data", ids) == ["subnet-1", "subnet-2"]
    assert subnets_of_others(tables, "app", ids) == ["subnet-3"]
    assert subnets_of_others(tables, "removed", ids) == ["subnet-1", "subnet-2", "subnet-3"]


def test_an_acl_keeps_a_subnet_until_another_one_takes_it():
    ids = {"app-a": "subnet-1", "app-b": "subnet-2", "data-a": "subnet-3"}
    entry = {"subnets": ["app-a"], "facts": {"subnet_ids": ["subnet-1", "subnet-2", "subnet-3"]}}
    assert acl_subnets(entry, ids, ["subnet-2"]) == ["subnet-1", "subnet-2"]
    assert acl_subnets({"subnets": ["app-a"], "facts": {}}, ids, ["subnet-2"]) == ["subnet-1"]


def test_an_acls_ipv6_networks_are_written_in_aws_own_form():
    ((*_start, cidr, _type, _code, _first, _last),) = acl_rules(
        {"100": {"cidr": "2001:0db8:0:0::/32", "action": "allow", "protocol": "tcp", "ports": "443"}}
    )
    assert cidr == "2001:db8::/32"
