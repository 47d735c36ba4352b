"""Entries validated by the argument specs: nested ones too, with paths, defaults and spellings."""

from __future__ import annotations

import pytest

from ansible_collections.terrace.aws.plugins.plugin_utils import shapes, specs
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
        "check": {
            "type": "dict",
            "default": {},
            "apply_defaults": "true",
            "options": INNER.options["tries"]["options"],
        },
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
        ([], "x: must be a dict of options, not list"),
        ({"part": {}}, "x.part: there is no option part; did you mean parts?"),
        ({"parts": {"one": {"size": 1, "sise": 2}}}, "x.parts.one.sise: there is no option sise; did you mean size?"),
        ({"parts": {"one": {}}}, "x.parts.one.size: is required"),
        ({"parts": {"one": 5}}, "x.parts.one: must be a dict of options, not int"),
        ({"parts": {"one": {"size": "large"}}}, "x.parts.one: argument 'size' is of type str"),
        ({"parts": {"one": {"size": True}}}, "x.parts.one.size: must be a number, not true"),
        ({"parts": {"one": {"size": 1, "sort": "c"}}}, "x.parts.one: value of sort must be one of: a, b, got: c"),
        ({"parts": {"one": {"size": 1, "tries": {"mots": 1}}}}, "x.parts.one.tries.mots: there is no option mots"),
        ({"parts": [1]}, "x: argument 'parts' is of type list"),
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
    assert [problem.partition(":")[0] for problem in problems] == ["x.par", "x.parts.a.size", "x.parts.b"]


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
