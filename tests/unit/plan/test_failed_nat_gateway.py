"""A NAT gateway that failed is remade although routes name it, and they are written again."""

from __future__ import annotations

from ansible_collections.terrace.aws.plugins.plugin_utils.engine import plan, registry
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.graph import Graph
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.kind import FAILED, Resource


def test_routes_do_not_forbid_it_and_follow():
    kinds = {name: registry.kind(name) for name in ("nat_gateway", "route_table")}
    gateway = {"subnet": "public-a", "elastic_ip": "nat-a", "connectivity": "public"}
    table = {"vpc": "main", "subnets": [], "routes": {"0.0.0.0/0": "nat_gateway:a"}}
    world = {"nat_gateway": {"a": gateway}, "route_table": {"app": table}}
    observed = {
        "nat_gateway": {"a": Resource("nat-1", dict(gateway), state=FAILED, status="failed")},
        "route_table": {"app": Resource("rtb-1", dict(table))},
    }
    found = [
        change
        for name, kind in kinds.items()
        for change in plan.changes(kind, world[name], observed[name], plan.Rules())
    ]
    found += plan.follow_ons(kinds, world, observed, found, plan.Rules())
    plan.refuse_in_use(kinds, world, observed, found)
    assert [(change.address, change.action, change.refused) for change in found] == [
        ("nat_gateway/a", plan.REPLACE, ""),
        ("route_table/app", plan.UPDATE, ""),
    ]
    nodes = Graph(kinds, world, observed, found).nodes
    assert ("absent", "nat_gateway", "a") in nodes["present", "nat_gateway", "a"].after
    assert ("present", "nat_gateway", "a") in nodes["present", "route_table", "app"].after
