"""RDS: snapshots, restores, automated backups and other names."""

from __future__ import annotations

import datetime
from typing import Any

from probes import both_ways, error_code, network, probe, until
from test_patches_rds import REQUEST, create, instance, subnet_group

from lab.api.testing import Lab

TAGS = [{"Key": "Owner", "Value": "shop"}]


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def snapshot(lab: Lab, name: str, region: str = "us-east-1") -> dict[str, Any]:
    """A snapshot as described."""
    return dict(lab.client("rds", region).describe_db_snapshots(DBSnapshotIdentifier=name)["DBSnapshots"][0])


def backup(lab: Lab, **which: str) -> dict[str, Any]:
    """The only automated backup, once it has a window."""
    rds = lab.client("rds")

    def found() -> dict[str, Any]:
        [each] = rds.describe_db_instance_automated_backups(**which)["DBInstanceAutomatedBackups"]
        return dict(each) if each.get("RestoreWindow") else {}

    return dict(until(found))


def default_group(lab: Lab) -> str:
    """Make the subnet group `default` in another VPC; return that VPC's default security group."""
    net = network(lab, cidr="10.51.0.0/16")
    request = {"DBSubnetGroupName": "default", "DBSubnetGroupDescription": "default", "SubnetIds": net["subnets"]}
    lab.client("rds").create_db_subnet_group(**request)
    filters = [{"Name": "vpc-id", "Values": [net["vpc"]]}, {"Name": "group-name", "Values": ["default"]}]
    return str(lab.client("ec2").describe_security_groups(Filters=filters)["SecurityGroups"][0]["GroupId"])


def source(lab: Lab) -> dict[str, Any]:
    """An instance with everything that a restored one does not have; and a read replica."""
    rds, net = lab.client("rds"), subnet_group(lab)
    rds.create_db_parameter_group(DBParameterGroupName="own", DBParameterGroupFamily="postgres16", Description="own")
    made = create(
        lab, DBSubnetGroupName="probe", DBParameterGroupName="own", VpcSecurityGroupIds=[net["group"]], MultiAZ=True,
        DeletionProtection=True, BackupRetentionPeriod=5, Port=5433, Tags=TAGS, CopyTagsToSnapshot=True, DBName="shop",
        PreferredMaintenanceWindow="sun:02:00-sun:03:00", AllocatedStorage=30,
    )  # fmt: skip
    rds.create_db_instance_read_replica(DBInstanceIdentifier="replica", SourceDBInstanceIdentifier="probe")
    return made


def as_aws_restores(lab: Lab, before: dict[str, Any], group: str) -> None:
    """What `restored` is, made of `before` without saying anything else."""
    made = instance(lab, name="restored")
    for key in ("DBInstanceClass", "AllocatedStorage", "MasterUsername", "DBName", "EngineVersion", "BackupRetentionPeriod",
                "PreferredMaintenanceWindow", "StorageType", "Iops"):  # fmt: skip
        assert made[key] == before[key], key
    assert made["Endpoint"]["Port"] == 5433
    assert made["DbiResourceId"] != before["DbiResourceId"]
    assert made["Endpoint"]["Address"].startswith("restored.")
    assert made["DBSubnetGroup"]["DBSubnetGroupName"] == "default"
    assert [each["VpcSecurityGroupId"] for each in made["VpcSecurityGroups"]] == [group]
    assert made["DBParameterGroups"][0]["DBParameterGroupName"] == "default.postgres16"
    unset = (
        "MultiAZ",
        "DeletionProtection",
        "CopyTagsToSnapshot",
        "ReadReplicaDBInstanceIdentifiers",
        "MasterUserSecret",
    )
    assert not any(made.get(key) for key in unset)


@probe("rds_restore.from_snapshots")
def what_is_restored_from_a_snapshot_is_a_new_instance(lab: Lab) -> None:
    rds, before, group = lab.client("rds"), source(lab), default_group(lab)
    rds.create_db_snapshot(DBInstanceIdentifier="probe", DBSnapshotIdentifier="kept")
    lab.delays(rds=0.5)
    rds.restore_db_instance_from_db_snapshot(DBInstanceIdentifier="restored", DBSnapshotIdentifier="kept")
    assert instance(lab, name="restored")["DBInstanceStatus"] == "creating"
    as_aws_restores(lab, before, group)
    assert instance(lab, name="restored")["TagList"] == TAGS, "without new tags those of the source"
    until(lambda: instance(lab, name="restored")["DBInstanceStatus"] == "available")
    again = {"DBInstanceIdentifier": "restored", "DBSnapshotIdentifier": "kept"}
    assert error_code(rds.restore_db_instance_from_db_snapshot, **again) == "DBInstanceAlreadyExists"


@probe("rds_restore.to_points_in_time")
def what_is_restored_to_a_time_is_a_new_instance(lab: Lab) -> None:
    rds, before, group = lab.client("rds"), source(lab), default_group(lab)
    backup(lab, DBInstanceIdentifier="probe")
    rds.restore_db_instance_to_point_in_time(
        SourceDBInstanceIdentifier="probe", TargetDBInstanceIdentifier="restored", UseLatestRestorableTime=True
    )
    as_aws_restores(lab, before, group)
    assert instance(lab, name="restored")["TagList"] == []


@probe("rds_restore.to_points_in_time")
def the_call_decides_what_it_says(lab: Lab) -> None:
    rds, net = lab.client("rds"), subnet_group(lab)
    create(lab)
    found = backup(lab)["RestoreWindow"]
    rds.restore_db_instance_to_point_in_time(
        SourceDbiResourceId=instance(lab)["DbiResourceId"], TargetDBInstanceIdentifier="restored",
        RestoreTime=found["EarliestTime"], DBSubnetGroupName="probe", VpcSecurityGroupIds=[net["group"]], MultiAZ=True,
        DeletionProtection=True, Tags=TAGS, DBInstanceClass="db.m5.large",
    )  # fmt: skip
    made = instance(lab, name="restored")
    assert (made["DBSubnetGroup"]["DBSubnetGroupName"], made["TagList"]) == ("probe", TAGS)
    assert (made["MultiAZ"], made["DeletionProtection"], made["DBInstanceClass"]) == (True, True, "db.m5.large")


@probe("rds_restore.to_points_in_time")
def times_outside_the_window_are_refused(lab: Lab) -> None:
    rds = lab.client("rds")
    create(lab)
    earliest = backup(lab)["RestoreWindow"]["EarliestTime"]
    named: dict[str, Any] = {"SourceDBInstanceIdentifier": "probe", "TargetDBInstanceIdentifier": "restored"}
    second, call = datetime.timedelta(seconds=1), rds.restore_db_instance_to_point_in_time
    assert error_code(call, **named) == "InvalidParameterCombination"
    both = {"RestoreTime": earliest, "UseLatestRestorableTime": True}
    assert error_code(call, **named, **both) == "InvalidParameterCombination"
    for when in (earliest - second, now() + 60 * second):
        assert error_code(call, **named, RestoreTime=when) == "InvalidParameterValue"
    lab.delays(rds_log_upload=300)
    assert "LatestRestorableTime" not in instance(lab), "nothing of it has been uploaded"
    assert error_code(call, **named, UseLatestRestorableTime=True) == "InvalidDBInstanceState"
    rds.modify_db_instance(DBInstanceIdentifier="probe", BackupRetentionPeriod=0, ApplyImmediately=True)
    assert error_code(call, **named, UseLatestRestorableTime=True) == "PointInTimeRestoreNotEnabled"


@probe("rds_restore.to_points_in_time")
def a_stopped_instance_is_restored_to_when_it_stopped(lab: Lab) -> None:
    rds = lab.client("rds")
    create(lab)
    until(lambda: instance(lab).get("LatestRestorableTime"))
    rds.stop_db_instance(DBInstanceIdentifier="probe")
    ended = instance(lab)["LatestRestorableTime"]
    until(lambda: now() > ended + datetime.timedelta(seconds=1.5))
    assert instance(lab)["LatestRestorableTime"] == ended


@probe("rds_restore.automated_backups")
def backups_go_with_their_instance_or_are_retained(lab: Lab) -> None:
    rds = lab.client("rds")
    for name, more in (("probe", {}), ("other", {"BackupRetentionPeriod": 0}), ("gone", {})):
        rds.create_db_instance(DBInstanceIdentifier=name, **{**REQUEST, **more})
    resource = instance(lab)["DbiResourceId"]
    assert backup(lab, DBInstanceIdentifier="probe")["Status"] == "active"
    assert (
        error_code(rds.delete_db_instance_automated_backup, DbiResourceId=resource)
        == "InvalidDBInstanceAutomatedBackupState"
    )
    rds.delete_db_instance(DBInstanceIdentifier="gone", SkipFinalSnapshot=True)
    rds.delete_db_instance(DBInstanceIdentifier="probe", SkipFinalSnapshot=True, DeleteAutomatedBackups=False)
    found = backup(lab)
    assert (found["Status"], found["DbiResourceId"]) == ("retained", resource)
    assert {each["DbiResourceId"] for each in rds.describe_db_snapshots()["DBSnapshots"]} == {resource}
    arn = found["DBInstanceAutomatedBackupsArn"]
    rds.restore_db_instance_to_point_in_time(
        SourceDBInstanceAutomatedBackupsArn=arn, TargetDBInstanceIdentifier="probe", UseLatestRestorableTime=True
    )
    assert instance(lab)["DbiResourceId"] != resource
    rds.delete_db_instance_automated_backup(DBInstanceAutomatedBackupsArn=arn)
    assert backup(lab)["DBInstanceIdentifier"] == "probe"
    missing = error_code(rds.describe_db_instance_automated_backups, DbiResourceId=resource)
    assert missing == "DBInstanceAutomatedBackupNotFound"


@probe("rds_snapshots.states")
def snapshots_are_made_of_available_instances(lab: Lab) -> None:
    rds = lab.client("rds")
    create(lab, BackupRetentionPeriod=0)
    assert rds.describe_db_snapshots()["DBSnapshots"] == []
    named = {"DBInstanceIdentifier": "probe", "DBSnapshotIdentifier": "kept"}
    lab.state("rds", "probe", "storage-full")
    assert error_code(rds.create_db_snapshot, **named) == "InvalidDBInstanceState"
    lab.state("rds", "probe", "available")
    assert rds.create_db_snapshot(**named)["DBSnapshot"]["Status"] == "available"
    assert snapshot(lab, "kept")["DbiResourceId"] == instance(lab)["DbiResourceId"]


@probe("rds_snapshots.copies")
def a_copy_goes_to_another_region(lab: Lab) -> None:
    rds, west = lab.client("rds"), lab.client("rds", "us-west-2")
    create(lab, StorageEncrypted=True, Tags=TAGS, CopyTagsToSnapshot=True)
    rds.create_db_snapshot(DBInstanceIdentifier="probe", DBSnapshotIdentifier="kept")
    arn = snapshot(lab, "kept")["DBSnapshotArn"]
    named = {"SourceDBSnapshotIdentifier": arn, "TargetDBSnapshotIdentifier": "far"}
    assert error_code(west.copy_db_snapshot, **named) == "InvalidParameterCombination"
    key = lab.client("kms", "us-west-2").create_key()["KeyMetadata"]["Arn"]
    west.copy_db_snapshot(**named, KmsKeyId=key)
    far = snapshot(lab, "far", "us-west-2")
    assert (far["KmsKeyId"], far["SourceRegion"], far["SourceDBSnapshotIdentifier"]) == (key, "us-east-1", arn)
    assert far["TagList"] == []
    west.restore_db_instance_from_db_snapshot(DBInstanceIdentifier="probe", DBSnapshotIdentifier="far")
    assert instance(lab, "us-west-2")["KmsKeyId"] == key
    missing = {"DBInstanceIdentifier": "other", "DBSnapshotIdentifier": arn}
    assert error_code(west.restore_db_instance_from_db_snapshot, **missing).startswith("DBSnapshotNotFound")


@probe("rds_rename.renaming")
def two_instances_swap_names(lab: Lab) -> None:
    rds, before = lab.client("rds"), source(lab)
    west = lab.client("rds", "us-west-2")
    west.create_db_instance_read_replica(DBInstanceIdentifier="far", SourceDBInstanceIdentifier=before["DBInstanceArn"])
    rds.create_db_instance(DBInstanceIdentifier="new", **REQUEST)

    def rename(name: str, new: str) -> dict[str, Any]:
        return {"DBInstanceIdentifier": name, "NewDBInstanceIdentifier": new, "ApplyImmediately": True}

    assert error_code(rds.modify_db_instance, **rename("new", "Probe")) == "DBInstanceAlreadyExists"
    lab.delays(rds_modify=0.5)
    rds.modify_db_instance(**rename("probe", "Old"))
    old = instance(lab, name="old")
    assert (old["DBInstanceStatus"], old["DbiResourceId"], old["TagList"]) == (
        "renaming",
        before["DbiResourceId"],
        TAGS,
    )
    assert old["DBInstanceArn"].endswith(":db:old")
    assert old["Endpoint"]["Address"].startswith("old.")
    assert instance(lab, name="replica")["ReadReplicaSourceDBInstanceIdentifier"] == "old"
    assert instance(lab, "us-west-2", "far")["ReadReplicaSourceDBInstanceIdentifier"] == old["DBInstanceArn"]
    rds.modify_db_instance(**rename("new", "probe"))
    until(lambda: instance(lab)["DBInstanceStatus"] == "available")
    assert error_code(rds.describe_db_instances, DBInstanceIdentifier="new") == "DBInstanceNotFound"
    rds.modify_db_instance(**rename("replica", "reader"))
    assert set(instance(lab, name="old")["ReadReplicaDBInstanceIdentifiers"]) == {
        "reader", "arn:aws:rds:us-west-2:123456789012:db:far",
    }  # fmt: skip


@probe("rds_rename.renaming")
def a_name_waits_for_the_window_too(lab: Lab) -> None:
    rds = lab.client("rds")
    create(lab)
    rds.modify_db_instance(DBInstanceIdentifier="probe", NewDBInstanceIdentifier="later")
    assert instance(lab)["PendingModifiedValues"] == {"DBInstanceIdentifier": "later"}
    rds.create_db_instance(DBInstanceIdentifier="later", **REQUEST)
    applied = {"DBInstanceIdentifier": "probe", "ApplyImmediately": True}
    assert error_code(rds.modify_db_instance, **applied) == "DBInstanceAlreadyExists"
    rds.delete_db_instance(DBInstanceIdentifier="later", SkipFinalSnapshot=True)
    rds.modify_db_instance(**applied)
    assert not instance(lab, name="later").get("PendingModifiedValues")


test_as_aws_does, test_moto_still_differs = both_ways(__name__)
