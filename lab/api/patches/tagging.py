"""The tagging API: what it lists, in pages, and tagging by ARN."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lab.api import tagged
from lab.api.patching import patch
from lab.api.wrapping import method, wrap

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
        sorts = {
            "rds:subgrp": self.subnet_groups,
            "rds:pg": self.db_parameter_groups,
            "rds:cluster-pg": self.db_cluster_parameter_groups,
            "rds:og": self.option_groups,
        }
        for sort, groups in sorts.items():
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


@patch(
    moto="GetResources leaves out Elastic IPs, endpoints, launch templates, key pairs, network ACLs, DHCP options, listeners,"
    " rules, hosted zones, instance profiles, repositories and clusters, calls flow logs, prefix lists and the types of"
    " ElastiCache otherwise than AWS, lists buckets in every region, and fails while others write",
    aws="lists whatever has tags, by the type its ARN names; what is not of a region in us-east-1 only, a bucket in its own"
    " region; a page holds at most ResourcesPerPage resources",
    document="https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html",
)
def every_service() -> None:
    import base64
    import binascii

    from moto.core.resource_tagging import make_tag_matcher
    from moto.resourcegroupstaggingapi.exceptions import ResourceGroupsTaggingAPIError
    from moto.resourcegroupstaggingapi.models import ResourceGroupsTaggingAPIBackend as Backend

    @method(Backend)
    def get_resources(
        self: Any,
        pagination_token: str | None = None,
        resources_per_page: int = 50,
        tags_per_page: int = 100,
        tag_filters: Any = None,
        resource_type_filters: Any = None,
        resource_arn_list: Any = None,
    ) -> tuple[str | None, list[Any]]:
        if resource_arn_list and (pagination_token or tag_filters or resource_type_filters):
            raise ResourceGroupsTaggingAPIError(
                "InvalidParameterException", "ResourceARNList cannot be combined with filters or a token."
            )
        wanted = make_tag_matcher(tag_filters)
        found = [
            each
            for each in tagged.everything(self.account_id, self.region_name)
            if each.tags
            and wanted(each.tags)
            and (not resource_type_filters or tagged.matches(each, resource_type_filters))
            and (not resource_arn_list or each.arn in resource_arn_list)
        ]
        # The token is the last ARN shown, so that a page neither repeats nor misses what was there all the time.
        try:
            after = base64.b64decode(pagination_token, validate=True).decode() if pagination_token else ""
        except (binascii.Error, ValueError):
            raise ResourceGroupsTaggingAPIError("PaginationTokenExpiredException", "Token does not exist") from None
        rest = [each for each in found if each.arn > after]
        page: list[Any] = []
        tags = 0
        for each in rest:
            if len(page) == resources_per_page or (page and tags + len(each.tags) > tags_per_page):
                break
            page.append(each)
            tags += len(each.tags)
        more = len(page) < len(rest)
        return (base64.b64encode(page[-1].arn.encode()).decode() if more else None), page


@patch(
    moto="TagResources knows neither load balancers, queues, secrets' and parameters' ARNs, hosted zones nor IAM, answers"
    " 'Service not yet supported' for what does not exist, and reports errors of one resource for all",
    aws="tags and untags by ARN whatever its service can tag; each resource that could not be tagged is in"
    " FailedResourcesMap",
    document="https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_TagResources.html",
)
def tagging_by_arn() -> None:
    from moto.resourcegroupstaggingapi.models import ResourceGroupsTaggingAPIBackend as Backend

    from lab.api import tag_writers

    @method(Backend)
    def tag_resources(self: Any, resource_arns: list[str], tags: dict[str, str]) -> dict[str, Any]:
        return tag_writers.each(self, resource_arns, lambda arn: tag_writers.tag(self, arn, tags))

    @method(Backend)
    def untag_resources(self: Any, resource_arn_list: list[str], tag_keys: list[str]) -> dict[str, Any]:
        return tag_writers.each(self, resource_arn_list, lambda arn: tag_writers.untag(self, arn, tag_keys))
