"""ElastiCache as AWS has it: groups, replication groups, their clusters and states."""

from __future__ import annotations

from typing import Any

from probes import both_ways, error_code, network, probe, until

from lab.api.testing import Lab


def replication_group(lab: Lab, **options: Any) -> dict[str, Any]:
    """Make a Redis replication group of three nodes in a network of its own; return it as created."""
    net = network(lab)
    cache = lab.client("elasticache")
    request = {"CacheSubnetGroupName": "probe", "CacheSubnetGroupDescription": "probe", "SubnetIds": net["subnets"]}
    cache.create_cache_subnet_group(**request)
    request = {
        "ReplicationGroupId": "probe",
        "ReplicationGroupDescription": "probe",
        "Engine": "redis",
        "EngineVersion": "7.1",
        "CacheNodeType": "cache.t3.micro",
        "NumCacheClusters": 3,
        "AutomaticFailoverEnabled": True,
        "MultiAZEnabled": True,
        "CacheSubnetGroupName": "probe",
        "SecurityGroupIds": [net["group"]],
        "TransitEncryptionEnabled": True,
        "AtRestEncryptionEnabled": True,
        "Tags": [{"Key": "Name", "Value": "probe"}],
        **options,
    }
    return dict(cache.create_replication_group(**request)["ReplicationGroup"])


def described(lab: Lab) -> dict[str, Any]:
    """Return the replication group as described."""
    return dict(
        lab.client("elasticache").describe_replication_groups(ReplicationGroupId="probe")["ReplicationGroups"][0]
    )


@probe("elasticache_replication.replication_group_changes")
def a_token_is_changed_in_two_steps(lab: Lab) -> None:
    cache = lab.client("elasticache")
    replication_group(lab, AuthToken="a-first-token-of-all")

    def modify(**change: Any) -> None:
        cache.modify_replication_group(ReplicationGroupId="probe", ApplyImmediately=True, **change)

    def refused(**change: Any) -> bool:
        return error_code(lambda: modify(**change)) == "InvalidParameterValue"

    for wrong in ("too short", "a token with spaces in it", "a-token-with/slashes-in-it"):
        assert refused(AuthToken=wrong, AuthTokenUpdateStrategy="ROTATE")
    assert refused(AuthToken="the-second-token-of-all", AuthTokenUpdateStrategy="SET")
    modify(AuthToken="the-second-token-of-all")
    modify(AuthToken="the-second-token-of-all", AuthTokenUpdateStrategy="SET")
    assert described(lab)["AuthTokenEnabled"] is True


@probe("elasticache_replication.replication_groups")
def nodes_are_clusters_in_three_zones(lab: Lab) -> None:
    group = replication_group(lab)
    assert len(group["MemberClusters"]) == 3
    clusters = lab.client("elasticache").describe_cache_clusters(ShowCacheNodeInfo=True)["CacheClusters"]
    assert {c["PreferredAvailabilityZone"] for c in clusters} == {"us-east-1a", "us-east-1b", "us-east-1c"}
    for cluster in clusters:
        assert cluster["ReplicationGroupId"] == "probe"
        assert cluster["EngineVersion"] == "7.1.0"
        assert cluster["CacheParameterGroup"]["CacheParameterGroupName"] == "default.redis7"
        assert len(cluster["SecurityGroups"]) == 1
        assert len(cluster["CacheNodes"]) == 1
        assert cluster["TransitEncryptionEnabled"] is cluster["AtRestEncryptionEnabled"] is True
    assert "CacheNodes" not in lab.client("elasticache").describe_cache_clusters()["CacheClusters"][0]


@probe("elasticache_replication.replication_groups")
def group_is_creating_first(lab: Lab) -> None:
    lab.delays(cache=0.5)
    assert replication_group(lab)["Status"] == "creating"
    until(lambda: described(lab)["Status"] == "available")


@probe("elasticache_replication.replication_group_changes")
def changes_reach_the_clusters(lab: Lab) -> None:
    replication_group(lab)
    cache = lab.client("elasticache")
    cache.modify_replication_group(ReplicationGroupId="probe", SnapshotRetentionLimit=5, CacheNodeType="cache.m5.large")
    cluster = cache.describe_cache_clusters(CacheClusterId="probe-001")["CacheClusters"][0]
    assert cluster["SnapshotRetentionLimit"] == 5
    assert cluster["CacheNodeType"] == "cache.t3.micro"
    assert cluster["PendingModifiedValues"]["CacheNodeType"] == "cache.m5.large"
    cache.modify_replication_group(ReplicationGroupId="probe", ApplyImmediately=True)
    assert described(lab)["CacheNodeType"] == "cache.m5.large"


@probe("elasticache_replication.replication_group_deletion")
def deleted_group_is_gone(lab: Lab) -> None:
    replication_group(lab)
    cache = lab.client("elasticache")
    cache.delete_replication_group(ReplicationGroupId="probe")
    assert cache.describe_replication_groups()["ReplicationGroups"] == []
    assert cache.describe_cache_clusters()["CacheClusters"] == []


@probe("elasticache_replication.failover")
def failover_makes_another_primary(lab: Lab) -> None:
    replication_group(lab)
    lab.client("elasticache").test_failover(ReplicationGroupId="probe", NodeGroupId="0001")
    members = described(lab)["NodeGroups"][0]["NodeGroupMembers"]
    assert [m["CurrentRole"] for m in members] == ["replica", "primary", "replica"]


@probe("elasticache_groups.cache_parameter_groups")
def parameter_group_lives(lab: Lab) -> None:
    cache = lab.client("elasticache")
    names = {g["CacheParameterGroupName"] for g in cache.describe_cache_parameter_groups()["CacheParameterGroups"]}
    assert {"default.redis7", "default.valkey8"} <= names
    request = {"CacheParameterGroupName": "own", "CacheParameterGroupFamily": "redis7", "Description": "own"}
    cache.create_cache_parameter_group(**request)
    change = [{"ParameterName": "maxmemory-policy", "ParameterValue": "noeviction"}]
    cache.modify_cache_parameter_group(CacheParameterGroupName="own", ParameterNameValues=change)
    (changed,) = cache.describe_cache_parameters(CacheParameterGroupName="own", Source="user")["Parameters"]
    assert changed["ParameterValue"] == "noeviction"
    replication_group(lab, CacheParameterGroupName="own")
    code = error_code(cache.delete_cache_parameter_group, CacheParameterGroupName="own")
    assert code == "InvalidCacheParameterGroupState"


@probe("elasticache_groups.cache_subnet_groups")
def subnet_group_is_changed_and_deleted(lab: Lab) -> None:
    replication_group(lab)
    cache = lab.client("elasticache")
    cache.modify_cache_subnet_group(CacheSubnetGroupName="probe", CacheSubnetGroupDescription="new")
    (shown,) = cache.describe_cache_subnet_groups()["CacheSubnetGroups"]
    assert shown["CacheSubnetGroupDescription"] == "new"
    assert error_code(cache.delete_cache_subnet_group, CacheSubnetGroupName="probe") == "CacheSubnetGroupInUse"
    cache.delete_replication_group(ReplicationGroupId="probe")
    cache.delete_cache_subnet_group(CacheSubnetGroupName="probe")
    assert cache.describe_cache_subnet_groups()["CacheSubnetGroups"] == []


@probe("elasticache_groups.cache_subnet_zones")
def subnets_show_their_zone(lab: Lab) -> None:
    replication_group(lab)
    (shown,) = lab.client("elasticache").describe_cache_subnet_groups()["CacheSubnetGroups"]
    zones = {s["SubnetAvailabilityZone"]["Name"] for s in shown["Subnets"]}
    assert zones == {"us-east-1a", "us-east-1b", "us-east-1c"}


test_as_aws_does, test_moto_still_differs = both_ways(__name__)


def test_tags_and_endpoints(lab: Lab) -> None:
    group = replication_group(lab)
    cache = lab.client("elasticache")
    assert cache.list_tags_for_resource(ResourceName=group["ARN"])["TagList"] == [{"Key": "Name", "Value": "probe"}]
    assert group["NodeGroups"][0]["PrimaryEndpoint"]["Port"] == 6379
    assert group["AuthTokenEnabled"] is False


def test_impossible_combinations_are_refused(lab: Lab) -> None:
    assert error_code(replication_group, lab=lab, NumCacheClusters=1) == "InvalidParameterCombination"
