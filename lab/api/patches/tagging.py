"""The tagging API: groups of RDS and ElastiCache."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lab.api.patching import patch
from lab.api.wrapping import wrap

SUPPORTED = "https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/supported-services.html"


@patch(
    moto="GetResources leaves out the subnet and parameter groups of RDS",
    aws="lists them (rds:subgrp, rds:pg) like everything that has tags",
    document=SUPPORTED,
)
def rds_groups() -> None:
    from moto.core.resource_tagging import TaggedResource
    from moto.rds.models import RDSBackend

    @wrap(RDSBackend, "iter_tagged_resources")
    def resources(original: Any, self: Any) -> Iterator[Any]:
        yield from original(self)
        for sort, groups in (("rds:subgrp", self.subnet_groups), ("rds:pg", self.db_parameter_groups)):
            for group in groups.values():
                tags = {tag["Key"]: tag["Value"] for tag in group.get_tags()}
                yield TaggedResource(arn=group.arn, tags=tags, resource_type=sort)


@patch(
    moto="GetResources leaves out the parameter groups of ElastiCache",
    aws="lists them (elasticache:parametergroup) like everything that has tags",
    document=SUPPORTED,
)
def cache_parameter_groups() -> None:
    from moto.core.resource_tagging import TaggedResource
    from moto.elasticache.models import ElastiCacheBackend

    from lab.api.patches.elasticache_groups import parameter_groups

    @wrap(ElastiCacheBackend, "iter_tagged_resources")
    def resources(original: Any, self: Any) -> Iterator[Any]:
        yield from original(self)
        for group in parameter_groups(self).values():
            tags = self.tagging_service.get_tag_dict_for_resource(group["ARN"])
            yield TaggedResource(arn=group["ARN"], tags=tags, resource_type="elasticache:parametergroup")
