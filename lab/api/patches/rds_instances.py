"""RDS: database instances, their states and their replicas."""

from __future__ import annotations

from typing import Any

from lab.api.patching import patch
from lab.api.timers import TIMERS
from lab.api.wrapping import method, stable_hex, wrap

API = "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/"
GUIDE = "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/"
# The minor version AWS takes when only the major one is named.
MINOR = {"13": "13.20", "14": "14.17", "15": "15.12", "16": "16.8", "17": "17.4"}
# What waits for the maintenance window unless ApplyImmediately is set, and its name in PendingModifiedValues.
DEFERRED = {
    "db_instance_class": "DBInstanceClass",
    "allocated_storage": "AllocatedStorage",
    "master_user_password": "MasterUserPassword",
    "db_port_number": "Port",
    "backup_retention_period": "BackupRetentionPeriod",
    "multi_az": "MultiAZ",
    "engine_version": "EngineVersion",
    "license_model": "LicenseModel",
    "iops": "Iops",
    "storage_type": "StorageType",
    "storage_throughput": "StorageThroughput",
    "new_db_instance_identifier": "DBInstanceIdentifier",
}


@patch(
    moto="gives all instances one DbiResourceId, forgets Performance Insights, takes 'no gp3 size' for an error, makes"
    " up a KMS key id, puts instances in the default VPC's group and zone a, takes engine version 16 literally, names"
    " no certificate authority that exists",
    aws="each instance has its own id; gp3 has 3,000 IOPS and 125 MiB/s, from 400 GiB on 12,000 and 500; keys are shown by ARN;"
    " group and zone are those of the subnet group; a major version means its present minor one; the authority is"
    " rds-ca-rsa2048-g1 unless the call says another",
    document=API + "API_DBInstance.html",
)
def instance_fields() -> None:
    from moto.ec2.models import ec2_backends
    from moto.rds.models import DBInstance, RDSBackend

    @wrap(DBInstance, "__init__")
    def born(original: Any, self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        self.dbi_resource_id = "db-" + stable_hex(f"{self.arn} {self.created}", 26).upper()

    @wrap(RDSBackend, "create_db_instance")
    def create(original: Any, self: Any, db_kwargs: Any) -> Any:
        options = dict(db_kwargs)
        if not options.get("db_cluster_identifier"):
            _complete_options(self, options)
        database = original(self, options)
        _complete_instance(database, options)
        return database

    def _complete_options(backend: Any, options: dict[str, Any]) -> None:
        version = str(options.get("engine_version") or "16") if options.get("engine") == "postgres" else None
        if version:
            options["engine_version"] = MINOR.get(version, version)
        if not options.get("ca_certificate_identifier"):
            options["ca_certificate_identifier"] = "rds-ca-rsa2048-g1"
        if options.get("storage_type") == "gp3":
            options.setdefault("allocated_storage", 20)
        group = backend.subnet_groups.get((options.get("db_subnet_group_name") or "").lower())
        if group and not options.get("vpc_security_group_ids"):
            ec2 = ec2_backends[backend.account_id][backend.region_name]
            options["vpc_security_group_ids"] = [ec2.get_default_security_group(group.vpc_id).id]
        if group and not options.get("availability_zone"):
            options["availability_zone"] = sorted(s.availability_zone for s in group._subnets)[0]
        if options.get("storage_encrypted"):
            options["kms_key_id"] = _key_arn(backend, options.get("kms_key_id"))

    @wrap(DBInstance, "update")
    def update(original: Any, self: Any, **options: Any) -> None:
        if port := options.pop("db_port_number", None):
            self.port = port
        original(self, **options)
        _set_insights(self, options)


def _key_arn(backend: Any, key_id: str | None) -> str:
    """Return the ARN of a key named by id, ARN or alias; of the account's own key for RDS when none is named."""
    if key_id:
        return str(backend._validate_kms_key(key_id))
    prefix = f"arn:{backend.partition}:kms:{backend.region_name}:{backend.account_id}:key/"
    digits = stable_hex(f"aws/rds {backend.account_id} {backend.region_name}", 32)
    return prefix + "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _complete_instance(database: Any, options: dict[str, Any]) -> None:
    if database.db_cluster_identifier is None:
        if database.storage_type == "gp3":
            iops, throughput = (3000, 125) if int(database.allocated_storage) < 400 else (12000, 500)
            database.iops = database.iops or iops
            database.storage_throughput = database.storage_throughput or throughput
        zones = [s.availability_zone for s in getattr(getattr(database, "db_subnet_group", None), "_subnets", [])]
        others = sorted({z for z in zones if z != database.availability_zone})
        database.secondary_availability_zone = others[0] if database.multi_az and others else None
    database.performance_insights_enabled = False
    _set_insights(database, {"enable_performance_insights": False, **options})


def _set_insights(database: Any, options: dict[str, Any]) -> None:
    if options.get("enable_performance_insights") is not None:
        database.performance_insights_enabled = bool(options["enable_performance_insights"])
    if not getattr(database, "performance_insights_enabled", False):
        database.performance_insights_kms_key_id = database.performance_insights_retention_period = None
        return
    key = options.get("performance_insights_kms_key_id") or database.__dict__.get("performance_insights_kms_key_id")
    period = options.get("performance_insights_retention_period")
    database.performance_insights_kms_key_id = _key_arn(database.backend, key)
    database.performance_insights_retention_period = (
        period or database.__dict__.get("performance_insights_retention_period") or 7
    )


@patch(
    moto="has an instance available at once and gone at once",
    aws="it is creating, modifying or deleting for a while (the lab: for as long as the delays rds, rds_modify and"
    " rds_delete say, 0 s unless set); replicas and restored instances too",
    document=GUIDE + "accessing-monitoring.html",
)
def instance_states() -> None:
    from moto.rds.models import RDSBackend

    @wrap(RDSBackend, "create_db_instance")
    def creating(original: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
        return _for_a_while(original(self, *args, **kwargs), "creating", "rds")


def _for_a_while(database: Any, status: str, delay: str) -> Any:
    """Show ``status`` until the delay has passed, then available, unless something else happened meanwhile."""
    seconds = TIMERS.get(delay)
    if seconds:
        database.status = status

        def done() -> None:
            if database.status == status:
                database.status = "available"

        TIMERS.later(seconds, done)
    return database


@patch(
    moto="applies every modification at once, whatever ApplyImmediately says, and does not know default parameter groups",
    aws="keeps class, size, version, password and such for the maintenance window, shown as PendingModifiedValues, until"
    " a modification is applied immediately",
    document=GUIDE + "USER_ModifyInstance.ApplyImmediately.html",
)
def pending_modifications() -> None:
    from moto.rds.models import RDSBackend

    @wrap(RDSBackend, "modify_db_instance")
    def modify(original: Any, self: Any, db_instance_identifier: str, db_kwargs: Any) -> Any:
        database = self.describe_db_instances(db_instance_identifier)[0]
        options = dict(db_kwargs)
        name = options.get("db_parameter_group_name")
        if name and database.is_default_parameter_group(name) and name not in self.db_parameter_groups:
            database.db_parameter_group_name = name
            database.db_parameter_groups()
        waiting = database.__dict__.setdefault("lab_pending", {})
        deferred = set(DEFERRED)
        # From one number of days to another at once; to none and from none in the window.
        if options.get("backup_retention_period") and database.backup_retention_period:
            deferred.discard("backup_retention_period")
        asked = {k: options.pop(k) for k in DEFERRED if k in deferred and options.get(k) is not None}
        current = {"db_port_number": "port", "new_db_instance_identifier": "db_instance_identifier"}
        asked = {k: v for k, v in asked.items() if getattr(database, current.get(k, k), None) != v}
        waiting.update(asked)
        if options.get("apply_immediately"):
            options.update(waiting)
            waiting.clear()
        database.pending_modified_values = {
            DEFERRED[k]: "****" if k == "master_user_password" else v for k, v in waiting.items()
        }
        changed = original(self, db_instance_identifier, options)
        return _for_a_while(changed, "modifying", "rds_modify") if options.get("apply_immediately") else changed


@patch(
    moto="deletes at once, without a final snapshot when none is named, and leaves replicas linked to what is gone",
    aws="wants SkipFinalSnapshot or the snapshot's name, and is deleting until that is made; the replicas of a deleted primary"
    " are promoted",
    document=API + "API_DeleteDBInstance.html",
)
def instance_deletion() -> None:
    from moto.rds.exceptions import DBInstanceNotFoundError, InvalidParameterCombination, RDSClientError
    from moto.rds.models import DBInstance, RDSBackend

    @method(DBInstance)
    def remove_replica(self: Any, replica: Any) -> None:
        names = (replica.db_instance_identifier, replica.db_instance_arn)
        self.replicas = [r for r in self.replicas if r not in names]

    @wrap(RDSBackend, "delete_db_instance")
    def delete(
        original: Any,
        self: Any,
        db_instance_identifier: str,
        final_db_snapshot_identifier: str | None = None,
        skip_final_snapshot: bool | None = False,
        delete_automated_backups: bool | None = True,
    ) -> Any:
        database = self.databases.get(db_instance_identifier)
        if database is None:
            raise DBInstanceNotFoundError(db_instance_identifier)
        if database.status == "deleting":
            message = f"Instance {db_instance_identifier} is already being deleted."
            raise RDSClientError("InvalidDBInstanceState", message)
        alone = database.db_cluster_identifier is None and not database.is_replica
        if alone and not skip_final_snapshot and not final_db_snapshot_identifier and not database.deletion_protection:
            message = "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified."
            raise InvalidParameterCombination(message)
        delay = 0.0 if database.deletion_protection else TIMERS.get("rds_delete")
        final = None
        if not database.deletion_protection:
            if final_db_snapshot_identifier and not skip_final_snapshot:
                final = self.create_db_snapshot(db_instance_identifier, final_db_snapshot_identifier)
            _unlink(self, database)

        def now() -> Any:
            if final is None or final.status != "creating":
                return original(self, db_instance_identifier, None, True, delete_automated_backups)
            database.status = "deleting"
            TIMERS.later(0.5, now)
            return database

        if not delay:
            return now()
        database.status = "deleting"
        TIMERS.later(delay, now)
        return database


def _unlink(backend: Any, database: Any) -> None:
    """Cut the replication links of an instance, on both ends."""
    if database.is_replica:
        from contextlib import suppress

        from moto.rds.exceptions import DBInstanceNotFoundError

        with suppress(DBInstanceNotFoundError):
            backend.find_db_from_id(database.source_db_instance_identifier).remove_replica(database)
        database.is_replica, database.source_db_instance_identifier = False, None
    for name in list(getattr(database, "replicas", [])):
        replica = backend.find_db_from_id(name)
        replica.is_replica, replica.source_db_instance_identifier = False, None


@patch(
    moto="copies the primary with its parameter and subnet group, so that a replica in another region cannot be"
    " described; promotion leaves the link on both ends; every instance can have replicas",
    aws="a replica is an instance of its own with its region's default groups and without backups; promotion cuts the link;"
    " the source, also one that is a replica itself, must be available and have automated backups",
    document=GUIDE + "USER_ReadRepl.html",
)
def read_replicas() -> None:
    from moto.rds.exceptions import DBInstanceAlreadyExists, RDSClientError
    from moto.rds.models import DBInstance, RDSBackend

    inherited = (
        "engine", "engine_version", "port", "allocated_storage", "max_allocated_storage", "storage_type",
        "storage_encrypted", "db_name", "master_username", "license_model", "auto_minor_version_upgrade",
        "preferred_backup_window", "preferred_maintenance_window",
    )  # fmt: skip
    renamed = {"enable_cloudwatch_logs_exports": "enabled_cloudwatch_logs_exports"}

    @method(RDSBackend)
    def create_db_instance_read_replica(self: Any, db_kwargs: Any) -> Any:
        options = dict(db_kwargs)
        name = options["db_instance_identifier"]
        if name in self.databases:
            raise DBInstanceAlreadyExists()
        source_id = options.pop("source_db_instance_identifier")
        primary = self.find_db_from_id(source_id)
        local = primary.region == self.region_name
        if primary.status not in ("available", "backing-up", "modifying"):
            raise RDSClientError("InvalidDBInstanceState", f"The source {source_id} is in state {primary.status}.")
        if int(primary.backup_retention_period or 0) == 0:
            message = (
                "Automated backups are not enabled for this database instance. To enable automated backups, use"
                " ModifyDBInstance to set the backup retention period to a non-zero value."
            )
            raise RDSClientError("InvalidDBInstanceState", message)
        if primary.storage_encrypted and not local and not options.get("kms_key_id"):
            message = "Cannot create a cross region encrypted read replica without specifying a KMS key in this region."
            raise RDSClientError("InvalidParameterCombination", message)
        values = {key: getattr(primary, key, None) for key in inherited}
        values["db_instance_class"] = primary.db_instance_class
        values["copy_tags_to_snapshot"] = False
        values["backup_retention_period"] = 0
        for option, attribute in renamed.items():
            values[option] = list(getattr(primary, attribute, []) or [])
        if local:
            values["kms_key_id"] = primary.kms_key_id
            values["vpc_security_group_ids"] = list(primary.vpc_security_group_ids)
            values["db_subnet_group_name"] = getattr(primary, "_db_subnet_group_name", None)
            values["db_parameter_group_name"] = primary.db_parameter_group_name
        values.update({k: v for k, v in options.items() if v is not None and k not in ("source_region", "backend")})
        if values.get("storage_encrypted"):
            values["kms_key_id"] = _key_arn(self, values.get("kms_key_id"))
        replica = DBInstance(self, **{k: v for k, v in values.items() if v is not None})
        _complete_instance(replica, values)
        replica._master_user_password = getattr(primary, "_master_user_password", None)
        replica.set_as_replica()
        replica.source_db_instance_identifier = primary.db_instance_identifier if local else primary.db_instance_arn
        self.databases[name] = replica
        primary.add_replica(replica)
        return _for_a_while(replica, "creating", "rds")

    @method(RDSBackend)
    def promote_read_replica(self: Any, db_kwargs: Any) -> Any:
        options = dict(db_kwargs)
        replica = self.describe_db_instances(options.pop("db_instance_identifier"))[0]
        if not replica.is_replica:
            message = f"DB Instance {replica.db_instance_identifier} is not a read replica."
            raise RDSClientError("InvalidDBInstanceState", message)
        replicas = list(replica.replicas)
        replica.replicas = []
        _unlink(self, replica)
        replica.replicas = replicas
        options.setdefault("backup_retention_period", 1)
        replica.update(**options)
        return _for_a_while(replica, "modifying", "rds_modify")
