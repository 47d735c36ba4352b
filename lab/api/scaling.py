"""What an auto scaling group does with its instances: launch, hooks, in service, hooks, terminate, replace.

moto keeps a list of instances; this module gives it AWS's life cycle, as
https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-lifecycle.html draws it. Attributes added to
moto's objects are named ``lab_*``.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import math
import uuid
from collections import Counter
from typing import Any

from moto.autoscaling.models import ASG_NAME_TAG, InstanceState
from moto.core.utils import utcnow
from moto.ec2.exceptions import EC2ClientError

from . import target_health
from .timers import TIMERS

LAUNCHING = "autoscaling:EC2_INSTANCE_LAUNCHING"
TERMINATING = "autoscaling:EC2_INSTANCE_TERMINATING"
LEAVING = ("Terminating", "Terminating:Wait", "Terminating:Proceed", "Terminated")


def boots() -> bool:
    """Whether machines follow the API: they complete their launch hooks themselves."""
    return False


def counted(group: Any) -> list[Any]:
    """Return the instances that count towards the desired capacity."""
    return [s for s in group.instance_states if s.lifecycle_state not in (*LEAVING, "Standby")]


def suspended(group: Any, process: str) -> bool:
    """True when an operator suspended a process of the group."""
    return any(p["ProcessName"] == process for p in group.suspended_processes)


def target_count(group: Any) -> int:
    """Return how many instances the desired capacity means (weights of a mixed instances policy considered)."""
    desired = group.desired_capacity or 0
    overrides = ((group.mixed_instances_policy or {}).get("LaunchTemplate") or {}).get("Overrides") or []
    weight = int(overrides[0].get("WeightedCapacity") or 1) if overrides else 1
    return math.ceil(desired / max(weight, 1))


def reconcile(group: Any) -> None:
    """Launch or retire instances until their number is the desired one."""
    missing = target_count(group) - len(counted(group))
    if missing > 0 and not suspended(group, "Launch"):
        for _ in range(missing):
            if launch(group) is None:
                break
    elif missing < 0 and not suspended(group, "Terminate"):
        for state in _surplus(group, -missing):
            retire(group, state)


def _surplus(group: Any, number: int) -> list[Any]:
    """Choose what to retire: from the zone with most instances, the oldest first, never a protected one."""
    candidates = [s for s in counted(group) if not s.protected_from_scale_in]
    chosen = []
    while candidates and len(chosen) < number:
        zones = Counter(s.availability_zone for s in candidates)
        fullest = max(zones.values())
        pick = next(s for s in candidates if zones[s.availability_zone] == fullest)
        candidates.remove(pick)
        chosen.append(pick)
    return chosen


def _subnet(group: Any) -> str | None:
    """Return the subnet with the fewest instances of the group: that is how zones stay even."""
    subnets = [s.strip() for s in (group.vpc_zone_identifier or "").split(",") if s.strip()]
    used = Counter(s.instance.subnet_id for s in counted(group))
    return min(subnets, key=lambda s: (used[s], subnets.index(s))) if subnets else None


def launch(group: Any) -> Any:
    """Launch one instance and return its state; None, and a failed activity, when EC2 refuses."""
    ec2 = group.autoscaling_backend.ec2_backend
    tags = {**group.instance_tags, **group.get_propagated_tags(), ASG_NAME_TAG: group.name}
    template, version = None, None
    if group.ec2_launch_template:
        version = group.ec2_launch_template.get_version(group.launch_template_version)
        template = {"LaunchTemplateId": group.ec2_launch_template.id, "Version": str(version.number)}
    zones = group.availability_zones
    options: dict[str, Any] = {"launch_template": template} if template else {}
    if group.launch_config:
        options["associate_public_ip"] = group.launch_config.associate_public_ip_address
    try:
        reservation = ec2.run_instances(
            group.image_id,
            1,
            group.user_data,
            group.security_groups,
            instance_type=_instance_type(group),
            tags={"instance": tags},
            placement=zones[len(counted(group)) % len(zones)],
            launch_config=group.launch_config,
            is_instance_type_default=False,
            subnet_id=_subnet(group),
            **options,
        )
    except EC2ClientError as error:
        text = f"Launching a new EC2 instance.  Status Reason: {error.message} Launching EC2 instance failed."
        activity(group, text, "Failed")
        return None
    instance = reservation.instances[0]
    instance.autoscaling_group = group
    state = InstanceState(instance, protected_from_scale_in=group.new_instances_protected_from_scale_in)
    state.lab_version = version.number if version else None
    state.lab_template = group.ec2_launch_template
    state.lab_since = utcnow()
    group.instance_states.append(state)
    activity(group, f"Launching a new EC2 instance: {instance.id}")
    state.lifecycle_state = "Pending"
    _wait(group, state, LAUNCHING)
    return state


def _instance_type(group: Any) -> str:
    overrides = ((group.mixed_instances_policy or {}).get("LaunchTemplate") or {}).get("Overrides") or []
    return (overrides and overrides[0].get("InstanceType")) or group.instance_type


def retire(group: Any, state: Any) -> None:
    """Take one instance out of service and, once its hooks are through, terminate it."""
    if state.lifecycle_state in LEAVING:
        return
    drains = _deregister(group, [state.instance.id])
    state.lifecycle_state = "Terminating"
    activity(group, f"Terminating EC2 instance: {state.instance.id}")
    if not drains:
        _wait(group, state, TERMINATING)
        return

    def drained() -> None:
        if state in group.instance_states and state.lifecycle_state == "Terminating":
            _wait(group, state, TERMINATING)

    TIMERS.later(drains, drained)


def _wait(group: Any, state: Any, transition: str) -> None:
    """Hold the instance for every hook of the transition; without hooks it proceeds at once."""
    hooks = group.autoscaling_backend.describe_lifecycle_hooks(group.name)
    hooks = [h for h in hooks if h.lifecycle_transition == transition]
    state.lab_waiting = {}
    for hook in hooks:
        state.lab_waiting[hook.name] = {"token": str(uuid.uuid4()), "hook": hook, "turn": 0}
    if not hooks:
        _proceed(group, state)
        return
    state.lifecycle_state = "Pending:Wait" if transition == LAUNCHING else "Terminating:Wait"
    for name in list(state.lab_waiting):
        heartbeat(group, state, name)
    if transition == LAUNCHING and not boots():
        _stand_in(group, state)


def _stand_in(group: Any, state: Any) -> None:
    """Complete the hooks for a machine there is not, as one would whose first start goes well.

    Only those its user data names: a hook that somebody else is to complete goes on waiting for them.
    """
    script = decoded(state.instance.user_data)

    def complete_for_it(name: str) -> None:
        if name in state.lab_waiting and state in group.instance_states and not boots():
            complete(group, state, name, "CONTINUE")

    for name in [name for name in state.lab_waiting if name.encode() in script]:
        TIMERS.later(TIMERS.get("launch_hook"), functools.partial(complete_for_it, name))


def decoded(user_data: Any) -> bytes:
    """User data as a machine gets it; moto keeps it as it was sent, in base64 or not."""
    raw = user_data if isinstance(user_data, bytes) else str(user_data or "").encode()
    try:
        return base64.b64decode(raw, validate=True)
    except ValueError:
        return raw


def heartbeat(group: Any, state: Any, hook_name: str) -> None:
    """Start the hook's heartbeat time-out anew; when it passes, the hook's default result counts."""
    entry = state.lab_waiting[hook_name]
    entry["turn"] += 1
    turn = entry["turn"]

    def expired() -> None:
        if state.lab_waiting.get(hook_name) is entry and entry["turn"] == turn:
            complete(group, state, hook_name, entry["hook"].default_result)

    TIMERS.later(float(entry["hook"].heartbeat_timeout), expired)


def complete(group: Any, state: Any, hook_name: str, result: str) -> None:
    """End one hook's wait with CONTINUE or ABANDON."""
    state.lab_waiting.pop(hook_name, None)
    if result == "ABANDON":
        state.lab_waiting.clear()
        if state.lifecycle_state == "Pending:Wait":
            retire(group, state)
            reconcile(group)
            return
    if not state.lab_waiting:
        _proceed(group, state)


def _proceed(group: Any, state: Any) -> None:
    if state.lifecycle_state.startswith("Pending"):
        state.lifecycle_state = "InService"
        state.lab_since = utcnow()
        _register(group, [state.instance.id])
    elif state.lifecycle_state.startswith("Terminating"):
        if state in group.instance_states:
            group.instance_states.remove(state)
        with contextlib.suppress(Exception):  # already terminated by hand
            group.autoscaling_backend.ec2_backend.terminate_instances([state.instance.id])


def _register(group: Any, instance_ids: list[str]) -> None:
    elbv2 = group.autoscaling_backend.elbv2_backend
    for arn in group.target_group_arns:
        if target_group := elbv2.target_groups.get(arn):
            elbv2.register_targets(arn, [{"Id": i, "Port": target_group.port} for i in instance_ids])


def _deregister(group: Any, instance_ids: list[str]) -> float:
    """Take instances out of the group's target groups; return for how many seconds they finish what they have begun.

    Where nobody measures targets' health there are no machines, hence no requests to finish.
    """
    from .patches.elbv2 import drains

    elbv2 = group.autoscaling_backend.elbv2_backend
    seconds = 0.0
    for arn in group.target_group_arns:
        if target_group := elbv2.target_groups.get(arn):
            elbv2.deregister_targets(arn, [{"Id": i, "Port": target_group.port} for i in instance_ids])
            if target_health.measured(arn):
                seconds = max([seconds, *(drains(target_group, i) for i in instance_ids)])
    return seconds


def register_all(group: Any) -> None:
    """Register every instance in service with the group's target groups."""
    _register(group, [s.instance.id for s in group.instance_states if s.lifecycle_state == "InService"])


def lost(group: Any, instance_ids: list[str]) -> None:
    """Instances were terminated by somebody else: forget and replace them."""
    gone = [s for s in group.instance_states if s.instance.id in instance_ids]
    if gone:
        _deregister(group, [s.instance.id for s in gone])
        group.instance_states = [s for s in group.instance_states if s not in gone]
        reconcile(group)


def serving(group: Any, state: Any) -> bool:
    """True when the instance is in service and, where somebody measures target health, healthy everywhere."""
    if state.lifecycle_state != "InService":
        return False
    for arn in group.target_group_arns:
        health = target_health.get(arn, state.instance.id, None)
        if target_health.measured(arn) and (health is None or health.state != "healthy"):
            return False
    return True


def activity(group: Any, description: str, status: str = "Successful") -> None:
    """Note a scaling activity; the newest comes first, 100 are kept."""
    activities = group.__dict__.setdefault("lab_activities", [])
    now = utcnow()
    activities.insert(
        0,
        {
            "ActivityId": str(uuid.uuid4()),
            "AutoScalingGroupName": group.name,
            "AutoScalingGroupARN": group.arn,
            "Description": description,
            "Cause": f"At {now:%Y-%m-%dT%H:%M:%SZ} the group was brought to its desired capacity.",
            "StartTime": now,
            "EndTime": now,
            "StatusCode": status,
            "Progress": 100,
        },
    )
    del activities[100:]
