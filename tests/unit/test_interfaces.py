"""A role's interface is files that agree, with each other and with the kinds the role owns."""

from __future__ import annotations

import inspect
import pathlib
import re
import typing as t

import pytest
import yaml

from ansible_collections.terrace.aws.plugins.plugin_utils import specs as argument_specs
from ansible_collections.terrace.aws.plugins.plugin_utils.engine import registry
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.kind import Kind
from ansible_collections.terrace.aws.plugins.plugin_utils.shapes import Shape

ROOT = pathlib.Path(__file__).parents[2]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if (path / "tasks").is_dir())
KINDS = registry.all_kinds()
#: Entry points of variables that describe several kinds at once.
COMPACT = {"network": ["tier"], "tier": ["group"], "bastion": ["host"]}


def part(role: str, name: str) -> dict:
    path = ROOT / "roles" / role / name
    return (yaml.safe_load(path.read_text()) or {}) if path.is_file() else {}


def specs(role: str) -> dict:
    return part(role, "meta/argument_specs.yml")["argument_specs"]


@pytest.mark.parametrize("role", ROLES)
def test_defaults_and_argument_specs_name_the_same_variables(role):
    defaults = {name for name in part(role, "defaults/main.yml") if not name.startswith("__")}
    options = (specs(role).get("main") or specs(role)[role]).get("options", {})
    assert defaults <= set(options), f"not in meta/argument_specs.yml: {defaults - set(options)}"
    missing = {name for name, option in options.items() if not option.get("required") and name not in defaults}
    assert not missing, f"optional, but without a default: {missing}"
    assert all(name.startswith(f"{role}_") for name in options), role


@pytest.mark.parametrize("role", ROLES)
def test_every_default_has_a_comment(role):
    path = ROOT / "roles" / role / "defaults/main.yml"
    if not path.is_file():
        return
    lines = path.read_text().splitlines()
    for number, line in enumerate(lines):
        if re.match(r"^[a-z_]+:", line):
            above = next(each for each in reversed(lines[:number]) if not re.match(r"^[a-z_]+:", each))
            assert above.startswith(("#", " ")), f"{path}:{number + 1} {line}"


@pytest.mark.parametrize("role", ROLES)
def test_the_readme_says_what_a_user_needs(role):
    text = (ROOT / "roles" / role / "README.md").read_text()
    for heading in ("Permissions", "Output"):
        assert re.search(rf"^#+ .*{heading}", text, re.MULTILINE | re.IGNORECASE), f"{role}: no section on {heading}"
    assert "```yaml" in text, f"{role}: no example"


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_a_kind_belongs_to_a_role_that_specifies_its_entries(kind: Kind):
    assert kind.role in ROLES
    spec = specs(kind.role)
    assert kind.name in spec, f"roles/{kind.role}/meta/argument_specs.yml has no entry point {kind.name}"
    assert kind.variable in spec["main"]["options"]
    if kind.options_of:
        assert not spec[kind.name].get("options"), f"{kind.name} repeats options of {kind.options_of}"
        assert kind.options_of in str(spec[kind.name]["description"]), (
            f"{kind.name} does not say whose options it takes"
        )
    options = set(argument_specs.of_kind(kind.name))
    known = {option.split(".")[0] for option in {*kind.immutable, *kind.references, *kind.ordered}}
    # What AWS cannot change may be something that follows from several options.
    known = {word for word in known if f'"{word}":' not in inspect.getsource(type(kind).normalise)}
    assert known <= options, f"not among the options: {known - options}"
    assert set(kind.references.values()) <= set(KINDS)


def every_option(shape: Shape, path: str) -> t.Iterator[tuple[str, dict]]:
    """Path and spec of each option, nested ones too."""
    for name, option in shape.options.items():
        here = f"{path}.{name}"
        yield here, option
        inner = shape.entries.get(name) or shape.parts.get(name)
        while inner and inner.each:
            inner = inner.each
        yield from every_option(inner or Shape(option.get("options") or {}), here)


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_every_option_says_what_it_is(kind: Kind):
    for path, option in every_option(argument_specs.shape_of(kind.name), kind.name):
        assert option.get("type"), f"{path} has no type"
        assert option.get("description"), f"{path} has no description"
        assert not (option.get("required") and "default" in option), f"{path} is required and has a default"
        if option.get("default") is not None and option["type"] == "str":
            assert isinstance(option["default"], str), f"the default of {path} is not a text"
        if option.get("choices") and option["type"] != "list":
            assert option.get("default") in [None, *option["choices"]], f"the default of {path} is none of its choices"


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_every_shape_is_an_entry_point_and_holds_an_option(kind: Kind):
    owner = KINDS[kind.options_of] if kind.options_of else kind
    for path, point in kind.shapes.items():
        assert point in specs(owner.role), f"roles/{owner.role}/meta/argument_specs.yml has no entry point {point}"
        assert specs(owner.role)[point].get("short_description")
        shape = argument_specs.shape_of(kind.name)
        for part in path.removesuffix(".*").split("."):
            inner = shape.entries.get(part) or shape.parts.get(part)
            assert inner, f"{kind.name}.shapes: there is no option {path}"
            shape = inner


def test_every_entry_point_describes_something():
    """An entry point that nothing names is an option described in vain."""
    for role in {kind.role for kind in KINDS.values()}:
        named = {"main", *COMPACT.get(role, ())}
        for kind in KINDS.values():
            named |= {kind.name} if kind.role == role else set()
            owner = KINDS[kind.options_of] if kind.options_of else kind
            named |= set(kind.shapes.values()) if owner.role == role else set()
        assert set(specs(role)) == named


def test_every_role_that_owns_kinds_is_provisioned_and_destroyed():
    site = (ROOT / "playbooks/site.yml").read_text()
    layers = "".join((ROOT / "playbooks" / name).read_text() for name in re.findall(r"import_playbook: (\S+)", site))
    destroy = (ROOT / "playbooks/destroy_cell.yml").read_text()
    for role in registry.roles():
        assert f"terrace.aws.{role}\n" in layers, f"site.yml does not provision {role}"
        assert f"terrace.aws.{role}," in destroy, f"destroy_cell.yml does not destroy {role}"
