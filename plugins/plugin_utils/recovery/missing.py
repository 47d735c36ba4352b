# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the cell that writes lacks of a former primary: rows that were acknowledged there and were not replicated.

The list holds numbers by table and the keys of rows, and no other content of theirs.
"""

from __future__ import annotations

import typing as t

from .journal import plain

#: So many keys are listed; all are counted.
LISTED = 10_000
#: The service's own superuser on RDS.
SERVICE = "rdsadmin"
Missing = dict[str, t.Any]


def begun(compared: dict[str, t.Any], now: str) -> Missing:
    """A list that begins, with what an earlier run found in databases that it removed since.

    :param compared: what is compared (:mod:`.comparison`)
    """
    earlier = (compared["earlier"] or {}).get("databases", {})
    kept = {name: plain(each) for name, each in earlier.items() if name not in compared["databases"]}
    return _summed(
        {
            "pair": compared["pair"],
            "from": compared["from"],
            "to": compared["to"],
            "began": compared["journal"]["began"],
            "at": now,
            "databases": kept,
        }
    )


def noted(found: Missing, compared: dict[str, t.Any], database: str, told: dict[str, t.Any]) -> Missing:
    """The list with a database of which nothing is found yet.

    :param told: ``transactions`` of the former primary that are on it alone, ``prepared`` ones that were neither committed nor
        rolled back, and ``log_since_fence`` in bytes, or None where that is not known
    """
    made = plain(found)
    made["databases"][database] = {
        "snapshot": compared["databases"][database]["snapshot"],
        **{word: told[word] for word in ("transactions", "prepared", "log_since_fence")},
        "tables": [],
        "passed_over": [],
    }
    return made


def batches(counts: list[dict[str, t.Any]], size: int) -> list[list[dict[str, t.Any]]]:
    """Slices of tables, in groups of at most ``size`` rows."""
    made: list[list[dict[str, t.Any]]] = []
    room = 0
    for table in counts:
        skip = 0
        while skip < table["count"]:
            if room == 0:
                made.append([])
                room = size
            taken = min(room, table["count"] - skip)
            made[-1].append({"schema": table["schema"], "table": table["table"], "skip": skip, "size": taken})
            skip, room = skip + taken, room - taken
    return made


def unread(counts: list[dict[str, t.Any]], name: str) -> list[str]:
    """Tables that could not be read, with why; those of the service itself do not count.

    :param name: the database they are in
    """
    problems = [each for each in counts if each["problem"] and each.get("owner") != SERVICE]
    return [f"{name}: {each['schema']}.{each['table']}: {each['problem']}" for each in problems]


def counted(found: Missing, database: str, name: str, counts: list[dict[str, t.Any]]) -> Missing:
    """The list with what is not compared in a database, with why."""
    made = plain(found)
    notes = made["databases"][database]["passed_over"]
    for each in counts:
        why = each.get("passed_over") or ("it is the service's own" if each["problem"] else "")
        if why:
            notes.append(f"{name}: {each['schema']}.{each['table']} was not compared: {why}")
    return made


def added(
    found: Missing, database: str, name: str, rows: list[dict[str, t.Any]], answers: list[dict[str, t.Any]] | None
) -> Missing:
    """The list with a batch: what the former primary has written, and what the other one says of it.

    :param rows: by table, ``rows`` as ``[key, digest, nth, when it was committed, place]``
    :param answers: by table, ``missing`` as ``[number of the row, absent or differs]``; None where the other one
        has no such database
    """
    if answers is None:
        answers = [{"missing": [[number, "absent"] for number, _row in enumerate(each["rows"], 1)]} for each in rows]
    made = plain(found)
    tables = made["databases"][database]["tables"]
    room = LISTED - made["listed"]
    for mine, theirs in zip(rows, answers, strict=True):
        where = {"database": name, "schema": mine["schema"], "table": mine["table"]}
        if not tables or any(tables[-1][word] != each for word, each in where.items()):
            tables.append({**where, "missing": 0, "absent": 0, "differs": 0, "keys": []})
        table = tables[-1]
        for number, how in theirs["missing"]:
            key, _digest, _nth, committed, place = mine["rows"][number - 1]
            table["missing"] += 1
            table[how] += 1
            if room > 0:
                room -= 1
                named = dict(zip(mine["key"], key, strict=True)) if mine["key"] else {"ctid": place}
                table["keys"].append({"key": named, "how": how, "committed": committed})
    return _summed(made)


def told(found: Missing, place: str) -> list[str]:
    """The list's outcome for people.

    :param place: where it is
    """
    if not found["missing"]:
        lines = [f"nothing that {found['from']} acknowledged is missing on {found['to']}: see {place}"]
    else:
        s, are = ("", "is") if found["missing"] == 1 else ("s", "are")
        lines = [
            f"{found['missing']} acknowledged write{s} of {found['from']} {are} missing on {found['to']}: see {place}"
        ]
    for name, each in found["databases"].items():
        lines.append(
            f"{name}: {each['transactions']} transactions are on {found['from']} alone, with the fence's and the service's own;"
            " rows that they deleted are not listed"
        )
        if each["log_since_fence"]:
            lines.append(f"{name}: its log went on by {each['log_since_fence']} bytes after it was fenced")
        if each["prepared"]:
            lines.append(
                f"{name}: {each['prepared']} prepared transactions are neither committed nor rolled back there"
            )
    return lines


def _summed(found: Missing) -> Missing:
    tables = [table for database in found["databases"].values() for table in database["tables"]]
    sums = {"missing": sum(each["missing"] for each in tables), "listed": sum(len(each["keys"]) for each in tables)}
    return {**found, **sums}
