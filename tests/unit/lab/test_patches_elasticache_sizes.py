"""Replicas, parameters' values and families of ElastiCache."""

from __future__ import annotations

from typing import Any

from probes import both_ways, error_code, probe, until
from test_patches_elasticache import described, replication_group

from lab.api.testing import Lab

NAMED = {"ReplicationGroupId": "probe", "ApplyImmediately": True}


def clusters(lab: Lab) -> dict[str, str]:
    """Zone by member cluster."""
    pages = lab.client("elasticache").get_paginator("describe_cache_clusters").paginate().build_full_result()
    return {each["CacheClusterId"]: each["PreferredAvailabilityZone"] for each in pages["CacheClusters"]}


@probe("elasticache_sizes.replica_counts")
def replicas_come_and_go(lab: Lab) -> None:
    cache = lab.client("elasticache")
    replication_group(lab)
    lab.delays(cache_modify=0.5)
    cache.increase_replica_count(**NAMED, NewReplicaCount=4)
    assert described(lab)["Status"] == "modifying"
    assert error_code(cache.decrease_replica_count, **NAMED, NewReplicaCount=1) == "InvalidReplicationGroupState"
    until(lambda: described(lab)["Status"] == "available")
    assert sorted(clusters(lab)) == described(lab)["MemberClusters"] == [f"probe-00{n}" for n in range(1, 6)]
    assert set(clusters(lab).values()) == {"us-east-1a", "us-east-1b", "us-east-1c"}
    members = described(lab)["NodeGroups"][0]["NodeGroupMembers"]
    assert [each["CurrentRole"] for each in members].count("primary") == 1
    cache.decrease_replica_count(**NAMED, NewReplicaCount=1, ReplicasToRemove=["probe-002", "probe-003", "probe-004"])
    assert sorted(clusters(lab)) == ["probe-001", "probe-005"]


@probe("elasticache_sizes.replica_counts")
def some_counts_are_refused(lab: Lab) -> None:
    cache = lab.client("elasticache")
    replication_group(lab)
    assert error_code(cache.increase_replica_count, **NAMED, NewReplicaCount=2) == "NoOperationFault"
    assert error_code(cache.increase_replica_count, **NAMED, NewReplicaCount=6) == "InvalidParameterValue"
    assert error_code(cache.increase_replica_count, **NAMED, NewReplicaCount=1) == "InvalidParameterValue"
    assert error_code(cache.decrease_replica_count, **NAMED, NewReplicaCount=0) == "InvalidParameterCombination"


def parameter_group(lab: Lab, family: str) -> dict[str, str]:
    named = {"CacheParameterGroupName": family.replace(".", "-")}
    lab.client("elasticache").create_cache_parameter_group(
        **named, CacheParameterGroupFamily=family, Description="probe"
    )
    return named


def values(**given: str) -> list[dict[str, str]]:
    return [{"ParameterName": k.replace("_", "-"), "ParameterValue": v} for k, v in given.items()]


@probe("elasticache_sizes.parameter_values")
def values_are_the_allowed_ones(lab: Lab) -> None:
    modify, named = lab.client("elasticache").modify_cache_parameter_group, parameter_group(lab, "redis7")
    for given in (values(maxmemory_policy="sometimes"), values(timeout="5"), values(appendonly="yes")):
        assert error_code(modify, **named, ParameterNameValues=given) == "InvalidParameterValue"
    default: dict[str, Any] = {"CacheParameterGroupName": "default.redis7", "ParameterNameValues": values(timeout="20")}
    assert error_code(modify, **default) == "InvalidCacheParameterGroupState"
    modify(**named, ParameterNameValues=values(maxmemory_policy="allkeys-lru", timeout="300"))


@probe("elasticache_sizes.families")
def families_and_versions_fit(lab: Lab) -> None:
    cache = lab.client("elasticache")
    older, right = parameter_group(lab, "redis6.x"), parameter_group(lab, "redis7")
    replication_group(lab, **right)
    code = "InvalidParameterCombination"
    assert error_code(cache.modify_replication_group, **NAMED, **older) == code
    assert error_code(cache.modify_replication_group, **NAMED, EngineVersion="7.0") == code
    assert error_code(cache.modify_replication_group, **NAMED, EngineVersion="6.2") == code
    cache.modify_replication_group(**NAMED, EngineVersion="7.1")
    in_use = "InvalidCacheParameterGroupState"
    assert error_code(cache.delete_cache_parameter_group, **right) == in_use
    assert error_code(cache.delete_cache_subnet_group, CacheSubnetGroupName="probe") == "CacheSubnetGroupInUse"
    cache.delete_cache_parameter_group(**older)


test_as_aws_does, test_moto_still_differs = both_ways(__name__)


def test_cache_clusters_come_in_pages(lab: Lab) -> None:
    cache = lab.client("elasticache")
    for number in range(25):
        node = {"Engine": "memcached", "NumCacheNodes": 1, "CacheNodeType": "cache.t3.micro"}
        cache.create_cache_cluster(CacheClusterId=f"probe-{number:02}", **node)
    first = cache.describe_cache_clusters(MaxRecords=20)
    assert len(first["CacheClusters"]) == 20
    assert len(cache.describe_cache_clusters(MaxRecords=20, Marker=first["Marker"])["CacheClusters"]) == 5
