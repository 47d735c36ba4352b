"""Target health as somebody else measured it.

The emulator knows no machines; whoever runs them reports what their load balancer's health checks say, and
``DescribeTargetHealth`` tells it. Where nothing was reported, moto's own answer stands.

A report counts for one registration of a target: what was found before it left its group says nothing about the time
after it came back.
"""

from __future__ import annotations

import itertools
import threading
from typing import NamedTuple


class Health(NamedTuple):
    """State (``initial``, ``healthy``, ``unhealthy``, ``draining``…), reason code and description."""

    state: str
    reason: str | None = None
    description: str | None = None


_lock = threading.Lock()
_reported: dict[tuple[str, str, int | None], Health] = {}
_measured: set[str] = set()
_registrations: dict[tuple[str, str], int] = {}
_numbers = itertools.count(1)


def registered(target_group_arn: str, instance_id: str) -> None:
    """A target was registered: it begins anew, with a registration of another number."""
    with _lock:
        _forget(target_group_arn, instance_id)
        _registrations[(target_group_arn, instance_id)] = next(_numbers)


def deregistered(target_group_arn: str, instance_id: str) -> None:
    """A target was deregistered: nobody's report about it counts any more."""
    with _lock:
        _forget(target_group_arn, instance_id)
        _registrations.pop((target_group_arn, instance_id), None)


def registration(target_group_arn: str, instance_id: str) -> int:
    """Return the number of a target's present registration, 0 when it has none."""
    return _registrations.get((target_group_arn, instance_id), 0)


def _forget(target_group_arn: str, instance_id: str) -> None:
    for key in [key for key in _reported if key[:2] == (target_group_arn, instance_id)]:
        del _reported[key]


def set(  # noqa: A001 - reads as target_health.set(...)
    target_group_arn: str,
    instance_id: str,
    port: int | None,
    state: str,
    reason: str | None = None,
    description: str | None = None,
    number: int | None = None,
) -> None:
    """Report the health of one target; ``port`` None means the target whatever its port.

    A report that names the ``number`` of a registration which is over is dropped.
    """
    with _lock:
        _measured.add(target_group_arn)
        if number is not None and number != registration(target_group_arn, instance_id):
            return
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
    return target_group_arn in _measured


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
        _measured.clear()
        _registrations.clear()
