"""ElastiCache: replicas that come and go, parameters' values, families that fit."""

from __future__ import annotations

import copy
from typing import Any

from lab.api import redis_parameters
from lab.api.allowed_values import allows
from lab.api.patching import patch
from lab.api.wrapping import response_method, wrap

from .elasticache_groups import find_group
from .elasticache_replication import MINOR, _add_members, _must_be_available, _zones, for_a_while

API = "https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/"
MOST_REPLICAS = 5


@patch(
    moto="has neither IncreaseReplicaCount nor DecreaseReplicaCount",
    aws="adds and removes replicas of each node group, at most five, at least one with Multi-AZ or automatic failover;"
    " NoOperationFault where nothing would change",
    document=API + "API_IncreaseReplicaCount.html",
)
def replica_counts() -> None:
    from moto.elasticache.responses import ElastiCacheResponse

    @response_method(ElastiCacheResponse, "elasticache_backend")
    def increase_replica_count(backend: Any, params: Any) -> dict[str, Any]:
        group = _judged(backend, params, more=True)
        for nodes, count in _wanted(group, params):
            _grow(backend, group, nodes, count, params)
        _add_members(backend, group)
        for_a_while(backend, group, "modifying", "cache_modify")
        return {"ReplicationGroup": group}

    @response_method(ElastiCacheResponse, "elasticache_backend")
    def decrease_replica_count(backend: Any, params: Any) -> dict[str, Any]:
        group = _judged(backend, params, more=False)
        for nodes, count in _wanted(group, params):
            for name in _leaving(nodes, count, params.get("ReplicasToRemove") or []):
                members = nodes["node_group_members"]
                nodes["node_group_members"] = [m for m in members if m["cache_cluster_id"] != name]
                group.member_clusters = [each for each in group.member_clusters if each != name]
                backend.cache_clusters.pop(name, None)
        for_a_while(backend, group, "modifying", "cache_modify")
        return {"ReplicationGroup": group}


def _judged(backend: Any, params: Any, more: bool) -> Any:
    """The replication group; raises what ElastiCache answers to a count that cannot be."""
    from moto.elasticache.exceptions import ElastiCacheException

    def refuse(code: str, message: str) -> None:
        raise ElastiCacheException(code, message)

    group = backend.describe_replication_groups(params["ReplicationGroupId"])[0]
    _must_be_available(group)
    if not params.get("ApplyImmediately"):
        refuse("InvalidParameterCombination", "ApplyImmediately must be true.")
    wanted = _wanted(group, params)
    if not wanted:
        refuse("InvalidParameterCombination", "NewReplicaCount or ReplicaConfiguration must be given.")
    changes = [count - _replicas(nodes) for nodes, count in wanted]
    if not any(changes):
        refuse("NoOperationFault", "The replica count is already the one asked for.")
    if any(change < 0 if more else change > 0 for change in changes):
        refuse("InvalidParameterValue", f"The new count must be {'greater' if more else 'less'} than the present one.")
    counts = [count for _, count in wanted]
    if max(counts) > MOST_REPLICAS or min(counts) < 0:
        refuse("InvalidParameterValue", f"The number of replicas must be between 0 and {MOST_REPLICAS}.")
    if min(counts) < 1 and "enabled" in (group.multi_az, group.automatic_failover):
        refuse("InvalidParameterCombination", "At least one replica is needed for Multi-AZ and automatic failover.")
    return group


def _replicas(nodes: dict[str, Any]) -> int:
    return len(nodes["node_group_members"]) - 1


def _wanted(group: Any, params: Any) -> list[tuple[dict[str, Any], int]]:
    """Each node group that is named with the number of replicas it shall have."""
    if configured := params.get("ReplicaConfiguration"):
        named = {each["NodeGroupId"]: int(each["NewReplicaCount"]) for each in configured}
        return [(n, named[n["node_group_id"]]) for n in group.node_groups if n["node_group_id"] in named]
    count = params.get("NewReplicaCount")
    return [] if count is None else [(nodes, int(count)) for nodes in group.node_groups]


def _grow(backend: Any, group: Any, nodes: dict[str, Any], count: int, params: Any) -> None:
    zones = _zones(backend, group.cache_subnet_group_name)
    given: list[str] = []
    for each in params.get("ReplicaConfiguration") or []:
        if each["NodeGroupId"] == nodes["node_group_id"]:
            given = list(each.get("PreferredAvailabilityZones") or [])
    while _replicas(nodes) < count:
        members = nodes["node_group_members"]
        model, taken = members[0], {m["cache_cluster_id"] for m in members}
        stem = model["cache_cluster_id"].rsplit("-", 1)[0]
        name = next(n for n in (f"{stem}-{i:03}" for i in range(1, 100)) if n not in taken)
        made = copy.deepcopy(model)
        made["cache_cluster_id"] = name
        if "current_role" in made:
            made["current_role"] = "replica"
        if endpoint := made.get("read_endpoint"):
            endpoint["address"] = endpoint["address"].replace(model["cache_cluster_id"], name, 1)
        used = [m["preferred_availability_zone"] for m in members]
        number = len(members)
        zone = given[number] if number < len(given) else min(zones, key=lambda each: (used.count(each), each))
        made["preferred_availability_zone"] = zone
        members.append(made)
        group.member_clusters.append(name)


def _leaving(nodes: dict[str, Any], count: int, named: list[str]) -> list[str]:
    """The replicas to remove: those named first, then the last ones; never the primary."""
    replicas = [
        m["cache_cluster_id"]
        for number, m in enumerate(nodes["node_group_members"])
        if m.get("current_role", "primary" if number == 0 else "replica") != "primary"
    ]
    order = [name for name in named if name in replicas]
    order += [name for name in reversed(replicas) if name not in order]
    return order[: _replicas(nodes) - count]


@patch(
    moto="has no parameters; the lab's take any value",
    aws="takes allowed values of parameters that can be changed, at most twenty a call, and no change of a default group",
    document=API + "API_ModifyCacheParameterGroup.html",
)
def parameter_values() -> None:
    from moto.elasticache.exceptions import ElastiCacheException
    from moto.elasticache.responses import ElastiCacheResponse

    @wrap(ElastiCacheResponse, "modify_cache_parameter_group")
    def modify(original: Any, self: Any) -> Any:
        name, wanted = self.params["CacheParameterGroupName"], self.params["ParameterNameValues"]
        if name.startswith("default."):
            message = f"The parameter group {name} is a default parameter group and cannot be modified."
            raise ElastiCacheException("InvalidCacheParameterGroupState", message)
        if len(wanted) > 20:
            raise ElastiCacheException("InvalidParameterValue", "At most 20 parameters can be modified in a request.")
        for each in wanted:
            known = redis_parameters.PARAMETERS.get(each["ParameterName"])
            value = str(each.get("ParameterValue", ""))
            if known is None:
                continue  # refused by its name
            if not redis_parameters.described(each["ParameterName"])["IsModifiable"]:
                message = f"The parameter {each['ParameterName']} cannot be modified."
                raise ElastiCacheException("InvalidParameterValue", message)
            if not allows(value, known[1], known[2]):
                message = f"The parameter {each['ParameterName']} has an invalid value: {value}. Allowed: {known[2]}"
                raise ElastiCacheException("InvalidParameterValue", message)
        return original(self)


@patch(
    moto="knows neither families nor versions",
    aws="answers InvalidParameterCombination to a parameter group of another family and to an older engine version",
    document=API + "API_ModifyReplicationGroup.html",
)
def families() -> None:
    from moto.elasticache.exceptions import ElastiCacheException
    from moto.elasticache.models import ElastiCacheBackend
    from moto.elasticache.responses import ElastiCacheResponse

    def refuse(message: str) -> None:
        raise ElastiCacheException("InvalidParameterCombination", message)

    def fitting(backend: Any, name: str | None, engine: str, version: str) -> None:
        if not name:
            return
        family, major = find_group(backend, name)["CacheParameterGroupFamily"], version.split(".")[0]
        fits = (f"{engine}{major}", f"{engine}{major}.x", f"{engine}{'.'.join(version.split('.')[:2])}")
        if family not in fits:
            refuse(f"Expected a parameter group of family {fits[0]} but found one of family {family}")

    @wrap(ElastiCacheBackend, "create_replication_group")
    def create(original: Any, self: Any, **options: Any) -> Any:
        version = MINOR.get(str(options.get("engine_version") or "7.1"), options.get("engine_version"))
        fitting(self, options.get("cache_parameter_group_name"), options.get("engine") or "redis", str(version))
        return original(self, **options)

    @wrap(ElastiCacheResponse, "modify_replication_group")
    def modify(original: Any, self: Any) -> Any:
        group = self.elasticache_backend.describe_replication_groups(self.params["ReplicationGroupId"])[0]
        now, asked = str(group.engine_version), self.params.get("EngineVersion")
        wanted = str(MINOR.get(asked, asked) or now)
        engine = self.params.get("Engine") or group.engine
        if engine == group.engine and _parts(wanted) < _parts(now)[: len(_parts(wanted))]:
            refuse(f"Cannot modify engine version from {now} to {wanted}: downgrades are not supported.")
        fitting(self.elasticache_backend, self.params.get("CacheParameterGroupName"), engine, wanted)
        return original(self)


def _parts(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]
