"""verify_backup.yml against an emulated API without machines: what it chooses and refuses, how copies are made and removed."""

from __future__ import annotations

import json
import os
import typing as t

import pytest
import yaml

from tests.integration.three_tier.conftest import ROOT
from tests.integration.three_tier.pairs import EAST, PAIR, WEST, nothing_differs, status

#: What every run of these tests says of the copies' names.
COPIES = {"snapshot": f"{EAST}-main-verify-snapshot", "time": f"{EAST}-main-verify-time"}


@pytest.fixture(scope="module")
def pair(api, cells) -> dict[str, t.Any]:
    cells.play("site", PAIR).ok()
    status(api, EAST, "available")
    return PAIR


@pytest.fixture(scope="module")
def snapshot(api, pair) -> str:
    rds = api.client("rds", "us-east-1")
    rds.create_db_snapshot(DBInstanceIdentifier=f"{EAST}-main", DBSnapshotIdentifier="last-night")
    return "last-night"


def verified(cells, pair, tmp_path, *words: str) -> tuple[t.Any, str]:
    """A run, and what it said on one line."""
    run = cells.play("verify_backup", pair, "-e", f"backup_check_file={tmp_path}/backups.json", *words)
    return run, " ".join(run.output.split())


def made(api) -> list[str]:
    """The calls that wrote something; locks do not count."""
    return [each for each in api.calls()["writes_by_operation"] if not each.startswith("ssm.")]


def report(tmp_path, cell: str) -> dict[str, t.Any]:
    return json.loads((tmp_path / f"backups.{cell}.json").read_text())


def failed(told: dict[str, t.Any]) -> dict[str, str]:
    return {each["what"]: each["detail"] for each in told["checks"] if each["result"] == "fail"}


def test_without_a_machine_nothing_is_made(api, cells, pair, tmp_path):
    api.reset_calls()
    run, told = verified(cells, pair, tmp_path, "--limit", EAST)
    assert (run.status, "EC2 has no running machine of the cell" in told) == (2, True), run.output
    assert made(api) == []


def test_a_check_says_what_would_be_restored_and_makes_nothing(api, cells, pair, snapshot, tmp_path):
    api.reset_calls()
    run, told = verified(cells, pair, tmp_path, "--check")
    assert run.status == 0, run.output
    assert f"the snapshot last-night as {COPIES['snapshot']}, and the point in time of now as {COPIES['time']}" in told
    assert f"{WEST}: NOTHING TO VERIFY main: passed over, it is a replica of arn:" in told
    assert made(api) == []


def test_what_cannot_be_verified_is_named(cells, pair, snapshot, tmp_path):
    run, told = verified(cells, pair, tmp_path, "--check", "--limit", WEST)
    assert (run.status, "main: passed over, it is a replica of arn:" in told) == (2, True), run.output
    run, told = verified(cells, {"lone": {"cell_region": "eu-west-1"}}, tmp_path, "--check")
    assert (run.status, "lone: NOTHING TO VERIFY" in told) == (2, True), run.output


def test_an_old_snapshot_fails(cells, pair, snapshot, tmp_path):
    run, _told = verified(cells, pair, tmp_path, "--check", "-e", "backup_check_snapshot_age=0", "--limit", EAST)
    assert run.status == 2
    assert "backup_check_snapshot_age" in run.output


def test_an_instance_of_a_copys_name_is_not_touched(api, cells, pair, snapshot, tmp_path):
    rds = api.client("rds", "us-east-1")
    group = f"{EAST}-main"
    rds.create_db_instance(
        DBInstanceIdentifier=COPIES["time"], DBInstanceClass="db.t4g.medium", Engine="postgres", AllocatedStorage=20,
        MasterUsername="somebody", MasterUserPassword="Somebody-5", DBSubnetGroupName=group,
    )  # fmt: skip
    run, _told = verified(cells, pair, tmp_path, "--limit", EAST)
    assert run.status == 2
    (what,) = failed(report(tmp_path, EAST)).items()
    assert what == (
        "main: can be copied",
        f"{COPIES['time']} is there without the tag terrace:verify: rename or remove it",
    )
    assert rds.describe_db_instances(DBInstanceIdentifier=COPIES["time"])["DBInstances"]
    rds.delete_db_instance(DBInstanceIdentifier=COPIES["time"], SkipFinalSnapshot=True)


def test_copies_are_made_beside_it_and_only_they_are_removed(api, cells, pair, snapshot, tmp_path):
    """The parts of the role that need no machine. The group is made by hand, for there is no machine to let in."""
    rds, ec2 = api.client("rds", "us-east-1"), api.client("ec2", "us-east-1")
    source = rds.describe_db_instances(DBInstanceIdentifier=f"{EAST}-main")["DBInstances"][0]
    moment = source["LatestRestorableTime"].replace(microsecond=0).isoformat()
    tags = [{"Key": "terrace:verify", "Value": EAST}]
    group = ec2.create_security_group(
        GroupName=f"terrace-verify-{EAST}", Description="copies", VpcId=source["DBSubnetGroup"]["VpcId"],
        TagSpecifications=[{"ResourceType": "security-group", "Tags": tags}],
    )["GroupId"]  # fmt: skip
    run = parts(cells, pair, tmp_path, group, moment, ["restore"])
    assert run.status == 0, run.output
    for which, ident in COPIES.items():
        copy = rds.describe_db_instances(DBInstanceIdentifier=ident)["DBInstances"][0]
        assert [each["VpcSecurityGroupId"] for each in copy["VpcSecurityGroups"]] == [group], which
        assert copy["DBSubnetGroup"]["DBSubnetGroupName"] == source["DBSubnetGroup"]["DBSubnetGroupName"]
        assert copy["DBParameterGroups"][0]["DBParameterGroupName"] == f"{EAST}-main"
        assert (copy["MultiAZ"], copy["PubliclyAccessible"], copy["DeletionProtection"]) == (False, False, False)
        found = {each["Key"]: each["Value"] for each in copy["TagList"]}
        assert found["terrace:verify"] == f"{EAST}/main"
        assert "terrace:cell" not in found
    nothing_differs(cells, pair)
    run = parts(cells, pair, tmp_path, group, moment, ["remove", "remove_group"])
    assert run.status == 0, run.output
    there = [each["DBInstanceIdentifier"] for each in rds.describe_db_instances()["DBInstances"]]
    assert there == [f"{EAST}-main"]
    assert not ec2.describe_security_groups(Filters=[{"Name": "tag:terrace:verify", "Values": ["*"]}])["SecurityGroups"]


def parts(cells, pair, tmp_path, group: str, moment: str, tasks: list[str]) -> t.Any:
    """Run task files of the role on the first cell."""
    one = "{{ __backup_check_chosen.checked.main }}"
    begin = {
        "__backup_check_now": {
            "name": "main",
            "before": "{{ __backup_check_before.main }}",
            "moment": moment,
        },
        "__backup_check_group": {"group_id": group},
    }
    given = {
        "__backup_check_one": one,
        "__backup_check_name": "main",
        "__backup_check_ids": list(COPIES.values()),
    }
    role = {"name": "terrace.aws.backup_check"}
    steps = [{"ansible.builtin.include_role": {**role, "tasks_from": each}, "vars": given} for each in tasks]
    play = {
        "hosts": EAST,
        "gather_facts": False,
        "environment": "{{ cell_environment }}",
        "roles": ["terrace.aws.cell"],
        "tasks": [{"ansible.builtin.include_role": role}, {"ansible.builtin.set_fact": begin}, *steps],
    }
    (tmp_path / "parts.yml").write_text(yaml.safe_dump([play]))
    return cells.play(os.path.relpath(tmp_path / "parts", ROOT / "playbooks"), pair, "--limit", EAST)
