"""Filters of the firewall role."""

from __future__ import annotations

from ansible_collections.terrace.aws.plugins.filter.firewall import security_group_rules as filled_rules
from ansible_collections.terrace.aws.plugins.filter.firewall import security_groups_naming
from ansible_collections.terrace.aws.plugins.plugin_utils import specs

IDS = {"web": "sg-1", "app": "sg-2"}


def security_group_rules(rules, direction, *others, **more):
    filled, problems = specs.named(specs.shape("firewall", f"{direction}_rule"), rules, "rules")
    assert problems == []
    return filled_rules(filled, direction, *others, **more)


def test_ends_are_sorted_out_by_what_they_are():
    ends = ["10.0.0.0/8", "2001:db8::/32", "app", "self", "pl-01234567", "sg-0123456789abcdef0"]
    (made,) = security_group_rules({"mixed": {"ports": [443, "8000-8010"], "from": ends}}, "ingress", IDS, "sg-1")
    assert sorted(made.pop("group_id")) == ["sg-0123456789abcdef0", "sg-1", "sg-2"]
    assert made == {
        "rule_desc": "mixed",
        "proto": "tcp",
        "ports": ["443", "8000-8010"],
        "cidr_ip": ["10.0.0.0/8"],
        "cidr_ipv6": ["2001:db8::/32"],
        "ip_prefix": ["pl-01234567"],
    }


def test_protocols_have_ports_types_or_nothing():
    rules = {
        "udp": {"protocol": "udp", "ports": "all", "to": "app"},
        "ping": {"protocol": "icmp", "ports": [8, "3/4"], "to": "app"},
        "everything": {"protocol": "all", "to": "0.0.0.0/0"},
    }
    made = security_group_rules(rules, "egress", IDS, "sg-1")
    assert [{key: value for key, value in each.items() if key not in ("rule_desc", "proto")} for each in made] == [
        {"group_id": ["sg-2"], "ports": ["0-65535"]},
        {"group_id": ["sg-2"], "icmp_type": 3, "icmp_code": 4},
        {"group_id": ["sg-2"], "icmp_type": 8, "icmp_code": -1},
        {"cidr_ip": ["0.0.0.0/0"]},
    ]


def test_a_group_that_goes_is_left_out_and_its_rule_where_nothing_else_is_named():
    rules = {"both": {"ports": 80, "from": ["app", "10.0.0.0/8"]}, "one": {"ports": 81, "from": "app"}}
    made = security_group_rules(rules, "ingress", IDS, "sg-1", without=["app"])
    assert made == [{"rule_desc": "both", "proto": "tcp", "ports": ["80"], "cidr_ip": ["10.0.0.0/8"]}]


def test_groups_that_name_what_goes_are_found():
    def group(*ends):
        return {"attributes": {"ingress": {"a": {"ports": ["80"], "from": list(ends)}}, "egress": {}}}

    groups = {"web": group("app"), "app": group("app", "self"), "db": group("10.0.0.0/8")}
    assert list(security_groups_naming(groups, ["app"])) == ["web"]
    assert security_groups_naming(groups, ["db"]) == {}
