"""A plan as an operator reads it."""

from __future__ import annotations

import pytest

from ansible_collections.terrace.aws.plugins.plugin_utils import render
from ansible_collections.terrace.aws.plugins.plugin_utils.engine import plan
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.kind import CREATE_FIRST, REMOVE_FIRST, Kind, Resource


class Net(Kind):
    name = "net"
    immutable = frozenset({"cidr"})
    replacement_reason = "networks must not overlap"


@pytest.mark.parametrize(
    ("replacement", "order"),
    [
        (CREATE_FIRST, "the new one is created first; what refers to it follows; then the old one is removed"),
        (REMOVE_FIRST, "the old one is removed first, because networks must not overlap"),
    ],
)
def test_a_replacement_says_in_which_order_it_goes(replacement: str, order: str):
    kind = Net()
    kind.replacement = replacement
    old, new = {"cidr": "10.0.0.0/24"}, {"cidr": "10.0.1.0/24"}
    (change,) = plan.changes(kind, {"main": new}, {"main": Resource("id", old)}, plan.Rules(replace=("net/*",)))
    assert render.change(change).splitlines() == [
        f"  -/+ net main  (is replaced; because cidr cannot be changed; {order})",
        "          cidr: 10.0.0.0/24 -> 10.0.1.0/24",
    ]
