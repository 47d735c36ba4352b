# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters for the verification of backups."""

from __future__ import annotations

import datetime as dt
import typing as t

from ansible_collections.terrace.aws.plugins.plugin_utils import check_table
from ansible_collections.terrace.aws.plugins.plugin_utils.recovery import backups, checksums


def backup_check_selected(
    entries: dict[str, t.Any], instances: dict[str, t.Any], former: list[str], writer: str
) -> dict[str, t.Any]:
    """The databases of a cell that are verified, and why others are not.

    :param instances: as they are, by name
    :param former: names of those that wrote before another cell's did
    :param writer: that cell
    """
    return backups.selected(entries, instances, former, writer)


def backup_check_before(
    checked: dict[str, t.Any],
    instances: list[dict[str, t.Any]],
    snapshots: list[dict[str, t.Any]],
    hours: int,
    seconds: int,
) -> dict[str, t.Any]:
    """What is asked of databases before anything is made, by name.

    :param instances: those of the region
    :param snapshots: those of the databases
    :param hours: how old the newest snapshot may be
    :param seconds: how far behind the latest restorable time may be
    """
    return backups.before(checked, instances, snapshots, (int(hours), int(seconds)), _now())


def backup_check_reached(source: dict[str, t.Any], moment: str) -> bool:
    """Whether an instance can be restored to a moment already."""
    return backups.reached(source, moment)


def backup_check_ended(instances: list[dict[str, t.Any]]) -> list[str]:
    """The identifiers of instances that came up, or failed to."""
    return backups.ended(instances)


def backup_check_sizes(content: dict[str, list[dict[str, t.Any]]]) -> dict[str, dict[str, dict[str, int]]]:
    """How many buckets each table has, by database, schema and table."""
    return {database: checksums.sizes(found) for database, found in content.items()}


def backup_check_ours(instances: list[dict[str, t.Any]]) -> list[str]:
    """The identifiers of instances that a verification made."""
    return backups.ours(instances)


def backup_check_report(
    found: list[dict[str, t.Any]],
    cell: str,
    chosen: dict[str, t.Any],
    before: dict[str, t.Any],
    problem: str,
    minutes: int,
    skipped: list[str],
) -> dict[str, t.Any]:
    """Whether the backups of a cell's databases can be restored, check by check.

    :param chosen: the databases that are verified, and why others are not
    :param before: what was asked before anything was made
    :param problem: why the run ended early, or empty
    :param minutes: how long a copy may take to come up; 0 for as long as it does
    :param skipped: full names of tables that need not be read
    """
    return backups.report(cell, chosen, before, found, problem, (int(minutes), skipped), _now())


def backup_check_table(report: dict[str, t.Any]) -> str:
    """A report for people."""
    nothing = not report["checks"]
    lines = [
        f"{report['cell']}: {'NOTHING TO VERIFY' if nothing else 'VERIFIED' if report['passed'] else 'NOT VERIFIED'}"
    ]
    lines += [f"{name}: passed over, {why}" for name, why in report["passed_over"].items()]
    return "\n".join([*lines, "", *check_table.lines(report["checks"])])


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat()


class FilterModule:
    """Filters ``terrace.aws.*`` of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {
            "backup_check_selected": backup_check_selected,
            "backup_check_before": backup_check_before,
            "backup_check_reached": backup_check_reached,
            "backup_check_ended": backup_check_ended,
            "backup_check_sizes": backup_check_sizes,
            "backup_check_ours": backup_check_ours,
            "backup_check_report": backup_check_report,
            "backup_check_table": backup_check_table,
        }
