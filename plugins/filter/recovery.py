# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters for pairs of cells that take over from each other."""

from __future__ import annotations

import datetime as dt
import typing as t

from ansible_collections.terrace.aws.plugins.plugin_utils import check_table
from ansible_collections.terrace.aws.plugins.plugin_utils.recovery import (
    decision,
    journal,
    missing,
    point_in_time,
    report,
    tables,
)


def recovery_pairs_told_by(pairs: dict[str, t.Any], cell: str, working: list[str]) -> list[str]:
    """The pairs this cell reports in a run: each pair is reported by the first of its cells that is still working.

    :param working: the play's hosts that have not failed
    """
    cells = {name: pair.get("cells") or [] for name, pair in (pairs or {}).items()}
    return [name for name, both in cells.items() if cell == next((each for each in both if each in working), "")]


def recovery_table(status: dict[str, t.Any]) -> str:
    """A pair's status for people."""
    if not status["primary"]:
        who = "it could not be told which cell writes"
    else:
        able = "could take over" if status["ready"] else "is not ready to take over"
        who = f"{status['primary']} writes, {status['standby']} {able}"
    lines = [
        f"{status['pair']}: {'READY' if status['ready'] else 'NOT READY'}",
        who,
        f"{status['tier']}: recovery within {status['rto_minutes']} min, at most {status['rpo_minutes']} min of writes lost",
        "",
    ]
    return "\n".join([*lines, *check_table.lines(status["checks"])])


def recovery_steps(decided: dict[str, t.Any]) -> list[str]:
    """What a failover does, for people.

    :param decided: as M(terrace.aws.recovery_decision) returns it
    """
    former, to, databases = decided["from"], decided["to"], ", ".join(decided["databases"])
    if decided["act"] == decision.NOTHING:
        lead = f"it does not say so in {decided['traffic'][to]}; have it do so again" if decided["lead_again"] else ""
        return [f"{decided['pair']}: {to} writes already, {lead or 'there is nothing to do'}"]
    if decided["act"] == decision.CALL_OFF:
        return [
            f"{decided['pair']}: call off the failover to {former}, begun at {decided['journal']['began']}",
            f"let the application in to {databases} of {to} again, which writes",
        ]
    planned = decided["mode"] == decision.PLANNED
    lines = [f"{decided['pair']}: {decided['mode']} failover from {former} to {to}"]
    if decided["journal"]:
        lines[0] += f", going on with the one begun at {decided['journal']['began']}"
    if not decided["reachable"]:
        lines.append(f"NOT fenced: {databases} of {former}, which cannot be reached")
    else:
        if decided["clients"] and decided["unfenced"] != former:
            lines.append(
                f"fence {databases} of {former}: disable all logins but the administrator's, end their sessions"
            )
        lines.append(
            f"fence {databases} of {former}: move it into the security group {decided['fence']}, which lets nobody in"
        )
    if planned:
        lines.append(f"wait until {databases} of {to} has all that {former} wrote")
    lines.append(f"promote {databases} of {to}; from here on there is no way back but another failover")
    if decided["secrets"]:
        lines.append(f"promote the secrets {', '.join(decided['secrets'])} of {to}")
    if decided["clients"]:
        lines.append(f"enable the logins of {databases} of {to}, and try to write")
    if any(decided["traffic"].values()):
        lines.append(f"have Route 53 lead clients to {to}")
    if decided["reachable"]:
        lines.append(f"stop {databases} of {former}")
    if decided["public_name"]:
        lines.append(f"wait until {decided['public_name']} leads to {to}")
    accepted = [f"accepted: {each['cell']} {each['what']}: {each['detail']}" for each in decided["checks"]]
    return [*lines, *accepted]


def recovery_journal(decided: dict[str, t.Any]) -> dict[str, t.Any]:
    """The journal to go on with: that of a failover that did not end, else a new one.

    :param decided: as M(terrace.aws.recovery_decision) returns it
    """
    if kept := decided["journal"]:
        return {**journal.plain(kept), **{word: decided[word] for word in ("mode", "unfenced", "who")}}
    return journal.begun(decided, _now())


def recovery_object(kept: dict[str, t.Any]) -> str:
    """What a journal and its report are called in the bucket, but for what they end with."""
    return journal.place(kept)


def recovery_step(kept: dict[str, t.Any], step: str, detail: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
    """A journal with a step that begins now, or that has ended now.

    :param detail: what the step found; without it the step begins
    """
    return journal.with_step(kept, step, _now(), detail)


def recovery_ended(kept: dict[str, t.Any], result: str = journal.DONE) -> dict[str, t.Any]:
    """A journal of a failover that has ended now.

    :param result: how
    """
    return journal.ended(kept, _now(), result)


def recovery_outcome(kept: dict[str, t.Any], path: str) -> list[str]:
    """How a failover ended, for people.

    :param path: where its report is
    """
    told = report.summary(kept)
    lines = [f"{told['pair']}: {told['to']} writes; the failover took {told['seconds']:g} s"]
    if told["result"] != journal.DONE:
        lines = [f"{told['pair']}: the failover to {told['to']} was {told['result']}; {told['from']} writes"]
    elif told["seconds_until_writable"] is not None:
        lines.append(f"its database could be written to after {told['seconds_until_writable']:g} s")
    if told["seconds_until_led"] is not None:
        lines.append(f"the public name led there after {told['seconds_until_led']:g} s")
    if told["estimate"] and told["result"] == journal.DONE:
        lines.append(told["estimate"])
    if told["unfenced"]:
        lines.append(f"{told['unfenced']} was NOT fenced: see that nobody writes there before it serves again")
    return [*lines, f"report: {path}"]


def recovery_report(kept: dict[str, t.Any], form: str = "json", found: dict[str, t.Any] | None = None) -> t.Any:
    """The report of a failover.

    :param form: ``json`` for its data, ``html`` for a page
    :param found: what is missing, for the page
    """
    return report.page(kept, found) if form == "html" else report.summary(kept)


def recovery_missing_noted(
    found: dict[str, t.Any] | None, compared: dict[str, t.Any], database: str, told: dict[str, t.Any]
) -> dict[str, t.Any]:
    """What is missing, with a database that is going to be compared.

    :param found: what is missing so far; empty in the beginning
    :param compared: as M(terrace.aws.recovery_comparison) returns it
    :param told: what the former primary said of itself
    """
    return missing.noted(found or missing.begun(compared, _now()), compared, database, told)


def recovery_missing_unread(counts: list[dict[str, t.Any]], name: str) -> list[str]:
    """Tables that could not be read, with why.

    :param name: the database they are in
    """
    return missing.unread(counts, name)


def recovery_missing_counted(
    found: dict[str, t.Any], database: str, name: str, counts: list[dict[str, t.Any]]
) -> dict[str, t.Any]:
    """What is missing, with the tables that are not compared.

    :param database: of the inventory
    :param name: of the database in it
    :param counts: what written_since.sql counted
    """
    return missing.counted(found, database, name, counts)


def recovery_missing_batches(counts: list[dict[str, t.Any]], size: int) -> list[list[dict[str, t.Any]]]:
    """The rows that are looked up at once, as slices of tables.

    :param counts: what written_since.sql counted
    :param size: how many rows
    """
    return missing.batches(counts, int(size))


def recovery_missing_added(
    found: dict[str, t.Any],
    database: str,
    name: str,
    rows: list[dict[str, t.Any]],
    answers: list[dict[str, t.Any]] | None,
) -> dict[str, t.Any]:
    """What is missing, with the answers to a batch.

    :param database: of the inventory
    :param name: of the database in it
    :param rows: what written_since.sql found
    :param answers: what look_up.sql said of them
    """
    return missing.added(found, database, name, rows, answers)


def recovery_missing_told(found: dict[str, t.Any], place: str) -> list[str]:
    """What is missing, for people.

    :param place: where the list is
    """
    return missing.told(found, place)


def recovery_tables_told(
    copied: list[dict[str, t.Any]], present: list[dict[str, t.Any]], recovery: dict[str, t.Any]
) -> list[str]:
    """How a copy that was restored to a point in time differs from the database, for people."""
    return tables.told(copied, present, recovery)


def recovery_point_settled(instances: list[dict[str, t.Any]], wanted: dict[str, t.Any]) -> dict[str, t.Any]:
    """What is left to do for a database that is taken back to a second.

    :param wanted: of the operator and the inventory
    """
    return point_in_time.settle(instances, journal.plain(wanted))


def recovery_point_followers(instances: list[dict[str, t.Any]], former: dict[str, t.Any], cell: str) -> list[str]:
    """The identifiers of a cell's replicas that follow an instance.

    :param former: the instance that they follow
    """
    return point_in_time.followers(instances, former, cell)


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class FilterModule:
    """Filters ``terrace.aws.*`` of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {
            "recovery_pairs_told_by": recovery_pairs_told_by,
            "recovery_table": recovery_table,
            "recovery_steps": recovery_steps,
            "recovery_journal": recovery_journal,
            "recovery_object": recovery_object,
            "recovery_step": recovery_step,
            "recovery_ended": recovery_ended,
            "recovery_outcome": recovery_outcome,
            "recovery_report": recovery_report,
            "recovery_missing_noted": recovery_missing_noted,
            "recovery_missing_unread": recovery_missing_unread,
            "recovery_missing_counted": recovery_missing_counted,
            "recovery_missing_batches": recovery_missing_batches,
            "recovery_missing_added": recovery_missing_added,
            "recovery_missing_told": recovery_missing_told,
            "recovery_tables_told": recovery_tables_told,
            "recovery_point_settled": recovery_point_settled,
            "recovery_point_followers": recovery_point_followers,
        }
