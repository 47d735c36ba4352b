"""RDS: DB snapshots, their states and their copies."""

from __future__ import annotations

import datetime
import itertools
import uuid
from typing import Any

from lab.api import backups
from lab.api.patching import patch
from lab.api.wrapping import method, wrap

from .rds_restore import refuse

API = "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/"


@patch(
    moto="makes snapshots of instances in any state, and an automated one of instances without automated backups",
    aws="a manual snapshot is made of an available instance, automated ones where the retention period is not 0; it can be"
    " deleted and copied once it is available (with machines: once they have copied the data)",
    document=API + "API_CreateDBSnapshot.html",
)
def states() -> None:
    from moto.rds.models import DBInstance, DBSnapshot, RDSBackend
    from moto.rds.responses import RDSResponse

    @wrap(DBSnapshot, "__init__")
    def born(original: Any, self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        # What is in it: copies have the same. A machine that keeps the data has to hand it over first.
        self.lab_content, self.lab_awaited = uuid.uuid4().hex, False

    @wrap(RDSBackend, "create_db_snapshot")
    def create(original: Any, self: Any, db_instance_identifier: str, *args: Any, **kwargs: Any) -> Any:
        snapshot = original(self, db_instance_identifier, *args, **kwargs)
        snapshot.lab_awaited = backups.kept(self.databases[db_instance_identifier])
        return snapshot

    @wrap(RDSResponse, "create_db_snapshot")
    def asked(original: Any, self: Any) -> Any:
        name = self.params["DBInstanceIdentifier"]
        status = self.backend.describe_db_instances(name)[0].status
        if status not in ("available", "storage-optimization"):
            refuse(
                "InvalidDBInstanceState",
                f"Cannot create a snapshot because the database instance {name} is in state {status}.",
            )
        return original(self)

    @method(DBInstance)
    def save_automated_backup(self: Any) -> None:
        if not backups.backed_up(self):
            return
        self.add_event("DB_INSTANCE_BACKUP_START")
        # Of a retained one of the same name and minute there may be one.
        times = (backups.now() + datetime.timedelta(minutes=n) for n in itertools.count())
        names = (f"rds:{self.db_instance_identifier}-{time:%Y-%m-%d-%H-%M}" for time in times)
        name = next(name for name in names if name not in self.backend.database_snapshots)
        self.backend.create_auto_snapshot(self.db_instance_identifier, name)
        self.add_event("DB_INSTANCE_BACKUP_FINISH")

    @wrap(RDSBackend, "delete_db_snapshot")
    def delete(original: Any, self: Any, db_snapshot_identifier: str) -> Any:
        snapshot = self.database_snapshots.get(db_snapshot_identifier)
        if snapshot and snapshot.status == "creating":
            refuse("InvalidDBSnapshotState", f"The DB snapshot {db_snapshot_identifier} is in state creating.")
        return original(self, db_snapshot_identifier)


@patch(
    moto="copies a snapshot in any state, with the instance's tags though nobody asked for them, from another region with the"
    " key of that region and without saying where it is from",
    aws="copies an available snapshot, tags only when asked to; a copy from another region names its source, and an"
    " encrypted one wants a key of its own region",
    document=API + "API_CopyDBSnapshot.html",
)
def copies() -> None:
    from moto.rds.models import RDSBackend

    @wrap(RDSBackend, "copy_db_snapshot")
    def copy_snapshot(original: Any, self: Any, source_db_snapshot_identifier: str, *args: Any, **kwargs: Any) -> Any:
        source = self.get_db_snapshot(source_db_snapshot_identifier)
        if source.status != "available":
            refuse(
                "InvalidDBSnapshotState",
                f"The DB snapshot {source_db_snapshot_identifier} is in state {source.status}.",
            )
        elsewhere = source.region != self.region_name
        if source.encrypted and elsewhere and not kwargs.get("kms_key_id"):
            message = "A copy of an encrypted snapshot from another region needs a KMS key of this region."
            refuse("InvalidParameterCombination", message)
        if source.encrypted:
            kwargs["kms_key_id"] = kwargs.get("kms_key_id") or source.kms_key_id
        copied = original(self, source_db_snapshot_identifier, *args, **kwargs)
        if not kwargs.get("tags") and not kwargs.get("copy_tags"):
            copied.tags = []
        copied.lab_content, copied.lab_awaited = source.lab_content, source.lab_awaited
        if elsewhere:
            copied.source_region, copied.source_db_snapshot_identifier = source.region, source.arn
        return copied
