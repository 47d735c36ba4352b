"""Tags of ElastiCache's parameter groups, as AWS has them."""

from __future__ import annotations

from probes import both_ways, probe

from lab.api.testing import Lab


@probe("elasticache_tags.parameter_group_tags")
def parameter_groups_have_tags(lab: Lab) -> None:
    cache = lab.client("elasticache")
    request = {"CacheParameterGroupFamily": "redis7", "Description": "probe", "Tags": [{"Key": "a", "Value": "1"}]}
    made = cache.create_cache_parameter_group(CacheParameterGroupName="probe", **request)["CacheParameterGroup"]
    cache.add_tags_to_resource(ResourceName=made["ARN"], Tags=[{"Key": "b", "Value": "2"}])
    cache.remove_tags_from_resource(ResourceName=made["ARN"], TagKeys=["a"])
    assert cache.list_tags_for_resource(ResourceName=made["ARN"])["TagList"] == [{"Key": "b", "Value": "2"}]


@probe("elasticache_tags.reader_endpoint")
def replicas_are_read_at_an_endpoint(lab: Lab) -> None:
    request = {"ReplicationGroupDescription": "probe", "Engine": "redis", "CacheNodeType": "cache.t4g.small"}
    cache = lab.client("elasticache")
    made = cache.create_replication_group(ReplicationGroupId="probe", NumCacheClusters=2, **request)
    assert made["ReplicationGroup"]["NodeGroups"][0]["ReaderEndpoint"]["Address"]


test_as_aws_does, test_moto_still_differs = both_ways(__name__)
