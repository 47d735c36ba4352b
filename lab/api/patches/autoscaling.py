"""Auto Scaling: what the operations do; ``lab.api.scaling`` and ``lab.api.refresh`` hold the life cycle."""

from __future__ import annotations

from typing import Any

from lab.api.patching import patch
from lab.api.wrapping import method, response_method, wrap

GUIDE = "https://docs.aws.amazon.com/autoscaling/ec2/userguide/"
API = "https://docs.aws.amazon.com/autoscaling/ec2/APIReference/"
METRICS = (
    "GroupMinSize", "GroupMaxSize", "GroupDesiredCapacity", "GroupInServiceInstances", "GroupPendingInstances",
    "GroupStandbyInstances", "GroupTerminatingInstances", "GroupTotalInstances", "GroupInServiceCapacity",
    "GroupPendingCapacity", "GroupStandbyCapacity", "GroupTerminatingCapacity", "GroupTotalCapacity",
    "WarmPoolDesiredCapacity", "WarmPoolWarmedCapacity", "WarmPoolPendingCapacity", "WarmPoolTerminatingCapacity",
    "WarmPoolTotalCapacity", "GroupAndWarmPoolDesiredCapacity", "GroupAndWarmPoolTotalCapacity",
)  # fmt: skip


def _group(backend: Any, name: str) -> Any:
    from moto.autoscaling.exceptions import ValidationError

    if name not in backend.autoscaling_groups:
        raise ValidationError(f"AutoScalingGroup name not found - null: {name}")
    return backend.autoscaling_groups[name]


@patch(
    moto="puts all instances in the first subnet, ignores the launch hooks, leaves terminated instances registered and"
    " replacements unregistered with the target groups",
    aws="spreads them over the subnets; hooks hold them in Pending:Wait and Terminating:Wait until whoever they wait for is"
    " done; target groups follow (the lab: where no machines boot, an instance whose user data names a launch hook"
    " completes it, after the delay launch_hook, 0 s unless set)",
    document=GUIDE + "ec2-auto-scaling-lifecycle.html",
)
def instance_lifecycle() -> None:
    from moto.autoscaling.models import AutoScalingBackend, FakeAutoScalingGroup

    from lab.api import scaling

    @method(FakeAutoScalingGroup)
    def set_desired_capacity(self: Any, new_capacity: int | None) -> None:
        self.desired_capacity = self.min_size if new_capacity is None else new_capacity
        scaling.reconcile(self)
        if self.name in self.autoscaling_backend.autoscaling_groups:
            self.autoscaling_backend.update_attached_elbs(self.name)

    @method(FakeAutoScalingGroup)
    def replace_autoscaling_group_instances(self: Any, _count_needed: int, _propagated_tags: Any) -> None:
        scaling.reconcile(self)

    @method(AutoScalingBackend)
    def update_attached_target_groups(self: Any, group_name: str) -> None:
        scaling.register_all(self.autoscaling_groups[group_name])

    @method(AutoScalingBackend)
    def notify_terminate_instances(self: Any, instance_ids: list[str]) -> None:
        for group in list(self.autoscaling_groups.values()):
            scaling.lost(group, instance_ids)

    @method(AutoScalingBackend)
    def terminate_instance(self: Any, instance_id: str, should_decrement: bool) -> Any:
        from moto.autoscaling.exceptions import ValidationError
        from moto.autoscaling.models import TerminateInstanceActivity

        found = [(g, s) for g in self.autoscaling_groups.values() for s in g.instance_states]
        found = [(g, s) for g, s in found if s.instance.id == instance_id]
        if not found:
            raise ValidationError(f"Instance Id not found - No managed instance found for instance ID: {instance_id}")
        group, state = found[0]
        size = group.desired_capacity
        if should_decrement:
            group.desired_capacity -= 1
        scaling.retire(group, state)
        scaling.reconcile(group)
        return TerminateInstanceActivity(state.instance, size)

    @wrap(AutoScalingBackend, "set_instance_health")
    def unhealthy(original: Any, self: Any, instance_id: str, health_status: str) -> None:
        original(self, instance_id, health_status)
        for group in list(self.autoscaling_groups.values()):
            for state in [s for s in scaling.counted(group) if s.instance.id == instance_id]:
                if health_status == "Unhealthy" and not scaling.suspended(group, "ReplaceUnhealthy"):
                    scaling.retire(group, state)
                    scaling.reconcile(group)


@patch(
    moto="says of each instance that it runs the default version of the group's template",
    aws="says which version of which template the instance was launched from",
    document=API + "API_Instance.html",
)
def instance_template_version() -> None:
    from moto.autoscaling.models import InstanceState

    def launch_template(self: Any) -> dict[str, Any] | None:
        group = self.auto_scaling_group
        template = self.lab_template or (group.ec2_launch_template if group else None)
        if template is None:
            return None
        version = getattr(self, "lab_version", None) or template.default_version_number
        return {"LaunchTemplateId": template.id, "LaunchTemplateName": template.name, "Version": str(version)}

    InstanceState.lab_version = InstanceState.lab_template = None  # type: ignore[attr-defined]
    InstanceState.launch_template = property(launch_template)  # type: ignore[assignment,method-assign]


@patch(
    moto="has no CompleteLifecycleAction and no RecordLifecycleActionHeartbeat, and makes up the hook's role and target",
    aws="ends the wait with CONTINUE or ABANDON, or makes it longer; a hook shows the role and target it was given",
    document=GUIDE + "lifecycle-hooks.html",
)
def lifecycle_actions() -> None:
    from moto.autoscaling.exceptions import ValidationError
    from moto.autoscaling.models import AutoScalingBackend
    from moto.autoscaling.responses import AutoScalingResponse

    from lab.api import scaling

    def waiting(backend: Any, params: Any) -> tuple[Any, Any]:
        group = _group(backend, params["AutoScalingGroupName"])
        name, token = params["LifecycleHookName"], params.get("LifecycleActionToken")
        for state in list(group.instance_states):
            entry = getattr(state, "lab_waiting", {}).get(name)
            if entry and (token == entry["token"] or (not token and state.instance.id == params.get("InstanceId"))):
                return group, state
        raise ValidationError(f"No active Lifecycle Action found with instance ID {params.get('InstanceId')}")

    @response_method(AutoScalingResponse, "autoscaling_backend")
    def complete_lifecycle_action(backend: Any, params: Any) -> None:
        group, state = waiting(backend, params)
        scaling.complete(group, state, params["LifecycleHookName"], params["LifecycleActionResult"])

    @response_method(AutoScalingResponse, "autoscaling_backend")
    def record_lifecycle_action_heartbeat(backend: Any, params: Any) -> None:
        group, state = waiting(backend, params)
        scaling.heartbeat(group, state, params["LifecycleHookName"])

    @wrap(AutoScalingResponse, "put_lifecycle_hook")
    def put(original: Any, self: Any) -> Any:
        group, name = self._get_param("AutoScalingGroupName"), self._get_param("LifecycleHookName")
        _group(self.autoscaling_backend, group)
        hooks = self.autoscaling_backend.lifecycle_hooks
        before = hooks.get(f"{group}\n{name}")
        result = original(self)
        _complete_hook(hooks[f"{group}\n{name}"], self.params, before)
        return result

    @wrap(AutoScalingResponse, "create_auto_scaling_group")
    def create(original: Any, self: Any) -> Any:
        from moto.autoscaling.exceptions import AutoscalingClientError

        backend, name = self.autoscaling_backend, self._get_param("AutoScalingGroupName")
        if name in backend.autoscaling_groups:
            message = f"AutoScalingGroup by this name already exists - A group with the name {name} already exists"
            raise AutoscalingClientError("AlreadyExists", message)
        for spec in self._get_param("LifecycleHookSpecificationList", []):
            hook = AutoScalingBackend.create_lifecycle_hook(
                backend,
                spec["LifecycleHookName"],
                name,
                spec["LifecycleTransition"],
                spec.get("HeartbeatTimeout"),
                spec.get("DefaultResult"),
            )
            _complete_hook(hook, spec, None)
        return original(self)


def _complete_hook(hook: Any, spec: Any, before: Any) -> None:
    """Set what moto makes up; a change leaves alone what it does not name."""
    given = {"role_arn": "RoleARN", "notification_target_arn": "NotificationTargetARN"}
    for attribute, key in given.items():
        setattr(hook, attribute, spec.get(key) or (getattr(before, attribute) if before else None))
    hook.notification_metadata = spec.get("NotificationMetadata")
    if before:
        hook.lifecycle_transition = hook.lifecycle_transition or before.lifecycle_transition
        if not spec.get("HeartbeatTimeout"):
            hook.heartbeat_timeout = before.heartbeat_timeout
        if not spec.get("DefaultResult"):
            hook.default_result = before.default_result
    hook.global_timeout = min(172800, 100 * int(hook.heartbeat_timeout))


@patch(
    moto="has no instance refresh",
    aws="replaces the instances batch by batch, keeping the minimum healthy percentage in service",
    document=GUIDE + "instance-refresh-overview.html",
)
def instance_refresh() -> None:
    from moto.autoscaling.responses import AutoScalingResponse

    from lab.api import refresh

    @response_method(AutoScalingResponse, "autoscaling_backend")
    def start_instance_refresh(backend: Any, params: Any) -> dict[str, Any]:
        return {"InstanceRefreshId": refresh.start(_group(backend, params["AutoScalingGroupName"]), params)}

    @response_method(AutoScalingResponse, "autoscaling_backend")
    def cancel_instance_refresh(backend: Any, params: Any) -> dict[str, Any]:
        return {"InstanceRefreshId": refresh.cancel(_group(backend, params["AutoScalingGroupName"]))}

    @response_method(AutoScalingResponse, "autoscaling_backend")
    def rollback_instance_refresh(backend: Any, params: Any) -> dict[str, Any]:
        return {"InstanceRefreshId": refresh.roll_back(_group(backend, params["AutoScalingGroupName"]))}

    @response_method(AutoScalingResponse, "autoscaling_backend")
    def describe_instance_refreshes(backend: Any, params: Any) -> dict[str, Any]:
        group = _group(backend, params["AutoScalingGroupName"])
        return {"InstanceRefreshes": refresh.describe(group, params.get("InstanceRefreshIds") or [])}


@patch(
    moto="has no DisableMetricsCollection, and no metrics at all after EnableMetricsCollection without a list",
    aws="without a list means all metrics, in both",
    document=API + "API_EnableMetricsCollection.html",
)
def metrics_collection() -> None:
    from moto.autoscaling.models import AutoScalingBackend
    from moto.autoscaling.responses import AutoScalingResponse

    @wrap(AutoScalingBackend, "enable_metrics_collection")
    def enable(_original: Any, self: Any, group_name: str, metrics: list[str] | None) -> None:
        group = _group(self, group_name)
        group.metrics = [m for m in METRICS if m in group.metrics or m in (metrics or METRICS)]

    @response_method(AutoScalingResponse, "autoscaling_backend")
    def disable_metrics_collection(backend: Any, params: Any) -> None:
        group = _group(backend, params["AutoScalingGroupName"])
        unwanted = params.get("Metrics") or METRICS
        group.metrics = [m for m in group.metrics if m not in unwanted]


@patch(
    moto="UpdateAutoScalingGroup ignores cooldown, placement group, termination policies, capacity rebalancing, maximum"
    " lifetime and default warm-up, and forgets the mixed instances policy when it is not named",
    aws="changes what is named and nothing else",
    document=API + "API_UpdateAutoScalingGroup.html",
)
def group_update() -> None:
    from moto.autoscaling.responses import AutoScalingResponse

    names = {
        "DefaultCooldown": "default_cooldown",
        "PlacementGroup": "placement_group",
        "TerminationPolicies": "termination_policies",
        "CapacityRebalance": "capacity_rebalance",
        "MaxInstanceLifetime": "max_instance_lifetime",
        "DefaultInstanceWarmup": "default_instance_warmup",
    }

    @wrap(AutoScalingResponse, "update_auto_scaling_group")
    def update(original: Any, self: Any) -> Any:
        group = _group(self.autoscaling_backend, self._get_param("AutoScalingGroupName"))
        policy = group.mixed_instances_policy
        result = original(self)
        if not self.params.get("MixedInstancesPolicy") and not self.params.get("LaunchTemplate"):
            group.mixed_instances_policy = policy
        _set(group, self.params)
        return result

    @wrap(AutoScalingResponse, "create_auto_scaling_group")
    def create(original: Any, self: Any) -> Any:
        result = original(self)
        _set(_group(self.autoscaling_backend, self._get_param("AutoScalingGroupName")), self.params)
        return result

    def _set(group: Any, params: Any) -> None:
        for key, attribute in names.items():
            if params.get(key) is not None:
                setattr(group, attribute, params[key])


@patch(
    moto="deletes a group with instances without being forced, and leaves its policies and hooks behind",
    aws="answers ResourceInUse unless ForceDelete is set; policies, hooks and actions go with the group",
    document=API + "API_DeleteAutoScalingGroup.html",
)
def group_deletion() -> None:
    from moto.autoscaling.exceptions import AutoscalingClientError
    from moto.autoscaling.models import AutoScalingBackend
    from moto.autoscaling.responses import AutoScalingResponse

    from lab.api import scaling

    @wrap(AutoScalingResponse, "delete_auto_scaling_group")
    def delete(original: Any, self: Any) -> Any:
        group = _group(self.autoscaling_backend, self._get_param("AutoScalingGroupName"))
        if group.instance_states and not self._get_bool_param("ForceDelete", False):
            message = (
                "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s)"
                " still in the group."
            )
            raise AutoscalingClientError("ResourceInUse", message)
        return original(self)

    @method(AutoScalingBackend)
    def delete_auto_scaling_group(self: Any, group_name: str) -> None:
        group = _group(self, group_name)
        group.desired_capacity = group.min_size = 0
        for hook in self.describe_lifecycle_hooks(group_name):
            self.delete_lifecycle_hook(group_name, hook.name)
        for state in list(group.instance_states):
            state.lab_waiting = {}
            if state.lifecycle_state not in scaling.LEAVING:
                scaling.retire(group, state)
            # A deletion by force waits for nothing, not even for requests that have begun.
            if state in group.instance_states:
                scaling._proceed(group, state)
        for key, policy in list(self.policies.items()):
            if policy.auto_scaling_group_name == group_name:
                del self.policies[key]
        for key, action in list(self.scheduled_actions.items()):
            if action.auto_scaling_group_name == group_name:
                del self.scheduled_actions[key]
        del self.autoscaling_groups[group_name]


@patch(
    moto="knows scaling policies by their name alone: two groups cannot have one of the same name",
    aws="a policy's name is its group's affair; the operations take its ARN, or its name with the group's",
    document=API + "API_PutScalingPolicy.html",
)
def policy_names() -> None:
    from moto.autoscaling.exceptions import ValidationError
    from moto.autoscaling.models import AutoScalingBackend
    from moto.autoscaling.responses import AutoScalingResponse

    @wrap(AutoScalingBackend, "put_scaling_policy")
    def put(original: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
        policy = original(self, *args, **kwargs)
        policy.enabled = True
        self.policies[f"{policy.auto_scaling_group_name}/{policy.name}"] = self.policies.pop(policy.name)
        return policy

    def find(backend: Any, params: Any) -> str:
        name, group = params["PolicyName"], params.get("AutoScalingGroupName")
        if group:
            _group(backend, group)
        found = [
            str(key)
            for key, policy in backend.policies.items()
            if name in (policy.name, policy.arn) and group in (None, policy.auto_scaling_group_name)
        ]
        if len(found) > 1:
            raise ValidationError("Group name or policy ARN is required: several groups have a policy of this name")
        if not found:
            raise ValidationError("PolicyName not found")
        return found[0]

    @response_method(AutoScalingResponse, "autoscaling_backend")
    def delete_policy(backend: Any, params: Any) -> None:
        del backend.policies[find(backend, params)]

    @response_method(AutoScalingResponse, "autoscaling_backend")
    def execute_policy(backend: Any, params: Any) -> None:
        backend.policies[find(backend, params)].execute()


@patch(
    moto="DescribeScalingActivities is always empty",
    aws="tells what was launched and terminated, newest first",
    document=API + "API_DescribeScalingActivities.html",
)
def activities() -> None:
    from moto.autoscaling.responses import AutoScalingResponse

    @response_method(AutoScalingResponse, "autoscaling_backend")
    def describe_scaling_activities(backend: Any, params: Any) -> dict[str, Any]:
        name = params.get("AutoScalingGroupName")
        groups = [_group(backend, name)] if name else list(backend.autoscaling_groups.values())
        return {"Activities": [a for g in groups for a in g.__dict__.get("lab_activities", [])]}
