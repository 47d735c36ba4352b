# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups of a database on real machines: restored beside it while it is written to, compared with it, and removed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lab.machines.machine import Machine
from tests.integration.recovery.pair import EAST, REGIONS, Pair

COPIES = {which: f"{EAST}-main-verify-{which}" for which in ("snapshot", "time")}
ONLY = ("--limit", f"{EAST},cell_{EAST.replace('-', '_')}")


def verify(
    pair: Pair, *arguments: str, then: tuple[str, Callable[[], None]] | None = None
) -> tuple[int, dict[str, Any], str]:
    """Run verify_backup.yml on the first cell: its status, its report, and what it said.

    :param then: what is done when a task begins
    """
    words = ("verify_backup", *ONLY, "-e", f"backup_check_file={pair.folder}/backups.json", *arguments)
    status, output = pair.paused_at(*then, *words) if then else pair.play(*words)
    path = pair.folder / f"backups.{EAST}.json"
    assert path.exists(), output[-6000:]
    return status, json.loads(path.read_text()), output


def bad(report: dict[str, Any]) -> dict[str, str]:
    return {each["what"]: each["detail"] for each in report["checks"] if each["result"] in ("fail", "unknown")}


def made(pair: Pair) -> list[str]:
    """What a verification makes and is there: copies, its security group, and whether a machine is in more than one."""
    instances = pair.client("rds", EAST).describe_db_instances()["DBInstances"]
    filters = [{"Name": "tag:terrace:verify", "Values": ["*"]}]
    groups = pair.client("ec2", EAST).describe_security_groups(Filters=filters)["SecurityGroups"]
    machines = pair.client("ec2", EAST).describe_instances()["Reservations"]
    return [
        *(each["DBInstanceIdentifier"] for each in instances if "-verify-" in each["DBInstanceIdentifier"]),
        *(each["GroupName"] for each in groups),
        *(one["InstanceId"] for each in machines for one in each["Instances"] if len(one["SecurityGroups"]) > 1),
    ]


@pytest.fixture(scope="module")
def written(pair: Pair) -> Iterator[str]:
    """Rows, a snapshot that has some of them, and somebody who goes on writing."""
    pair.sql(
        EAST,
        "CREATE TABLE kept (id int PRIMARY KEY, v text); INSERT INTO kept SELECT n, 'v' FROM generate_series(1, 5000) AS n",
        secret="owner",
    )
    rds = pair.client("rds", EAST)
    rds.create_db_snapshot(DBInstanceIdentifier=f"{EAST}-main", DBSnapshotIdentifier="by-hand")
    rds.get_waiter("db_snapshot_available").wait(DBSnapshotIdentifier="by-hand", WaiterConfig={"Delay": 1})
    pair.sql(EAST, "CREATE TABLE later (id int)", secret="owner")
    pair.begin_writing(EAST, "backups", 50_000_000)
    yield "by-hand"
    pair.shell(EAST, "systemctl stop writer-backups")
    pair.sql(EAST, "DROP TABLE kept, later", secret="owner")
    rds.delete_db_snapshot(DBSnapshotIdentifier="by-hand")


def test_both_copies_hold_what_the_database_held(pair: Pair, written: str) -> None:
    status, report, output = verify(pair, "-e", "backup_check_recovery_time=10")
    assert (status, bad(report)) == (0, {}), output[-6000:]
    assert f"{EAST}: VERIFIED" in output
    told = report["databases"]["main"]
    assert told["snapshot"] == written
    tables = {each["table"]: each for each in told["tables"]["time"]}
    assert (tables["shop.public.kept"]["compared"], tables["shop.public.kept"]["result"]) == (5000, "same")
    assert tables["shop.public.numbers"]["changed"] > 0
    older = {each["table"]: each for each in told["tables"]["snapshot"]}
    assert (older["shop.public.kept"]["copied"], older["shop.public.later"]["result"]) == (5000, "missing")
    assert set(told["seconds"]) == set(COPIES)
    assert made(pair) == []


def test_a_copy_that_lacks_rows_fails(pair: Pair, written: str) -> None:
    """Somebody removes a row from the copy before it is read, as a backup could lack it."""
    name = f"rds-123456789012-{REGIONS[EAST]}-{COPIES['time']}-0"
    node = Machine(name, pair.state / "services" / name)

    def remove() -> None:
        told = pair.ask_node(node, "SET row_security = off; DELETE FROM kept WHERE id = 77 RETURNING id;")
        assert told.strip() == "77"

    status, report, output = verify(pair, then=("restore | Note how long both took", remove))
    assert status == 2, output[-6000:]
    assert "differs in shop.public.kept" in bad(report)["main: copy of the point in time holds what the database held"]
    assert made(pair) == []


def test_a_run_that_was_killed_is_cleared_by_the_next(pair: Pair, written: str) -> None:
    pair.killed_at("restore | Restore to the moment", "verify_backup", *ONLY)
    assert set(COPIES.values()) <= set(made(pair))
    status, report, output = verify(pair)
    assert (status, bad(report)) == (0, {}), output[-6000:]
    assert made(pair) == []


def test_nothing_differs_afterwards(pair: Pair) -> None:
    told = pair.must("site", "-C", "--limit", EAST)
    assert f"{EAST}: Plan: 0 to add, 0 to change, 0 to remove" in told, told[-3000:]
    assert "not in the inventory" not in told
