"""What stands in a subnet, a VPC or behind a security group: why EC2 answers DependencyViolation.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSubnet.html and its siblings. On AWS load balancers,
databases and caches have network interfaces of their own; moto gives them none, so they are asked for here.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from . import tagged


@dataclass
class Occupant:
    """Something with network interfaces: what it is, in which subnets, behind which groups, with public addresses."""

    what: str
    subnets: set[str]
    groups: set[str]
    public: bool = False


@dataclass
class Lingering:
    """Interfaces of something deleted that AWS removes a little later; ``until`` is on the monotonic clock."""

    occupant: Occupant
    until: float = field(default=0.0)


def occupants(ec2: Any) -> Iterator[Occupant]:
    """Everything that has network interfaces in a region of an account."""
    elastic = {a.eni.id for a in list(ec2.addresses) if getattr(a, "eni", None)}
    elastic |= {nic.id for a in list(ec2.addresses) if a.instance for nic in a.instance.nics.values()}
    for interface in list(ec2.enis.values()):
        groups = {group.id for group in interface.group_set}
        public = bool(interface.public_ip) or interface.id in elastic
        yield Occupant(f"network interface {interface.id}", {interface.subnet.id}, groups, public)
    account, region = ec2.account_id, ec2.region_name
    yield from _balancers(tagged.backend_of("elbv2", account, region))
    yield from _databases(tagged.backend_of("rds", account, region))
    yield from _caches(tagged.backend_of("elasticache", account, region))
    lingering = ec2.__dict__.get("lab_lingering", [])
    ec2.__dict__["lab_lingering"] = [each for each in lingering if each.until > time.monotonic()]
    yield from (each.occupant for each in ec2.__dict__["lab_lingering"])


def linger(ec2: Any, occupant: Occupant, seconds: float) -> None:
    """Keep the interfaces of something deleted for a while."""
    ec2.__dict__.setdefault("lab_lingering", []).append(Lingering(occupant, time.monotonic() + seconds))


def balancer(item: Any) -> Occupant:
    """The interfaces of a load balancer: one in each of its subnets."""
    subnets = {subnet.id for subnet in item.subnets}
    groups = {getattr(g, "id", g) for g in item.security_groups or []}
    return Occupant(f"load balancer {item.name}", subnets, groups, item.scheme == "internet-facing")


def _balancers(backend: Any) -> Iterator[Occupant]:
    for item in list(backend.load_balancers.values()) if backend else []:
        yield balancer(item)


def _databases(backend: Any) -> Iterator[Occupant]:
    for item in list(backend.databases.values()) if backend else []:
        group = backend.subnet_groups.get(getattr(item, "_db_subnet_group_name", None) or "")
        here = [s.id for s in group._subnets if s.availability_zone == item.availability_zone] if group else []
        public = bool(getattr(item, "publicly_accessible", False))
        yield Occupant(
            f"DB instance {item.db_instance_identifier}", set(here), set(item.vpc_security_group_ids), public
        )


def _caches(backend: Any) -> Iterator[Occupant]:
    for item in list(backend.cache_clusters.values()) if backend else []:
        group = backend.cache_subnet_groups.get(getattr(item, "cache_subnet_group_name", None) or "")
        zone = item.preferred_availability_zone
        subnets = group.subnets if group else []
        here = {s["subnet_identifier"] for s in subnets if s["subnet_availability_zone"]["Name"] == zone}
        yield Occupant(f"cache cluster {item.cache_cluster_id}", here, set(item.security_group_ids or []))


def referring(ec2: Any, group_id: str) -> list[str]:
    """Ids of the other groups with a rule that names a group."""
    found = []
    for groups in list(ec2.groups.values()):
        for group in list(groups.values()):
            named = {rule.source_group.get("GroupId") for rule in (*group.ingress_rules, *group.egress_rules)}

            if group_id in named and group.id != group_id:
                found.append(group.id)
    return found


def in_vpc(ec2: Any, vpc_id: str) -> str:
    """What keeps a VPC besides its subnets and route tables, of which moto knows; empty when nothing does."""
    for gateway in list(ec2.internet_gateways.values()):
        if gateway.vpc and gateway.vpc.id == vpc_id:
            return f"internet gateway {gateway.id}"
    for gateway in list(ec2.egress_only_internet_gateways.values()):
        if gateway.vpc_id == vpc_id:
            return f"egress-only internet gateway {gateway.id}"
    for endpoint in list(ec2.vpc_end_points.values()):
        if endpoint.vpc_id == vpc_id and endpoint.state != "deleted":
            return f"endpoint {endpoint.id}"
    for group in list(ec2.groups.get(vpc_id, {}).values()):
        if not group.is_default:
            return f"security group {group.id}"
    for acl in list(ec2.network_acls.values()):
        if acl.vpc_id == vpc_id and not acl.default:
            return f"network ACL {acl.id}"
    return ""
