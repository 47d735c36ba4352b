# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ElastiCache replication groups: one primary and its replicas (cluster mode disabled).

https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeReplicationGroups.html
What a group does not tell (groups, windows, version), its member clusters do.
"""

from __future__ import annotations

import re
import typing as t

from ....module_utils import elasticache
from ...engine.cell import Cell
from ...engine.kind import FAILED, LEAVING, PENDING, READY, REMAKE, Kind, Resource
from ...shared import managed_data, pending, taken

STATES = {"available": READY, "create-failed": FAILED, "deleting": LEAVING}
#: States of a node that it does not leave by itself.
#: https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CacheCluster.html
NODE_FAILURES = ("incompatible-network", "restore-failed")
NODE_TYPE = re.compile(r"cache\.[a-z0-9-]+\.[a-z0-9]+")
#: Options of the write, not of the group.
MANNERS = frozenset({"apply_immediately", "credentials"})


class ReplicationGroup(Kind):
    name = "replication_group"
    role = "cache"
    variable = "cache_replication_groups"
    resource_type = "elasticache:replicationgroup"
    # Subnet group, port and engine cannot be changed either, but AWS tells them only once the group is there: while it
    # is being made they would look changed. The module refuses to change them.
    immutable = frozenset({"transit_encryption", "at_rest_encryption", "kms_key", "auth_token"})
    references: t.ClassVar[dict[str, str]] = {
        "subnet_group": "cache_subnet_group",
        "parameter_group": "cache_parameter_group",
        "security_groups": "security_group",
        "kms_key": "kms_key",
        "credentials": "secret",
    }
    # ModifyReplicationGroup and DeleteReplicationGroup refuse a group that is not available.
    waits_for_itself = True
    # The module waits between adding nodes and what needs them.
    sleeps = True
    replacement_reason = "its id and its endpoints are unique"
    longest_name = 40

    def read(self, cell: Cell) -> dict[str, Resource]:
        groups = cell.pages("elasticache", "describe_replication_groups", "ReplicationGroups")
        mine = managed_data.tagged(cell, "elasticache", self.name, groups, "ReplicationGroupId", "ARN")
        clusters = cell.pages("elasticache", "describe_cache_clusters", "CacheClusters") if mine else []
        found = {}
        for name, group, tags in mine:
            members = [each for each in clusters if each.get("ReplicationGroupId") == group["ReplicationGroupId"]]
            status = next(
                (each["CacheClusterStatus"] for each in members if each["CacheClusterStatus"] in NODE_FAILURES),
                group["Status"],
            )
            found[name] = Resource(
                id=group["ReplicationGroupId"],
                attributes=elasticache.attributes(cell, group, members),
                facts=elasticache.facts(group, members),
                tags=tags,
                state=FAILED if status in NODE_FAILURES else STATES.get(status, PENDING),
                status=status,
            )
        return found

    def normalise(self, entry: dict[str, t.Any]) -> dict[str, t.Any]:
        # AWS installs minor versions by itself and never goes back: the condition compares the version.
        same = {option: value for option, value in entry.items() if option not in {*MANNERS, "engine_version"}}
        if same.get("maintenance_window"):
            same["maintenance_window"] = same["maintenance_window"].lower()
        return same

    def precreate_errors(self, cell: Cell, entries: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        for name, entry in entries.items():
            if entry["auth_token"] and not entry.get("credentials"):
                yield f"{name}.credentials: missing; name the secret with the token, or give auth_token: false"
        found = cell.pages("elasticache", "describe_replication_groups", "ReplicationGroups")
        yield from taken.names(cell, self.name, entries, found, "ReplicationGroupId", "ReplicationGroupId", lower=True)

    def warnings(self, entries: dict[str, dict[str, t.Any]], observed: dict[str, Resource]) -> t.Iterator[str]:
        yield from pending.warnings(observed)

    def condition(self, name: str, entry: dict[str, t.Any], resource: Resource) -> dict[str, dict[str, t.Any]]:
        have, wanted = resource.attributes["engine_version"], entry["engine_version"]
        # The version is told by the nodes, which are not there yet while the group is being made.
        if not have or not elasticache.behind(have, wanted):
            return {}
        return {"engine_version": {"before": have, "after": wanted}}

    def refusal(
        self, name: str, fields: dict[str, dict[str, t.Any]], entry: dict[str, t.Any], resource: Resource
    ) -> str:
        version = fields.get("engine_version", {})
        if version and elasticache.version(version["after"]) < elasticache.version(version["before"]):
            return (
                f"AWS cannot downgrade {entry['engine']} {version['before']} to {version['after']};"
                f" give engine_version: '{version['before']}'"
            )
        fixed = sorted({"engine", "port", "subnet_group"} & set(fields)) if resource.state == READY else []
        if fixed and not self.immutable & set(fields):
            return (
                f"AWS cannot change {', '.join(fixed)} of a replication group; put the old value back, or describe another"
                " group under a new name, move its users there and remove this one"
            )
        return ""

    def remedy(self, name: str, entry: dict[str, t.Any], resource: Resource) -> str:
        """What was never made holds nothing; a node that lost its network needs that back."""
        if resource.status == "create-failed":
            return REMAKE
        if resource.status == "incompatible-network":
            return "its subnets or security groups are gone or full: restore them; ElastiCache then replaces the node"
        return f"a node is in the state {resource.status}: delete the group there, or restore it from another snapshot"

    def check(self, name: str, entry: dict[str, t.Any], world: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        if not NODE_TYPE.fullmatch(entry["node_type"]):
            yield f"node_type: {entry['node_type']} is not a node type; for example cache.t4g.small"
        if not re.fullmatch(r"\d+\.\d+", entry["engine_version"]):
            yield f"engine_version: {entry['engine_version']} must be major and minor, 7.1 for example"
        if entry["automatic_failover"] and entry["nodes"] < 2:
            yield "automatic_failover: needs a replica to fail over to; give 2 nodes at least"
        if entry["multi_az"] and not entry["automatic_failover"]:
            yield "multi_az: needs automatic_failover"
        if entry["snapshot_retention"] and re.match(r"cache\.t1\.", entry["node_type"]):
            yield f"snapshot_retention: {entry['node_type']} has no snapshots; give 0"
        yield from self._secrecy(entry)
        yield from self._zones(entry, world)
        yield from managed_data.window_problems(entry, "snapshot_window", "maintenance_window", least=60)

    @staticmethod
    def _secrecy(entry: dict[str, t.Any]) -> t.Iterator[str]:
        if entry["auth_token"] and not entry["transit_encryption"]:
            yield "auth_token: needs transit_encryption; AWS takes no token over plain connections"
        if entry.get("kms_key") and not entry["at_rest_encryption"]:
            yield "kms_key: needs at_rest_encryption"

    @staticmethod
    def _zones(entry: dict[str, t.Any], world: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        covered = managed_data.zones(world, "cache_subnet_group", entry["subnet_group"])
        if entry["multi_az"] and covered is not None and len(covered) < 2:
            where = ", ".join(sorted(covered)) or "none"
            yield f"multi_az: needs a second zone, but subnet group {entry['subnet_group']} is in {where} alone"
        family = world.get("cache_parameter_group", {}).get(entry.get("parameter_group") or "", {}).get("family")
        fits = elasticache.family(entry["engine"], entry["engine_version"])
        if family and family != fits:
            yield f"parameter_group: {entry['parameter_group']} is for {family}, the group is {fits}"
