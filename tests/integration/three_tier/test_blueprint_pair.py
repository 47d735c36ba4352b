"""Production, two cells of the blueprint that are one pair: provisioned from two empty regions and read back with boto3."""

from __future__ import annotations

import json
import typing as t

import pytest

PRODUCTION = "inventories/three_tier/production"
EAST, WEST = "production-use1", "production-usw2"
REGIONS = {EAST: "us-east-1", WEST: "us-west-2"}
NOTHING = {"add": 0, "change": 0, "remove": 0, "orphan": 0}
SHARED = {f"{EAST}-{name}" for name in ("app-database", "app-wiki", "database", "database-owner")}
#: A second application, with a secret that is generated for it.
WIKI = {"wiki": {"wsgi": "wiki:app", "port": 8001, "generated": ["SECRET_KEY"]}}
GIVEN = ("-e", json.dumps({"three_tier_applications": WIKI}))


@pytest.fixture(scope="module")
def production(operator) -> t.Any:
    """Both cells, made in one run."""
    return operator.play("site", *GIVEN, inventory=PRODUCTION, timeout=1800).ok()


def instances(api, cell: str) -> dict[str, dict[str, t.Any]]:
    found = api.client("rds", REGIONS[cell]).describe_db_instances()["DBInstances"]
    return {each["DBInstanceIdentifier"]: each for each in found}


def secrets(api, cell: str) -> dict[str, dict[str, t.Any]]:
    manager = api.client("secretsmanager", REGIONS[cell])
    return {each["Name"]: manager.describe_secret(SecretId=each["Name"]) for each in manager.list_secrets()["SecretList"]}


def reads_secrets(api, cell: str) -> dict[str, dict[str, t.Any]]:
    """The statements by which the application tier reads secrets."""
    found = api.client("iam", "us-east-1").get_role_policy(RoleName=f"{cell}-app", PolicyName="secrets")
    return {each["Sid"]: each for each in found["PolicyDocument"]["Statement"] if each["Sid"] != "Decrypt"}


def test_the_standby_alone_is_refused(api, operator):
    run = operator.play("site", "--limit", WEST, inventory=PRODUCTION)
    assert run.status == 2
    assert "provision those cells before, or in the same run" in run.output
    assert secrets(api, WEST) == {}


def test_the_database_of_the_second_region_follows(api, production):
    east, west = instances(api, EAST), instances(api, WEST)
    assert set(east) == {f"{EAST}-{name}" for name in ("main", "replica-1", "replica-2")}
    assert set(west) == {f"{WEST}-main"}, "its own replicas are made once it writes"
    assert west[f"{WEST}-main"]["ReadReplicaSourceDBInstanceIdentifier"] == east[f"{EAST}-main"]["DBInstanceArn"]
    assert f"db_instance/replica-1: it is made once main writes" in " ".join(production.output.split())


def test_the_secrets_are_replicated_but_for_the_caches(api, production):
    east, west = secrets(api, EAST), secrets(api, WEST)
    assert set(east) == SHARED | {f"{EAST}-cache"}
    assert set(west) == SHARED | {f"{WEST}-cache"}
    assert {name for name, each in west.items() if each.get("PrimaryRegion") == "us-east-1"} == SHARED
    assert "PrimaryRegion" not in west[f"{WEST}-cache"]


def test_the_machines_of_both_regions_may_read_what_they_need_and_no_more(api, production):
    east, west = reads_secrets(api, EAST), reads_secrets(api, WEST)
    where = "arn:aws:secretsmanager:{}:123456789012:secret:{}"
    assert {sid: each["Resource"] for sid, each in east.items()} == {
        "Read": [where.format("us-east-1", f"{EAST}-{name}-??????") for name in ("app-*", "cache")]
    }
    assert west["Read"]["Resource"] == [where.format("us-west-2", f"{WEST}-cache-??????")]
    replicated = west["ReadReplicated"]
    assert replicated["Resource"] == [where.format("us-west-2", "*")]
    assert replicated["Condition"] == {"StringLike": {"secretsmanager:ResourceTag/Name": [f"{EAST}-app-*"]}}
    tags = {each["Key"]: each["Value"] for each in secrets(api, WEST)[f"{EAST}-app-database"]["Tags"]}
    assert tags["Name"] == f"{EAST}-app-database"


def test_nothing_is_left_to_do(operator, production):
    run = operator.play("site", *GIVEN, "-C", inventory=PRODUCTION).ok()
    assert [run.planned(cell) for cell in REGIONS] == [NOTHING, NOTHING], run.output


def test_a_promotion_changes_nobodys_rights_and_has_the_replicas_made(api, operator, production):
    west, manager = api.client("rds", "us-west-2"), api.client("secretsmanager", "us-west-2")
    marks = [{"Key": "terrace:writer-since", "Value": "2026-11-30T12:00:00Z"}]
    before = {cell: reads_secrets(api, cell) for cell in REGIONS}
    west.promote_read_replica(DBInstanceIdentifier=f"{WEST}-main", BackupRetentionPeriod=35)
    west.add_tags_to_resource(ResourceName=instances(api, WEST)[f"{WEST}-main"]["DBInstanceArn"], Tags=marks)
    for name in SHARED:
        manager.stop_replication_to_replica(SecretId=name)
        manager.tag_resource(SecretId=name, Tags=marks)
    run = operator.play("site", *GIVEN, "-C", inventory=PRODUCTION).ok()
    assert run.planned(EAST) == NOTHING, run.output
    assert set(run.changes(WEST)) >= {"db_instance/replica-1", "db_instance/replica-2"}
    operator.play("site", *GIVEN, inventory=PRODUCTION).ok()
    assert instances(api, WEST)[f"{WEST}-replica-1"]["ReadReplicaSourceDBInstanceIdentifier"] == f"{WEST}-main"
    assert {cell: reads_secrets(api, cell) for cell in REGIONS} == before
    run = operator.play("site", *GIVEN, "-C", inventory=PRODUCTION).ok()
    assert [run.planned(cell) for cell in REGIONS] == [NOTHING, NOTHING], run.output
