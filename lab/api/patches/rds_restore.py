"""RDS: what is restored from snapshots and to points in time, and the automated backups it is restored from."""

from __future__ import annotations

import copy
import datetime
from typing import Any, NoReturn

from lab.api import backups
from lab.api.patching import patch
from lab.api.wrapping import method, response_method, wrap

API = "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/"
GUIDE = "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/"
# What a restored instance has from its source unless the call says otherwise; everything else is as for a new one.
INHERITED = (
    "engine", "engine_version", "db_instance_class", "port", "allocated_storage", "storage_type", "storage_encrypted",
    "kms_key_id", "iops", "storage_throughput", "db_name", "character_set_name", "master_username", "license_model",
    "auto_minor_version_upgrade", "backup_retention_period", "preferred_backup_window", "preferred_maintenance_window",
)  # fmt: skip
# Parameters of the calls that say what is restored, not how. PostgreSQL's engine and first database are the source's.
NAMING = {
    "db_snapshot_identifier", "source_db_instance_identifier", "source_dbi_resource_id", "target_db_instance_identifier",
    "source_db_instance_automated_backups_arn", "restore_time", "use_latest_restorable_time", "db_name", "engine",
}  # fmt: skip


def refuse(code: str, message: str) -> NoReturn:
    """Answer with an error of RDS."""
    from moto.rds.exceptions import RDSClientError

    raise RDSClientError(code, message)


def no_backup(which: str | None) -> tuple[str, str]:
    """The error's code and words where there is no such automated backup."""
    return "DBInstanceAutomatedBackupNotFound", f"No automated backup found for {which}."


def restored(backend: Any, name: str, source: Any, options: Any, restore: dict[str, Any], **more: Any) -> Any:
    """Make an instance of what its source was; `restore` says where its data comes from, `more` replaces what it inherits."""
    from moto.rds.exceptions import DBInstanceAlreadyExists

    if name in backend.databases:
        raise DBInstanceAlreadyExists
    given = {key: value for key, value in dict(options).items() if value is not None and key not in NAMING}
    if int(given.get("allocated_storage") or source.allocated_storage) < int(source.allocated_storage):
        refuse("InvalidParameterValue", "The allocated storage size can't be less than the source's.")
    values = {key: getattr(source, key, None) for key in INHERITED} | more
    if given.keys() & {"storage_type", "allocated_storage"}:
        # They come with the new type and size.
        values |= {"iops": None, "storage_throughput": None}
    if source.option_group_supplied and source.region == backend.region_name:
        values["option_group_name"] = source.option_group_name
    if "default" in backend.subnet_groups:
        values["db_subnet_group_name"] = "default"
    # Whatever password the data has, the instance has.
    values |= given | {"db_instance_identifier": name, "master_user_password": None}
    database = backend.create_db_instance({key: value for key, value in values.items() if value is not None})
    database.lab_restore = restore
    return database


@patch(
    moto="restores with the source's security groups, deletion protection, Multi-AZ, tags, replicas and id, from a snapshot"
    " in any state and into the source's subnet group",
    aws="a restored instance is a new one with class, storage, port, backups and windows of the source, with the default"
    " parameter group, the subnet group `default`, the default security group of its VPC, one zone, no deletion protection"
    " and the source's tags unless the call says otherwise; the snapshot must be available",
    document=GUIDE + "USER_RestoreFromSnapshot.html",
)
def from_snapshots() -> None:
    from moto.rds.exceptions import DBSnapshotNotFoundFault
    from moto.rds.models import RDSBackend

    @method(RDSBackend)
    def restore_db_instance_from_db_snapshot(self: Any, from_snapshot_id: str, overrides: Any) -> Any:
        if from_snapshot_id.startswith("arn:") and from_snapshot_id.split(":")[3] != self.region_name:
            raise DBSnapshotNotFoundFault(from_snapshot_id)
        snapshot = self.get_db_snapshot(from_snapshot_id)
        if snapshot.status != "available":
            refuse("InvalidDBSnapshotState", f"The DB snapshot {from_snapshot_id} is in state {snapshot.status}.")
        more = {
            "kms_key_id": snapshot.kms_key_id,
            "storage_encrypted": snapshot.encrypted,
            "tags": snapshot.database.tags,
        }
        restore = {"content": snapshot.lab_content}
        return restored(self, overrides["db_instance_identifier"], snapshot.database, overrides, restore, **more)


@patch(
    moto="restores to any time, and to none, from instances without backups, and knows the source by its name alone",
    aws="takes either a time within the restore window or the latest one, and the source by name, resource id or the ARN of"
    " its automated backups; PointInTimeRestoreNotEnabled without backups; the restored instance is as one from a snapshot,"
    " without tags (the lab: LatestRestorableTime is as old as the delay rds_log_upload says, 0 s unless set)",
    document=API + "API_RestoreDBInstanceToPointInTime.html",
)
def to_points_in_time() -> None:
    from moto.rds.models import DBInstance, RDSBackend

    def period(self: Any) -> int:
        return int(self._backup_retention_period)

    def keep_for(self: Any, days: int) -> None:
        before, self._backup_retention_period = self.__dict__.get("_backup_retention_period"), int(days)
        if not (before and int(days)):
            self.lab_backed_since = backups.now() if int(days) else None
            backups.oldest.pop(self.dbi_resource_id, None)

    DBInstance.backup_retention_period = property(period, keep_for)

    def latest_restorable_time(self: Any) -> datetime.datetime | None:
        found = backups.window(self)
        return found[1] if found else None

    DBInstance.latest_restorable_time = property(latest_restorable_time)

    def source_of(backend: Any, name: str | None, params: Any) -> Any:
        resource, arn = params.get("source_dbi_resource_id"), params.get("source_db_instance_automated_backups_arn")
        if name:
            return backend.describe_db_instances(name)[0]
        if not resource and not arn:
            refuse(
                "InvalidParameterCombination",
                "A source DB instance, its resource id or the ARN of its backups is missing.",
            )
        known = [database for _, database in backups.sources(backend)]
        for database in [*known, *backend.databases.values()]:
            if database.dbi_resource_id == resource or (arn and backups.arn(database) == arn):
                return database
        return refuse(*(("DBInstanceNotFound", f"DBInstance {resource} not found.") if resource else no_backup(arn)))

    @method(RDSBackend)
    def restore_db_instance_to_point_in_time(
        self: Any, source_db_identifier: str | None, target_db_identifier: str, overrides: Any
    ) -> Any:
        params = dict(overrides)
        source = source_of(self, source_db_identifier, params)
        when, last = params.get("restore_time"), bool(params.get("use_latest_restorable_time"))
        if (when is None) is not last:
            refuse("InvalidParameterCombination", "Specify either RestoreTime or UseLatestRestorableTime.")
        if not backups.backed_up(source):
            message = f"Point in time restore is not enabled for {source.db_instance_identifier}: it has no automated backups."
            refuse("PointInTimeRestoreNotEnabled", message)
        found = backups.window(source)
        if found is None:
            refuse("InvalidDBInstanceState", f"{source.db_instance_identifier} has no automated backup yet.")
        when = found[1] if last else when
        if not found[0] <= when <= found[1]:
            refuse("InvalidParameterValue", f"The restore time {when}Z is not between {found[0]}Z and {found[1]}Z.")
        restore = {"resource": source.dbi_resource_id, "time": f"{when.isoformat()}+00:00"}
        return restored(self, target_db_identifier, source, params, restore)


@patch(
    moto="groups automated snapshots by instance name, without the restore window, and has no way to delete what is retained",
    aws="describes the automated backups of each instance that has some, and of deleted ones whose backups were retained, with"
    " their restore window; retained ones go after their retention period, or when they are deleted",
    document=API + "API_DescribeDBInstanceAutomatedBackups.html",
)
def automated_backups() -> None:
    from moto.rds.models import RDSBackend
    from moto.rds.responses import RDSResponse

    @response_method(RDSResponse, "backend")
    def describe_db_instance_automated_backups(backend: Any, params: Any) -> dict[str, Any]:
        shown = [_described(status, database) for status, database in backups.sources(backend)]
        wanted = {each["Name"]: each["Values"] for each in params.get("Filters") or []}
        for name in ("DBInstanceIdentifier", "DbiResourceId", "DBInstanceAutomatedBackupsArn"):
            if value := params.get(name):
                shown = [each for each in shown if each[name].lower() == value.lower()]
                if not shown:
                    refuse(*no_backup(value))
        for name, keys in FILTERS.items():
            if name in wanted:
                shown = [each for each in shown if any(each[key] in wanted[name] for key in keys)]
        return {"DBInstanceAutomatedBackups": shown}

    @response_method(RDSResponse, "backend")
    def delete_db_instance_automated_backup(backend: Any, params: Any) -> dict[str, Any]:
        resource, arn = params.get("DbiResourceId"), params.get("DBInstanceAutomatedBackupsArn")
        for status, database in backups.sources(backend):
            if database.dbi_resource_id == resource or backups.arn(database) == arn:
                if status != "retained":
                    refuse(
                        "InvalidDBInstanceAutomatedBackupState", "The automated backup is that of an active instance."
                    )
                _forget(backend, database)
                return {"DBInstanceAutomatedBackup": _described(status, database)}
        return refuse(*no_backup(resource or arn))

    @wrap(RDSBackend, "delete_db_instance")
    def delete(original: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
        keep = kwargs.get("delete_automated_backups") is False
        # moto would delete the snapshots of every instance that ever had the name.
        database = original(self, *args, **kwargs | {"delete_automated_backups": False})
        if keep and backups.backed_up(database):
            kept = copy.copy(database)
            kept.lab_ended = kept.__dict__.get("lab_ended") or backups.now()
            backups.retained(self)[database.dbi_resource_id] = kept
        elif database.db_cluster_identifier is None:
            _forget(self, database)
        return database


FILTERS = {
    "status": ("Status",),
    "db-instance-id": ("DBInstanceIdentifier", "DBInstanceArn"),
    "dbi-resource-id": ("DbiResourceId",),
}


def _forget(backend: Any, database: Any) -> None:
    """The automated backups of an instance go, its automated snapshots with them."""
    backups.retained(backend).pop(database.dbi_resource_id, None)
    for name, snapshot in list(backend.database_snapshots.items()):
        if snapshot.snapshot_type == "automated" and snapshot.dbi_resource_id == database.dbi_resource_id:
            del backend.database_snapshots[name]


def _described(status: str, database: Any) -> dict[str, Any]:
    group = getattr(database, "db_subnet_group", None)
    found = backups.window(database)
    return {
        "DBInstanceArn": database.arn,
        "DbiResourceId": database.dbi_resource_id,
        "Region": database.region,
        "DBInstanceIdentifier": database.db_instance_identifier,
        "RestoreWindow": {"EarliestTime": found[0], "LatestTime": found[1]} if found else {},
        "AllocatedStorage": database.allocated_storage,
        "Status": status,
        "Port": database.port,
        "AvailabilityZone": database.availability_zone,
        "VpcId": group.vpc_id if group else None,
        "InstanceCreateTime": database.created,
        "MasterUsername": database.master_username,
        "Engine": database.engine,
        "EngineVersion": database.engine_version,
        "LicenseModel": database.license_model,
        "Iops": database.iops,
        "StorageThroughput": database.storage_throughput,
        "StorageType": database.storage_type,
        "OptionGroupName": database.option_group_name,
        "Encrypted": bool(database.storage_encrypted),
        "KmsKeyId": database.kms_key_id,
        "IAMDatabaseAuthenticationEnabled": bool(database.enable_iam_database_authentication),
        "BackupRetentionPeriod": int(database.backup_retention_period),
        "PreferredBackupWindow": database.preferred_backup_window,
        "DBInstanceAutomatedBackupsArn": backups.arn(database),
        "BackupTarget": "region",
    }
