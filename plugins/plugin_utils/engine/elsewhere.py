# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""References to resources of other cells, ``production-use1/main``."""

from __future__ import annotations

import typing as t

from .kind import Kind, Resource

#: ``{kind: {"<cell>/<logical name>": resource}}``
Elsewhere = dict[str, dict[str, Resource]]


def references(
    kinds: t.Mapping[str, Kind],
    world: dict[str, dict[str, dict[str, t.Any]]],
    mine: str,
    cells: t.Iterable[str],
    counterparts: bool = True,
) -> dict[str, dict[str, set[str]]]:
    """What the entries refer to in other cells: ``{cell: {kind: {logical name}}}``.

    A name with a slash is another cell's only where that cell is in the inventory: secrets and records have slashes too.

    :param counterparts: also what holds the same data there, which nothing waits for
    """
    others = set(cells) - {mine}
    found: dict[str, dict[str, set[str]]] = {}
    for name, entries in world.items() if others else ():
        kind = kinds[name]
        for option, other in (*kind.references.items(), *(kind.counterparts.items() if counterparts else ())):
            for entry in entries.values():
                for wanted in kind.names_in(option, entry):
                    cell, slash, logical = wanted.partition("/")
                    if slash and cell in others:
                        found.setdefault(cell, {}).setdefault(other, set()).add(logical)
    return found


def named(cell: str, observed: dict[str, dict[str, Resource]], wanted: dict[str, set[str]]) -> Elsewhere:
    """What of another cell is referred to and there, by the name it is referred to with."""
    return {
        kind: {f"{cell}/{name}": observed[kind][name] for name in names if name in observed[kind]}
        for kind, names in wanted.items()
    }


def merged(parts: t.Iterable[Elsewhere]) -> Elsewhere:
    found: Elsewhere = {}
    for part in parts:
        for kind, resources in part.items():
            found.setdefault(kind, {}).update(resources)
    return found
