"""What the Resource Groups Tagging API lists beyond what moto lists, and how it is tagged by ARN.

https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/supported-services.html: everything that can be
tagged, but GetResources knows neither Auto Scaling groups nor IAM users and roles; what is not of a region (IAM,
Route 53, CloudFront) is listed in us-east-1 only, a bucket in its own region.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from moto.core.resource_tagging import TaggedResource, iter_taggable_backends, match_resource_type

GLOBAL_REGION = "us-east-1"
# What moto calls otherwise in ARNs, and AWS's word: https://docs.aws.amazon.com/service-authorization/latest/reference/.
EC2_NAMES = {
    "flow-logs": "vpc-flow-log",
    "managed-prefix-lists": "prefix-list",
    "spot-instance-request": "spot-instances-request",
}
# Resource types of EC2 that moto does not list, and the backend's attribute that holds them.
EC2_MORE = {
    "carrier-gateway": "carrier_gateways",
    "dhcp-options": "dhcp_options_sets",
    "egress-only-internet-gateway": "egress_only_internet_gateways",
    "launch-template": "launch_templates",
    "network-acl": "network_acls",
    "key-pair": "key_pairs",
    "vpc-endpoint": "vpc_end_points",
    "vpn-gateway": "vpn_gateways",
    "transit-gateway-route-table": "transit_gateways_route_tables",
}
Pairs = Iterator[tuple[str, dict[str, str]]]


def _pairs(tags: Any) -> dict[str, str]:
    """Tags of any of moto's shapes as a dict."""
    if isinstance(tags, dict):
        return {k: v["Value"] if isinstance(v, dict) else v for k, v in tags.items()}
    return {t["Key"]: t.get("Value", "") for t in tags or []}


def _ec2(backend: Any) -> Pairs:
    prefix = f"arn:{backend.partition}:ec2:{backend.region_name}:{backend.account_id}"
    for sort, attribute in EC2_MORE.items():
        held = getattr(backend, attribute, None)
        for resource in list(held.values()) if isinstance(held, dict) else []:
            yield f"{prefix}:{sort}/{resource.id}", dict(backend.tags.get(resource.id, {}))
    for address in list(backend.addresses):
        identifier = address.allocation_id
        yield f"{prefix}:elastic-ip/{identifier}", dict(backend.tags.get(identifier, {}))


def _elbv2(backend: Any) -> Pairs:
    for balancer in list(backend.load_balancers.values()):
        for listener in list(balancer.listeners.values()):
            yield listener.arn, backend.tagging_service.get_tag_dict_for_resource(listener.arn)
            for rule in list(listener.rules.values()):
                yield rule.arn, backend.tagging_service.get_tag_dict_for_resource(rule.arn)


def _route53(backend: Any) -> Pairs:
    for sort, held in (("hostedzone", backend.zones), ("healthcheck", backend.health_checks)):
        for identifier in list(held):
            yield (
                f"arn:{backend.partition}:route53:::{sort}/{identifier}",
                dict(backend.list_tags_for_resource(identifier)),
            )


def _iam(backend: Any) -> Pairs:
    for profile in list(backend.instance_profiles.values()):
        yield profile.arn, _pairs(profile.tags)
    for provider in list(backend.open_id_providers.values()):
        yield provider.arn, _pairs(provider.tags)
    for policy in list(backend.managed_policies.values()):
        if f"::{backend.account_id}:" in policy.arn:
            yield policy.arn, _pairs(policy.tags)


def _ecr(backend: Any) -> Pairs:
    for repository in list(backend.repositories.values()):
        yield repository.arn, backend.tagger.get_tag_dict_for_resource(repository.arn)


def _eks(backend: Any) -> Pairs:
    for cluster in list(backend.clusters.values()):
        yield cluster.arn, dict(cluster.tags)
        for group in [*cluster.nodegroups.values(), *cluster.fargate_profiles.values()]:
            arn = getattr(group, "nodegroup_arn", None) or group.fargate_profile_arn
            yield str(arn), dict(group.tags or {})


def _rules(backend: Any) -> Pairs:
    for bus in list(backend.event_buses.values()):
        for rule in list(bus.rules.values()):
            yield rule.arn, backend.tagger.get_tag_dict_for_resource(rule.arn)


MORE: dict[str, Callable[[Any], Pairs]] = {
    "ec2": _ec2, "ecr": _ecr, "eks": _eks, "elbv2": _elbv2, "events": _rules, "iam": _iam, "route53": _route53,
}  # fmt: skip
ONLY_GLOBAL = ("iam", "route53", "cloudfront")


def backend_of(service: str, account: str, region: str) -> Any | None:
    """Return a service's backend of an account if it was ever used."""
    from moto.core.base_backend import BackendDict
    from moto.utilities.utils import get_partition

    for known in list(BackendDict._instances):  # type: ignore[misc]
        if known.service_name == service and account in known:
            regional = known[account]
            key = region if region in dict.keys(regional) else get_partition(region)
            return dict.get(regional, key)
    return None


def everything(account: str, region: str) -> list[TaggedResource]:
    """Every resource the tagging API knows in a region, tagged or not, in a lasting order (by ARN)."""
    found: dict[str, TaggedResource] = {}
    for backend in iter_taggable_backends(account, region):
        service = backend.SERVICE_NAMESPACE
        if service in ONLY_GLOBAL and region != GLOBAL_REGION:
            continue
        for resource in _snapshot(backend):
            if service == "s3":
                bucket = backend.buckets.get(resource.arn.rsplit(":", 1)[-1])  # type: ignore[attr-defined]
                if bucket is None or bucket.region_name != region:
                    continue
            found[_named(resource).arn] = resource
    for service, list_more in MORE.items():
        held = backend_of(service, account, region)
        if held is None or (service in ONLY_GLOBAL and region != GLOBAL_REGION):
            continue
        for arn, tags in list_more(held):
            found.setdefault(arn, TaggedResource(arn=arn, tags=tags, resource_type=type_of(arn)))
    return [found[arn] for arn in sorted(found)]


def _snapshot(backend: Any) -> list[TaggedResource]:
    """What moto lists of a backend; it walks dictionaries that other requests change meanwhile."""
    for attempt in range(20):
        try:
            return list(backend.iter_tagged_resources())
        except RuntimeError:  # dictionary changed size during iteration
            if attempt == 19:
                raise
    return []


def _named(resource: TaggedResource) -> TaggedResource:
    """Give a resource of EC2 the name AWS gives its type."""
    head, _, tail = resource.arn.rpartition(":")
    sort, _, identifier = tail.partition("/")
    if sort in EC2_NAMES and ":ec2:" in head:
        resource.arn = f"{head}:{EC2_NAMES[sort]}/{identifier}"
        resource.resource_type = f"ec2:{EC2_NAMES[sort]}"
    return resource


def type_of(arn: str) -> str:
    """The resource type an ARN is of, as ResourceTypeFilters name it: ``ec2:natgateway``, ``rds:db``, ``sqs``."""
    parts = arn.split(":", 5)
    service, rest = parts[2], parts[5]
    if "/" in rest.split(":", 1)[0]:
        pieces = rest.split("/")
        long = service == "elasticloadbalancing" and len(pieces) > 2 and pieces[0] in ("loadbalancer", "listener")
        return f"{service}:{'/'.join(pieces[:2]) if long else pieces[0]}"
    return f"{service}:{rest.split(':', 1)[0]}" if ":" in rest else service


def matches(resource: TaggedResource, filters: list[str]) -> bool:
    """Whether a resource is of one of the types asked for; ``elasticloadbalancing:loadbalancer`` covers its sorts."""
    sort = type_of(resource.arn)
    return match_resource_type(resource.resource_type, filters) or any(
        sort == each or sort.startswith((f"{each}:", f"{each}/")) for each in filters
    )
