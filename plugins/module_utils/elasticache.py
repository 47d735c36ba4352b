# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ElastiCache replication groups between AWS's words and the inventory's.

https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html
"""

from __future__ import annotations

import typing as t

#: Options that a modify call takes on an existing group, with AWS's word.
CHANGEABLE = {
    "description": "ReplicationGroupDescription",
    "engine_version": "EngineVersion",
    "node_type": "CacheNodeType",
    "parameter_group": "CacheParameterGroupName",
    "security_group_ids": "SecurityGroupIds",
    "multi_az": "MultiAZEnabled",
    "automatic_failover": "AutomaticFailoverEnabled",
    "snapshot_retention": "SnapshotRetentionLimit",
    "snapshot_window": "SnapshotWindow",
    "maintenance_window": "PreferredMaintenanceWindow",
    "auto_minor_version_upgrade": "AutoMinorVersionUpgrade",
}
#: Those that are said when it is made and never again.
LASTING = {
    "engine": "Engine",
    "nodes": "NumCacheClusters",
    "subnet_group": "CacheSubnetGroupName",
    "port": "Port",
    "transit_encryption": "TransitEncryptionEnabled",
    "at_rest_encryption": "AtRestEncryptionEnabled",
    "kms_key_id": "KmsKeyId",
}


def version(text: t.Any) -> tuple[int, ...]:
    """An engine's version, major and minor, in a form that compares."""
    return tuple(int(part) for part in str(text).split(".")[:2] if part.isdigit())


def behind(have: t.Any, wanted: t.Any) -> bool:
    """Whether an engine is to be upgraded. AWS installs minor versions by itself and never goes back to one."""
    return not have or version(have)[:1] != version(wanted)[:1] or version(have) < version(wanted)


def family(engine: str, version: str) -> str:
    """The parameter group family of an engine's version."""
    major = version.split(".")[0]
    return f"{engine}{major}.x" if (engine, major) == ("redis", "6") else f"{engine}{major}"


def described(group: dict[str, t.Any], members: list[dict[str, t.Any]]) -> dict[str, t.Any]:
    """A group in the words of the module terrace.aws.elasticache_replication_group; what is pending counts as done.

    :param group: from DescribeReplicationGroups
    :param members: its clusters, from DescribeCacheClusters
    """
    first: dict[str, t.Any] = members[0] if members else {}
    pending = {**(first.get("PendingModifiedValues") or {}), **(group.get("PendingModifiedValues") or {})}
    number = str(pending.get("EngineVersion") or first.get("EngineVersion") or "")
    return {
        "description": group.get("Description"),
        "engine": group.get("Engine") or first.get("Engine"),
        "engine_version": ".".join(number.split(".")[:2]),
        "node_type": pending.get("CacheNodeType") or group.get("CacheNodeType"),
        "nodes": len(group.get("MemberClusters") or members),
        "automatic_failover": _turned_on(
            pending.get("AutomaticFailoverStatus") or group.get("AutomaticFailover") or "disabled"
        ),
        "multi_az": _turned_on(group.get("MultiAZ") or "disabled"),
        "transit_encryption": bool(group.get("TransitEncryptionEnabled")),
        "at_rest_encryption": bool(group.get("AtRestEncryptionEnabled")),
        "auth_token": bool(group.get("AuthTokenEnabled")),
        "kms_key_id": group.get("KmsKeyId"),
        "subnet_group": first.get("CacheSubnetGroupName"),
        "parameter_group": (first.get("CacheParameterGroup") or {}).get("CacheParameterGroupName"),
        "security_group_ids": sorted(each["SecurityGroupId"] for each in first.get("SecurityGroups") or []),
        "port": endpoint(group).get("Port"),
        "snapshot_retention": int(group.get("SnapshotRetentionLimit") or 0),
        "snapshot_window": group.get("SnapshotWindow"),
        "maintenance_window": (first.get("PreferredMaintenanceWindow") or "").lower(),
        "auto_minor_version_upgrade": bool(
            group.get("AutoMinorVersionUpgrade", first.get("AutoMinorVersionUpgrade", True))
        ),
    }


def _turned_on(status: str) -> bool:
    """Of enabled, enabling, disabled and disabling."""
    return status.startswith("enabl")


def endpoint(group: dict[str, t.Any], which: str = "PrimaryEndpoint") -> dict[str, t.Any]:
    """An endpoint of a group with cluster mode disabled; empty while it is being made."""
    return next((node[which] for node in group.get("NodeGroups") or [] if node.get(which)), {})


def attributes(cell: t.Any, group: dict[str, t.Any], members: list[dict[str, t.Any]]) -> dict[str, t.Any]:
    """A group in the inventory's words."""
    found = described(group, members)
    key = found.pop("kms_key_id")
    found["kms_key"] = key and next(
        (name for name, each in cell.observed("kms_key").items() if key in (each.id, each.facts.get("arn"))), key
    )
    found["security_groups"] = cell.names_of("security_group", found.pop("security_group_ids"))
    for option in ("subnet_group", "parameter_group"):
        found[option] = cell.name_of(f"cache_{option}", found[option]) or None
    return found


def facts(group: dict[str, t.Any], members: list[dict[str, t.Any]]) -> dict[str, t.Any]:
    """What only AWS knows of a group."""
    primary = endpoint(group)
    first: dict[str, t.Any] = members[0] if members else {}
    pending = {**(first.get("PendingModifiedValues") or {}), **(group.get("PendingModifiedValues") or {})}
    return {
        "name": group["ReplicationGroupId"],
        "arn": group["ARN"],
        "endpoint": primary.get("Address", ""),
        "reader_endpoint": endpoint(group, "ReaderEndpoint").get("Address", ""),
        "port": primary.get("Port", ""),
        "engine_version": first.get("EngineVersion", ""),
        "members": sorted(group.get("MemberClusters") or []),
        "zones": sorted({each.get("PreferredAvailabilityZone") or "" for each in members} - {""}),
        # Waits for the maintenance window, or for apply_immediately.
        "pending": pending,
    }
