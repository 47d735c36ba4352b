# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logical names for what is adopted: from its Name, from what AWS calls it, else its kind and a number."""

from __future__ import annotations

import re
import typing as t

from ..engine import registry
from ..engine.kind import CELL_TAG, LOGICAL_TAG, NAME_TAG, Resource
from .region import Address

#: Kinds whose name on AWS says nothing, and the attribute that does.
NAMED_BY = {"certificate": "domain", "hosted_zone": "domain"}
#: Names that mean something else in the inventory.
TAKEN = {"security_group": {"self"}}
ACCOUNT = re.compile(r"-\d{12}$")


def proposed(
    cell: str, members: dict[Address, Resource], carried: t.Mapping[Address, t.Mapping[str, str]]
) -> dict[str, dict[str, str]]:
    """``{kind: {id: logical name}}``, unique within a kind. What carries the cell's tags already keeps its name, and
    what AWS keeps no tags on is named by its kind.

    :param carried: the tags of the members
    """
    claims: dict[str, dict[str, str]] = {}
    used: dict[str, set[str]] = {kind: set(names) for kind, names in TAKEN.items()}
    for (kind, ident), _resource in members.items():
        tags = carried.get((kind, ident), {})
        if tags.get(CELL_TAG) == cell:
            used.setdefault(kind, set()).add(tags.get(LOGICAL_TAG) or _without(cell, tags.get(NAME_TAG, "")))
    for (kind, ident), resource in sorted(members.items()):
        tags = carried.get((kind, ident), {})
        if tags.get(CELL_TAG) == cell or not registry.kind(kind).taggable:
            continue
        taken = used.setdefault(kind, set())
        name = _unique(_proposal(cell, kind, resource, tags), taken)
        taken.add(name)
        claims.setdefault(kind, {})[ident] = name
    return claims


def _proposal(cell: str, kind: str, resource: Resource, tags: t.Mapping[str, str]) -> str:
    called = resource.attributes.get(NAMED_BY[kind]) if kind in NAMED_BY else resource.facts.get("name")
    aliases = [alias.removeprefix("alias/") for alias in resource.facts.get("aliases", [])]
    for text in (tags.get(NAME_TAG), *aliases, called):
        if text and not str(text).startswith("arn:") and (name := fitting(cell, kind, _without(cell, str(text)))):
            return name
    return f"{kind.replace('_', '-')}-1"


def _without(cell: str, name: str) -> str:
    return name.removeprefix(f"{cell}-")


def fitting(cell: str, kind: str, text: str) -> str:
    """A name every service takes: lower-case letters, digits and single hyphens between them, not too long."""
    name = ACCOUNT.sub("", text) if kind == "bucket" else text
    name = _without(cell, re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-"))
    longest = registry.kind(kind).longest_name
    # Two characters are kept for a number.
    return (name[: longest - len(cell) - 3] if longest else name).strip("-")


def _unique(name: str, taken: t.Container[str]) -> str:
    base, number, unique = re.sub(r"-\d+$", "", name), 1, name
    while unique in taken:
        number += 1
        unique = f"{base}-{number}"
    return unique
