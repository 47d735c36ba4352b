"""Replicas of a secret, read back with boto3."""

from __future__ import annotations

import pytest

EAST, WEST = "us-east-1", "us-west-2"


@pytest.fixture
def east(lab):
    client = lab.client("secretsmanager", EAST)
    client.create_secret(Name="one", SecretString="first")
    return client


@pytest.fixture
def west(lab, east):
    return lab.client("secretsmanager", WEST)


def replica(run, state="replica", region=WEST, **more):
    return run("secret_replica", name="one", state=state, region=region, primary_region=EAST, **more)


def test_a_replica_is_made_once_with_a_key_of_its_region(run, lab, east, west):
    keys = [lab.client("kms", WEST).create_key()["KeyMetadata"]["Arn"] for _each in range(2)]
    assert replica(run, kms_key_id=keys[0], check=True)["changed"]
    assert "ReplicationStatus" not in east.describe_secret(SecretId="one")
    made = replica(run, kms_key_id=keys[0])
    there = west.describe_secret(SecretId="one")
    assert (made["changed"], made["arn"], there["PrimaryRegion"]) == (True, there["ARN"], EAST)
    assert there["KmsKeyId"] == keys[0]
    assert not replica(run, kms_key_id=keys[0])["changed"]
    assert replica(run, kms_key_id=keys[1])["changed"], "the key is changed where the replica is"
    assert west.describe_secret(SecretId="one")["KmsKeyId"] == keys[1]
    east.put_secret_value(SecretId="one", SecretString="second")
    assert west.get_secret_value(SecretId="one")["SecretString"] == "second"


def test_a_promotion_needs_no_other_region(run, lab, east, west):
    replica(run)
    lab.faults(rate=1, kinds=["error"], services=["secretsmanager"], regions=[EAST])
    assert run("secret_replica", name="one", state="standalone", region=WEST)["changed"]
    lab.faults(rate=0)
    assert "PrimaryRegion" not in west.describe_secret(SecretId="one")
    assert not run("secret_replica", name="one", state="standalone", region=WEST)["changed"]
    assert not replica(run, state="absent")["changed"], "what is no replica is not removed"


def test_what_another_secret_holds_is_lost_only_where_that_is_said(run, east, west):
    west.create_secret(Name="one", SecretString="of its own")
    assert "what it holds would be lost" in replica(run)["msg"]
    assert west.get_secret_value(SecretId="one")["SecretString"] == "of its own"
    assert replica(run, overwrite=True)["changed"]
    assert west.get_secret_value(SecretId="one")["SecretString"] == "first"


def test_the_replicas_of_a_primary_become_secrets_of_their_own(run, east, west):
    replica(run)
    marks = {"terrace:writer-since": "2026-12-01T00:00:00Z"}
    assert run("secret_replica", name="one", state="standalone", region=EAST, tags=marks)["changed"]
    assert west.describe_secret(SecretId="one")["Tags"] == [{"Key": key, "Value": marks[key]} for key in marks]
    assert not east.describe_secret(SecretId="one").get("Tags")
    assert "PrimaryRegion" not in west.describe_secret(SecretId="one")
    assert "ReplicationStatus" not in east.describe_secret(SecretId="one")
    east.delete_secret(SecretId="one", ForceDeleteWithoutRecovery=True)
    assert west.get_secret_value(SecretId="one")["SecretString"] == "first"


def test_a_replica_is_removed_at_its_primary(run, lab, east, west):
    replica(run)
    assert replica(run, state="absent")["changed"]
    assert west.list_secrets()["SecretList"] == []
    assert east.get_secret_value(SecretId="one")["SecretString"] == "first"


def test_a_replication_that_fails_says_why(run, lab, east, west):
    key = lab.client("kms", EAST).create_key()["KeyMetadata"]["Arn"]
    assert f"KMS key {key} not found in region {WEST}" in replica(run, kms_key_id=key)["msg"]
    lab.reset_calls()
    assert replica(run)["changed"], "what failed is removed and asked for anew"
    assert lab.calls()["writes_by_operation"] == {
        "secretsmanager.RemoveRegionsFromReplication": 1,
        "secretsmanager.ReplicateSecretToRegions": 1,
    }
    assert len(east.describe_secret(SecretId="one")["ReplicationStatus"]) == 1
    assert west.get_secret_value(SecretId="one")["SecretString"] == "first"


def test_a_replica_of_a_third_region_is_left_alone(run, lab, east, west):
    replica(run)
    lab.client("secretsmanager", "eu-west-1").create_secret(Name="one", SecretString="third")
    told = run("secret_replica", name="one", region=WEST, primary_region="eu-west-1")
    assert "is a replica of us-east-1, not of eu-west-1" in told["msg"]
