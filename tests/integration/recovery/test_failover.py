# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Failovers under a write load, with PostgreSQL that streams from one region to another."""

from __future__ import annotations

import ast
import datetime as dt
import itertools
import json
import threading
import time
from typing import Any

import pytest

from lab.process import LabError
from tests.integration.recovery.pair import EAST, WEST, Client, Pair

STEPS = [
    "fence logins",
    "fence network",
    "replay",
    "promote",
    "let in",
    "secrets",
    "traffic",
    "stop",
    "public name",
]
#: Where a run is killed: the last task of each step that changes something.
MOMENTS = (
    "fence_logins | Disable the logins",
    "fence_network | Move the databases into",
    "await_replay | Keep how far",
    "promote | Promote the replicas",
    "let_in | Enable the logins",
    "promote_secrets | Promote the secrets",
    "lead_traffic | Say that this cell writes",
    "release_traffic | Say no more that this cell writes",
    "stop_former | Stop the databases",
)
#: Where a run is killed that rebuilds a former primary.
REBUILD_MOMENTS = (
    "open_former | Start those",
    "open_former | Move those",
    "compare | Begin the list",
    "note_missing | Write the list to the bucket",
    "replace | Remove the databases",
)
rounds = itertools.count(1)


def held(pair: Pair, cell: str) -> set[int]:
    """The numbers that a cell's database has."""
    return {number for (number,) in ast.literal_eval(pair.sql(cell, "SELECT number FROM numbers"))}


def journal(pair: Pair) -> dict[str, Any]:
    """The last journal on the controller."""
    kept = [each for each in (pair.folder / "recovery/shop").glob("*.json") if not each.name.endswith("-missing.json")]
    return dict(json.loads(max(kept).read_text()))


def listed(pair: Pair) -> tuple[dict[str, Any], set[int]]:
    """The last list of missing writes on the controller, and the numbers in it."""
    path = max((pair.folder / "recovery/shop").glob("*-missing.json"))
    told = dict(json.loads(path.read_text()))
    tables = told["databases"]["main"]["tables"]
    assert {(each["database"], each["schema"], each["table"]) for each in tables} <= {("shop", "public", "numbers")}
    assert f"{told['missing']}" in path.with_name(path.name.replace("-missing.json", ".html")).read_text()
    return told, {int(each["key"]["number"]) for table in tables for each in table["keys"]}


def other(cell: str) -> str:
    return WEST if cell == EAST else EAST


def begin(pair: Pair, cell: str) -> str:
    """Begin to write numbers that nobody wrote before; the name of the log."""
    number = next(rounds)
    pair.begin_writing(cell, f"round{number}", number * 1_000_000)
    time.sleep(2)
    return f"round{number}"


def acknowledged(pair: Pair, cell: str, log: str) -> dict[int, float]:
    """The numbers that the database has acknowledged, with when; the writer ends."""
    pair.shell(cell, f"systemctl stop writer-{log}")
    said = pair.written(cell, log)
    assert said, "the writer wrote nothing"
    return {number: at for at, number, word in said if word == "ok"}


def clients(pair: Pair) -> Client:
    """Somebody outside begins to send numbers to the public name."""
    made = Client(next(rounds) * 1_000_000)
    made.start()
    pair.wait("an acknowledged write", lambda: len(made.acknowledged) > 20)
    return made


def led_to(pair: Pair, cell: str, client: Client) -> None:
    """The public name leads to a cell, and what is written there from now on is acknowledged."""
    assert pair.leads_to(cell)
    before = len(client.acknowledged)
    pair.wait("an acknowledged write", lambda: len(client.acknowledged) > before + 20)


def tell(pair: Pair, wrote: dict[int, float], lost: int) -> None:
    """Print what the failover took (pytest -s); bench/results/failover.md has it."""
    told = journal(pair)
    began = second(told["began"])
    steps = {each["step"]: second(each["ended"]) - second(each["began"]) for each in told["steps"] if each["ended"]}
    opened = next(second(each["ended"]) for each in told["steps"] if each["step"] == "let in")
    whole, last = second(told["ended"]) - began, max(at for at in wrote.values() if at < opened)
    took = ", ".join(f"{step} {seconds:.1f}" for step, seconds in steps.items())
    print(f"\n{told['mode']} failover to {told['to']}: {whole:.1f} s ({took}), writable after {opened - began:.1f} s,")
    again = min((at for at in wrote.values() if at > opened), default=0)
    print(f"{opened - last:.1f} s after the last acknowledged write there; {lost} of {len(wrote)} are lost")
    if again:
        print(f"clients wrote again {again - last:.1f} s after their last write there")


def second(when: str) -> float:
    return dt.datetime.fromisoformat(when).timestamp()


def fenced(pair: Pair, cell: str) -> None:
    """Nobody reaches the database of a former primary, and it is in the group that lets nobody in."""
    with pytest.raises(LabError):
        pair.sql(cell, "INSERT INTO numbers (number) VALUES (-1)")
    ids = [each["VpcSecurityGroupId"] for each in pair.database(cell)["VpcSecurityGroups"]]
    (group,) = pair.client("ec2", cell).describe_security_groups(GroupIds=ids)["SecurityGroups"]
    assert (group["GroupName"], group["IpPermissions"]) == (f"{cell}-nobody", [])


def nothing_differs(pair: Pair) -> None:
    told = pair.must("site", "-C")
    for cell in (EAST, WEST):
        assert f"{cell}: Plan: 0 to add, 0 to change, 0 to remove" in told, told[-3000:]
    assert "not in the inventory" not in told


def test_a_region_is_lost_under_writes(pair: Pair) -> None:
    """Every call to us-east-1 fails, those of global services with it; its database and its machine are cut off."""
    assert pair.leads_to(EAST)
    client = clients(pair)
    # It has begun when the region is lost, and is acknowledged when nobody receives it any more.
    late = "BEGIN; INSERT INTO numbers VALUES (1950000); SELECT pg_sleep(8); COMMIT"
    running = threading.Thread(target=pair.ask_alone, args=(EAST, late))
    running.start()
    time.sleep(1)
    pair.lose(EAST)
    pair.ask_alone(EAST, "INSERT INTO numbers SELECT generate_series(1900001, 1900013)")
    running.join()
    status, told = pair.fail_over(WEST, "--limit", WEST, mode="unplanned")
    assert (status, f"-e dr_failover_unfenced={EAST}" in told) == (2, True), told[-3000:]
    assert "ReadReplicaSourceDBInstanceIdentifier" in pair.database(WEST), "nothing is promoted without consent"
    machines = f"{WEST},cell_{WEST.replace('-', '_')}"
    given = ("--limit", machines, "-e", f"dr_failover_unfenced={EAST}")
    status, told = pair.fail_over(WEST, *given, mode="unplanned")
    assert status == 0, told[-6000:]
    assert f"{EAST} was NOT fenced" in told
    assert f"before {EAST} was lost may be missing on {WEST}; dr_rebuild.yml lists them" in told
    assert [each["step"] for each in journal(pair)["steps"]] == STEPS
    led_to(pair, WEST, client)
    # What is lost is the end of what the east acknowledged, and nothing before.
    wrote, there = client.end(), held(pair, WEST)
    lost = sorted(set(wrote) - there)
    tell(pair, wrote, len(lost) + 14)
    first = min(number for number, at in wrote.items() if at > second(journal(pair)["began"]))
    assert not lost or max(number for number in there if number < first) < min(lost)
    # One of them is given again by whoever sent it.
    pair.sql(WEST, "INSERT INTO numbers (number) VALUES (1900013)")
    # Where an answer was lost, the east has one more that nobody took for acknowledged; or gets it once packets reach it again.
    pair.in_flight = max(number for number in wrote if number < first) + 1
    pair.missing = {int(number) for number in pair.ask_alone(EAST, "SELECT number FROM numbers").split()} - held(
        pair, WEST
    )
    assert {*lost, *range(1900001, 1900013), 1950000} <= pair.missing
    assert len(pair.missing) <= len(lost) + 14
    assert "PrimaryRegion" not in pair.client("secretsmanager", WEST).describe_secret(SecretId=f"{EAST}-app-database")


def test_the_region_writes_again_and_nothing_is_lost(pair: Pair) -> None:
    """The former primary comes back as it was; it is rebuilt, and a planned failover leads back to it."""
    pair.find_again(EAST)
    client = clients(pair)
    given = ("-e", f"dr_rebuild_cell={EAST}", "-e", f"dr_failover_directory={pair.folder / 'recovery'}")
    status, told = pair.play("dr_failback", *given)
    assert (status, "To do this, name the cell" in " ".join(told.split())) == (2, True), told[-3000:]
    assert "ReadReplicaSourceDBInstanceIdentifier" not in pair.database(EAST)
    told = " ".join(pair.must("dr_failback", *given, "-e", f"dr_rebuild_confirm={EAST}").split())
    found, numbers = listed(pair)
    assert pair.missing <= numbers <= {*pair.missing, pair.in_flight}, "each write that is missing, and no other"
    assert (found["missing"], found["listed"]) == (len(numbers), len(numbers))
    assert f"{len(numbers)} acknowledged writes of {EAST} are missing on {WEST}: see s3://" in told
    led_to(pair, EAST, client)
    wrote = client.end()
    assert len(wrote) > 100
    assert set(wrote) <= held(pair, EAST), "an acknowledged write is lost"
    tell(pair, wrote, 0)
    told_by = journal(pair)
    assert [each["step"] for each in told_by["steps"]] == STEPS
    assert told_by["steps"][0]["detail"]["main"]["roles"] == ["application_a", "application_owner"], (
        "those who could sign in before, and nobody else"
    )
    fenced(pair, WEST)
    snapshots = pair.client("rds", EAST).describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]
    assert [each["DBInstanceIdentifier"] for each in snapshots] == [f"{EAST}-main"], "what only it had is kept"
    nothing_differs(pair)


@pytest.mark.slow
def test_a_failover_is_called_off_and_the_application_writes_again(pair: Pair) -> None:
    pair.must("dr_rebuild", "-e", f"dr_rebuild_cell={WEST}", "-e", f"dr_rebuild_confirm={WEST}")
    log = begin(pair, EAST)
    pair.killed("fence_network | Move the databases into", WEST)
    status, told = pair.fail_over(EAST)
    assert status == 0, told[-6000:]
    assert "called off" in told
    time.sleep(3)
    wrote = acknowledged(pair, EAST, log)
    assert max(wrote.values()) > time.time() - 10, "the writer does not write again"
    assert set(wrote) <= held(pair, EAST)
    nothing_differs(pair)


@pytest.mark.slow
def test_a_former_primary_that_was_fenced_and_stopped_is_compared(pair: Pair) -> None:
    """Both regions answer, and nobody waits for what the replica has not received yet. The rebuild is killed at each step."""
    if "ReadReplicaSourceDBInstanceIdentifier" not in pair.database(WEST):
        pair.must("dr_rebuild", *pair.rebuilding(WEST))
    log = begin(pair, EAST)
    status, told = pair.fail_over(WEST, mode="unplanned")
    assert status == 0, told[-6000:]
    fenced(pair, EAST)
    until = time.monotonic() + 60
    while pair.database(EAST)["DBInstanceStatus"] != "stopped":
        assert time.monotonic() < until
        time.sleep(1)
    lost = set(acknowledged(pair, EAST, log)) - held(pair, WEST)
    for moment in REBUILD_MOMENTS:
        pair.rebuild_killed(moment, EAST)
        if "Move" in moment:
            with pytest.raises(LabError):
                pair.sql(EAST, "INSERT INTO numbers (number) VALUES (-1)")
    found, numbers = listed(pair)
    assert (numbers, found["missing"]) == (lost, len(lost))
    assert found["databases"]["main"]["log_since_fence"] is not None
    told = " ".join(pair.must("dr_rebuild", *pair.rebuilding(EAST)).split())
    assert f"it has no database that is removed; {len(lost)} acknowledged writes were found missing before" in told
    assert pair.database(EAST)["ReadReplicaSourceDBInstanceIdentifier"]
    nothing_differs(pair)


@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_anywhere_it_is_gone_on_with(pair: Pair, moment: str) -> None:
    """Each failover goes the other way: after it, the former primary is rebuilt for the next one."""
    former = next(cell for cell in (EAST, WEST) if "ReadReplicaSourceDBInstanceIdentifier" not in pair.database(cell))
    to = other(former)
    if "ReadReplicaSourceDBInstanceIdentifier" not in pair.database(to):
        former = max((EAST, WEST), key=lambda cell: pair.database(cell)["DBInstanceStatus"] == "available")
        to = other(former)
        pair.must("dr_rebuild", "-e", f"dr_rebuild_cell={to}", "-e", f"dr_rebuild_confirm={to}")
    log = begin(pair, former)
    pair.killed(moment, to)
    status, told = pair.fail_over(to)
    assert status == 0, told[-6000:]
    wrote = acknowledged(pair, former, log)
    assert set(wrote) <= held(pair, to), "an acknowledged write is lost"
    fenced(pair, former)
    assert pair.client("rds", to).describe_db_instances()["DBInstances"][0]["DBInstanceIdentifier"] == f"{to}-main"
    nothing_differs(pair)


@pytest.mark.slow
@pytest.mark.parametrize("round_", range(3))
def test_to_and_fro_three_times(pair: Pair, round_: int) -> None:
    for to in (EAST, WEST):
        former = other(to)
        if "ReadReplicaSourceDBInstanceIdentifier" not in pair.database(to):
            if pair.database(to)["DBInstanceStatus"] == "available":
                continue
            pair.must("dr_rebuild", "-e", f"dr_rebuild_cell={to}", "-e", f"dr_rebuild_confirm={to}")
        log = begin(pair, former)
        status, told = pair.fail_over(to)
        assert status == 0, told[-6000:]
        assert set(acknowledged(pair, former, log)) <= held(pair, to)
        nothing_differs(pair)
