# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policies and hooks of auto scaling groups: AWS keeps no tags on them, and their names are unique in a group only."""

from __future__ import annotations

import typing as t

from ...engine.cell import Cell


def by_name(
    cell: Cell, groups: dict[str, str], items: t.Iterable[dict[str, t.Any]], key: str
) -> t.Iterator[tuple[str, dict[str, t.Any]]]:
    """Each item with a logical name of its own.

    One that Terrace made is called as the entry is; one made by hand keeps the name it has. Where two groups have one of the
    same name, it is that of the group the name begins with (``web-cpu`` of ``web``); the other has its group in brackets.

    :param groups: logical names of the cell's groups by their names on AWS; items of other groups are left out
    :param key: where AWS's answer holds the item's name
    """
    found = []
    for item in items:
        group = groups.get(item["AutoScalingGroupName"])
        if group is not None:
            ours = cell.logical(item[key])
            name = ours or item[key]
            found.append((name, ours is None, not name.startswith(f"{group}-"), group, item))
    taken: set[str] = set()
    for name, _by_hand, _elsewhere, group, item in sorted(found, key=lambda each: each[:4]):
        unique = name if name not in taken else f"{name} ({group})"
        if unique in taken:
            unique = f"{item[key]} ({group}, made by hand)"
        taken.add(unique)
        yield unique, item
