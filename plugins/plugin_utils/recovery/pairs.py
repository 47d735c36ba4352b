# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the inventory says of pairs (recovery_pairs), checked."""

from __future__ import annotations

import typing as t

from .. import specs

VARIABLE = "recovery_pairs"
#: The objects of a pair's traffic_bucket that say that the cell writes, and that it follows the other one.
WRITER = "writer"
FOLLOWS = "follows"
Pairs = dict[str, dict[str, t.Any]]


def checked(value: t.Any) -> tuple[Pairs, list[str]]:
    """The pairs with their defaults, and all that is wrong with them by themselves."""
    made, problems = specs.named(specs.shape("dr_status", "pair"), value, VARIABLE)
    if problems:
        return made, problems
    holder: dict[str, str] = {}
    for name, pair in made.items():
        where = f"{VARIABLE}.{name}"
        if len(set(pair["cells"])) != 2 or len(pair["cells"]) != 2:
            problems.append(f"{where}.cells: needs two different cells, has {', '.join(pair['cells']) or 'none'}")
        for cell in pair["cells"]:
            if holder.setdefault(cell, name) != name:
                problems.append(f"{where}.cells: {cell} is in {holder[cell]} already; a cell takes over from one other")
        if pair["preferred_primary"] and pair["preferred_primary"] not in pair["cells"]:
            problems.append(
                f"{where}.preferred_primary: {pair['preferred_primary']} is none of {', '.join(pair['cells'])}"
            )
        if not pair["databases"]:
            problems.append(f"{where}.databases: name at least one; which cell writes is told by the first")
        for one, other in (
            ("public_name", "public_balancer"),
            ("public_name", "traffic_bucket"),
            ("public_name", "clients"),
        ):
            if pair[one] and not pair[other]:
                problems.append(f"{where}.{other}: missing; a failover that waits for {one} needs it")
    return made, problems


def strangers(found: Pairs, cells: t.Collection[str]) -> t.Iterator[str]:
    """Cells of pairs that are not in the inventory."""
    for name, pair in found.items():
        for cell in pair["cells"]:
            if cell not in cells:
                yield f"{VARIABLE}.{name}.cells: {cell} is no cell of the inventory{specs.suggestion(cell, cells)}"
