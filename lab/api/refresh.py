"""Instance refresh: replace the instances of a group batch by batch.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/instance-refresh-overview.html. A batch ends when its
replacements serve and the delay ``instance_refresh`` has passed, which stands for the instance warm-up
(0 s unless set: the emulator has nothing to warm up). Instances protected from scale-in and those in standby are waited
for, replaced or left alone as the preferences say; the hour AWS waits is the delay ``refresh_wait`` where that is set.
https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_RefreshPreferences.html.
"""

from __future__ import annotations

import math
import time
import uuid
from typing import Any

from moto.autoscaling.exceptions import AutoscalingClientError
from moto.core.utils import utcnow

from . import scaling
from .timers import TIMERS

ACTIVE = ("Pending", "InProgress", "Cancelling", "RollbackInProgress")
POLL_SECONDS = 0.5
WAIT_SECONDS = 3600.0
CHOICES = {
    "ScaleInProtectedInstances": ("Refresh", "Ignore", "Wait"),
    "StandbyInstances": ("Terminate", "Ignore", "Wait"),
}


def start(group: Any, params: dict[str, Any]) -> str:
    """Start a refresh and return its id; raises InstanceRefreshInProgress while another is active."""
    if active(group):
        message = "An Instance Refresh is already in progress and blocks the execution of this Instance Refresh."
        raise AutoscalingClientError("InstanceRefreshInProgress", message)
    defaults = {"MinHealthyPercentage": 90, "SkipMatching": False, **dict.fromkeys(CHOICES, "Wait")}
    preferences = {**defaults, **(params.get("Preferences") or {})}
    for name, choices in CHOICES.items():
        if preferences[name] not in choices:
            raise AutoscalingClientError("ValidationError", f"{name} must be one of {', '.join(choices)}")
    refresh = {
        "InstanceRefreshId": str(uuid.uuid4()),
        "AutoScalingGroupName": group.name,
        "Status": "Pending",
        "StartTime": utcnow(),
        "PercentageComplete": 0,
        "Preferences": preferences,
        "Strategy": params.get("Strategy") or "Rolling",
        "lab_before": (group.launch_template_version, group.provided_launch_template_version)
        if group.ec2_launch_template
        else None,
    }
    if desired := params.get("DesiredConfiguration"):
        refresh["DesiredConfiguration"] = desired
        if template := desired.get("LaunchTemplate"):
            group._set_launch_configuration(None, template, None)
    _begin(group, refresh, preferences["SkipMatching"])
    group.__dict__.setdefault("lab_refreshes", []).insert(0, refresh)
    return str(refresh["InstanceRefreshId"])


def _begin(group: Any, refresh: dict[str, Any], skip_matching: bool) -> None:
    wanted = _wanted_version(group)
    states = [*scaling.counted(group), *_standby(group)]
    old = [
        s
        for s in states
        if not (skip_matching and (s.lab_version, s.lab_template) == (wanted, group.ec2_launch_template))
    ]
    refresh["lab_old"] = [s.instance.id for s in old]
    refresh["lab_total"] = refresh["InstancesToUpdate"] = len(old)
    TIMERS.later(0, lambda: _step(group, refresh))


def _wanted_version(group: Any) -> int | None:
    if not group.ec2_launch_template:
        return None
    return int(group.ec2_launch_template.get_version(group.launch_template_version).number)


def _step(group: Any, refresh: dict[str, Any]) -> None:
    """Retire the next batch when everything serves; otherwise look again later."""
    status = refresh["Status"]
    if status not in ACTIVE:
        return
    if status == "Cancelling":
        _end(refresh, "Cancelled")
        return
    if status == "Pending":
        refresh["Status"] = "InProgress"
    states = scaling.counted(group)
    old = [s for s in [*states, *_standby(group)] if s.instance.id in refresh["lab_old"]]
    free, held = _sort(refresh, old)
    old = free + held
    refresh["InstancesToUpdate"] = len(old)
    total = refresh["lab_total"]
    refresh["PercentageComplete"] = 100 if not total else int(100 * (total - len(old)) / total)
    short = len(states) < scaling.target_count(group) and not scaling.suspended(group, "Launch")
    if short:  # a launch failed: nothing more is taken away
        scaling.reconcile(group)
    if short or not all(scaling.serving(group, s) for s in states if s not in old):
        TIMERS.later(POLL_SECONDS, lambda: _step(group, refresh))
        return
    if not old:
        _end(refresh, "RollbackSuccessful" if status == "RollbackInProgress" else "Successful")
        return
    if not free:
        _wait(group, refresh, held)
        return
    refresh.pop("lab_since", None)
    refresh.pop("StatusReason", None)
    _replace(group, free[: _batch(group, refresh)])
    TIMERS.later(TIMERS.get("instance_refresh"), lambda: _step(group, refresh))


def _standby(group: Any) -> list[Any]:
    return [s for s in group.instance_states if s.lifecycle_state == "Standby"]


def _sort(refresh: dict[str, Any], old: list[Any]) -> tuple[list[Any], list[Any]]:
    """Return what may be replaced and what is waited for; what is to be ignored is in neither."""
    free, held = [], []
    for state in old:
        choice = "Refresh"
        if state.lifecycle_state == "Standby":
            choice = refresh["Preferences"]["StandbyInstances"]
        elif state.protected_from_scale_in:
            choice = refresh["Preferences"]["ScaleInProtectedInstances"]
        if choice == "Wait":
            held.append(state)
        elif choice != "Ignore":
            free.append(state)
    return free, held


def _wait(group: Any, refresh: dict[str, Any], held: list[Any]) -> None:
    """Wait for somebody to take the protection away, or the instances out of standby; fail after an hour."""
    since = refresh.setdefault("lab_since", time.monotonic())
    names = ", ".join(s.instance.id for s in held)
    refresh["StatusReason"] = f"Waiting for instances that are protected from scale-in or in standby: {names}"
    if time.monotonic() - since >= (TIMERS.get("refresh_wait") or WAIT_SECONDS):
        _end(refresh, "Failed")
        return
    TIMERS.later(POLL_SECONDS, lambda: _step(group, refresh))


def _batch(group: Any, refresh: dict[str, Any]) -> int:
    """Return how many instances may be away at once: at least one, or a refresh would never end."""
    desired = scaling.target_count(group)
    healthy = math.ceil(desired * int(refresh["Preferences"]["MinHealthyPercentage"]) / 100)
    return max(1, desired - healthy)


def _replace(group: Any, old: list[Any]) -> None:
    for state in old:
        scaling.retire(group, state)
    scaling.reconcile(group)


def _end(refresh: dict[str, Any], status: str) -> None:
    refresh["Status"], refresh["EndTime"] = status, utcnow()


def active(group: Any) -> dict[str, Any] | None:
    """Return the refresh under way, or None."""
    return next((r for r in group.__dict__.get("lab_refreshes", []) if r["Status"] in ACTIVE), None)


def _need_active(group: Any) -> dict[str, Any]:
    refresh = active(group)
    if not refresh:
        message = f"No in progress or pending Instance Refresh found for Auto Scaling group {group.name}"
        raise AutoscalingClientError("ActiveInstanceRefreshNotFound", message)
    return refresh


def cancel(group: Any) -> str:
    """Cancel the refresh under way; what was replaced stays replaced."""
    refresh = _need_active(group)
    refresh["Status"] = "Cancelling"
    TIMERS.later(0, lambda: _step(group, refresh))
    return str(refresh["InstanceRefreshId"])


def roll_back(group: Any) -> str:
    """Bring the group back to the template version it had before the refresh under way."""
    refresh = _need_active(group)
    if not refresh["lab_before"] or "DesiredConfiguration" not in refresh:
        message = "The instance refresh has no desired configuration, so there is nothing to roll back to."
        raise AutoscalingClientError("IrreversibleInstanceRefresh", message)
    group.launch_template_version, group.provided_launch_template_version = refresh["lab_before"]
    refresh["RollbackDetails"] = {
        "RollbackReason": "Rollback requested by the user.",
        "RollbackStartTime": utcnow(),
        "PercentageCompleteOnRollback": refresh["PercentageComplete"],
        "InstancesToUpdateOnRollback": refresh["InstancesToUpdate"],
    }
    refresh["Status"] = "RollbackInProgress"
    _begin(group, refresh, skip_matching=True)
    return str(refresh["InstanceRefreshId"])


def describe(group: Any, ids: list[str]) -> list[dict[str, Any]]:
    """Return the refreshes of a group, newest first, or those with the given ids."""
    refreshes = group.__dict__.get("lab_refreshes", [])
    return [
        {k: v for k, v in r.items() if not k.startswith("lab_")}
        for r in refreshes
        if not ids or r["InstanceRefreshId"] in ids
    ]
