# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a restored copy of a database has beside the database itself, by tables and rows."""

from __future__ import annotations

import typing as t

#: What tables.sql says where rows cannot be counted.
UNCOUNTED = -1


def told(
    copied: t.Sequence[dict[str, t.Any]], present: t.Sequence[dict[str, t.Any]], recovery: dict[str, t.Any]
) -> list[str]:
    """The differences, for people: a line for each table, one for what is the same.

    :param copied: results of the task that counts the rows of each database of the copy
    :param present: those of the one that counts them in the database itself, in the same order; one that failed has no answer
    :param recovery: ``id``, ``copy_id`` and ``time``
    """
    lines, same = [f"{recovery['copy_id']} is {recovery['id']} as it was at {recovery['time']}"], 0
    for copy, now in zip(copied, present, strict=True):
        name = copy["__database_recovery_item"]["name"]
        then, tables = _tables(copy), _tables(now)
        if not copy.get("query_result"):
            lines.append(f"{name} cannot be read in {recovery['copy_id']}, so that it is not compared")
            continue
        if not now.get("query_result"):
            lines.append(f"{name} cannot be read in {recovery['id']}; tables of it in the copy: {len(then)}")
            continue
        for table in sorted({*then, *tables}):
            if table in then and table in tables and then[table] == tables[table] != UNCOUNTED:
                same += 1
            else:
                lines.append(f"{name}, {table}: {_rows(then.get(table))} in the copy, {_rows(tables.get(table))} now")
    return [*lines, f"{same} {'table has' if same == 1 else 'tables have'} as many rows in both"]


def _tables(result: dict[str, t.Any]) -> dict[str, int]:
    rows = result.get("query_result") or [{}]
    return dict(rows[-1].get("tables") or {})


def _rows(count: int | None) -> str:
    if count is None:
        return "not there"
    if count == UNCOUNTED:
        return "rows that cannot be counted"
    return f"{count:,} {'row' if count == 1 else 'rows'}"
