# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the roles' argument specs say, and entries validated by them.

The options of a kind's entries are documented and typed once, in ``roles/<role>/meta/argument_specs.yml`` under the
entry point named like the kind; entries within an entry under the entry points that the kind's ``shapes`` name. What is
accepted of them beyond the type stands beside that, in ``meta/limits.yml`` under the same entry point and the option's path.
"""

from __future__ import annotations

import copy
import functools
import pathlib
import typing as t

from ansible.parsing.dataloader import DataLoader

from .engine import registry
from .engine.kind import Kind
from .option_values import Limit
from .shapes import Shape, filled, plain, suggestion, unknown_options

#: The shapes' own, which those that validate use as well.
__all__ = [
    "plain",
    "suggestion",
    "unknown_options",
]

ROLES = pathlib.Path(__file__).parents[2] / "roles"
#: What every kind's entries take whose resources carry tags.
COMMON = {
    "tags": {"type": "dict", "default": {}, "description": "Tags beside the cell's and Terrace's own."},
    "renamed_from": {
        "type": "str",
        "description": "The logical name the resource has had so far: it gets this one, and nothing else of it changes.",
    },
}


@functools.cache
def load(role: str, part: str) -> dict[str, t.Any]:
    """One of a role's YAML files (``meta/argument_specs``, ``defaults/main``); empty where it has none."""
    path = ROLES / role / f"{part}.yml"
    if not path.is_file():
        return {}
    # "unsafe" spares a copy: nobody else has what this loader read.
    return DataLoader().load_from_file(str(path), cache="none", unsafe=True, trusted_as_template=True) or {}


def preload() -> None:
    """Read every role's specs and defaults now, so that the processes forked from this one need not."""
    for role in every_role():
        load(role, "defaults/main")
        variables_of(role)
    for kind in registry.all_kinds():
        shape_of(kind)


@functools.cache
def entry_point(role: str, name: str = "main") -> dict[str, t.Any]:
    """The options of one entry point, with what is accepted of each beyond its type."""
    options = load(role, "meta/argument_specs").get("argument_specs", {}).get(name, {}).get("options", {})
    limits = load(role, "meta/limits").get("limits", {}).get(name, {})
    # An option may stand in several entry points (a YAML anchor), with other limits in each.
    return _limited(copy.deepcopy(options), limits) if limits else options


def _limited(options: dict[str, t.Any], limits: dict[str, dict[str, t.Any]]) -> dict[str, t.Any]:
    """Options with their limits, which are given by the option's path (``health_check.interval``)."""
    for path, limit in limits.items():
        *parents, name = path.split(".")
        here = options
        for parent in parents:
            here = here[parent]["options"]
        here[name] |= _parts(limit)
    return options


def _parts(limit: dict[str, t.Any]) -> dict[str, t.Any]:
    """What an option's spec holds of its limit: that of the value, that of the names under it, and the spec of their values."""
    own = {key: tuple(value) if key == "also" else value for key, value in limit.items()}
    made = {key: own.pop(key) for key in ("type", "elements") if key in own}
    if "names" in own:
        made["names"] = Limit(**own.pop("names"))
    if "values" in own:
        made["values"] = _parts(own.pop("values"))
    return {**made, **({"limit": Limit(**own)} if own else {})}


def variables_of(role: str) -> dict[str, t.Any]:
    """The options of the role itself."""
    return entry_point(role) or entry_point(role, role)


def shape(role: str, name: str, held: dict[str, str] | None = None) -> Shape:
    """The shape of an entry point, with those of the entries its options hold.

    :param held: path of an option -> entry point of the entries under its names, as in :attr:`Kind.shapes`
    """
    return _shape(role, entry_point(role, name), held or {}, "")


def _shape(role: str, options: dict[str, t.Any], held: dict[str, str], path: str) -> Shape:
    entries: dict[str, Shape] = {}
    parts: dict[str, Shape] = {}
    for option, spec in options.items():
        here = f"{path}{option}"
        if here in held:
            entries[option] = _shape(role, entry_point(role, held[here]), held, f"{here}.")
        elif f"{here}.*" in held:
            each = _shape(role, entry_point(role, held[f"{here}.*"]), held, f"{here}.*.")
            entries[option] = Shape({}, each=each)
        elif spec.get("options") and any(other.startswith(f"{here}.") for other in held):
            parts[option] = _shape(role, spec["options"], held, f"{here}.")
    return Shape(options, entries, parts)


@functools.cache
def shape_of(name: str) -> Shape:
    """The shape of a kind's entries."""
    kind = registry.kind(name)
    owner = registry.kind(kind.options_of) if kind.options_of else kind
    made = shape(owner.role, owner.name, kind.shapes)
    return Shape(COMMON).beside(made) if kind.taggable else made


def of_kind(name: str) -> dict[str, t.Any]:
    """The options of a kind's entries."""
    return shape_of(name).options


@functools.cache
def every_role() -> tuple[str, ...]:
    """The collection's roles."""
    return tuple(sorted(path.name for path in ROLES.iterdir() if (path / "meta" / "argument_specs.yml").is_file()))


def validated(kind: Kind, name: str, entry: t.Any) -> tuple[dict[str, t.Any], list[str]]:
    """An entry with types converted and defaults filled in, and everything that is wrong with it."""
    return filled(shape_of(kind.name), plain(entry), f"{kind.variable}.{name}")


def named(of: Shape, entries: t.Any, where: str) -> tuple[dict[str, dict[str, t.Any]], list[str]]:
    """What a variable holds, entries of a shape by name, in the same way."""
    return filled(Shape({}, each=of), plain(entries or {}), where)
