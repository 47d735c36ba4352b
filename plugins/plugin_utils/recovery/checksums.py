# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rows of a database beside those of its restored copies, as roles/backup_check/files/checksums.sql read them.

What a database holds is its tables by database, each with ``schema``, ``table``, ``problem`` or ``passed_over`` where it was not
read, and ``buckets``: by number, how many rows are in it and the sum of their hashes.
"""

from __future__ import annotations

import typing as t

from .missing import SERVICE

Table = dict[str, t.Any]
Content = dict[str, list[Table]]


def tables(content: Content) -> dict[str, Table]:
    """Tables by their full names, but those of the service itself that nobody may read."""
    return {
        f"{database}.{each['schema']}.{each['table']}": each
        for database, found in content.items()
        for each in found
        if not (each["problem"] and each.get("owner") == SERVICE)
    }


def sizes(found: list[Table]) -> dict[str, dict[str, int]]:
    """How many buckets each table has, by schema and table, for the next reading."""
    made: dict[str, dict[str, int]] = {}
    for each in found:
        if each.get("size"):
            made.setdefault(each["schema"], {})[each["table"]] = each["size"]
    return made


def rows(table: Table) -> int:
    """How many rows a table has."""
    return sum(count for count, _total in table.get("buckets", {}).values())


def unread(content: Content, skipped: t.Collection[str] = ()) -> list[str]:
    """Tables that could not be read, with why.

    :param skipped: full names of tables that need not be read
    """
    return [
        f"{name}: {each['problem']}"
        for name, each in tables(content).items()
        if each["problem"] and name not in skipped
    ]


def compared(before: Content, after: Content, copy: Content, skipped: t.Collection[str] = ()) -> list[Table]:
    """Table by table, what a database held before and after a moment beside the copy that was restored to that moment.

    :returns: each with ``table``, ``result`` (same, differs, missing, unread, changed or passed over), ``rows`` before the
        moment, ``compared`` rows, and ``changed`` and ``differing`` buckets
    """
    earlier, later, restored = tables(before), tables(after), tables(copy)
    return [
        _compared(name, each, later.get(name), restored.get(name), name in skipped)
        for name, each in earlier.items()
        if not each.get("passed_over")
    ]


def _compared(name: str, before: Table, after: Table | None, copy: Table | None, skipped: bool) -> Table:
    made = {"table": name, "rows": rows(before), "compared": 0, "changed": 0, "differing": 0}
    if skipped:
        return {**made, "result": "passed over"}
    if after is None:
        # It was dropped meanwhile, perhaps before the moment.
        return {**made, "result": "changed", "changed": len(before.get("buckets", {}))}
    if copy is None:
        return {**made, "result": "missing"}
    if before["problem"] or after["problem"] or copy["problem"]:
        return {**made, "result": "unread"}
    for number in {**before["buckets"], **after["buckets"], **copy["buckets"]}:
        one, other, restored = (each["buckets"].get(number) for each in (before, after, copy))
        if one != other:
            made["changed"] += 1
        elif one != restored:
            made["differing"] += 1
        else:
            made["compared"] += one[0]
    same = "changed" if made["changed"] and not made["compared"] else "same"
    return {**made, "result": "differs" if made["differing"] else same}


def beside(live: Content, copy: Content, skipped: t.Collection[str] = ()) -> list[Table]:
    """Table by table, how many rows a database has and how many the copy of an older snapshot.

    :returns: each with ``table``, ``result`` (read, missing, unread or passed over), ``rows`` of the database and ``copied`` ones
    """
    restored = tables(copy)
    made = []
    for name, each in tables(live).items():
        if each.get("passed_over"):
            continue
        there = restored.get(name)
        result = "missing" if there is None else "unread" if there["problem"] else "read"
        if name in skipped and result == "unread":
            result = "passed over"
        made.append({"table": name, "result": result, "rows": rows(each), "copied": rows(there or {})})
    return made
