"""The difference between desired and observed."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.terrace.aws.plugins.plugin_utils.engine import plan
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.kind import PENDING, Kind, Resource


class Box(Kind):
    name = "box"
    role = "shelf"
    variable = "shelf_boxes"
    immutable = frozenset({"size"})
    ordered = frozenset({"steps"})
    references: t.ClassVar[dict[str, str]] = {}


class Safe(Box):
    name = "safe"
    data = True


def box(state="ready", tags=None, **attributes):
    return Resource(id="b-1", attributes=attributes, tags=tags or {}, state=state)


def changes(desired, observed, kind=None, **rules):
    return plan.changes(kind or Box(), desired, observed, plan.Rules(**rules))


def test_equal_is_no_change():
    assert changes({"a": {"size": 1, "tags": {"x": "1"}}}, {"a": box(size=1, tags={"x": "1"})}) == []


def test_missing_is_created_and_what_aws_gives_is_known_later():
    [change] = changes({"a": {"size": 1, "colour": None}}, {})
    assert change.action == plan.CREATE
    assert change.fields["size"] == {"before": None, "after": 1}
    assert change.fields["id"]["after"] == "(known after apply)"
    assert "colour" not in change.fields


def test_none_is_left_as_it_is():
    assert changes({"a": {"size": 1, "colour": None}}, {"a": box(size=1, colour="red")}) == []


def test_nested_fields_are_named_by_their_path():
    desired = {"a": {"size": 1, "rules": {"in": {"ports": [1, 2]}, "out": {"ports": [3]}}}}
    observed = {"a": box(size=1, rules={"in": {"ports": [2, 1]}, "out": {"ports": [4]}})}
    [change] = changes(desired, observed)
    assert change.fields == {"rules.out.ports": {"before": [4], "after": [3]}}


@pytest.mark.parametrize(("option", "differs"), [("steps", True), ("colours", False)])
def test_only_ordered_lists_have_an_order(option, differs):
    found = changes({"a": {option: ["x", "y"]}}, {"a": box(**{option: ["y", "x"]})})
    assert bool(found) is differs


def test_tags_are_compared_and_those_of_terrace_are_not():
    desired = {"a": {"tags": {"Owner": "ops", "Name": "t-a", "terrace:cell": "t"}}}
    [change] = changes(desired, {"a": box(tags={"Owner": "dev", "Old": "1"})})
    assert change.fields == {
        "tags.Old": {"before": "1", "after": None},
        "tags.Owner": {"before": "dev", "after": "ops"},
    }


def test_what_aws_cannot_change_is_refused_until_allowed_by_name():
    desired, observed = {"a": {"size": 2}}, {"a": box(size=1)}
    [change] = changes(desired, observed)
    assert (change.action, change.forced) == (plan.REPLACE, ["size"])
    assert "terrace_allow_replace" in change.refused
    [change] = changes(desired, observed, replace=("box/a",))
    assert not change.refused
    [change] = changes(desired, observed, replace=("box/b",))
    assert change.refused


def test_replacing_data_must_be_allowed_twice():
    desired, observed = {"a": {"size": 2}}, {"a": box(size=1)}
    [change] = changes(desired, observed, kind=Safe(), replace=("*",))
    assert "terrace_allow_data_loss" in change.refused
    [change] = changes(desired, observed, kind=Safe(), replace=("*",), data_loss=("safe/*",))
    assert not change.refused


def test_unnamed_is_an_orphan_and_removed_only_when_asked():
    observed = {"a": box(size=1)}
    assert [change.action for change in changes({}, observed)] == [plan.ORPHAN]
    assert [change.action for change in changes({}, observed, prune=True)] == [plan.REMOVE]
    assert [change.action for change in changes({"a": {"size": 1}}, observed, absent=True)] == [plan.REMOVE]


def test_data_is_not_removed_unless_named():
    [change] = changes({}, {"a": box(size=1)}, kind=Safe(), prune=True)
    assert "terrace_allow_data_loss" in change.refused
    [change] = changes({}, {"a": box(size=1)}, kind=Safe(), prune=True, data_loss=("safe/a",))
    assert not change.refused


def test_counts_a_replacement_as_one_added_and_one_removed():
    found = changes({"a": {"size": 2}, "b": {"size": 1}}, {"a": box(size=1), "c": box(size=1)})
    assert plan.counts(change.action for change in found) == {"add": 2, "change": 0, "remove": 1, "orphan": 1}


def test_a_proof_does_not_judge_what_is_still_being_made():
    observed = {"box": {"a": box(state=PENDING, colour="red"), "b": box(colour="red")}}
    found = changes({"a": {"colour": "blue"}, "b": {"colour": "blue"}}, observed["box"])
    assert [change.name for change in plan.unfinished(found, observed)] == ["b"]
