"""Target health as somebody else measured it.

The emulator knows no machines; whoever runs them reports what their load balancer's health checks say, and
``DescribeTargetHealth`` tells it. Where nothing was reported, moto's own answer stands.
"""

from __future__ import annotations

import threading
from typing import NamedTuple


class Health(NamedTuple):
    """State (``initial``, ``healthy``, ``unhealthy``, ``draining``…), reason code and description."""

    state: str
    reason: str | None = None
    description: str | None = None


_lock = threading.Lock()
_reported: dict[tuple[str, str, int | None], Health] = {}


def set(  # noqa: A001 - reads as target_health.set(...)
    target_group_arn: str,
    instance_id: str,
    port: int | None,
    state: str,
    reason: str | None = None,
    description: str | None = None,
) -> None:
    """Report the health of one target; ``port`` None means the target whatever its port."""
    with _lock:
        _reported[(target_group_arn, instance_id, port)] = Health(state, reason, description)


def get(target_group_arn: str, instance_id: str, port: int | None) -> Health | None:
    """Return what was reported for a target, or None; ``port`` None takes any report about the instance."""
    with _lock:
        if port is None:
            return next((h for k, h in _reported.items() if k[:2] == (target_group_arn, instance_id)), None)
        exact = _reported.get((target_group_arn, instance_id, port))
        return exact or _reported.get((target_group_arn, instance_id, None))


def measured(target_group_arn: str) -> bool:
    """True when anybody reported health for the target group."""
    return any(key[0] == target_group_arn for key in list(_reported))


def everything() -> list[dict[str, str | int | None]]:
    """Every report: ``target_group_arn``, ``instance_id``, ``port``, ``state`` and ``reason``."""
    with _lock:
        return [
            {
                "target_group_arn": arn,
                "instance_id": target,
                "port": port,
                "state": health.state,
                "reason": health.reason,
            }
            for (arn, target, port), health in _reported.items()
        ]


def clear() -> None:
    """Forget all reports."""
    with _lock:
        _reported.clear()
