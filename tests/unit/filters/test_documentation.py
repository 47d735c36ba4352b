"""A filter is documented in a file of its name, which has the parameters the filter takes."""

from __future__ import annotations

import importlib
import inspect
import pathlib

import pytest
import yaml

FOLDER = pathlib.Path(__file__).parents[3] / "plugins/filter"
FILTERS = {
    name: made
    for path in sorted(FOLDER.glob("*.py"))
    for name, made in importlib.import_module(f"ansible_collections.terrace.aws.plugins.filter.{path.stem}")
    .FilterModule()
    .filters()
    .items()
}


def test_every_filter_is_documented_and_nothing_else():
    assert {path.stem for path in FOLDER.glob("*.yml")} == set(FILTERS)


@pytest.mark.parametrize("name", FILTERS)
def test_the_documentation_has_the_parameters(name: str):
    told = yaml.safe_load((FOLDER / f"{name}.yml").read_text())
    documented = told["DOCUMENTATION"]
    first, *others = [
        each
        for each in inspect.signature(FILTERS[name]).parameters.values()
        if each.kind not in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    ]
    options = documented["options"]
    assert list(options) == ["_input", *(each.name for each in others)]
    assert documented.get("positional", "") == ", ".join(each.name for each in others)
    for option, parameter in zip(options.values(), [first, *others], strict=True):
        assert option.get("required", False) == (parameter.default is inspect.Parameter.empty), parameter.name
        if not option.get("required"):
            assert option.get("default") == (parameter.default or option.get("default")), parameter.name
    assert f"terrace.aws.{name}" in told["EXAMPLES"]
    assert told["RETURN"]["_value"]["type"]
