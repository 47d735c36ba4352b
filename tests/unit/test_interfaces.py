"""A role's interface is files that agree, with each other and with the kinds the role owns."""

from __future__ import annotations

import pathlib
import re

import pytest
import yaml

from ansible_collections.terrace.aws.plugins.plugin_utils.engine import registry
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.kind import Kind

ROOT = pathlib.Path(__file__).parents[2]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if (path / "tasks").is_dir())
KINDS = registry.all_kinds()


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
    options = set(spec[kind.name].get("options", {}))
    known = {option.split(".")[0] for option in {*kind.immutable, *kind.references, *kind.ordered}}
    assert known <= options, f"not among the options: {known - options}"
    assert set(kind.references.values()) <= set(KINDS)


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_every_option_says_what_it_is(kind: Kind):
    for name, option in specs(kind.role)[kind.name].get("options", {}).items():
        assert option.get("type"), f"{kind.name}.{name} has no type"
        assert option.get("description"), f"{kind.name}.{name} has no description"


def test_every_role_that_owns_kinds_is_provisioned_and_destroyed():
    site = (ROOT / "playbooks/site.yml").read_text()
    layers = "".join((ROOT / "playbooks" / name).read_text() for name in re.findall(r"import_playbook: (\S+)", site))
    destroy = (ROOT / "playbooks/destroy_cell.yml").read_text()
    for role in registry.roles():
        assert f"terrace.aws.{role}\n" in layers, f"site.yml does not provision {role}"
        assert f"terrace.aws.{role}," in destroy, f"destroy_cell.yml does not destroy {role}"
