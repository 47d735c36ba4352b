"""Instances protected from scale-in; policies and hooks of several groups with the same name."""

from __future__ import annotations

from typing import Any

from probes import both_ways, error_code, probe, until
from test_patches_autoscaling import group, instances

from lab.api.testing import Lab

NAMED = {"AutoScalingGroupName": "probe"}


def second(lab: Lab, made: dict[str, Any], name: str = "other") -> None:
    """Another, empty group of the same template."""
    lab.client("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName=name,
        LaunchTemplate={"LaunchTemplateId": made["template"]},
        MinSize=0,
        MaxSize=1,
        VPCZoneIdentifier=made["subnets"][0],
    )


def hook(lab: Lab, name: str, hook_name: str) -> None:
    lab.client("autoscaling").put_lifecycle_hook(
        AutoScalingGroupName=name,
        LifecycleHookName=hook_name,
        LifecycleTransition="autoscaling:EC2_INSTANCE_TERMINATING",
    )


@probe("autoscaling_protection.protection")
def only_instances_of_the_group_are_protected(lab: Lab) -> None:
    asg, made = lab.client("autoscaling"), group(lab, size=1)
    second(lab, made)
    (one,) = (i["InstanceId"] for i in instances(lab))
    protect = {"InstanceIds": [one], "ProtectedFromScaleIn": True}
    assert error_code(asg.set_instance_protection, **protect, AutoScalingGroupName="other") == "ValidationError"
    asg.set_instance_protection(**protect, **NAMED)
    assert instances(lab)[0]["ProtectedFromScaleIn"] is True
    asg.set_desired_capacity(**NAMED, DesiredCapacity=0)
    assert [i["InstanceId"] for i in instances(lab)] == [one]


@probe("autoscaling_protection.sizes")
def a_group_has_as_many_machines_as_its_limits_allow(lab: Lab) -> None:
    asg = lab.client("autoscaling")
    group(lab, size=0)
    assert error_code(asg.update_auto_scaling_group, **NAMED, MinSize=1, DesiredCapacity=0) == "ValidationError"
    assert error_code(asg.update_auto_scaling_group, **NAMED, MaxSize=1, DesiredCapacity=2) == "ValidationError"
    asg.update_auto_scaling_group(**NAMED, MinSize=0, MaxSize=2, DesiredCapacity=1)


@probe("autoscaling_protection.missing_hooks")
def a_hook_is_named_by_its_group_and_its_name(lab: Lab) -> None:
    asg, made = lab.client("autoscaling"), group(lab, size=0)
    second(lab, made, "probe_a")
    hook(lab, "probe", "a_b")
    hook(lab, "probe_a", "b")
    assert error_code(asg.delete_lifecycle_hook, **NAMED, LifecycleHookName="b") == "ValidationError"
    asg.delete_lifecycle_hook(**NAMED, LifecycleHookName="a_b")
    assert asg.describe_lifecycle_hooks(**NAMED)["LifecycleHooks"] == []
    assert len(asg.describe_lifecycle_hooks(AutoScalingGroupName="probe_a")["LifecycleHooks"]) == 1


@probe("autoscaling.policy_names")
def a_policy_two_groups_have_is_deleted_by_its_group_or_its_arn(lab: Lab) -> None:
    asg, made = lab.client("autoscaling"), group(lab, size=0)
    second(lab, made)
    for name in ("probe", "other"):
        asg.put_scaling_policy(
            AutoScalingGroupName=name, PolicyName="scale-out", AdjustmentType="ChangeInCapacity", ScalingAdjustment=1
        )
    assert error_code(asg.delete_policy, PolicyName="scale-out") == "ValidationError"
    asg.delete_policy(PolicyName="scale-out", **NAMED)
    [left] = asg.describe_policies()["ScalingPolicies"]
    assert left["AutoScalingGroupName"] == "other"
    assert error_code(asg.delete_policy, PolicyName="scale-out", **NAMED) == "ValidationError"
    asg.delete_policy(PolicyName=left["PolicyARN"])
    assert asg.describe_policies()["ScalingPolicies"] == []


def refresh(lab: Lab) -> dict[str, Any]:
    return dict(lab.client("autoscaling").describe_instance_refreshes(**NAMED)["InstanceRefreshes"][0])


def protect(lab: Lab) -> tuple[set[str], str]:
    """Protect one instance of the group; return all ids and the protected one's."""
    group(lab, size=3)
    before = {i["InstanceId"] for i in instances(lab)}
    one = sorted(before)[0]
    lab.client("autoscaling").set_instance_protection(**NAMED, InstanceIds=[one], ProtectedFromScaleIn=True)
    return before, one


@probe("autoscaling.instance_refresh")
def a_refresh_waits_for_protected_instances(lab: Lab) -> None:
    asg = lab.client("autoscaling")
    before, one = protect(lab)
    asg.start_instance_refresh(**NAMED)
    assert refresh(lab)["Preferences"]["ScaleInProtectedInstances"] == "Wait"
    until(lambda: {i["InstanceId"] for i in instances(lab)} & before == {one})
    until(lambda: one in refresh(lab).get("StatusReason", ""))
    assert refresh(lab)["Status"] == "InProgress"
    asg.set_instance_protection(**NAMED, InstanceIds=[one], ProtectedFromScaleIn=False)
    until(lambda: refresh(lab)["Status"] == "Successful")
    assert not {i["InstanceId"] for i in instances(lab)} & before


@probe("autoscaling.instance_refresh")
def a_refresh_fails_when_the_protection_stays(lab: Lab) -> None:
    lab.delays(refresh_wait=0.6)
    before, one = protect(lab)
    lab.client("autoscaling").start_instance_refresh(**NAMED)
    until(lambda: refresh(lab)["Status"] == "Failed")
    assert {i["InstanceId"] for i in instances(lab)} & before == {one}


@probe("autoscaling.instance_refresh")
def a_refresh_ignores_or_replaces_protected_instances(lab: Lab) -> None:
    asg = lab.client("autoscaling")
    before, one = protect(lab)
    asg.start_instance_refresh(**NAMED, Preferences={"ScaleInProtectedInstances": "Ignore"})
    until(lambda: refresh(lab)["Status"] == "Successful")
    assert {i["InstanceId"] for i in instances(lab)} & before == {one}
    asg.start_instance_refresh(**NAMED, Preferences={"ScaleInProtectedInstances": "Refresh"})
    until(lambda: refresh(lab)["Status"] == "Successful")
    assert one not in {i["InstanceId"] for i in instances(lab)}


test_as_aws_does, test_moto_still_differs = both_ways(__name__)
