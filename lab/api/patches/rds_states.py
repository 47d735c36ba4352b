"""RDS: what AWS refuses in some states, and of some parameters and versions."""

from __future__ import annotations

from typing import Any

from lab.api import backups, postgres_parameters
from lab.api.allowed_values import allows
from lab.api.patching import patch
from lab.api.timers import TIMERS
from lab.api.wrapping import method, wrap

API = "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/"
GUIDE = "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/"
# In these states an instance can be modified; of the others AWS says that it is not available.
MODIFIABLE = ("available", "backing-up", "storage-optimization", "storage-full", "incompatible-parameters")
WITHOUT_SNAPSHOT = ("failed", "incompatible-restore", "incompatible-network")
MOST_PARAMETERS = 20


@patch(
    moto="takes any value for a parameter, any number of them at once, and changes and deletes default groups",
    aws="takes allowed values only (a boolean is 0 or 1), formulas for integers, twenty parameters a call; default groups"
    " can be neither changed nor deleted",
    document=API + "API_ModifyDBParameterGroup.html",
)
def parameter_values() -> None:
    from moto.rds.exceptions import RDSClientError
    from moto.rds.models import RDSBackend

    def refuse_default(name: str, verb: str) -> None:
        if name.lower().startswith("default."):
            raise RDSClientError("InvalidParameterValue", f"Default DBParameterGroup cannot be {verb}: {name}")

    @wrap(RDSBackend, "modify_db_parameter_group")
    def modify(original: Any, self: Any, db_parameter_group_name: str, db_parameter_group_parameters: Any) -> Any:
        wanted = [dict(each) for each in db_parameter_group_parameters]
        refuse_default(db_parameter_group_name, "modified")
        if len(wanted) > MOST_PARAMETERS:
            message = f"Number of parameters supplied {len(wanted)} exceeds the maximum of {MOST_PARAMETERS}."
            raise RDSClientError("InvalidParameterValue", message)
        group = self.db_parameter_groups.get(db_parameter_group_name.lower())
        for each in wanted if group and group.family.startswith("postgres") else []:
            name, value = each["ParameterName"], str(each.get("ParameterValue", ""))
            if name not in postgres_parameters.PARAMETERS:
                continue  # refused by its name
            _, _, data_type, allowed = postgres_parameters.PARAMETERS[name]
            if not allows(value, data_type, allowed):
                message = f"Invalid parameter value: {value} for: {name} allowed values are: {allowed}"
                raise RDSClientError("InvalidParameterValue", message)
        return original(self, db_parameter_group_name, wanted)

    @wrap(RDSBackend, "delete_db_parameter_group")
    def delete(original: Any, self: Any, db_parameter_group_name: str) -> Any:
        refuse_default(db_parameter_group_name, "deleted")
        return original(self, db_parameter_group_name)


@patch(
    moto="modifies, reboots and snapshots a stopped instance, stops and starts at once, calls a replica that cannot be"
    " stopped a cluster, and makes a final snapshot of an instance that failed",
    aws="answers InvalidDBInstanceState; stopping and starting take a while (the lab: the delay rds_modify, 0 s unless"
    " set); an instance that failed is deleted without a final snapshot only",
    document=GUIDE + "USER_StopInstance.html",
)
def stopped_instances() -> None:
    from moto.rds.exceptions import RDSClientError
    from moto.rds.models import RDSBackend

    def refuse(message: str) -> None:
        raise RDSClientError("InvalidDBInstanceState", message)

    for name in ("modify_db_instance", "reboot_db_instance"):

        @wrap(RDSBackend, name)
        def needs_available(original: Any, self: Any, db_instance_identifier: str, *args: Any, **kwargs: Any) -> Any:
            database = self.describe_db_instances(db_instance_identifier)[0]
            if database.status not in MODIFIABLE and database.db_cluster_identifier is None:
                refuse("Database instance is not in available state.")
            return original(self, db_instance_identifier, *args, **kwargs)

    @wrap(RDSBackend, "delete_db_instance")
    def delete(original: Any, self: Any, db_instance_identifier: str, *args: Any, **kwargs: Any) -> Any:
        database = self.databases.get(db_instance_identifier)
        snapshot = kwargs.get("final_db_snapshot_identifier") or (args[0] if args else None)
        if database and snapshot and database.status in WITHOUT_SNAPSHOT:
            refuse(f"Instance {db_instance_identifier} is in state {database.status}; skip its final snapshot.")
        return original(self, db_instance_identifier, *args, **kwargs)

    def after_a_while(database: Any, status: str, final: str) -> Any:
        seconds = TIMERS.get("rds_modify")
        database.status = status if seconds else final
        # Nothing is logged any more, so nothing later can be restored.
        database.lab_ended = backups.now() if final == "stopped" else None

        def done() -> None:
            if database.status == status:
                database.status = final

        if seconds:
            TIMERS.later(seconds, done)
        return database

    @method(RDSBackend)
    def stop_db_instance(self: Any, db_instance_identifier: str, db_snapshot_identifier: str | None = None) -> Any:
        database = self.describe_db_instances(db_instance_identifier)[0]
        if database.status != "available":
            refuse(f"Instance {db_instance_identifier} is not in available state.")
        if database.is_replica or database.replicas:
            refuse(f"Cannot stop or start a read replica or a source of one: {db_instance_identifier}")
        if db_snapshot_identifier:
            self.create_db_snapshot(db_instance_identifier, db_snapshot_identifier)
        return after_a_while(database, "stopping", "stopped")

    @method(RDSBackend)
    def start_db_instance(self: Any, db_instance_identifier: str) -> Any:
        database = self.describe_db_instances(db_instance_identifier)[0]
        if database.status != "stopped":
            refuse(f"Instance {db_instance_identifier} is not stopped")
        return after_a_while(database, "starting", "available")


@patch(
    moto="takes any engine version when an instance is modified, and a parameter group of any family",
    aws="refuses older versions; a new major version wants AllowMajorVersionUpgrade and, beside a custom parameter group,"
    " one of its own family; the family of a group must be the engine version's",
    document=GUIDE + "USER_UpgradeDBInstance.PostgreSQL.MajorVersion.Process.html",
)
def engine_versions() -> None:
    from moto.rds.exceptions import RDSClientError
    from moto.rds.models import RDSBackend

    from lab.api.patches.rds_instances import MINOR

    def refuse(message: str) -> None:
        raise RDSClientError("InvalidParameterCombination", message)

    def fitting(backend: Any, name: str | None, engine: str, version: str) -> None:
        group = backend.db_parameter_groups.get((name or "").lower())
        family = f"{engine}{version.split('.')[0]}"
        if group and engine == "postgres" and group.family != family:
            refuse(
                f"The parameter group {name} with DBParameterGroupFamily {group.family} can't be used for this instance."
                f" Use a parameter group with DBParameterGroupFamily {family}."
            )

    @wrap(RDSBackend, "create_db_instance")
    def create(original: Any, self: Any, db_kwargs: Any) -> Any:
        if db_kwargs.get("engine") == "postgres":
            version = str(db_kwargs.get("engine_version") or "16")
            fitting(self, db_kwargs.get("db_parameter_group_name"), "postgres", version)
        return original(self, db_kwargs)

    @wrap(RDSBackend, "modify_db_instance")
    def modify(original: Any, self: Any, db_instance_identifier: str, db_kwargs: Any) -> Any:
        database = self.describe_db_instances(db_instance_identifier)[0]
        if database.engine != "postgres":
            return original(self, db_instance_identifier, db_kwargs)
        now, asked = str(database.engine_version), str(db_kwargs.get("engine_version") or "")
        group = db_kwargs.get("db_parameter_group_name")
        if asked and asked not in (now, now.split(".")[0]):
            wanted = MINOR.get(asked, asked)
            if _parts(wanted) < _parts(now):
                refuse(f"Cannot upgrade postgres from {now} to {wanted}")
            if _parts(wanted)[0] > _parts(now)[0]:
                if not db_kwargs.get("allow_major_version_upgrade"):
                    refuse("The AllowMajorVersionUpgrade flag must be present when upgrading to a new major version.")
                if not group and not str(database.db_parameter_group_name or "default.").startswith("default."):
                    refuse(
                        f"Current Parameter Group ({database.db_parameter_group_name}) is non-default. You need to"
                        " explicitly specify a new Parameter Group in this case (default or custom)"
                    )
            now = wanted
        fitting(self, group, "postgres", now)
        return original(self, db_instance_identifier, db_kwargs)


def _parts(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]
