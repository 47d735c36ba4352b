"""ElastiCache: replication groups and the cache clusters they are made of."""

from __future__ import annotations

import re
from typing import Any

from lab.api.patching import patch
from lab.api.timers import TIMERS
from lab.api.wrapping import paged, response_method, wrap

from .elasticache_groups import find_group

API = "https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/"
MINOR = {"7": "7.1.0", "7.1": "7.1.0", "7.0": "7.0.7", "6.2": "6.2.6", "8.0": "8.0.1", "7.2": "7.2.6"}
#: What AWS takes as a token: printable characters but five.
TOKEN = re.compile(r"[!#-&(-.0-?A-~]{16,128}")
DEFERRED = {"CacheNodeType": "cache_node_type", "EngineVersion": "engine_version"}


@patch(
    moto="makes a single node of NumCacheClusters, in zones of us-east-1, and none of the member clusters",
    aws="spreads the nodes over the zones of the subnet group; each is a cache cluster with nodes, groups and flags",
    document=API + "API_CreateReplicationGroup.html",
)
def replication_groups() -> None:
    from moto.elasticache.models import ElastiCacheBackend
    from moto.elasticache.responses import ElastiCacheResponse

    @wrap(ElastiCacheBackend, "create_replication_group")
    def create(original: Any, self: Any, **options: Any) -> Any:
        _check(self, options)
        if options.get("cluster_mode") != "enabled" and not options.get("num_node_groups"):
            nodes = options.get("num_cache_clusters") or 1 + (options.get("replicas_per_node_group") or 0)
            options.update(num_cache_clusters=nodes, replicas_per_node_group=nodes - 1)
        zones = _zones(self, options.get("cache_subnet_group_name"))
        if not options.get("preferred_cache_cluster_azs"):
            count = 1 + (options.get("replicas_per_node_group") or 0)
            options["preferred_cache_cluster_azs"] = [zones[i % len(zones)] for i in range(count)]
        group = original(self, **options)
        group.region = self.region_name
        group.lab_tokens = [options["auth_token"]] if options.get("auth_token") else []
        group.engine_version = MINOR.get(str(group.engine_version or "7.1"), group.engine_version)
        family = f"default.{group.engine}{group.engine_version.split('.')[0]}"
        group.cache_parameter_group_name = group.cache_parameter_group_name or family
        _add_members(self, group)
        for_a_while(self, group, "creating", "cache")
        return group

    @response_method(ElastiCacheResponse, "elasticache_backend")
    def describe_cache_clusters(backend: Any, params: Any) -> dict[str, Any]:
        found = backend.describe_cache_clusters(cache_cluster_id=params.get("CacheClusterId"))
        return paged(params, "CacheClusters", [_shown(c, bool(params.get("ShowCacheNodeInfo"))) for c in found])


def _check(backend: Any, options: dict[str, Any]) -> None:
    from moto.elasticache.exceptions import InvalidParameterCombinationException as Combination

    if name := options.get("cache_subnet_group_name"):
        backend.describe_cache_subnet_groups(name)
    if name := options.get("cache_parameter_group_name"):
        find_group(backend, name)
    replicas = max(options.get("num_cache_clusters") or 1, 1 + (options.get("replicas_per_node_group") or 0))
    if options.get("automatic_failover_enabled") and replicas < 2:
        raise Combination("Cannot enable automatic failover on a replication group with less than two cache clusters.")
    if options.get("multi_az_enabled") and not options.get("automatic_failover_enabled"):
        raise Combination("Must enable automatic failover to use Multi-AZ.")
    if options.get("auth_token") and not options.get("transit_encryption_enabled"):
        raise Combination("Auth tokens require encryption in transit to be enabled.")
    if options.get("auth_token"):
        _check_token(options["auth_token"])


def _check_token(token: str) -> None:
    from moto.elasticache.exceptions import ElastiCacheException

    if not TOKEN.fullmatch(token):
        message = "Invalid AuthToken: must be 16 to 128 printable characters, without spaces, ', \", / and @."
        raise ElastiCacheException("InvalidParameterValue", message)


def tokens_after(present: list[str], token: str, strategy: str | None) -> list[str]:
    """The tokens a group takes after a change: ROTATE, the default, keeps the last one; SET leaves the new one alone."""
    from moto.elasticache.exceptions import ElastiCacheException

    if strategy == "DELETE":
        return []
    _check_token(token)
    if strategy == "SET":
        if present and token not in present:
            raise ElastiCacheException("InvalidParameterValue", "SET takes a token that ROTATE has added before.")
        return [token]
    return [*[each for each in present if each != token][-1:], token]


def _zones(backend: Any, subnet_group: str | None) -> list[str]:
    group = backend.cache_subnet_groups.get(subnet_group)
    zones = [s["subnet_availability_zone"]["Name"] for s in group.subnets] if group else []
    return sorted(set(zones)) or [f"{backend.region_name}{letter}" for letter in "abc"]


def _add_members(backend: Any, group: Any) -> None:
    """Make the cache clusters of a replication group that are missing."""
    for node_group in group.node_groups:
        for member in node_group["node_group_members"]:
            name = member["cache_cluster_id"]
            if name in backend.cache_clusters:
                continue
            names = (
                "az_mode num_cache_nodes network_type ip_discovery snapshot_name preferred_availability_zones"
                " notification_topic_arn snapshot_window outpost_mode preferred_outpost_arn cache_security_group_names"
                " snapshot_arns preferred_outpost_arns log_delivery_configurations cache_node_ids_to_remove"
                " cache_node_ids_to_reboot"
            )
            cluster = backend.create_cache_cluster(
                **dict.fromkeys(names.split()),
                cache_cluster_id=name,
                replication_group_id=group.replication_group_id,
                preferred_availability_zone=member["preferred_availability_zone"],
                cache_node_type=group.cache_node_type,
                engine="redis",  # moto knows the member's group only with this engine
                engine_version=group.engine_version,
                cache_parameter_group_name=group.cache_parameter_group_name,
                cache_subnet_group_name=group.cache_subnet_group_name,
                security_group_ids=group.security_group_ids,
                transit_encryption_enabled=group.transit_encryption_enabled,
                preferred_maintenance_window=group.preferred_maintenance_window,
                port=group.port,
                auto_minor_version_upgrade=group.auto_minor_version_upgrade,
                snapshot_retention_limit=group.snapshot_retention_limit,
                auth_token=None,
                tags=list(group.tags or []),
            )
            cluster.engine = group.engine
            cluster.at_rest_encryption_enabled = group.at_rest_encryption_enabled
            cluster.auth_token_enabled = group.auth_token_enabled
            cluster.lab_endpoint = (member.get("read_endpoint") or {}).get("address")


def _shown(cluster: Any, with_nodes: bool) -> dict[str, Any]:
    """Return a cache cluster as DescribeCacheClusters shows it."""
    shown = {
        "CacheClusterId": cluster.cache_cluster_id,
        "ARN": cluster.arn,
        "CacheClusterStatus": cluster.cache_cluster_status,
        "CacheClusterCreateTime": cluster.cache_cluster_create_time,
        "CacheNodeType": cluster.cache_node_type,
        "Engine": cluster.engine,
        "EngineVersion": cluster.engine_version,
        "NumCacheNodes": cluster.num_cache_nodes,
        "PreferredAvailabilityZone": cluster.preferred_availability_zone,
        "PreferredMaintenanceWindow": cluster.preferred_maintenance_window or "sun:05:00-sun:06:00",
        "PendingModifiedValues": cluster.__dict__.get("lab_pending") or {},
        "CacheParameterGroup": {
            "CacheParameterGroupName": cluster.cache_parameter_group_name,
            "ParameterApplyStatus": "in-sync",
            "CacheNodeIdsToReboot": [],
        },
        "CacheSubnetGroupName": cluster.cache_subnet_group_name,
        "SecurityGroups": [{"SecurityGroupId": i, "Status": "active"} for i in cluster.security_group_ids],
        "CacheSecurityGroups": [],
        "AutoMinorVersionUpgrade": cluster.auto_minor_version_upgrade is not False,
        "SnapshotRetentionLimit": cluster.snapshot_retention_limit,
        "ReplicationGroupId": getattr(cluster, "replication_group_id", None),
        "ReplicationGroupLogDeliveryEnabled": False,
        "LogDeliveryConfigurations": [],
        "TransitEncryptionEnabled": bool(cluster.transit_encryption_enabled),
        "AtRestEncryptionEnabled": bool(getattr(cluster, "at_rest_encryption_enabled", False)),
        "AuthTokenEnabled": bool(cluster.auth_token_enabled),
        "NetworkType": cluster.network_type or "ipv4",
        "IpDiscovery": cluster.ip_discovery or "ipv4",
    }
    if with_nodes:
        address = getattr(cluster, "lab_endpoint", None) or f"{cluster.cache_cluster_id}.cache.amazonaws.com"
        shown["CacheNodes"] = [
            {
                "CacheNodeId": f"{number + 1:04}",
                "CacheNodeStatus": cluster.cache_cluster_status,
                "CacheNodeCreateTime": cluster.cache_cluster_create_time,
                "Endpoint": {"Address": address, "Port": int(cluster.port)},
                "ParameterGroupStatus": "in-sync",
                "CustomerAvailabilityZone": cluster.preferred_availability_zone,
            }
            for number in range(cluster.num_cache_nodes)
        ]
    return shown


def members(backend: Any, group: Any) -> list[Any]:
    """Return the cache clusters of a replication group."""
    return [
        c
        for c in backend.cache_clusters.values()
        if getattr(c, "replication_group_id", None) == group.replication_group_id
    ]


def for_a_while(backend: Any, group: Any, status: str, delay: str) -> None:
    """Show ``status`` on a replication group and its members until the delay has passed."""
    seconds = TIMERS.get(delay)

    def show(value: str) -> None:
        group.status = value
        for node_group in group.node_groups:
            node_group["status"] = value
        for cluster in members(backend, group):
            cluster.cache_cluster_status = value

    show(status if seconds else "available")
    if seconds:
        TIMERS.later(seconds, lambda: show("available") if group.status == status else None)


@patch(
    moto="changes six attributes of a replication group and forgets the others",
    aws="changes also groups, windows, versions, tokens and modes, on the member clusters too; node type and version"
    " wait for the maintenance window unless ApplyImmediately is set",
    document=API + "API_ModifyReplicationGroup.html",
)
def replication_group_changes() -> None:
    from moto.core.utils import utcnow
    from moto.elasticache.responses import ElastiCacheResponse

    on_group = {
        "ReplicationGroupDescription": "description",
        "SnapshotRetentionLimit": "snapshot_retention_limit",
        "SnapshotWindow": "snapshot_window",
        "AutoMinorVersionUpgrade": "auto_minor_version_upgrade",
        "TransitEncryptionMode": "transit_encryption_mode",
        "TransitEncryptionEnabled": "transit_encryption_enabled",
        "NotificationTopicArn": "notification_topic_arn",
        "PreferredMaintenanceWindow": "preferred_maintenance_window",
        "CacheParameterGroupName": "cache_parameter_group_name",
        "SecurityGroupIds": "security_group_ids",
    }
    on_members = (
        "SnapshotRetentionLimit", "AutoMinorVersionUpgrade", "TransitEncryptionEnabled", "PreferredMaintenanceWindow",
        "CacheParameterGroupName", "SecurityGroupIds",
    )  # fmt: skip

    @response_method(ElastiCacheResponse, "elasticache_backend")
    def modify_replication_group(backend: Any, params: Any) -> dict[str, Any]:
        group = backend.describe_replication_groups(params["ReplicationGroupId"])[0]
        _must_be_available(group)
        if params.get("CacheParameterGroupName"):
            find_group(backend, params["CacheParameterGroupName"])
        strategy, token = params.get("AuthTokenUpdateStrategy"), params.get("AuthToken")
        if token or strategy == "DELETE":
            group.lab_tokens = tokens_after(group.__dict__.get("lab_tokens", []), token, strategy)
            group.lab_tokens_changed = utcnow()
        clusters = members(backend, group)
        for key, attribute in on_group.items():
            if params.get(key) is not None:
                for item in [group, *(clusters if key in on_members else [])]:
                    setattr(item, attribute, params[key])
        for key, attribute in (("AutomaticFailoverEnabled", "automatic_failover"), ("MultiAZEnabled", "multi_az")):
            if params.get(key) is not None:
                setattr(group, attribute, "enabled" if params[key] else "disabled")
        for item in [group, *clusters]:
            item.auth_token_enabled = bool(group.__dict__.get("lab_tokens"))
        _defer(group, clusters, params)
        for_a_while(backend, group, "modifying", "cache_modify")
        return {"ReplicationGroup": group}


def _defer(group: Any, clusters: list[Any], params: Any) -> None:
    """Keep node type and engine version pending, or apply them with all that is pending."""
    pending = clusters[0].__dict__.setdefault("lab_pending", {}) if clusters else {}
    for key, attribute in DEFERRED.items():
        value = params.get(key)
        value = MINOR.get(value, value) if key == "EngineVersion" else value
        if value is not None and value != getattr(group, attribute):
            pending[key] = value
    for cluster in clusters:
        cluster.lab_pending = pending
    if params.get("ApplyImmediately"):
        for key, value in pending.items():
            for item in [group, *clusters]:
                setattr(item, DEFERRED[key], value)
        pending.clear()


def _must_be_available(group: Any) -> None:
    from moto.elasticache.exceptions import ElastiCacheException

    if group.status != "available":
        message = f"Replication group {group.replication_group_id} is in state {group.status}, must be available."
        raise ElastiCacheException("InvalidReplicationGroupState", message)


@patch(
    moto="leaves a deleted replication group in the state deleting for ever",
    aws="it is gone with its member clusters after a while (the lab: the delay cache_delete, 0 s unless set)",
    document=API + "API_DeleteReplicationGroup.html",
)
def replication_group_deletion() -> None:
    from moto.elasticache.models import ElastiCacheBackend

    @wrap(ElastiCacheBackend, "delete_replication_group")
    def delete(original: Any, self: Any, replication_group_id: str, retain_primary_cluster: bool | None) -> Any:
        group = self.describe_replication_groups(replication_group_id)[0]
        _must_be_available(group)
        clusters = members(self, group)
        original(self, replication_group_id, retain_primary_cluster)
        for cluster in clusters:
            cluster.cache_cluster_status = "deleting"

        def gone() -> None:
            self.replication_groups.pop(replication_group_id, None)
            for cluster in clusters:
                self.cache_clusters.pop(cluster.cache_cluster_id, None)

        if delay := TIMERS.get("cache_delete"):
            TIMERS.later(delay, gone)
        else:
            gone()
        return group


@patch(
    moto="has no TestFailover",
    aws="makes a replica of the node group the primary",
    document=API + "API_TestFailover.html",
)
def failover() -> None:
    from moto.elasticache.exceptions import ElastiCacheException
    from moto.elasticache.responses import ElastiCacheResponse

    @response_method(ElastiCacheResponse, "elasticache_backend")
    def test_failover(backend: Any, params: Any) -> dict[str, Any]:
        group = backend.describe_replication_groups(params["ReplicationGroupId"])[0]
        _must_be_available(group)
        if group.automatic_failover != "enabled":
            message = "Automatic failover must be enabled to test it."
            raise ElastiCacheException("InvalidParameterCombination", message)
        nodes = next(n for n in group.node_groups if n["node_group_id"] == params["NodeGroupId"])
        roles = [m.get("current_role") for m in nodes["node_group_members"]]
        primary = roles.index("primary")
        following = (primary + 1) % len(roles)
        nodes["node_group_members"][primary]["current_role"] = "replica"
        nodes["node_group_members"][following]["current_role"] = "primary"
        for_a_while(backend, group, "modifying", "cache_modify")
        return {"ReplicationGroup": group}
