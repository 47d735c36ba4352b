"""What a run has written is never known from before, and neither is what is derived from it."""

from __future__ import annotations

import typing as t

from ansible_collections.terrace.aws.plugins.plugin_utils.engine.kind import Kind, Resource
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.view import View, with_sources


class Template(Kind):
    name = "template"


class Fleet(Kind):
    name = "fleet"
    references: t.ClassVar[dict[str, str]] = {"template": "template"}


class Address(Kind):
    """It looks at fleets although no option refers to one."""

    name = "address"


KINDS = {kind.name: kind for kind in (Template(), Fleet(), Address())}


class Look:
    """A cell that counts what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.known: list[set[str]] = []
        self.sources = {"address": {"fleet"}}
        self.named: dict[str, set[str]] = {}

    def __call__(self, known: dict) -> Look:
        self.known.append(set(known))
        return self

    def observe(self, kinds: list[str]) -> dict:
        self.asked.append(sorted(kinds))
        return {kind: {"new": Resource("1", {})} for kind in kinds}


def view(look: Look) -> View:
    observed = {kind: {"old": Resource("0", {})} for kind in KINDS}
    return View(look, KINDS, observed, {"address": {"fleet"}})


def test_what_was_not_written_is_not_read_again():
    look = Look()
    assert "old" in view(look).get(["template"])["template"]
    assert look.asked == []


def test_what_was_written_is_read_again_once():
    look = Look()
    seen = view(look)
    seen.written("template", new_ids=True)
    assert "new" in seen.get(["template"])["template"]
    seen.get(["template"])
    assert look.asked == [["template"]]


def test_what_is_derived_from_it_is_read_again_too_at_any_distance():
    look = Look()
    seen = view(look)
    seen.written("template", new_ids=True)
    seen.get(["fleet", "address"])
    assert look.asked == [["address", "fleet"]]
    assert look.known == [set()], "nothing stale is handed on as known"


def test_a_change_that_leaves_ids_alone_concerns_only_what_looks_at_more_than_ids():
    look = Look()
    seen = view(look)
    seen.written("fleet", new_ids=False)
    seen.get(["fleet", "address"])
    assert look.asked == [["address", "fleet"]]
    seen.written("template", new_ids=False)
    seen.get(["fleet", "template"])
    assert look.asked[1:] == [["template"]]


def test_what_a_kind_is_derived_from_is_left_alone():
    look = Look()
    seen = view(look)
    seen.written("fleet", new_ids=True)
    seen.get(["template", "fleet"])
    assert look.asked == [["fleet"]]
    assert look.known == [{"template"}]


def test_what_a_kind_is_derived_from_is_read_again_with_it():
    sources = {"autoscaling_group": {"launch_template"}, "launch_template": {"kms_key"}, "kms_key": {"kms_key"}}
    assert with_sources(["autoscaling_group"], sources) == {"autoscaling_group", "launch_template", "kms_key"}
    assert with_sources(["subnet"], sources) == {"subnet"}
