"""Auto Scaling: instances protected from scale-in, lifecycle hooks that do not exist, sizes outside their limits."""

from __future__ import annotations

from typing import Any

from lab.api.patching import patch
from lab.api.wrapping import method, response_method, wrap

API = "https://docs.aws.amazon.com/autoscaling/ec2/APIReference/"


@patch(
    moto="SetInstanceProtection takes instances of other groups for nothing to do",
    aws="answers ValidationError for an instance that is not of the group",
    document=API + "API_SetInstanceProtection.html",
)
def protection() -> None:
    from moto.autoscaling.exceptions import ValidationError
    from moto.autoscaling.responses import AutoScalingResponse

    from lab.api.patches.autoscaling import _group

    @response_method(AutoScalingResponse, "autoscaling_backend")
    def set_instance_protection(backend: Any, params: Any) -> None:
        group = _group(backend, params["AutoScalingGroupName"])
        states = {state.instance.id: state for state in group.instance_states}
        if missing := [i for i in params["InstanceIds"] if i not in states]:
            raise ValidationError(f"The instance {missing[0]} is not part of Auto Scaling group {group.name}.")
        for identifier in params["InstanceIds"]:
            states[identifier].protected_from_scale_in = bool(params["ProtectedFromScaleIn"])


@patch(
    moto="DeleteLifecycleHook succeeds for a hook, or a group, that does not exist, and folds hook and group names together",
    aws="answers ValidationError; a hook is named by its group and its name",
    document=API + "API_DeleteLifecycleHook.html",
)
def missing_hooks() -> None:
    from moto.autoscaling.exceptions import ValidationError
    from moto.autoscaling.models import AutoScalingBackend, LifecycleHook
    from moto.autoscaling.responses import AutoScalingResponse

    from lab.api.patches.autoscaling import _group

    @method(AutoScalingBackend)
    def create_lifecycle_hook(
        self: Any, name: str, as_name: str, transition: str, timeout: int | None, result: str
    ) -> LifecycleHook:
        hook = LifecycleHook(name, as_name, transition, timeout, result)
        self.lifecycle_hooks[f"{as_name}\n{name}"] = hook
        return hook

    @method(AutoScalingBackend, "delete_lifecycle_hook")
    def forget(self: Any, as_name: str, name: str) -> None:
        self.lifecycle_hooks.pop(f"{as_name}\n{name}", None)

    @response_method(AutoScalingResponse, "autoscaling_backend")
    def delete_lifecycle_hook(backend: Any, params: Any) -> None:
        group, name = _group(backend, params["AutoScalingGroupName"]), params["LifecycleHookName"]
        if f"{group.name}\n{name}" not in backend.lifecycle_hooks:
            raise ValidationError("No lifecycle hook found with the given name")
        backend.delete_lifecycle_hook(group.name, name)


@patch(
    moto="takes a desired capacity outside the minimum and maximum size",
    aws="answers ValidationError",
    document=API + "API_UpdateAutoScalingGroup.html",
)
def sizes() -> None:
    from moto.autoscaling.exceptions import ValidationError
    from moto.autoscaling.models import AutoScalingBackend

    def judged(least: int | None, most: int | None, desired: int | None) -> None:
        if None not in (least, most, desired) and not int(least) <= int(desired) <= int(most):  # type: ignore[arg-type]
            message = f"Desired capacity:{desired} must be between the specified min size:{least} and max size:{most}"
            raise ValidationError(message)

    @wrap(AutoScalingBackend, "create_auto_scaling_group")
    def create(original: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
        judged(kwargs.get("min_size"), kwargs.get("max_size"), kwargs.get("desired_capacity"))
        return original(self, *args, **kwargs)

    @wrap(AutoScalingBackend, "update_auto_scaling_group")
    def update(original: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
        group = self.autoscaling_groups.get(kwargs.get("name"))
        sizes = {key: kwargs.get(key) for key in ("min_size", "max_size")}
        if group:
            sizes = {key: getattr(group, key) if value is None else value for key, value in sizes.items()}
        judged(sizes["min_size"], sizes["max_size"], kwargs.get("desired_capacity"))
        return original(self, *args, **kwargs)
