# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What RDS would refuse of an instance, said before anything is asked of AWS.

https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html
"""

from __future__ import annotations

import re
import typing as t

from ...shared import managed_data
from . import rds_pairs
from .rds import GP3_LARGE, inherited

CLASS = re.compile(r"db(\.[a-z0-9-]+){2,}")
#: Too small for Performance Insights.
#: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PerfInsights.Overview.Engines.html
WITHOUT_INSIGHTS = frozenset(f"db.{family}.{size}" for family in ("t2", "t3", "t4g") for size in ("micro", "small"))
#: Replicas a PostgreSQL instance can have. .../UserGuide/USER_ReadRepl.html
MOST_REPLICAS = 15
MOST_STORAGE = 65536
LEAST_STORAGE = {"gp2": 20, "gp3": 20, "io1": 100, "io2": 100}
#: .../UserGuide/CHAP_Storage.html
GP3_IOPS = (12000, 64000)

Entry = dict[str, t.Any]
World = dict[str, dict[str, Entry]]


def problems(name: str, entry: Entry, world: World) -> t.Iterator[str]:
    """Everything wrong with an entry of database_instances beyond types and references."""
    if not CLASS.fullmatch(entry["instance_class"]):
        yield f"instance_class: {entry['instance_class']} is not an instance class; for example db.t4g.medium"
    yield from _replica(name, entry, world) if entry.get("source") else _primary(name, entry, world)
    yield from rds_pairs.problems(entry)
    yield from _storage(entry)
    yield from _insights(entry)
    yield from _zones(entry, world)
    yield from managed_data.window_problems(entry, "backup_window", "maintenance_window")


def _primary(name: str, entry: Entry, world: World) -> t.Iterator[str]:
    for option in ("engine_version", "allocated_storage", "subnet_group"):
        if not entry.get(option):
            yield f"{option}: missing; only a replica (source) goes without it"
    if entry.get("engine_version") and not re.fullmatch(r"\d+", entry["engine_version"]):
        yield f"engine_version: {entry['engine_version']} is not a major version; for example 17, with minor_version: 4"
    kept = entry.get("backup_retention_period")
    replicas = sorted(other for other, each in world["db_instance"].items() if each.get("source") == name)
    if replicas and kept == 0:
        yield f"backup_retention_period: {', '.join(replicas)} can only replicate it with 1 day of backups at least"
    if len(replicas) > MOST_REPLICAS:
        yield f"has {len(replicas)} replicas; AWS takes {MOST_REPLICAS}"
    group = world.get("db_parameter_group", {}).get(entry.get("parameter_group") or "")
    family = f"{entry['engine']}{entry.get('engine_version')}"
    if group and entry.get("engine_version") and group.get("family") != family:
        yield f"parameter_group: {entry['parameter_group']} is for {group.get('family')}, the instance is {family}"


def _replica(name: str, entry: Entry, world: World) -> t.Iterator[str]:
    if entry["source"] == name:
        yield "source: an instance cannot be the replica of itself"
    given = sorted(
        option
        for option in inherited(entry) - {"engine", "storage_encrypted"}
        if entry.get(option) not in (None, "", [])
    )
    if given:
        yield f"{', '.join(given)}: a replica has this from its source; leave it out"
    chain, at = [name], entry["source"]
    while at in world["db_instance"] and at not in chain:
        chain.append(at)
        at = world["db_instance"][at].get("source") or ""
    if at in chain and at != name:
        yield f"source: {' -> '.join([*chain, at])} goes round in a circle"


def _storage(entry: Entry) -> t.Iterator[str]:
    size, most, sort = entry.get("allocated_storage"), entry.get("max_allocated_storage"), entry["storage_type"]
    least = LEAST_STORAGE[sort]
    if size is not None and not least <= size <= MOST_STORAGE:
        yield f"allocated_storage: {size} GiB is out of range for {sort}, {least} to {MOST_STORAGE}"
    # AWS wants the threshold 10 % above what is there.
    if size and most is not None and not size * 1.1 <= most <= MOST_STORAGE:
        least = -(-size * 11 // 10)
        yield f"max_allocated_storage: {most} GiB is out of range, {least} (10 % over {size}) to {MOST_STORAGE}"
    if sort == "gp3" and size and size < GP3_LARGE and (entry.get("iops") or entry.get("storage_throughput")):
        yield f"iops, storage_throughput: gp3 takes them from {GP3_LARGE} GiB on; below it has 3,000 and 125 MiB/s"
    elif sort == "gp3" and entry.get("iops") and not GP3_IOPS[0] <= entry["iops"] <= GP3_IOPS[1]:
        yield f"iops: {entry['iops']} is out of range for gp3, {GP3_IOPS[0]} to {GP3_IOPS[1]}"
    if sort == "gp2" and entry.get("iops"):
        yield "iops: gp2 takes none, its speed follows from its size; right are gp3, io1 and io2"
    if sort in ("io1", "io2") and not entry.get("iops"):
        yield f"iops: missing; {sort} needs it"
    if sort != "gp3" and entry.get("storage_throughput"):
        yield f"storage_throughput: only gp3 takes it, not {sort}"
    if entry.get("kms_key") and not entry["storage_encrypted"]:
        yield "kms_key: needs storage_encrypted: true"


def _insights(entry: Entry) -> t.Iterator[str]:
    if entry["performance_insights"] and entry["instance_class"] in WITHOUT_INSIGHTS:
        yield f"performance_insights: {entry['instance_class']} is too small for it; take medium or larger"
    days = entry.get("performance_insights_retention")
    if days is not None and not (days in (7, 731) or (days % 31 == 0 and 31 <= days <= 713)):
        yield f"performance_insights_retention: {days} days is not one AWS takes: 7, 731 or months of 31 days"
    if entry["monitoring_interval"] and not entry.get("monitoring_role_arn"):
        yield "monitoring_role_arn: missing; enhanced monitoring (monitoring_interval) writes its logs with that role"


def _zones(entry: Entry, world: World) -> t.Iterator[str]:
    covered = managed_data.zones(world, "db_subnet_group", entry.get("subnet_group"))
    if entry["multi_az"] and covered is not None and len(covered) < 2:
        yield (
            f"multi_az: the standby needs a second zone, but subnet group {entry['subnet_group']} is in "
            f"{', '.join(sorted(covered)) or 'none'} alone"
        )
