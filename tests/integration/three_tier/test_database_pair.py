"""One database in two regions, and its secret: which of the two writes is read from AWS, whatever happened to them."""

from __future__ import annotations

import json
import typing as t

import pytest

from tests.integration.three_tier.pairs import (
    EAST,
    NOTHING,
    PAIR,
    REGIONS,
    WEST,
    instance,
    lag,
    nothing_differs,
    secret,
    status,
)


@pytest.fixture(scope="module")
def pair(api, cells) -> dict[str, t.Any]:
    """Both cells in one run, from two empty regions, with an instance that takes a while."""
    api.delays(rds=2)
    cells.play("site", PAIR).ok()
    return PAIR


def test_a_replica_is_not_awaited_where_nobody_makes_its_source(api, cells):
    run = cells.play("site", PAIR, "--limit", WEST)
    assert run.status == 2
    assert f"db_instance/{EAST}/main" in run.output
    assert "provision those cells before, or in the same run" in run.output
    assert (
        api.client("ec2", "us-west-2").describe_vpcs(Filters=[{"Name": "tag:terrace:cell", "Values": [WEST]}])["Vpcs"]
        == []
    )


def test_a_pair_is_in_two_regions(cells):
    same = {EAST: PAIR[EAST], WEST: {**PAIR[WEST], "cell_region": "us-east-1"}}
    run = cells.play("site", same, "-C")
    assert run.status == 2
    assert f"database_instances.main.counterpart: {WEST}/main is in us-east-1 as well" in " ".join(run.output.split())


def test_a_cell_of_a_pair_is_called_as_in_the_inventory(cells):
    other = {EAST: PAIR[EAST], WEST: {**PAIR[WEST], "cell_name": "west"}}
    run = cells.play("site", other, "-C")
    assert run.status == 2
    assert "leave cell_name out of both" in " ".join(run.output.split())


def test_the_second_region_follows_the_first(api, cells, pair):
    primary, replica = instance(api, EAST), instance(api, WEST)
    assert replica["ReadReplicaSourceDBInstanceIdentifier"] == primary["DBInstanceArn"]
    assert "ReadReplicaSourceDBInstanceIdentifier" not in primary
    aliases = {each["AliasName"]: each for each in api.client("kms", "us-west-2").list_aliases()["Aliases"]}
    assert replica["KmsKeyId"].endswith(aliases[f"alias/{WEST}-data"]["TargetKeyId"])
    assert replica["DBSubnetGroup"]["DBSubnetGroupName"] == f"{WEST}-main"
    assert replica["DBParameterGroups"][0]["DBParameterGroupName"] == f"{WEST}-main"
    nothing_differs(cells, pair)


def test_the_second_region_has_the_same_secret(api, cells, pair):
    primary, replica = secret(api, EAST), secret(api, WEST)
    assert (replica["PrimaryRegion"], replica["value"]) == ("us-east-1", primary["value"])
    aliases = {each["AliasName"]: each for each in api.client("kms", "us-west-2").list_aliases()["Aliases"]}
    assert replica["KmsKeyId"].endswith(aliases[f"alias/{WEST}-data"]["TargetKeyId"])
    own = api.client("secretsmanager", "us-west-2").describe_secret(SecretId=f"{WEST}-cache")
    assert "PrimaryRegion" not in own, "what is not said to be shared is a cell's own"


def test_every_module_says_the_same(api, cells, pair):
    api.reset_calls()
    run = cells.play("site", pair, "-e", "terrace_trust_plan=false").ok()
    assert [run.planned(name) for name in pair] == [NOTHING, NOTHING]
    assert not {"rds:ModifyDBInstance", "rds:PromoteReadReplica"} & set(api.calls()["writes_by_operation"])


def test_a_change_is_made_at_a_replica_too(api, cells, pair):
    changed = {
        name: {**each, "database_instances": {"main": {**each["database_instances"]["main"]}}}
        for name, each in pair.items()
    }
    for each in changed.values():
        each["database_instances"]["main"]["backup_window"] = "05:00-06:00"
        each["database_instances"]["main"]["instance_class"] = "db.m6g.large"
        each["database_instances"]["main"]["apply_immediately"] = True
    run = cells.play("site", changed, "-C").ok()
    assert set(run.changes(EAST)["db_instance/main"]["fields"]) == {"instance_class", "backup_window"}
    assert set(run.changes(WEST)["db_instance/main"]["fields"]) == {"instance_class"}, "the window is its source's"
    cells.play("site", changed).ok()
    nothing_differs(cells, changed)
    cells.play("site", pair).ok()


def status_of(cells, pair, tmp_path, *words: str) -> tuple[int, dict[str, t.Any]]:
    """The exit status of dr_status.yml, and its report."""
    run = cells.play("dr_status", pair, "-e", f"dr_status_report={tmp_path}/report.json", *words)
    assert (tmp_path / "report.shop.json").exists(), run.output
    return run.status, json.loads((tmp_path / "report.shop.json").read_text())


def answers(report: dict[str, t.Any], result: str) -> dict[str, str]:
    return {check["what"]: check["detail"] for check in report["checks"] if check["result"] == result}


def test_the_second_region_is_ready_only_where_that_is_known(api, cells, pair, tmp_path):
    status, report = status_of(cells, pair, tmp_path)
    assert (status, report["ready"], report["primary"], report["standby"]) == (2, False, EAST, WEST)
    assert list(answers(report, "unknown")) == ["database main lags less than the recovery point"]
    assert answers(report, "fail") == {}
    lag(api, 3, minutes_ago=2)
    status, report = status_of(cells, pair, tmp_path)
    assert (status, report["ready"], answers(report, "unknown")) == (0, True, {})
    assert answers(report, "pass")["database main lags less than the recovery point"] == "3 s of 900 s"
    assert {"secret database is replicated", "key data is usable"} <= set(answers(report, "pass"))
    lone = {"lone": {"cell_region": "eu-west-1"}}
    assert cells.play("dr_status", pair | lone).status == 0, "a cell without a pair has nothing to be ready for"
    nothing = cells.play("dr_status", lone)
    assert (nothing.status, "so nothing was looked at" in nothing.output) == (2, True)
    status, report = status_of(cells, pair, tmp_path, "--limit", WEST)
    assert (status, list(answers(report, "unknown"))) == (2, ["it is as its inventory says"])


def test_what_is_missing_in_the_second_region_is_named(api, cells, pair, tmp_path):
    lag(api, 1000, minutes_ago=1)
    api.client("secretsmanager", "us-east-1").remove_regions_from_replication(
        SecretId=f"{EAST}-database", RemoveReplicaRegions=["us-west-2"]
    )
    run = cells.play("dr_status", pair, "-e", f"dr_status_report={tmp_path}/report.json")
    report = json.loads((tmp_path / "report.shop.json").read_text())
    assert (run.status, report["ready"]) == (2, False)
    assert answers(report, "fail") == {
        "database main lags less than the recovery point": "1000 s of 900 s",
        "secret database is replicated": "there is no such secret",
        "it is as its inventory says": "1 to add",
    }
    assert "shop: NOT READY" in run.output
    cells.play("site", pair).ok()
    lag(api, 0)
    assert status_of(cells, pair, tmp_path)[0] == 0


def kept(api) -> dict[str, t.Any]:
    """The status that was kept in the west."""
    s3 = api.client("s3", "us-west-2")
    found = s3.get_object(Bucket=f"{WEST}-journal-123456789012", Key="recovery/shop.status.json")
    return json.loads(found["Body"].read())


def test_a_region_that_is_lost_is_unknown_and_its_replica_is_looked_at(api, cells, pair, tmp_path):
    """What was kept of it before is worth more than that, and stays."""
    keep = ("-e", "dr_status_keep=true")
    assert status_of(cells, pair, tmp_path, *keep)[0] == 0
    before = kept(api)
    api.faults(rate=1, kinds=["error"], regions=["us-east-1"])
    try:
        status, report = status_of(cells, pair, tmp_path, "--limit", WEST, *keep)
    finally:
        api.faults(rate=0)
    assert (before["ready"], kept(api)) == (True, before)
    assert (status, report["primary"], report["standby"], report["ready"]) == (2, EAST, WEST, False)
    assert "the region answers" in answers(report, "unknown")
    assert answers(report, "pass")["database main is replicated"] == "replicating"


def test_a_promotion_changes_no_inventory(api, cells, pair):
    """As after the loss of the first region: it is promoted there, and the former primary comes back as it was."""
    west = api.client("rds", "us-west-2")
    west.promote_read_replica(DBInstanceIdentifier=f"{WEST}-main", BackupRetentionPeriod=3)
    marks = [{"Key": "terrace:writer-since", "Value": "2026-11-30T12:00:00Z"}]
    west.add_tags_to_resource(ResourceName=instance(api, WEST)["DBInstanceArn"], Tags=marks)
    status(api, WEST, "available")
    manager = api.client("secretsmanager", "us-west-2")
    manager.stop_replication_to_replica(SecretId=f"{EAST}-database")
    manager.tag_resource(SecretId=f"{EAST}-database", Tags=marks)
    said = nothing_differs(cells, pair)
    assert f"{WEST}/main was promoted at 2026-11-30T12:00:00Z and writes since then" in " ".join(said.split())
    api.client("rds", "us-east-1").stop_db_instance(DBInstanceIdentifier=f"{EAST}-main")
    status(api, EAST, "stopped")
    nothing_differs(cells, pair)
    cells.play("site", pair).ok()
    assert secret(api, WEST)["Tags"] == secret(api, EAST)["Tags"] + marks
    assert instance(api, EAST)["DBInstanceStatus"] == "stopped", "the former primary is not started again"
    assert {"Key": "terrace:writer-since", "Value": "2026-11-30T12:00:00Z"} in instance(api, WEST)["TagList"]


def test_the_other_region_may_be_out_of_reach(api, cells, pair):
    api.faults(rate=1, kinds=["error"], services=["rds", "secretsmanager"], regions=["us-east-1"])
    try:
        run = cells.play("site", pair, "-C", "--limit", WEST).ok()
    finally:
        api.faults(rate=0)
    assert run.planned(WEST) == NOTHING
    assert f"{EAST}/main could not be read" in run.output


def test_what_is_gone_is_made_anew_as_a_replica(api, cells, pair):
    east = api.client("rds", "us-east-1")
    east.start_db_instance(DBInstanceIdentifier=f"{EAST}-main")
    status(api, EAST, "available")
    east.delete_db_instance(DBInstanceIdentifier=f"{EAST}-main", SkipFinalSnapshot=True)
    run = cells.play("site", pair).ok()
    assert instance(api, EAST)["ReadReplicaSourceDBInstanceIdentifier"] == instance(api, WEST)["DBInstanceArn"]
    assert run.changes(EAST)["db_instance/main"]["action"] == "create"
    nothing_differs(cells, pair)


def test_a_former_primary_is_replicated_from_the_other_region_once_it_is_gone(api, cells, pair):
    before = secret(api, WEST)["value"]
    api.client("secretsmanager", "us-east-1").delete_secret(
        SecretId=f"{EAST}-database", ForceDeleteWithoutRecovery=True
    )
    cells.play("site", pair).ok()
    assert secret(api, EAST)["PrimaryRegion"] == "us-west-2"
    assert secret(api, EAST)["value"] == secret(api, WEST)["value"] == before
    nothing_differs(cells, pair)


def test_both_regions_are_destroyed(api, cells, pair):
    for name in (EAST, WEST):
        words = [
            "-e",
            f"destroy_confirm={name}",
            "-e",
            "terrace_allow_data_loss=*",
            "-e",
            "database_skip_final_snapshot=true",
        ]
        cells.play("destroy_cell", pair, "--limit", name, *words).ok()
        assert api.client("rds", REGIONS[name]).describe_db_instances()["DBInstances"] == []
        assert api.client("secretsmanager", REGIONS[name]).list_secrets()["SecretList"] == []
