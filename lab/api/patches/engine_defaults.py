"""RDS and ElastiCache: the parameters a family has, without a group of it."""

from __future__ import annotations

from typing import Any

from lab.api.patching import patch
from lab.api.wrapping import response_method


@patch(
    moto="has no DescribeEngineDefaultParameters of RDS",
    aws="lists every parameter of a family with type and allowed values, in pages",
    document="https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeEngineDefaultParameters.html",
)
def rds() -> None:
    from moto.rds.exceptions import RDSClientError
    from moto.rds.responses import RDSResponse

    from lab.api import postgres_parameters

    @response_method(RDSResponse, "backend")
    def describe_engine_default_parameters(_backend: Any, params: Any) -> dict[str, Any]:
        family = params["DBParameterGroupFamily"]
        if not family.removeprefix("postgres").isdigit():
            message = f"DBParameterGroupFamily {family} is not a valid parameter group family"
            raise RDSClientError("InvalidParameterValue", message)
        shown = [postgres_parameters.described(name) for name in postgres_parameters.PARAMETERS]
        size, start = int(params.get("MaxRecords") or 100), int(params.get("Marker") or 0)
        page: dict[str, Any] = {"DBParameterGroupFamily": family, "Parameters": shown[start : start + size]}
        if start + size < len(shown):
            page["Marker"] = str(start + size)
        return {"EngineDefaults": page}


@patch(
    moto="has no DescribeEngineDefaultParameters of ElastiCache",
    aws="lists every parameter of a family with type and allowed values",
    document="https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeEngineDefaultParameters.html",
)
def elasticache() -> None:
    from moto.elasticache.exceptions import ElastiCacheException
    from moto.elasticache.responses import ElastiCacheResponse

    from lab.api import redis_parameters
    from lab.api.patches.elasticache_groups import FAMILIES

    @response_method(ElastiCacheResponse, "elasticache_backend")
    def describe_engine_default_parameters(_backend: Any, params: Any) -> dict[str, Any]:
        family = params["CacheParameterGroupFamily"]
        if family not in FAMILIES:
            message = f"CacheParameterGroupFamily {family} is not a valid parameter group family."
            raise ElastiCacheException("InvalidParameterValue", message)
        shown = [redis_parameters.described(name) for name in redis_parameters.PARAMETERS]
        return {"EngineDefaults": {"CacheParameterGroupFamily": family, "Parameters": shown}}
