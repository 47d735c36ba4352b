"""ElastiCache: tags of parameter groups."""

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
