"""A database is taken back to a second: what is refused before anything is made, and what a rehearsal says."""

from __future__ import annotations

import copy
import datetime as dt

import pytest

from tests.integration.three_tier.pairs import EAST, PAIR, WEST

EARLIER = "2026-11-01T00:00:00Z"


@pytest.fixture(scope="module")
def pair(api, operator, tmp_path_factory):
    """Both cells, provisioned; ``play`` runs the playbook on them."""
    from .conftest import Cells

    api.reset()
    cells = Cells(operator, tmp_path_factory.mktemp("recover") / "hosts.yml")
    cells.play("site", PAIR).ok()
    return cells


def given(**options: str) -> list[str]:
    known = {"cell": EAST} | options
    return [word for name, value in known.items() for word in ("-e", f"database_recovery_{name}={value}")]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"cell": ""}, "name the cell whose database is recovered"),
        ({}, "say to which second it is recovered"),
        ({"time": "yesterday"}, "say to which second it is recovered"),
        ({"time": "2026-12-01T02:59:07"}, "say to which second it is recovered"),
        ({"time": "2999-01-01T00:00:00Z"}, "is not yet past"),
        ({"time": EARLIER, "name": "orders"}, "database_instances has no orders"),
        ({"time": "latest", "confirm": "main"}, "only in a run that names its time"),
        ({"time": EARLIER, "confirm": "orders"}, "database_recovery_confirm is not main"),
        ({"time": EARLIER, "cell": WEST}, f"{EAST} writes; recover the database there"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_written(pair, api, options, said):
    api.reset_calls()
    run = pair.play("recover_database", PAIR, *given(**options))
    assert run.status == 2, run.output
    told = " ".join(run.output.split())
    assert "Nothing was changed: " in told
    assert said in told
    writes = {name for name in api.calls()["writes_by_operation"] if not name.startswith(("ssm.", "sts."))}
    assert writes == set()


def test_a_replica_that_no_cell_of_the_run_holds_is_refused(pair, api):
    now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    run = pair.play("recover_database", PAIR, *given(time=now, confirm="main"), "--limit", EAST)
    assert run.status == 2, run.output
    assert f"{WEST}-main follows {EAST}-main, is to follow the copy, and is in no cell of this run" in " ".join(
        run.output.split()
    )


def test_a_rehearsal_says_what_would_be_done_and_does_nothing(pair, api):
    api.reset_calls()
    run = pair.play("recover_database", PAIR, *given(time="latest"), "--check").ok()
    assert f"{EAST}-main is restored to" in " ".join(run.output.split())
    assert not [each for each in api.calls()["writes_by_operation"] if each.startswith("rds.")]


def test_a_database_without_backups_is_refused(pair, api):
    without = copy.deepcopy(PAIR)
    api.client("rds", "us-east-1").modify_db_instance(
        DBInstanceIdentifier=f"{EAST}-main", BackupRetentionPeriod=0, ApplyImmediately=True
    )
    try:
        run = pair.play("recover_database", without, *given(time="latest"))
    finally:
        api.client("rds", "us-east-1").modify_db_instance(
            DBInstanceIdentifier=f"{EAST}-main", BackupRetentionPeriod=3, ApplyImmediately=True
        )
    assert run.status == 2, run.output
    assert f"{EAST}-main keeps no backups" in " ".join(run.output.split())
