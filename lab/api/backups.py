"""What restores of RDS instances go by: who has the data, and from when to when an instance can be restored.

The machines replace :data:`kept` and fill :data:`oldest`; with the API alone there is no data, and nothing is waited for.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Iterator
from typing import Any

from lab.api.timers import TIMERS
from lab.api.wrapping import stable_hex

Window = tuple[datetime.datetime, datetime.datetime]


def _nowhere(_database: Any) -> bool:
    return False


#: Whether a machine keeps the data of an instance, so that its backups are there once the machine has made them.
kept: Callable[[Any], bool] = _nowhere
#: The end of the oldest backup a machine has of an instance, by DbiResourceId.
oldest: dict[str, datetime.datetime] = {}


def now() -> datetime.datetime:
    """The time as moto has it: UTC, without a zone."""
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None)


def backed_up(database: Any) -> bool:
    """Whether an instance has automated backups of its own; a cluster's are the cluster's."""
    return database.db_cluster_identifier is None and int(database.backup_retention_period or 0) > 0


def window(database: Any) -> Window | None:
    """From when to when an instance can be restored; None before its first backup."""
    known = database.__dict__
    begun = known.get("lab_backed_since")
    if not backed_up(database) or begun is None or database.status == "creating":
        return None
    if kept(database) or database.dbi_resource_id in oldest:
        begun = oldest.get(database.dbi_resource_id)
        if begun is None:
            return None
    latest = min(known.get("lab_ended") or now(), now() - datetime.timedelta(seconds=TIMERS.get("rds_log_upload")))
    earliest = max(begun, latest - datetime.timedelta(days=int(database.backup_retention_period)))
    # Clients are shown whole seconds, and come back with them.
    earliest = datetime.datetime.min + datetime.timedelta(
        seconds=math.ceil((earliest - datetime.datetime.min).total_seconds())
    )
    return (earliest, latest) if earliest <= latest else None


def retained(backend: Any) -> dict[str, Any]:
    """Deleted instances whose automated backups were kept, by DbiResourceId; each for its retention period."""
    found: dict[str, Any] = backend.__dict__.setdefault("lab_retained", {})
    for resource, database in list(found.items()):
        if database.lab_ended + datetime.timedelta(days=int(database.backup_retention_period)) < now():
            del found[resource]
    return found


def sources(backend: Any) -> Iterator[tuple[str, Any]]:
    """The instances with automated backups, by the status of these; those that are being deleted are there still."""
    living = list(backend.databases.values())
    for database in living:
        if backed_up(database):
            yield "active" if window(database) else "creating", database
    there = {database.dbi_resource_id for database in living}
    for resource, database in list(retained(backend).items()):
        if resource not in there:
            yield "retained", database


def arn(database: Any) -> str:
    """The ARN of an instance's automated backups."""
    name = stable_hex(f"auto-backup {database.dbi_resource_id}", 26).upper()
    return f"arn:{database.partition}:rds:{database.region}:{database.account_id}:auto-backup:ab-{name}"
