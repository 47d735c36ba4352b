"""Entries validated by the argument specs: nested ones too, with paths, defaults and spellings."""

from __future__ import annotations

import pytest

from ansible_collections.terrace.aws.plugins.plugin_utils import desired, shapes, specs
from ansible_collections.terrace.aws.plugins.plugin_utils.engine import registry

INNER = shapes.Shape(
    {
        "size": {"type": "int", "required": True},
        "sort": {"type": "str", "choices": ["a", "b"], "default": "a"},
        "tries": {"type": "dict", "default": {}, "options": {"most": {"type": "int", "default": 3}}},
    }
)
OUTER = shapes.Shape(
    {
        "parts": {"type": "dict", "default": {"first": {"size": 1}}},
        "policies": {"type": "dict", "default": {}},
        "acl": {"type": "dict", "options": {"ingress": {"type": "dict", "default": {}}}},
        "check": {"type": "dict", "default": {}, "options": INNER.options["tries"]["options"]},
    },
    entries={"parts": INNER, "policies": shapes.Shape({}, each=INNER)},
    parts={"acl": shapes.Shape({"ingress": {"type": "dict", "default": {}}}, entries={"ingress": INNER})},
)
FILLED = {"size": 1, "sort": "a", "tries": {"most": 3}}


def test_defaults_are_filled_in_at_every_depth():
    made, problems = shapes.filled(
        OUTER, {"acl": {"ingress": {100: {"size": "1"}}}, "policies": {"p": {"s": {"size": 1}}}}, "x"
    )
    assert problems == []
    assert made == {
        "parts": {"first": FILLED},
        "policies": {"p": {"s": FILLED}},
        "acl": {"ingress": {"100": FILLED}},
        "check": {"most": 3},
    }


def test_a_default_belongs_to_one_entry():
    for _again in range(2):
        made, problems = shapes.filled(OUTER, {}, "x")
        assert problems == []
        made["check"]["most"] = None
        made["parts"]["first"]["size"] = None


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([], "x: must be a dict of options, not a list"),
        ({"part": {}}, "x.part: there is no option part; did you mean parts?"),
        ({"parts": {"one": {"size": 1, "sise": 2}}}, "x.parts.one.sise: there is no option sise; did you mean size?"),
        ({"parts": {"one": {}}}, "x.parts.one.size: is required"),
        ({"parts": {"one": 5}}, "x.parts.one: must be a dict of options, not a number"),
        ({"parts": {"one": {"size": "large"}}}, "x.parts.one.size: must be a whole number, not large"),
        ({"parts": {"one": {"size": True}}}, "x.parts.one.size: must be a whole number, not true"),
        ({"parts": {"one": {"size": 1, "sort": "c"}}}, "x.parts.one: value of sort must be one of: a, b, got: c"),
        ({"parts": {"one": {"size": 1, "tries": {"mots": 1}}}}, "x.parts.one.tries.mots: there is no option mots"),
        ({"parts": [1]}, "x.parts: must be a dict, not a list"),
        ({"policies": {"p": {"s": {"siz": 1}}}}, "x.policies.p.s.siz: there is no option siz; did you mean size?"),
        ({"acl": {"ingress": {100: {"sisze": 1}}}}, "x.acl.ingress.100.sisze: there is no option sisze"),
        ({"acl": {"in": {}}}, "x.acl.in: there is no option in"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(value, said):
    problems = shapes.filled(OUTER, value, "x")[1]
    assert any(problem.startswith(said) for problem in problems), problems
    assert len(problems) == len(set(problems))


def test_everything_wrong_is_said_at_once():
    problems = shapes.filled(OUTER, {"par": 1, "parts": {"a": {}, "b": {"size": "x"}}}, "x")[1]
    assert [problem.partition(":")[0] for problem in problems] == ["x.par", "x.parts.a.size", "x.parts.b.size"]


def test_null_is_unset():
    made, problems = shapes.filled(INNER, {"size": 1, "sort": None, "tries": None}, "x")
    assert (made, problems) == (FILLED, [])
    assert shapes.filled(INNER, {"size": None}, "x")[1] == ["x.size: is required"]


def test_a_kind_takes_the_options_of_another():
    template = specs.shape_of("bastion_template")
    assert template.options == specs.of_kind("launch_template")
    assert template.entries["volumes"].options == specs.entry_point("tier", "volume")


def test_every_resource_with_tags_can_be_renamed():
    for name, kind in registry.all_kinds().items():
        assert ("renamed_from" in specs.of_kind(name)) == ("tags" in specs.of_kind(name)) == kind.taggable


@pytest.mark.parametrize(
    ("kind", "entry", "problem"),
    [
        (
            "target_group",
            {"health_check": 5},
            "load_balancer_target_groups.w.health_check: must be a dict of options, not a number",
        ),
        (
            "target_group",
            {"stickiness": "on"},
            "load_balancer_target_groups.w.stickiness: must be a dict of options, not a text",
        ),
        ("bucket", {"lifecycle": {"a": {"transitions": 5}}}, "storage_buckets.w.lifecycle.a.transitions: must be a"),
    ],
)
def test_what_holds_options_and_was_given_something_else_is_named(kind, entry, problem):
    _made, problems = specs.validated(registry.kind(kind), "w", entry)
    assert any(each.startswith(problem) for each in problems), problems


def test_renames_that_say_nothing_or_two_things_are_refused():
    def told(**entries):
        world = {"queue": {name: {"renamed_from": former} for name, former in entries.items()}}
        return list(desired._renamed_wrongly(registry.kind("queue"), world["queue"]))

    assert told(new="old", other=None) == []
    assert told(a="b", b="a") != []
    assert told(c="b", b="a") == [
        "queue_entries.c.renamed_from: b is an entry itself; rename or remove that in a run before, or take renamed_from out"
    ]
    assert told(a="old", b="old") == [
        "queue_entries.b.renamed_from: a is renamed from old too; one resource gets one name"
    ]
    assert told(a="a") != []


def test_a_tag_is_either_the_inventorys_or_somebody_elses():
    world = {"queue": {"a": {"tags": {"Owner": "x"}}}}
    found = list(desired.ignored_tags_in_use(world, {"Environment": "dev"}, ["Env*", "Ow*", "k8s/*"]))
    assert found == [
        "cell_ignored_tags: Env* matches Environment of cell_tags; leave one of the two out",
        "cell_ignored_tags: Ow* matches Owner of queue_entries.a; leave one of the two out",
    ]
