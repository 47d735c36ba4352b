"""RDS as AWS has it: fields, states, pending changes, replicas, groups."""

from __future__ import annotations

from typing import Any

from probes import both_ways, error_code, network, probe, until

from lab.api.testing import Lab

REQUEST = {
    "Engine": "postgres",
    "EngineVersion": "16",
    "DBInstanceClass": "db.t3.medium",
    "StorageType": "gp3",
    "AllocatedStorage": 20,
    "MasterUsername": "probe",
    "MasterUserPassword": "not-a-secret-1",
}


def subnet_group(lab: Lab, region: str = "us-east-1") -> dict[str, Any]:
    """Make a DB subnet group named probe; return the network."""
    net = network(lab, region)
    request = {"DBSubnetGroupName": "probe", "DBSubnetGroupDescription": "probe", "SubnetIds": net["subnets"]}
    lab.client("rds", region).create_db_subnet_group(**request)
    return net


def instance(lab: Lab, region: str = "us-east-1", name: str = "probe") -> dict[str, Any]:
    """Return an instance as described."""
    return dict(lab.client("rds", region).describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0])


def create(lab: Lab, **options: Any) -> dict[str, Any]:
    """Make an instance named probe and return it as described."""
    lab.client("rds").create_db_instance(DBInstanceIdentifier="probe", **{**REQUEST, **options})
    return instance(lab)


@probe("rds_instances.instance_fields")
def instance_shows_what_it_was_made_of(lab: Lab) -> None:
    net = subnet_group(lab)
    key = lab.client("kms").create_key()["KeyMetadata"]
    made = create(
        lab,
        DBSubnetGroupName="probe",
        StorageEncrypted=True,
        KmsKeyId=key["KeyId"],
        EnablePerformanceInsights=True,
        MultiAZ=True,
    )
    assert made["EngineVersion"].startswith("16.")
    assert (made["Iops"], made["StorageThroughput"]) == (3000, 125)
    request = {**REQUEST, "DBInstanceIdentifier": "large", "AllocatedStorage": 400}
    large = lab.client("rds").create_db_instance(**request)["DBInstance"]
    assert (large["Iops"], large["StorageThroughput"]) == (12000, 500)
    assert made["KmsKeyId"] == key["Arn"]
    assert made["PerformanceInsightsEnabled"] is True
    assert made["PerformanceInsightsRetentionPeriod"] == 7
    assert made["PerformanceInsightsKMSKeyId"].startswith("arn:aws:kms:us-east-1:")
    assert made["AvailabilityZone"] != made["SecondaryAvailabilityZone"]
    filters = [{"Name": "vpc-id", "Values": [net["vpc"]]}, {"Name": "group-name", "Values": ["default"]}]
    (group,) = lab.client("ec2").describe_security_groups(Filters=filters)["SecurityGroups"]
    assert [g["VpcSecurityGroupId"] for g in made["VpcSecurityGroups"]] == [group["GroupId"]]


@probe("rds_instances.instance_states")
def instance_is_creating_first(lab: Lab) -> None:
    lab.delays(rds=2)
    assert create(lab)["DBInstanceStatus"] == "creating"
    until(lambda: instance(lab)["DBInstanceStatus"] == "available")


@probe("rds_instances.pending_modifications")
def class_change_waits_for_the_window(lab: Lab) -> None:
    create(lab)
    rds = lab.client("rds")
    rds.modify_db_instance(DBInstanceIdentifier="probe", DBInstanceClass="db.m5.large", DeletionProtection=True)
    shown = instance(lab)
    assert shown["DBInstanceClass"] == "db.t3.medium"
    assert shown["DeletionProtection"] is True
    assert shown["PendingModifiedValues"] == {"DBInstanceClass": "db.m5.large"}
    rds.modify_db_instance(DBInstanceIdentifier="probe", ApplyImmediately=True)
    shown = instance(lab)
    assert shown["DBInstanceClass"] == "db.m5.large"
    assert not shown.get("PendingModifiedValues")


@probe("rds_instances.instance_deletion")
def deletion_wants_a_snapshot_or_a_refusal(lab: Lab) -> None:
    create(lab)
    rds = lab.client("rds")
    assert error_code(rds.delete_db_instance, DBInstanceIdentifier="probe") == "InvalidParameterCombination"
    lab.delays(rds_delete=0.5)
    rds.delete_db_instance(DBInstanceIdentifier="probe", FinalDBSnapshotIdentifier="last")
    assert instance(lab)["DBInstanceStatus"] == "deleting"
    until(lambda: not rds.describe_db_instances()["DBInstances"])
    assert [s["DBSnapshotIdentifier"] for s in rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]] == [
        "last"
    ]


def replica(lab: Lab, **options: Any) -> None:
    """Make an instance with a parameter group and a replica of it in us-west-2."""
    rds = lab.client("rds")
    rds.create_db_parameter_group(DBParameterGroupName="own", DBParameterGroupFamily="postgres16", Description="own")
    create(lab, DBParameterGroupName="own", BackupRetentionPeriod=7)
    source = "arn:aws:rds:us-east-1:123456789012:db:probe"
    lab.client("rds", "us-west-2").create_db_instance_read_replica(
        DBInstanceIdentifier="replica", SourceDBInstanceIdentifier=source, **options
    )


@probe("rds_instances.read_replicas")
def replica_in_another_region(lab: Lab) -> None:
    replica(lab)
    shown = instance(lab, "us-west-2", "replica")
    assert shown["ReadReplicaSourceDBInstanceIdentifier"] == "arn:aws:rds:us-east-1:123456789012:db:probe"
    assert [g["DBParameterGroupName"] for g in shown["DBParameterGroups"]] == ["default.postgres16"]
    assert shown["DBInstanceArn"] == "arn:aws:rds:us-west-2:123456789012:db:replica"
    assert instance(lab)["ReadReplicaDBInstanceIdentifiers"] == [shown["DBInstanceArn"]]


@probe("rds_instances.read_replicas")
def promotion_cuts_the_link(lab: Lab) -> None:
    replica(lab)
    lab.client("rds", "us-west-2").promote_read_replica(DBInstanceIdentifier="replica", BackupRetentionPeriod=3)
    shown = instance(lab, "us-west-2", "replica")
    assert "ReadReplicaSourceDBInstanceIdentifier" not in shown
    assert shown["BackupRetentionPeriod"] == 3
    assert not instance(lab).get("ReadReplicaDBInstanceIdentifiers")


@probe("rds_instances.read_replicas")
def primary_without_backups_has_no_replica(lab: Lab) -> None:
    create(lab, BackupRetentionPeriod=0)
    request = {"DBInstanceIdentifier": "replica", "SourceDBInstanceIdentifier": "probe"}
    assert error_code(lab.client("rds").create_db_instance_read_replica, **request) == "InvalidDBInstanceState"


@probe("rds_instances.read_replicas")
def replica_without_backups_has_no_replica(lab: Lab) -> None:
    replica(lab)
    west = lab.client("rds", "us-west-2")
    request = {"DBInstanceIdentifier": "second", "SourceDBInstanceIdentifier": "replica"}
    assert error_code(west.create_db_instance_read_replica, **request) == "InvalidDBInstanceState"
    west.modify_db_instance(DBInstanceIdentifier="replica", BackupRetentionPeriod=1, ApplyImmediately=True)
    west.create_db_instance_read_replica(**request)
    assert instance(lab, "us-west-2", "second")["ReadReplicaSourceDBInstanceIdentifier"] == "replica"


@probe("rds_instances.instance_deletion")
def replica_of_a_deleted_primary_stands_alone(lab: Lab) -> None:
    replica(lab)
    lab.client("rds").delete_db_instance(DBInstanceIdentifier="probe", SkipFinalSnapshot=True)
    assert "ReadReplicaSourceDBInstanceIdentifier" not in instance(lab, "us-west-2", "replica")
    lab.client("rds", "us-west-2").delete_db_instance(DBInstanceIdentifier="replica", SkipFinalSnapshot=True)


@probe("rds_groups.parameters")
def parameters_are_listed_and_checked(lab: Lab) -> None:
    rds = lab.client("rds")
    rds.create_db_parameter_group(DBParameterGroupName="own", DBParameterGroupFamily="postgres16", Description="own")
    change = {"ParameterName": "log_min_duration_statement", "ParameterValue": "500", "ApplyMethod": "immediate"}
    rds.modify_db_parameter_group(DBParameterGroupName="own", Parameters=[change])
    pages = rds.get_paginator("describe_db_parameters").paginate(
        DBParameterGroupName="own", PaginationConfig={"PageSize": 20}
    )
    shown = {p["ParameterName"]: p for page in pages for p in page["Parameters"]}
    assert shown["log_min_duration_statement"]["ParameterValue"] == "500"
    assert shown["log_min_duration_statement"]["Source"] == "user"
    assert shown["max_connections"]["ApplyType"] == "static"
    wrong = [{"ParameterName": "no_such", "ParameterValue": "1", "ApplyMethod": "immediate"}]
    request = {"DBParameterGroupName": "own", "Parameters": wrong}
    assert error_code(rds.modify_db_parameter_group, **request) == "InvalidParameterValue"


@probe("rds_groups.parameter_reset")
def parameters_can_be_reset(lab: Lab) -> None:
    rds = lab.client("rds")
    rds.create_db_parameter_group(DBParameterGroupName="own", DBParameterGroupFamily="postgres16", Description="own")
    change = {"ParameterName": "log_min_duration_statement", "ParameterValue": "500", "ApplyMethod": "immediate"}
    rds.modify_db_parameter_group(DBParameterGroupName="own", Parameters=[change])
    rds.reset_db_parameter_group(DBParameterGroupName="own", ResetAllParameters=True)
    assert rds.describe_db_parameters(DBParameterGroupName="own", Source="user")["Parameters"] == []


@probe("rds_groups.subnet_group_change")
def changed_subnet_group_is_still_there(lab: Lab) -> None:
    net = subnet_group(lab)
    rds = lab.client("rds")
    rds.modify_db_subnet_group(DBSubnetGroupName="probe", SubnetIds=net["subnets"][:2])
    (shown,) = rds.describe_db_subnet_groups(DBSubnetGroupName="probe")["DBSubnetGroups"]
    assert len(shown["Subnets"]) == 2
    request = {"DBSubnetGroupName": "probe", "DBSubnetGroupDescription": "again", "SubnetIds": net["subnets"]}
    assert error_code(rds.create_db_subnet_group, **request) == "DBSubnetGroupAlreadyExists"


@probe("rds_groups.groups_in_use")
def groups_in_use_are_kept(lab: Lab) -> None:
    subnet_group(lab)
    rds = lab.client("rds")
    rds.create_db_parameter_group(DBParameterGroupName="own", DBParameterGroupFamily="postgres16", Description="own")
    create(lab, DBSubnetGroupName="probe", DBParameterGroupName="own")
    assert error_code(rds.delete_db_subnet_group, DBSubnetGroupName="probe") == "InvalidDBSubnetGroupStateFault"
    assert error_code(rds.delete_db_parameter_group, DBParameterGroupName="own") == "InvalidDBParameterGroupState"


test_as_aws_does, test_moto_still_differs = both_ways(__name__)


def test_managed_password_is_a_secret(lab: Lab) -> None:
    rds = lab.client("rds")
    request = {k: v for k, v in REQUEST.items() if k != "MasterUserPassword"}
    rds.create_db_instance(DBInstanceIdentifier="probe", ManageMasterUserPassword=True, **request)
    secret = instance(lab)["MasterUserSecret"]["SecretArn"]
    assert lab.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]


def test_deletion_protection_is_enforced(lab: Lab) -> None:
    create(lab, DeletionProtection=True)
    request = {"DBInstanceIdentifier": "probe", "SkipFinalSnapshot": True}
    assert error_code(lab.client("rds").delete_db_instance, **request) == "InvalidParameterCombination"
    lab.client("rds").modify_db_instance(DBInstanceIdentifier="probe", DeletionProtection=False)
    lab.client("rds").delete_db_instance(**request)


def test_encrypted_replica_elsewhere_wants_a_key(lab: Lab) -> None:
    create(lab, StorageEncrypted=True, BackupRetentionPeriod=1)
    west = lab.client("rds", "us-west-2")
    source = "arn:aws:rds:us-east-1:123456789012:db:probe"
    request = {"DBInstanceIdentifier": "replica", "SourceDBInstanceIdentifier": source}
    assert error_code(west.create_db_instance_read_replica, **request) == "InvalidParameterCombination"
    key = lab.client("kms", "us-west-2").create_key()["KeyMetadata"]["Arn"]
    west.create_db_instance_read_replica(**request, KmsKeyId=key)
    assert instance(lab, "us-west-2", "replica")["KmsKeyId"] == key
