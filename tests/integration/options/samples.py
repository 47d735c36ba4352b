"""What samples.yml holds: values of every option of every kind, and the entry and inventory each is tried in."""

from __future__ import annotations

import copy
import functools
import typing as t

import yaml

from ansible_collections.terrace.aws.plugins.plugin_utils import desired
from ansible_collections.terrace.aws.plugins.plugin_utils.engine import registry
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.kind import Kind

from . import ROOT

SAMPLES = yaml.safe_load((ROOT / "tests/integration/options/samples.yml").read_text())
KINDS = {name: kind for name, kind in registry.all_kinds().items() if not kind.options_of}

#: Entries by variable and name, as an inventory holds them.
Variables = dict[str, dict[str, t.Any]]


class Sample(t.NamedTuple):
    """Values of one option of one kind, and what must be said beside it."""

    kind: Kind
    path: str
    values: list[t.Any]
    beside: dict[str, t.Any]
    shows: str
    not_compared: str
    name: str
    aws: list[t.Any] | None
    with_last: bool
    refused: bool

    def __str__(self) -> str:
        return f"{self.kind.name}.{self.path}"


def samples() -> list[Sample]:
    found = []
    for kind in KINDS.values():
        for path, sample in SAMPLES.get(kind.role, {}).get(kind.name, {}).get("options", {}).items():
            full = sample if isinstance(sample, dict) else {"values": sample}
            found.append(
                Sample(
                    kind,
                    path,
                    full["values"],
                    full.get("with", {}),
                    full.get("shows", path),
                    full.get("not_compared", ""),
                    full.get("name", SAMPLES[kind.role][kind.name]["name"]),
                    full.get("aws"),
                    full.get("with_last", True),
                    full.get("refused", False),
                )
            )
    return found


EVERY = samples()


def put(entry: dict[str, t.Any], path: str, value: t.Any) -> dict[str, t.Any]:
    """An entry with another value at an option's path."""
    made = copy.deepcopy(entry)
    *parents, last = path.split(".")
    inner = made
    for part in parents:
        key = int(part) if part.isdigit() and int(part) in inner else part
        inner = inner.setdefault(key, {})
    inner[last] = value
    return made


def entry_of(sample: Sample) -> dict[str, t.Any]:
    """The entry the option is tried on, before it has a value of the sample's."""
    made = SAMPLES[sample.kind.role][sample.kind.name]["entry"]
    for path, value in sample.beside.items():
        made = put(made, path, value)
    return made


def variables(kind: Kind, entries: dict[str, t.Any]) -> Variables:
    """The inventory of entries of one kind: with everything they may refer to."""
    role = SAMPLES[kind.role]
    made = copy.deepcopy(SAMPLES["shared"])
    for needs in (role.get("needs", {}), role[kind.name].get("needs", {})):
        for variable, needed in copy.deepcopy(needs).items():
            made.setdefault(variable, {}).update(needed)
    made.setdefault(kind.variable, {}).update(entries)
    return made


@functools.cache
def around(name: str) -> desired.World:
    """What entries of a kind may refer to, validated, by kind."""
    world, problems = desired.of_kinds(registry.all_kinds(), variables(KINDS[name], {}), lambda value: value)
    assert problems == []
    return world


def world_of(kind: Kind, name: str, entry: dict[str, t.Any]) -> tuple[desired.World, list[str]]:
    """An entry and what it may refer to, by kind, validated, and what is wrong with it."""
    own, problems = desired.of_kinds([kind.name], {kind.variable: {name: entry}}, lambda value: value)
    world = around(kind.name)
    world = {**world, kind.name: {**world[kind.name], **own[kind.name]}}
    return world, problems or desired.cross_checked(world, "test")


def wrong(sample: Sample, entry: dict[str, t.Any]) -> list[str]:
    """What is wrong with an entry in the inventory of its role."""
    return world_of(sample.kind, sample.name, entry)[1]
