"""A database is taken back to a second: what is refused before anything is made, and what a rehearsal says."""

from __future__ import annotations

import copy
import datetime as dt
import json
import os
import shlex
import time

import pytest
import yaml

from tests.integration.three_tier.conftest import ROOT
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
    assert f":db:{WEST}-main follows {EAST}-main, is to follow the copy, and is in no cell of this run" in " ".join(
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


@pytest.fixture
def on_cells(pair, tmp_path):
    """``run(*options, machines=…, between=…)``: the playbook's part on cells, as if a machine of the application answered or not;
    ``between`` is a command that is run before the cells are held."""  # fmt: skip

    def run(*options: str, machines: bool = True, between: str = "true", inventory=PAIR):
        plays = yaml.safe_load((ROOT / "playbooks/recover_database.yml").read_text())
        kept = [play for play in plays if play.get("hosts") == plays[0]["hosts"]]
        there = [{"ansible.builtin.command": between, "delegate_to": "localhost"}]
        there += [{"ansible.builtin.add_host": {"name": "client", "groups": "recovery_client"}}] if machines else []
        here = {"hosts": EAST, "gather_facts": False, "tasks": there}
        path = tmp_path / "cells.yml"
        path.write_text(yaml.safe_dump([kept[0], here, *kept[1:]]))
        name = os.path.relpath(path.with_suffix(""), ROOT / "playbooks")
        return pair.play(name, inventory, *given(**dict(each.split("=") for each in options)))

    return run


def databases(api, region: str) -> dict[str, dict]:
    found = api.client("rds", region).describe_db_instances()["DBInstances"]
    return {each["DBInstanceIdentifier"]: each for each in found}


def a_moment(api) -> str:
    """A second that the database can be restored to."""
    until = time.monotonic() + 30
    wanted = dt.datetime.now(dt.UTC).replace(microsecond=0) + dt.timedelta(seconds=1)
    while (databases(api, "us-east-1")[f"{EAST}-main"].get("LatestRestorableTime") or wanted) <= wanted:
        assert time.monotonic() < until
        time.sleep(0.2)
    return wanted.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_nothing_is_exchanged_where_nobody_can_be_shut_out(api, on_cells):
    run = on_cells(f"time={a_moment(api)}", "confirm=main", machines=False)
    assert (run.status, "no machine of tier_app answers" in " ".join(run.output.split())) == (2, True), run.output
    there = databases(api, "us-east-1")
    assert set(there) == {f"{EAST}-main", f"{EAST}-main-restored"}
    tags = {tag["Key"]: tag["Value"] for tag in there[f"{EAST}-main-restored"]["TagList"]}
    assert ("terrace:cell" in tags, tags["terrace:restored-for"]) == (False, f"{EAST}/main")
    at = tags["terrace:restored-to"]
    run = on_cells("time=2026-11-30T00:00:00Z")
    assert f"a recovery of {EAST}-main to {at} has begun; finish it with that time" in " ".join(run.output.split())


def test_nothing_is_exchanged_while_somebody_works_on_the_pair(api, on_cells):
    """A failover to the other region holds its lock there."""
    there = databases(api, "us-east-1")[f"{EAST}-main-restored"]
    at = {tag["Key"]: tag["Value"] for tag in there["TagList"]}["terrace:restored-to"]
    owner = {"name": "ann@elsewhere", "since": "2026-12-01T08:00:00+00:00", "expires": "2999-01-01T00:00:00+00:00"}
    ssm, name = api.client("ssm", "us-west-2"), f"/terrace/locks/recovery/shop/{WEST}"
    ssm.put_parameter(Name=name, Value=json.dumps({**owner, "token": "0123"}), Type="String")
    run = on_cells(f"time={at}", "confirm=main")
    ssm.delete_parameter(Name=name)
    assert (run.status, "ann@elsewhere has been working on it" in " ".join(run.output.split())) == (2, True), run.output
    assert set(databases(api, "us-east-1")) == {f"{EAST}-main", f"{EAST}-main-restored"}


def test_a_cell_that_was_failed_over_to_meanwhile_is_left_alone(api, on_cells):
    """The pair is failed over while the copy is made: what follows then writes, and must not be removed."""
    there = databases(api, "us-east-1")[f"{EAST}-main-restored"]
    at = {tag["Key"]: tag["Value"] for tag in there["TagList"]}["terrace:restored-to"]
    code = f"from lab.api.testing import Lab; rds = Lab('{api.url}', 0, 0).client('rds', 'us-west-2');"
    code += f" rds.promote_read_replica(DBInstanceIdentifier='{WEST}-main');"
    arn = databases(api, "us-west-2")[f"{WEST}-main"]["DBInstanceArn"]
    mark = "[{'Key': 'terrace:writer-since', 'Value': '2999-01-01T00:00:00Z'}]"
    code += f" rds.add_tags_to_resource(ResourceName='{arn}', Tags={mark})"
    script = f"env PYTHONPATH={ROOT} {ROOT}/.venv/bin/python -c {shlex.quote(code)}"
    run = on_cells(f"time={at}", "confirm=main", between=script)
    assert (run.status, f"{WEST} writes now" in " ".join(run.output.split())) == (2, True), run.output
    assert set(databases(api, "us-west-2")) == {f"{WEST}-main"}
    assert set(databases(api, "us-east-1")) == {f"{EAST}-main", f"{EAST}-main-restored"}


def test_every_replica_follows_what_took_the_place(api, pair, on_cells):
    """One in the same cell too; what else differs from an inventory stays as it is."""
    for region, name in (("us-west-2", f"{WEST}-main"), ("us-east-1", f"{EAST}-main-restored")):
        api.client("rds", region).delete_db_instance(DBInstanceIdentifier=name, SkipFinalSnapshot=True)
    reader = {
        "source": "main",
        "instance_class": "db.t4g.medium",
        "security_groups": ["database"],
        "deletion_protection": False,
    }
    cells = copy.deepcopy(PAIR)
    cells[EAST]["database_instances"]["reader"] = reader
    pair.play("site", cells).ok()
    later = copy.deepcopy(cells)
    later[WEST]["keys_kms"]["other"] = {"description": "Not for this run"}
    at = a_moment(api)
    on_cells(f"time={at}", "confirm=main", inventory=later).ok()
    there, far = databases(api, "us-east-1"), databases(api, "us-west-2")
    former = f"{EAST}-main-f{''.join(letter for letter in at if letter.isdigit())}"
    assert set(there) == {f"{EAST}-main", f"{EAST}-reader", former}
    assert (there[former]["DBInstanceStatus"], there[former]["ReadReplicaDBInstanceIdentifiers"]) == ("stopped", [])
    assert there[f"{EAST}-reader"]["ReadReplicaSourceDBInstanceIdentifier"] == f"{EAST}-main"
    assert far[f"{WEST}-main"]["ReadReplicaSourceDBInstanceIdentifier"] == there[f"{EAST}-main"]["DBInstanceArn"]
    run = pair.play("site", later, "--check").ok()
    assert (run.planned(EAST)["add"], run.planned(EAST)["change"], run.planned(EAST)["orphan"]) == (0, 0, 0), run.output
    assert set(run.changes(WEST)) == {"kms_key/other"} or set(run.changes(WEST)) == {"kms_key/other", "kms_alias/other"}
    run = on_cells(f"time={at}", "confirm=main", inventory=cells).ok()
    assert "was recovered to" in " ".join(run.output.split())
