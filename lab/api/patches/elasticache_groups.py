"""ElastiCache: parameter and subnet groups."""

from __future__ import annotations

from typing import Any

from lab.api import redis_parameters
from lab.api.patching import patch
from lab.api.wrapping import paged, response_method

API = "https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/"
FAMILIES = ("redis2.8", "redis3.2", "redis4.0", "redis5.0", "redis6.x", "redis7", "valkey7", "valkey8")


def parameter_groups(backend: Any) -> dict[str, dict[str, Any]]:
    """Return the parameter groups of a region by name; the default ones are always there."""
    groups: dict[str, dict[str, Any]] = backend.__dict__.setdefault("lab_parameter_groups", {})
    if not groups:
        for family in FAMILIES:
            add_group(backend, groups, f"default.{family}", family, f"Default parameter group for {family}")
    return groups


def add_group(backend: Any, groups: dict[str, Any], name: str, family: str, description: str) -> dict[str, Any]:
    """Add a parameter group and return it."""
    prefix = f"arn:{backend.partition}:elasticache:{backend.region_name}:{backend.account_id}"
    groups[name] = {
        "CacheParameterGroupName": name,
        "CacheParameterGroupFamily": family,
        "Description": description,
        "IsGlobal": False,
        "ARN": f"{prefix}:parametergroup:{name}",
        "lab_values": {},
    }
    return groups[name]


def public(group: dict[str, Any]) -> dict[str, Any]:
    """Return what AWS shows of a parameter group."""
    return {k: v for k, v in group.items() if not k.startswith("lab_")}


def find_group(backend: Any, name: str) -> dict[str, Any]:
    """Return a parameter group or raise CacheParameterGroupNotFound."""
    from moto.elasticache.exceptions import ElastiCacheException

    groups = parameter_groups(backend)
    if name not in groups:
        raise ElastiCacheException("CacheParameterGroupNotFound", f"CacheParameterGroup {name} not found.")
    return groups[name]


def clusters_using(backend: Any, attribute: str, name: str) -> list[str]:
    """Return the ids of the cache clusters that use a group."""
    return [i for i, c in backend.cache_clusters.items() if getattr(c, attribute, None) == name]


@patch(
    moto="has no cache parameter groups",
    aws="has them, with a default one for each family",
    document=API + "API_CreateCacheParameterGroup.html",
)
def cache_parameter_groups() -> None:
    from moto.elasticache.exceptions import ElastiCacheException
    from moto.elasticache.responses import ElastiCacheResponse

    def add(function: Any) -> Any:
        return response_method(ElastiCacheResponse, "elasticache_backend")(function)

    @add
    def create_cache_parameter_group(backend: Any, params: Any) -> dict[str, Any]:
        groups, name = parameter_groups(backend), params["CacheParameterGroupName"].lower()
        family = params["CacheParameterGroupFamily"]
        if name in groups:
            raise ElastiCacheException("CacheParameterGroupAlreadyExists", f"CacheParameterGroup {name} already exists")
        if family not in FAMILIES:
            message = f"CacheParameterGroupFamily {family} is not a valid parameter group family."
            raise ElastiCacheException("InvalidParameterValue", message)
        group = add_group(backend, groups, name, family, params["Description"])
        if params.get("Tags"):
            backend.tagging_service.tag_resource(group["ARN"], params["Tags"])
        return {"CacheParameterGroup": public(group)}

    @add
    def describe_cache_parameter_groups(backend: Any, params: Any) -> dict[str, Any]:
        name = params.get("CacheParameterGroupName")
        found = [find_group(backend, name)] if name else list(parameter_groups(backend).values())
        return paged(params, "CacheParameterGroups", [public(g) for g in found])

    @add
    def delete_cache_parameter_group(backend: Any, params: Any) -> None:
        name = find_group(backend, params["CacheParameterGroupName"])["CacheParameterGroupName"]
        if name.startswith("default."):
            raise ElastiCacheException("InvalidParameterValue", f"{name} is a default parameter group.")
        if used := clusters_using(backend, "cache_parameter_group_name", name):
            message = f"One or more cache clusters are still members of this parameter group: {', '.join(used)}"
            raise ElastiCacheException("InvalidCacheParameterGroupState", message)
        del parameter_groups(backend)[name]

    @add
    def describe_cache_parameters(backend: Any, params: Any) -> dict[str, Any]:
        values = find_group(backend, params["CacheParameterGroupName"])["lab_values"]
        shown = [redis_parameters.described(n, values.get(n)) for n in redis_parameters.PARAMETERS]
        if source := params.get("Source"):
            shown = [p for p in shown if p["Source"] == source]
        return {"Parameters": shown, "CacheNodeTypeSpecificParameters": []}

    @add
    def modify_cache_parameter_group(backend: Any, params: Any) -> dict[str, Any]:
        group = find_group(backend, params["CacheParameterGroupName"])
        wanted = params["ParameterNameValues"]
        for parameter in wanted:
            if parameter["ParameterName"] not in redis_parameters.PARAMETERS:
                message = f"The parameter {parameter['ParameterName']} cannot be found."
                raise ElastiCacheException("InvalidParameterValue", message)
        group["lab_values"].update({p["ParameterName"]: p.get("ParameterValue", "") for p in wanted})
        return {"CacheParameterGroupName": group["CacheParameterGroupName"]}

    @add
    def reset_cache_parameter_group(backend: Any, params: Any) -> dict[str, Any]:
        group = find_group(backend, params["CacheParameterGroupName"])
        if params.get("ResetAllParameters"):
            group["lab_values"].clear()
        for parameter in params.get("ParameterNameValues") or []:
            group["lab_values"].pop(parameter["ParameterName"], None)
        return {"CacheParameterGroupName": group["CacheParameterGroupName"]}


@patch(
    moto="can neither change nor delete cache subnet groups",
    aws="does both; a group in use is CacheSubnetGroupInUse",
    document=API + "API_DeleteCacheSubnetGroup.html",
)
def cache_subnet_groups() -> None:
    from moto.elasticache.exceptions import ElastiCacheException
    from moto.elasticache.models import CacheSubnetGroup
    from moto.elasticache.responses import ElastiCacheResponse

    def find(backend: Any, name: str) -> Any:
        return backend.describe_cache_subnet_groups(name)[0]

    @response_method(ElastiCacheResponse, "elasticache_backend")
    def modify_cache_subnet_group(backend: Any, params: Any) -> dict[str, Any]:
        group = find(backend, params["CacheSubnetGroupName"])
        description = params.get("CacheSubnetGroupDescription") or group.cache_subnet_group_description
        subnets = params.get("SubnetIds") or group.subnet_ids
        name = group.cache_subnet_group_name
        changed = CacheSubnetGroup(backend.account_id, backend.region_name, name, description, subnets, group.tags)
        backend.cache_subnet_groups[name] = changed
        return {"CacheSubnetGroup": changed}

    @response_method(ElastiCacheResponse, "elasticache_backend")
    def delete_cache_subnet_group(backend: Any, params: Any) -> None:
        name = find(backend, params["CacheSubnetGroupName"]).cache_subnet_group_name
        if clusters_using(backend, "cache_subnet_group_name", name):
            message = f"Cache subnet group {name} is currently in use by a cache cluster."
            raise ElastiCacheException("CacheSubnetGroupInUse", message)
        del backend.cache_subnet_groups[name]


@patch(
    moto="gives the zone of a cache subnet as a bare string, which gets lost in the answer",
    aws="shows SubnetAvailabilityZone.Name",
    document=API + "API_Subnet.html",
)
def cache_subnet_zones() -> None:
    from moto.elasticache.models import CacheSubnetGroup

    from lab.api.wrapping import wrap

    @wrap(CacheSubnetGroup, "__init__")
    def init(original: Any, self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        for subnet in self.subnets:
            if isinstance(subnet.get("subnet_availability_zone"), str):
                subnet["subnet_availability_zone"] = {"Name": subnet["subnet_availability_zone"]}
