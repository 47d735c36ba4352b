"""A plan as an operator reads it."""

from __future__ import annotations

import hashlib

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


SCRIPT = "#!/bin/sh\nset -e\nfirst\nsecond\nthird\n"


def test_a_long_text_is_told_by_its_size_and_what_became_of_it_line_by_line():
    made = plan.Change(plan.CREATE, "net", "main", {"user_data": {"before": None, "after": SCRIPT}})
    assert render.change(made).splitlines()[1:] == [f"          user_data: 6 lines, sha256 {digest(SCRIPT)}"]
    later = SCRIPT.replace("second", "other")
    changed = plan.Change(plan.UPDATE, "net", "main", {"user_data": {"before": SCRIPT, "after": later}})
    assert render.change(changed).splitlines()[1:] == [
        f"          user_data: 6 lines, sha256 {digest(SCRIPT)} -> 6 lines, sha256 {digest(later)}",
        "            @@ -3,3 +3,3 @@",
        "             first",
        "            -second",
        "            +other",
        "             third",
    ]


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
