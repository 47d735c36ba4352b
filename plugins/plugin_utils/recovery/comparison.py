# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a former primary is to be compared with the one that writes before it is removed, and what that takes."""

from __future__ import annotations

import typing as t

from ..engine.kind import LEAVING
from .decision import LOGINS, PLANNED
from .journal import Journal, unfinished
from .status import Side, Status

#: What a run does.
COMPARE = "compare"
NOTHING = "nothing"
IMPOSSIBLE = "impossible"
UNFINISHED = "unfinished"
REPLAY = "replay"


def settle(
    status: Status, former: str, journal: Journal | None, earlier: dict[str, t.Any], without_machines: t.Collection[str]
) -> dict[str, t.Any]:
    """What is compared: ``act``, ``why`` where it is not, and what tasks need.

    :param status: both cells of the pair as they are
    :param former: the former primary's cell
    :param journal: that of the last failover to the cell that writes
    :param earlier: what an earlier run found missing
    :param without_machines: the cells in which no machine reaches the databases
    """
    sides = {side.name: side for side in status.sides}
    writer = status.primary
    if former not in sides or writer is None or writer.name == former:
        return _settled(NOTHING, "it is not the former primary of a pair")
    if journal and unfinished(journal):
        why = f"the failover to {writer.name}, begun at {journal['began']}, has not ended"
        return _settled(UNFINISHED, f"{why}; end it first: -e dr_failover_to={writer.name}")
    mine, options = sides[former], status.options
    there = {
        name: each
        for name, each in mine.of("db_instance").items()
        if name in options["databases"] and not each.attributes["source"] and each.state != LEAVING
    }
    if not there:
        found = f"; {earlier['missing']} acknowledged writes were found missing before" if earlier else ""
        return _settled(NOTHING, f"it has no database that is removed{found}")
    if journal and (journal["from"], journal["to"], journal["mode"]) == (former, writer.name, PLANNED):
        return _settled(NOTHING, f"the failover to {writer.name} was planned, and lost nothing")
    if why := _impossible(options, journal, mine, writer, there, without_machines):
        return _settled(IMPOSSIBLE, why)
    bucket = writer.of("bucket")[options["journal_bucket"]]
    kept = t.cast(Journal, journal)
    fenced = _noted(kept, LOGINS)
    return {
        **_settled(COMPARE, ""),
        "pair": status.name,
        "from": former,
        "to": writer.name,
        "clients": options["clients"],
        "fence": options["fence_group"],
        "bucket": bucket.id,
        "bucket_region": writer.region,
        "databases": {
            name: {
                **_snapshot(_noted(kept, REPLAY)[name]["snapshot"]),
                "id": writer.of("db_instance")[name].id,
                "endpoint": writer.of("db_instance")[name].facts["endpoint"],
                "port": each.facts["port"],
                "former_id": each.id,
                "former_endpoint": each.facts["endpoint"],
                "fenced_at": fenced.get(name, {}).get("lsn", ""),
            }
            for name, each in there.items()
        },
        "former_secrets": {name: each.id for name, each in mine.of("secret").items()},
        "secrets": {name: each.id for name, each in writer.of("secret").items()},
        "journal": kept,
        "earlier": earlier,
    }


def _settled(act: str, why: str) -> dict[str, t.Any]:
    return {"act": act, "why": why}


def _impossible(
    options: dict[str, t.Any],
    journal: Journal | None,
    former: Side,
    writer: Side,
    there: t.Collection[str],
    without_machines: t.Collection[str],
) -> str:
    """Why it cannot be compared."""
    if journal is None or (journal["from"], journal["to"]) != (former.name, writer.name):
        return (
            f"the journal of the failover from {former.name} to {writer.name} is not in recovery_pairs' journal_bucket"
        )
    if not options["clients"]:
        return "recovery_pairs has no clients, so no machine reaches the databases"
    noted = _noted(journal, REPLAY)
    if unknown := [name for name in there if not (noted.get(name) or {}).get("snapshot")]:
        return f"the failover's journal has no snapshot of {', '.join(unknown)}"
    if gone := [name for name in there if name not in writer.of("db_instance")]:
        return f"{writer.name} has no database {', '.join(gone)}"
    if without_machines:
        return f"the inventory has no machine of {options['clients']} in {' and '.join(sorted(without_machines))}"
    return ""


def _noted(journal: Journal, step: str) -> dict[str, t.Any]:
    """What the runs of a failover found in a step, by database: the last that found anything of it."""
    made: dict[str, t.Any] = {}
    for each in journal["steps"]:
        if each["step"] == step:
            made |= {name: found for name, found in each["detail"].items() if step != REPLAY or found.get("snapshot")}
    return made


def _snapshot(text: str) -> dict[str, str]:
    """A snapshot as PostgreSQL writes it, xmin:xmax:those between. A standby's does not tell those between."""
    xmin, xmax, _between = text.split(":")
    return {"snapshot": text, "xmin": str(int(xmin)), "xmax": str(int(xmax))}
