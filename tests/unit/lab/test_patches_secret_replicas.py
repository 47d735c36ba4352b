"""Replicas of secrets in other regions, as AWS has them."""

from __future__ import annotations

from typing import Any

from probes import both_ways, error_code, probe

from lab.api.testing import Lab

EAST, WEST = "us-east-1", "us-west-2"


def replicated(lab: Lab, **key: str) -> tuple[Any, Any]:
    """A secret replicated to another region; clients of both."""
    east, west = (lab.client("secretsmanager", region) for region in (EAST, WEST))
    tags = [{"Key": "terrace:cell", "Value": "probe"}]
    east.create_secret(Name="probe", SecretString="first", Tags=tags)
    east.replicate_secret_to_regions(SecretId="probe", AddReplicaRegions=[{"Region": WEST, **key}])
    return east, west


@probe("secretsmanager_replicas.keys_of_replicas")
def a_replica_has_a_key_of_its_region(lab: Lab) -> None:
    keys = [lab.client("kms", WEST).create_key()["KeyMetadata"]["Arn"] for _each in range(2)]
    east, west = replicated(lab, KmsKeyId=keys[0])
    assert west.describe_secret(SecretId="probe")["KmsKeyId"] == keys[0]
    assert "KmsKeyId" not in east.describe_secret(SecretId="probe")
    [state] = east.describe_secret(SecretId="probe")["ReplicationStatus"]
    assert (state["Region"], state["KmsKeyId"], state["Status"]) == (WEST, keys[0], "InSync")
    west.update_secret(SecretId="probe", KmsKeyId=keys[1])
    assert west.describe_secret(SecretId="probe")["KmsKeyId"] == keys[1]
    assert west.get_secret_value(SecretId="probe")["SecretString"] == "first"
    refused = error_code(west.update_secret, SecretId="probe", Description="Another")
    assert refused == "InvalidParameterException"


@probe("secretsmanager_replicas.keys_of_replicas")
def a_key_of_another_region_fails_the_replication(lab: Lab) -> None:
    key = lab.client("kms", EAST).create_key()["KeyMetadata"]["Arn"]
    east, west = replicated(lab, KmsKeyId=key)
    [state] = east.describe_secret(SecretId="probe")["ReplicationStatus"]
    assert state["Status"] == "Failed"
    assert error_code(west.describe_secret, SecretId="probe") == "ResourceNotFoundException"


@probe("secretsmanager_replicas.promoted_replicas")
def a_promoted_replica_is_a_secret_of_its_own(lab: Lab) -> None:
    east, west = replicated(lab)
    before = west.describe_secret(SecretId="probe")
    assert before["PrimaryRegion"] == EAST
    assert error_code(east.stop_replication_to_replica, SecretId="probe") == "InvalidRequestException"
    assert west.stop_replication_to_replica(SecretId="probe")["ARN"] == before["ARN"]
    after = west.describe_secret(SecretId="probe")
    assert "PrimaryRegion" not in after
    assert after["Tags"] == before["Tags"]
    assert "ReplicationStatus" not in east.describe_secret(SecretId="probe")
    west.put_secret_value(SecretId="probe", SecretString="second")
    west.tag_resource(SecretId="probe", Tags=[{"Key": "terrace:writer-since", "Value": "now"}])
    assert west.get_secret_value(SecretId="probe")["SecretString"] == "second"
    assert east.get_secret_value(SecretId="probe")["SecretString"] == "first"
    assert len(east.describe_secret(SecretId="probe")["Tags"]) == 1


@probe("secretsmanager_replicas.promoted_replicas")
def the_way_back_overwrites_the_former_primary(lab: Lab) -> None:
    east, west = replicated(lab)
    west.stop_replication_to_replica(SecretId="probe")
    west.put_secret_value(SecretId="probe", SecretString="second")
    back = {"SecretId": "probe", "AddReplicaRegions": [{"Region": EAST}]}
    [state] = west.replicate_secret_to_regions(**back)["ReplicationStatus"]
    assert state["Status"] == "Failed", "there is a secret of that name"
    west.remove_regions_from_replication(SecretId="probe", RemoveReplicaRegions=[EAST])
    west.replicate_secret_to_regions(**back, ForceOverwriteReplicaSecret=True)
    assert east.describe_secret(SecretId="probe")["PrimaryRegion"] == WEST
    assert east.get_secret_value(SecretId="probe")["SecretString"] == "second"


test_as_aws_does, test_moto_still_differs = both_ways(__name__)
