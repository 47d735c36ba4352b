# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of the role database: entries of a plan as amazon.aws.rds_instance takes them."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ..plugin_utils.kinds.rds import rds, rds_states
from ..plugin_utils.shared import managed_data

Entry = dict[str, t.Any]
Resources = dict[str, dict[str, Entry]]

#: Our words for the module's, where they are not the same.
NAMES = {
    "instance_class": "db_instance_class",
    "database_name": "db_name",
    "backup_window": "preferred_backup_window",
    "maintenance_window": "preferred_maintenance_window",
    "log_exports": "enable_cloudwatch_logs_exports",
    "performance_insights": "enable_performance_insights",
    "performance_insights_retention": "performance_insights_retention_period",
    "ca_certificate": "ca_certificate_identifier",
    "iam_authentication": "enable_iam_database_authentication",
}
SAME = (
    "engine", "max_allocated_storage", "storage_type", "iops", "storage_throughput", "storage_encrypted", "port",
    "multi_az", "backup_retention_period", "auto_minor_version_upgrade", "deletion_protection", "copy_tags_to_snapshot",
    "monitoring_interval", "monitoring_role_arn", "publicly_accessible", "apply_immediately",
)  # fmt: skip


def rds_arguments(write: dict[str, Entry], resources: Resources, region: str = "") -> dict[str, Entry]:
    """The entries with the module's options; options that are not managed are left out.

    :param region: where they are written; what a replica follows may be elsewhere
    """
    return {name: _arguments(entry, resources, region) for name, entry in write.items()}


def _new(entry: Entry) -> bool:
    """Whether an instance is created, as a replacement too: then it is given everything, and its own name."""
    return not entry["id"] or entry.get("action") == "create"


def _arguments(entry: Entry, resources: Resources, region: str) -> Entry:
    def ident(kind: str, name: str | None, fact: str = "") -> str | None:
        if not name:
            return None
        if name not in resources[kind]:
            raise AnsibleFilterError(f"{entry['aws_name']}: {kind} {name} does not exist (yet); provision it first")
        resource = resources[kind][name]
        return str(resource["facts"].get(fact) or resource["id"])

    desired = rds.normalised(entry)
    found = {option: desired[option] for option in SAME if option in desired}
    found |= {theirs: desired[ours] for ours, theirs in NAMES.items() if ours in desired}
    found |= {
        "db_instance_identifier": entry["aws_name"].lower() if _new(entry) else entry["id"],
        "db_subnet_group_name": ident("db_subnet_group", entry.get("subnet_group")),
        "db_parameter_group_name": ident("db_parameter_group", entry.get("parameter_group")),
        "vpc_security_group_ids": [ident("security_group", name) for name in entry.get("security_groups") or []],
        "apply_immediately": entry["apply_immediately"],
        "tags": dict(entry["tags"]),
        **_sizes(entry),
    }
    if entry.get("source"):
        found["read_replica"] = True
        found |= _source(ident("db_instance", entry["source"]), ident("db_instance", entry["source"], "arn"), region)
    if _new(entry) and "kms_key" not in rds.inherited(entry):
        found["kms_key_id"] = ident("kms_key", entry.get("kms_key"), "arn")
    if _new(entry) and not rds.is_replica(entry):
        found["secret"] = ident("secret", entry.get("credentials"), "arn")
    fields = () if _new(entry) else entry.get("fields") or ()
    if rds_states.PROMOTION in fields:
        found["read_replica"] = False
    if "status" in fields:
        found["state"] = "started"
    if entry.get("allocated_storage"):
        found["tags"][rds.STORAGE_TAG] = str(entry["allocated_storage"])
    return {option: value for option, value in found.items() if value is not None}


def _source(name: str | None, arn: str | None, region: str) -> Entry:
    """What a replica follows: an instance of its region by its name, any other by its ARN."""
    its_region = str(arn).split(":")[3] if str(arn).startswith("arn:") else region
    if its_region == region or not region:
        return {"source_db_instance_identifier": name}
    return {"source_db_instance_identifier": arn, "source_region": its_region}


def _sizes(entry: Entry) -> Entry:
    """Version and storage, which AWS moves on by itself: asked for at creation, and where the plan wants another."""
    found: Entry = {}
    exists, fields = not _new(entry), entry.get("fields") or []
    if not rds.is_replica(entry) and (not exists or {"engine_version", "minor_version"} & set(fields)):
        minor = entry.get("minor_version")
        found["engine_version"] = entry["engine_version"] + (f".{minor}" if minor is not None else "")
        # AWS tells no one that it was allowed, so the module would report it as changed for ever.
        if exists and entry["allow_major_version_upgrade"]:
            found["allow_major_version_upgrade"] = True
    # A replica begins with what its source has by now, which may be more than was ever asked for; AWS refuses less.
    wanted = None if entry.get("replica") and not exists else entry.get("allocated_storage")
    if wanted and (not exists or wanted > int(entry["facts"]["allocated_storage"])):
        found["allocated_storage"] = wanted
    elif exists and entry["storage_type"] in ("io1", "io2"):
        # The module wants it beside these storage types with every call, also where it stays as it is.
        found["allocated_storage"] = int(entry["facts"]["allocated_storage"])
    return found


def rds_parameters(parameters: dict[str, t.Any]) -> dict[str, str]:
    """Parameters as RDS tells them: texts, switches as 0 and 1."""
    return {name: managed_data.text_of(value) for name, value in parameters.items()}


def rds_final_snapshot(resource: Entry) -> bool:
    """Whether AWS takes a final snapshot of an instance: not of a replica, nor of what it cannot read."""
    return not resource["facts"]["replica"] and resource["status"] not in rds_states.WITHOUT_SNAPSHOT


class FilterModule:
    """Filters ``terrace.aws.*`` of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {
            "rds_arguments": rds_arguments,
            "rds_final_snapshot": rds_final_snapshot,
            "rds_parameters": rds_parameters,
        }
