"""States a test puts a resource into that AWS comes to by itself: failed certificates, full disks, dead gateways.

``POST /lab/state`` takes ``{"service", "resource", "state", "region", "account"}``; the resource is named by the ARN, id or
name the service's own calls take. A state is set as it is said: the words are AWS's, listed in :data:`WORDS`.
"""

from __future__ import annotations

import datetime
from typing import Any

# Where moto keeps a service's resources (attributes of the backend), and the words AWS has for their states.
WORDS: dict[str, tuple[str, ...]] = {
    "acm": ("PENDING_VALIDATION", "ISSUED", "INACTIVE", "EXPIRED", "VALIDATION_TIMED_OUT", "REVOKED", "FAILED"),
    "rds": (
        "available", "creating", "modifying", "stopped", "stopping", "starting", "failed", "storage-full",
        "incompatible-parameters", "incompatible-network", "incompatible-restore", "insufficient-capacity",
        "inaccessible-encryption-credentials",
    ),
    "nat_gateway": ("pending", "available", "failed", "deleting", "deleted"),
    "elasticache": ("available", "creating", "modifying", "deleting", "create-failed", "snapshotting"),
    "elbv2": ("provisioning", "active", "active_impaired", "failed"),
    "secretsmanager": ("readable", "denied"),
    "vpc_endpoint": ("available", "pending", "failed", "rejected", "expired", "deleting"),
}  # fmt: skip


class StateError(ValueError):
    """A state that cannot be set; the message says why."""


def set_state(data: dict[str, Any]) -> None:
    """Put one resource into a state; raises :class:`StateError`."""
    service, resource, state = data["service"], data["resource"], data["state"]
    if service not in WORDS:
        raise StateError(f"service is {service!r}, must be one of {', '.join(WORDS)}")
    if state not in WORDS[service]:
        raise StateError(f"{service} has no state {state!r}; there are {', '.join(WORDS[service])}")
    account, region = data.get("account", "123456789012"), data.get("region", "us-east-1")
    {
        "acm": _acm, "rds": _rds, "nat_gateway": _nat_gateway, "elasticache": _elasticache, "elbv2": _elbv2,
        "secretsmanager": _secretsmanager, "vpc_endpoint": _vpc_endpoint,
    }[service](account, region, resource, state)  # fmt: skip


def _found(held: Any, name: str, what: str) -> Any:
    if name not in held:
        raise StateError(f"there is no {what} {name}")
    return held[name]


def _acm(account: str, region: str, arn: str, state: str) -> None:
    from moto.acm.models import acm_backends

    bundle = _found(acm_backends[account][region]._certificates, arn, "certificate")
    bundle.status = state
    if state == "PENDING_VALIDATION":  # moto issues whatever was asked for long enough ago
        bundle.created_at = bundle.created_at + datetime.timedelta(days=365)


def _rds(account: str, region: str, name: str, state: str) -> None:
    from moto.rds.models import rds_backends

    _found(rds_backends[account][region].databases, name, "DB instance").status = state


def _nat_gateway(account: str, region: str, identifier: str, state: str) -> None:
    from moto.ec2.models import ec2_backends

    _found(ec2_backends[account][region].nat_gateways, identifier, "NAT gateway").state = state


def _vpc_endpoint(account: str, region: str, identifier: str, state: str) -> None:
    from moto.ec2.models import ec2_backends

    _found(ec2_backends[account][region].vpc_end_points, identifier, "endpoint").state = state


def _elasticache(account: str, region: str, name: str, state: str) -> None:
    from moto.elasticache.models import elasticache_backends

    from .patches.elasticache_replication import members

    backend = elasticache_backends[account][region]
    group = _found(backend.replication_groups, name, "replication group")
    group.status = state
    for cluster in members(backend, group):
        cluster.cache_cluster_status = state


def _secretsmanager(account: str, region: str, name: str, state: str) -> None:
    from moto.secretsmanager.models import secretsmanager_backends

    _found(secretsmanager_backends[account][region].secrets, name, "secret").lab_denied = state == "denied"


def _elbv2(account: str, region: str, arn: str, state: str) -> None:
    from moto.elbv2.models import elbv2_backends

    balancer = _found(elbv2_backends[account][region].load_balancers, arn, "load balancer")
    balancer.state = state
    balancer.lab_waits = state != "active"
