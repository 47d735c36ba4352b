"""What only one resource of a kind can have changes hands before the one that had it goes."""

from __future__ import annotations

import pytest

from ansible_collections.terrace.aws.plugins.plugin_utils.engine import graph, plan, registry
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.kind import Resource


@pytest.mark.parametrize("kind", ["route_table", "network_acl"])
def test_a_subnet_is_taken_over_before_what_had_it_is_removed(kind):
    """From a route table a zone to one for all: no subnet is without one in between."""

    def entry(*subnets):
        return {"vpc": "main", "subnets": list(subnets), "routes": {}, "ingress": {}, "egress": {}, "tags": {}}

    observed = {kind: {name: Resource(name, entry(name)) for name in ("app-a", "app-b", "other")}}
    world = {kind: {"app": entry("app-a", "app-b")}}
    rules = plan.Rules(prune=True)
    changes = plan.changes(registry.kind(kind), world[kind], observed[kind], rules)
    nodes = graph.Graph(registry.all_kinds(), world, observed, changes).nodes
    taken = (graph.PRESENT, kind, "app")
    assert taken in nodes["absent", kind, "app-a"].after
    assert taken in nodes["absent", kind, "app-b"].after
    assert nodes["absent", kind, "other"].after == set()


def test_what_follows_is_followed_in_turn():
    """Template, group, address: a changed template may replace the instance that has the address."""
    world = {
        "bastion_template": {"bastion": {"security_groups": []}},
        "bastion_group": {"bastion": {"launch_template": "bastion", "subnets": [], "target_groups": []}},
        "bastion_address": {"bastion": {"group": "bastion"}},
    }
    observed = {kind: {"bastion": Resource("x", {})} for kind in world}
    fields = {"instance_type": {"before": "t3.micro", "after": "t3.small"}}
    cause = plan.Change(plan.UPDATE, "bastion_template", "bastion", fields)
    added = plan.follow_ons(registry.all_kinds(), world, observed, [cause], plan.Rules())
    assert [change.kind for change in added] == ["bastion_group", "bastion_address"]
