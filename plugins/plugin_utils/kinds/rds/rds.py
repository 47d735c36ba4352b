# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""RDS instances between AWS's words, the inventory's, and those of amazon.aws.rds_instance.

https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBInstance.html
"""

from __future__ import annotations

import typing as t

from ...engine.cell import Cell

#: How many gigabytes the inventory asked for. AWS grows storage by itself and never shrinks it, so what there is says
#: nothing about what was asked.
STORAGE_TAG = "terrace:storage"
#: What a replica has from its source; written on the source alone.
INHERITED = frozenset(
    {
        "engine", "engine_version", "minor_version", "database_name", "storage_encrypted", "kms_key", "credentials",
        "backup_retention_period", "backup_window", "maintenance_window",
    }
)  # fmt: skip
#: Of these, what a replica in another region has of its own.
OWN_IN_ANOTHER_REGION = frozenset({"engine", "storage_encrypted", "kms_key"})
#: Options of the write, not of the instance.
MANNERS = frozenset(
    {"apply_immediately", "allow_major_version_upgrade", "allow_promotion", "credentials", "counterpart", "created_as"}
)
#: From this size on, gp3 takes IOPS and throughput of one's own.
#: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Storage.html#gp3-storage
GP3_LARGE = 400
#: Days of backups where an entry says none.
RETENTION = 7


def attributes(cell: Cell, instance: dict[str, t.Any], tags: dict[str, str], names: dict[str, str]) -> dict[str, t.Any]:
    """An instance in the inventory's words. What waits for the maintenance window counts as done: it was asked for.

    :param names: logical names of the cell's instances, by identifier
    """
    now = {**instance, **(instance.get("PendingModifiedValues") or {})}
    major, _dot, minor = str(now["EngineVersion"]).partition(".")
    source = instance.get("ReadReplicaSourceDBInstanceIdentifier")
    groups = [g["DBParameterGroupName"] for g in instance.get("DBParameterGroups") or []]
    allocated = int(now["AllocatedStorage"])
    return {
        "source": _source(cell, source, names) if source else None,
        "engine": now["Engine"],
        "engine_version": major,
        "minor_version": int(minor) if minor.isdigit() else None,
        "instance_class": now["DBInstanceClass"],
        "allocated_storage": min(int(tags.get(STORAGE_TAG) or allocated), allocated),
        "max_allocated_storage": now.get("MaxAllocatedStorage"),
        "storage_type": now.get("StorageType"),
        "iops": None if _standard(now) else now.get("Iops"),
        "storage_throughput": None if _standard(now) else now.get("StorageThroughput"),
        "storage_encrypted": bool(now.get("StorageEncrypted")),
        "kms_key": _key(cell, now.get("KmsKeyId")),
        "subnet_group": _name(cell, "db_subnet_group", (instance.get("DBSubnetGroup") or {}).get("DBSubnetGroupName")),
        "security_groups": cell.names_of(
            "security_group",
            [
                group["VpcSecurityGroupId"]
                for group in instance.get("VpcSecurityGroups") or []
                if group.get("Status", "active") in ("active", "adding")
            ],
        ),
        "parameter_group": _name(cell, "db_parameter_group", groups[0] if groups else None),
        "port": now.get("Port") or (instance.get("Endpoint") or {}).get("Port") or instance.get("DbInstancePort"),
        "database_name": now.get("DBName"),
        "multi_az": bool(now.get("MultiAZ")),
        "backup_retention_period": int(now.get("BackupRetentionPeriod") or 0),
        "backup_window": now.get("PreferredBackupWindow"),
        "maintenance_window": (now.get("PreferredMaintenanceWindow") or "").lower(),
        "auto_minor_version_upgrade": bool(now.get("AutoMinorVersionUpgrade")),
        "deletion_protection": bool(now.get("DeletionProtection")),
        "log_exports": _log_exports(instance),
        "performance_insights": bool(now.get("PerformanceInsightsEnabled")),
        "performance_insights_retention": now.get("PerformanceInsightsRetentionPeriod"),
        "copy_tags_to_snapshot": bool(now.get("CopyTagsToSnapshot")),
        "ca_certificate": now.get("CACertificateIdentifier"),
        "iam_authentication": bool(now.get("IAMDatabaseAuthenticationEnabled")),
        "monitoring_interval": int(now.get("MonitoringInterval") or 0),
        "monitoring_role_arn": now.get("MonitoringRoleArn"),
        "publicly_accessible": bool(now.get("PubliclyAccessible")),
    }


def _source(cell: Cell, source: str, names: dict[str, str]) -> str:
    """What a replica follows, by its name: AWS says the ARN of one in another region."""
    return names.get(source) or cell.named_elsewhere("db_instance", source) or source


def _name(cell: Cell, kind: str, aws_name: str | None) -> str | None:
    return cell.name_of(kind, aws_name) or None


def _key(cell: Cell, arn: str | None) -> str | None:
    """The logical name of a KMS key given by ARN; the ARN where the key is not this cell's."""
    if not arn:
        return None
    for name, key in cell.observed("kms_key").items():
        if arn in (key.id, key.facts.get("arn")):
            return name
    return arn


def _log_exports(instance: dict[str, t.Any]) -> list[str]:
    enabled = set(instance.get("EnabledCloudwatchLogsExports") or [])
    asked = (instance.get("PendingModifiedValues") or {}).get("PendingCloudwatchLogsExports") or {}
    return sorted((enabled | set(asked.get("LogTypesToEnable") or [])) - set(asked.get("LogTypesToDisable") or []))


def facts(instance: dict[str, t.Any]) -> dict[str, t.Any]:
    """What only AWS knows of an instance."""
    endpoint = instance.get("Endpoint") or {}
    pending = {k: v for k, v in (instance.get("PendingModifiedValues") or {}).items() if k != "MasterUserPassword"}
    return {
        "name": instance["DBInstanceIdentifier"],
        "arn": instance["DBInstanceArn"],
        "endpoint": endpoint.get("Address", ""),
        "port": endpoint.get("Port", ""),
        "engine_version": instance["EngineVersion"],
        "allocated_storage": int(instance["AllocatedStorage"]),
        "master_username": instance.get("MasterUsername", ""),
        "resource_id": instance.get("DbiResourceId", ""),
        "zone": instance.get("AvailabilityZone", ""),
        "standby_zone": instance.get("SecondaryAvailabilityZone", ""),
        "replica": bool(instance.get("ReadReplicaSourceDBInstanceIdentifier")),
        "replication": [
            {"status": info.get("Status", ""), "normal": bool(info.get("Normal")), "message": info.get("Message", "")}
            for info in instance.get("StatusInfos") or []
            if info.get("StatusType") == "read replication"
        ],
        "replicas": sorted(instance.get("ReadReplicaDBInstanceIdentifiers") or []),
        # Waits for the maintenance window, or for apply_immediately.
        "pending": pending,
        # pending-reboot: static parameters take effect at the next reboot, which is the operator's to choose.
        "parameters": next((g.get("ParameterApplyStatus", "") for g in instance.get("DBParameterGroups") or []), ""),
    }


def is_replica(entry: dict[str, t.Any]) -> bool:
    """Whether an entry is a replica's; that of an instance with a counterpart says so once it is settled."""
    return bool(entry.get("source") or entry.get("replica"))


def inherited(entry: dict[str, t.Any]) -> frozenset[str]:
    """What an entry's instance has from its source."""
    if not is_replica(entry):
        return frozenset()
    far = not entry.get("source") or "/" in entry["source"]
    return INHERITED - OWN_IN_ANOTHER_REGION if far else INHERITED


def normalised(entry: dict[str, t.Any]) -> dict[str, t.Any]:
    """An entry as :func:`attributes` would describe it."""
    # AWS installs minor versions by itself and never goes back: DbInstance.condition compares them.
    left_out = {*MANNERS, "replica", "minor_version", *inherited(entry)}
    same = {option: value for option, value in entry.items() if option not in left_out}
    if not is_replica(entry) and same.get("backup_retention_period") is None:
        same["backup_retention_period"] = RETENTION
    if same.get("maintenance_window"):
        same["maintenance_window"] = same["maintenance_window"].lower()
    return same


def _standard(now: dict[str, t.Any]) -> bool:
    """Whether the storage has a speed nobody chooses: that of gp3 below 400 GiB, and of gp2, where it follows from the size."""
    small = now.get("AllocatedStorage", 0) < GP3_LARGE
    return now.get("StorageType") == "gp2" or (now.get("StorageType") == "gp3" and small)
