"""ElastiCache: tags of parameter groups, and where replicas are read."""

from __future__ import annotations

import re
from typing import Any

from lab.api.patching import patch
from lab.api.wrapping import wrap


@patch(
    moto="refuses to tell, add and remove the tags of a parameter group",
    aws="parameter groups have tags like everything else",
    document="https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Tagging-Resources.html",
)
def parameter_group_tags() -> None:
    from moto.elasticache.models import ElastiCacheBackend

    @wrap(ElastiCacheBackend, "__init__")
    def init(original: Any, self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        self.arn_regex = re.compile(rf"{self.arn_regex.pattern}|^arn:aws:elasticache:.*:.*:parametergroup:.*$")


@patch(
    moto="does not show where the replicas of a replication group are read",
    aws="shows ReaderEndpoint beside PrimaryEndpoint",
    document="https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_NodeGroup.html",
)
def reader_endpoint() -> None:
    from moto.elasticache.models import ElastiCacheBackend

    @wrap(ElastiCacheBackend, "create_replication_group")
    def create(original: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
        group = original(self, *args, **kwargs)
        for node in group.node_groups:
            if address := node.get("reader_endpoint_address"):
                node["reader_endpoint"] = {"address": address, "port": group.port}
        return group
