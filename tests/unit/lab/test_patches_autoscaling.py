"""Auto Scaling as AWS has it: zones, target groups, hooks, refresh, policies."""

from __future__ import annotations

import base64
import time
from collections import Counter
from typing import Any

from probes import both_ways, error_code, network, probe, until

from lab.api.testing import Lab


def group(lab: Lab, size: int = 3, **options: Any) -> dict[str, Any]:
    """Make an auto scaling group over three zones from a launch template; return what was made."""
    net = network(lab)
    template = lab.client("ec2").create_launch_template(
        LaunchTemplateName="probe", LaunchTemplateData={"ImageId": "ami-1", "InstanceType": "t3.medium"}
    )["LaunchTemplate"]["LaunchTemplateId"]
    request = {
        "AutoScalingGroupName": "probe",
        "LaunchTemplate": {"LaunchTemplateId": template, "Version": "$Latest"},
        "MinSize": 0,
        "MaxSize": 9,
        "DesiredCapacity": size,
        "VPCZoneIdentifier": ",".join(net["subnets"]),
        **options,
    }
    lab.client("autoscaling").create_auto_scaling_group(**request)
    return {**net, "template": template}


def instances(lab: Lab, state: str | None = None) -> list[dict[str, Any]]:
    """Return the instances of the group, or those in one life cycle state."""
    (shown,) = lab.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=["probe"])[
        "AutoScalingGroups"
    ]
    return [i for i in shown["Instances"] if state in (None, i["LifecycleState"])]


def target_group(lab: Lab) -> str:
    """Make a target group in a VPC of its own and return its ARN."""
    vpc = lab.client("ec2").create_vpc(CidrBlock="10.60.0.0/16")["Vpc"]["VpcId"]
    request = {"Name": "probe", "Protocol": "HTTP", "Port": 80, "VpcId": vpc}
    return str(lab.client("elbv2").create_target_group(**request)["TargetGroups"][0]["TargetGroupArn"])


def targets(lab: Lab, arn: str) -> set[str]:
    """Return the ids of the registered targets."""
    health = lab.client("elbv2").describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    return {h["Target"]["Id"] for h in health}


@probe("autoscaling.instance_lifecycle")
def instances_are_spread_over_the_zones(lab: Lab) -> None:
    group(lab, size=6)
    assert Counter(i["AvailabilityZone"] for i in instances(lab)) == dict.fromkeys(
        ("us-east-1a", "us-east-1b", "us-east-1c"), 2
    )


@probe("autoscaling.instance_lifecycle")
def target_group_follows_the_replacement(lab: Lab) -> None:
    arn = target_group(lab)
    group(lab, TargetGroupARNs=[arn])
    first = {i["InstanceId"] for i in instances(lab)}
    assert targets(lab, arn) == first
    gone = sorted(first)[0]
    lab.client("ec2").terminate_instances(InstanceIds=[gone])
    second = {i["InstanceId"] for i in instances(lab)}
    assert len(second) == 3
    assert gone not in second
    assert targets(lab, arn) == second


@probe("autoscaling.instance_lifecycle")
def launch_hook_holds_the_instance(lab: Lab) -> None:
    hook = {
        "LifecycleHookName": "hook",
        "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING",
        "HeartbeatTimeout": 600,
        "DefaultResult": "ABANDON",
    }
    group(lab, size=1, LifecycleHookSpecificationList=[hook])
    assert len(instances(lab, "Pending:Wait")) == 1


def test_an_instance_completes_the_launch_hooks_its_user_data_names(lab: Lab) -> None:
    """No machine boots here that could; what its script would do is done for it, and nothing else."""
    lab.delays(launch_hook=0.5)
    group(lab, size=0)
    ec2, asg = lab.client("ec2"), lab.client("autoscaling")
    data = {"ImageId": "ami-1", "UserData": base64.b64encode(b"#!/bin/sh\ncomplete probe-ready\n").decode()}
    ec2.create_launch_template_version(LaunchTemplateName="probe", LaunchTemplateData=data)
    for name in ("probe-ready", "operator"):
        asg.put_lifecycle_hook(
            AutoScalingGroupName="probe",
            LifecycleHookName=name,
            LifecycleTransition="autoscaling:EC2_INSTANCE_LAUNCHING",
            HeartbeatTimeout=600,
        )
    asg.set_desired_capacity(AutoScalingGroupName="probe", DesiredCapacity=1)
    (waiting,) = instances(lab, "Pending:Wait")
    action = {"AutoScalingGroupName": "probe", "InstanceId": waiting["InstanceId"]}

    def refused() -> bool:
        called = {**action, "LifecycleHookName": "probe-ready"}
        return error_code(asg.record_lifecycle_action_heartbeat, **called) == "ValidationError"

    asg.record_lifecycle_action_heartbeat(**action, LifecycleHookName="probe-ready")
    time.sleep(0.6)
    assert refused(), "its own hook is through"
    assert instances(lab, "Pending:Wait"), "the operator's is not"
    asg.complete_lifecycle_action(**action, LifecycleHookName="operator", LifecycleActionResult="CONTINUE")
    assert len(instances(lab, "InService")) == 1


@probe("autoscaling.lifecycle_actions")
def completed_action_brings_the_instance_into_service(lab: Lab) -> None:
    asg = lab.client("autoscaling")
    group(lab, size=0)
    asg.put_lifecycle_hook(
        AutoScalingGroupName="probe",
        LifecycleHookName="hook",
        LifecycleTransition="autoscaling:EC2_INSTANCE_LAUNCHING",
        HeartbeatTimeout=600,
    )
    asg.set_desired_capacity(AutoScalingGroupName="probe", DesiredCapacity=1)
    (waiting,) = instances(lab)
    action = {
        "AutoScalingGroupName": "probe",
        "LifecycleHookName": "hook",
        "InstanceId": waiting["InstanceId"],
    }
    asg.record_lifecycle_action_heartbeat(**action)
    asg.complete_lifecycle_action(**action, LifecycleActionResult="CONTINUE")
    assert [i["InstanceId"] for i in instances(lab, "InService")] == [waiting["InstanceId"]]


@probe("autoscaling.lifecycle_actions")
def heartbeat_timeout_gives_the_default_result(lab: Lab) -> None:
    asg = lab.client("autoscaling")
    group(lab, size=1)
    asg.put_lifecycle_hook(
        AutoScalingGroupName="probe",
        LifecycleHookName="hook",
        LifecycleTransition="autoscaling:EC2_INSTANCE_TERMINATING",
        HeartbeatTimeout=1,
        DefaultResult="CONTINUE",
    )
    asg.set_desired_capacity(AutoScalingGroupName="probe", DesiredCapacity=0)
    (leaving,) = instances(lab)
    assert leaving["LifecycleState"] == "Terminating:Wait"
    until(lambda: not instances(lab))


@probe("autoscaling.lifecycle_actions")
def hook_shows_what_it_was_given(lab: Lab) -> None:
    asg = lab.client("autoscaling")
    group(lab, size=0)
    asg.put_lifecycle_hook(
        AutoScalingGroupName="probe",
        LifecycleHookName="hook",
        LifecycleTransition="autoscaling:EC2_INSTANCE_TERMINATING",
    )
    (hook,) = asg.describe_lifecycle_hooks(AutoScalingGroupName="probe")["LifecycleHooks"]
    assert "NotificationTargetARN" not in hook
    assert "RoleARN" not in hook


@probe("autoscaling.instance_template_version")
def instance_tells_its_version(lab: Lab) -> None:
    made = group(lab, size=1)
    data = {"ImageId": "ami-2", "InstanceType": "t3.medium"}
    lab.client("ec2").create_launch_template_version(LaunchTemplateId=made["template"], LaunchTemplateData=data)
    asg = lab.client("autoscaling")
    asg.set_desired_capacity(AutoScalingGroupName="probe", DesiredCapacity=2)
    assert sorted(i["LaunchTemplate"]["Version"] for i in instances(lab)) == ["1", "2"]


@probe("autoscaling.instance_template_version")
def instance_tells_its_template(lab: Lab) -> None:
    made = group(lab, size=1)
    data = {"ImageId": "ami-2", "InstanceType": "t3.medium"}
    other = lab.client("ec2").create_launch_template(LaunchTemplateName="other", LaunchTemplateData=data)
    asg, other_id = lab.client("autoscaling"), other["LaunchTemplate"]["LaunchTemplateId"]
    asg.update_auto_scaling_group(AutoScalingGroupName="probe", LaunchTemplate={"LaunchTemplateId": other_id})
    assert [i["LaunchTemplate"]["LaunchTemplateId"] for i in instances(lab)] == [made["template"]]
    asg.set_desired_capacity(AutoScalingGroupName="probe", DesiredCapacity=2)
    assert {i["LaunchTemplate"]["LaunchTemplateId"] for i in instances(lab)} == {made["template"], other_id}


@probe("autoscaling.instance_refresh")
def refresh_replaces_the_instances(lab: Lab) -> None:
    arn = target_group(lab)
    made = group(lab, TargetGroupARNs=[arn])
    before = {i["InstanceId"] for i in instances(lab)}
    data = {"ImageId": "ami-2", "InstanceType": "t3.medium"}
    lab.client("ec2").create_launch_template_version(LaunchTemplateId=made["template"], LaunchTemplateData=data)
    asg = lab.client("autoscaling")
    lab.delays(instance_refresh=0.3)
    preferences = {"MinHealthyPercentage": 60, "SkipMatching": True}
    started = asg.start_instance_refresh(AutoScalingGroupName="probe", Preferences=preferences)["InstanceRefreshId"]
    code = error_code(asg.start_instance_refresh, AutoScalingGroupName="probe")
    assert code == "InstanceRefreshInProgress"
    least = 3

    def finished() -> bool:
        nonlocal least
        least = min(least, len({i["InstanceId"] for i in instances(lab)} & before) + 1)
        (refresh,) = asg.describe_instance_refreshes(AutoScalingGroupName="probe")["InstanceRefreshes"]
        assert refresh["InstanceRefreshId"] == started
        return bool(refresh["Status"] == "Successful" and refresh["PercentageComplete"] == 100)

    until(finished)
    after = {i["InstanceId"] for i in instances(lab, "InService")}
    assert len(after) == 3
    assert not after & before
    assert {i["LaunchTemplate"]["Version"] for i in instances(lab)} == {"2"}
    assert targets(lab, arn) == after


@probe("autoscaling.instance_refresh")
def refresh_can_be_cancelled(lab: Lab) -> None:
    group(lab)
    asg = lab.client("autoscaling")
    lab.delays(instance_refresh=60)
    asg.start_instance_refresh(AutoScalingGroupName="probe")
    asg.cancel_instance_refresh(AutoScalingGroupName="probe")
    until(lambda: asg.describe_instance_refreshes(AutoScalingGroupName="probe"))
    code = error_code(asg.rollback_instance_refresh, AutoScalingGroupName="probe")
    assert code in ("ActiveInstanceRefreshNotFound", "IrreversibleInstanceRefresh")


@probe("autoscaling.metrics_collection")
def all_metrics_on_and_off(lab: Lab) -> None:
    group(lab, size=0)
    asg = lab.client("autoscaling")

    def metrics() -> list[str]:
        (shown,) = asg.describe_auto_scaling_groups(AutoScalingGroupNames=["probe"])["AutoScalingGroups"]
        return [m["Metric"] for m in shown["EnabledMetrics"]]

    asg.enable_metrics_collection(AutoScalingGroupName="probe", Granularity="1Minute")
    assert "GroupInServiceInstances" in metrics()
    asg.disable_metrics_collection(AutoScalingGroupName="probe")
    assert metrics() == []


@probe("autoscaling.group_update")
def update_changes_what_it_names(lab: Lab) -> None:
    group(lab, size=0)
    asg = lab.client("autoscaling")
    asg.update_auto_scaling_group(
        AutoScalingGroupName="probe", DefaultCooldown=17, TerminationPolicies=["OldestInstance"]
    )
    (shown,) = asg.describe_auto_scaling_groups(AutoScalingGroupNames=["probe"])["AutoScalingGroups"]
    assert (shown["DefaultCooldown"], shown["TerminationPolicies"]) == (17, ["OldestInstance"])


@probe("autoscaling.group_deletion")
def group_with_instances_is_kept(lab: Lab) -> None:
    group(lab, size=1)
    asg = lab.client("autoscaling")
    assert error_code(asg.delete_auto_scaling_group, AutoScalingGroupName="probe") == "ResourceInUse"
    asg.delete_auto_scaling_group(AutoScalingGroupName="probe", ForceDelete=True)
    assert asg.describe_auto_scaling_groups()["AutoScalingGroups"] == []
    reservations = lab.client("ec2").describe_instances()["Reservations"]
    assert {i["State"]["Name"] for r in reservations for i in r["Instances"]} == {"terminated"}


@probe("autoscaling.policy_names")
def two_groups_have_a_policy_of_one_name(lab: Lab) -> None:
    made = group(lab, size=0)
    asg = lab.client("autoscaling")
    asg.create_auto_scaling_group(
        AutoScalingGroupName="other",
        LaunchTemplate={"LaunchTemplateId": made["template"]},
        MinSize=0,
        MaxSize=0,
        VPCZoneIdentifier=made["subnets"][0],
    )
    tracking = {
        "PredefinedMetricSpecification": {"PredefinedMetricType": "ASGAverageCPUUtilization"},
        "TargetValue": 50.0,
        "DisableScaleIn": False,
    }
    for name in ("probe", "other"):
        asg.put_scaling_policy(
            AutoScalingGroupName=name,
            PolicyName="cpu",
            PolicyType="TargetTrackingScaling",
            TargetTrackingConfiguration=tracking,
        )
    policies = asg.describe_policies()["ScalingPolicies"]
    assert sorted(p["AutoScalingGroupName"] for p in policies) == ["other", "probe"]
    assert policies[0]["TargetTrackingConfiguration"] == tracking
    asg.delete_policy(AutoScalingGroupName="other", PolicyName="cpu")
    assert [p["AutoScalingGroupName"] for p in asg.describe_policies()["ScalingPolicies"]] == ["probe"]


@probe("autoscaling.activities")
def activities_tell_of_launches(lab: Lab) -> None:
    group(lab, size=1)
    shown = lab.client("autoscaling").describe_scaling_activities(AutoScalingGroupName="probe")["Activities"]
    assert shown[0]["Description"].startswith("Launching a new EC2 instance: i-")


test_as_aws_does, test_moto_still_differs = both_ways(__name__)


def test_refresh_rolls_back_to_the_version_before(lab: Lab) -> None:
    made = group(lab)
    data = {"ImageId": "ami-2", "InstanceType": "t3.medium"}
    lab.client("ec2").create_launch_template_version(LaunchTemplateId=made["template"], LaunchTemplateData=data)
    asg = lab.client("autoscaling")
    asg.update_auto_scaling_group(
        AutoScalingGroupName="probe", LaunchTemplate={"LaunchTemplateId": made["template"], "Version": "1"}
    )
    lab.delays(instance_refresh=0.3)
    wanted = {"LaunchTemplate": {"LaunchTemplateId": made["template"], "Version": "2"}}
    asg.start_instance_refresh(AutoScalingGroupName="probe", DesiredConfiguration=wanted)
    until(lambda: "2" in {i["LaunchTemplate"]["Version"] for i in instances(lab)})
    asg.rollback_instance_refresh(AutoScalingGroupName="probe")

    def status() -> dict[str, Any]:
        (refresh,) = asg.describe_instance_refreshes(AutoScalingGroupName="probe")["InstanceRefreshes"]
        return dict(refresh)

    until(lambda: status()["Status"] == "RollbackSuccessful")
    assert {i["LaunchTemplate"]["Version"] for i in instances(lab)} == {"1"}
    assert status()["RollbackDetails"]["InstancesToUpdateOnRollback"] > 0


def test_refresh_waits_for_measured_health(lab: Lab) -> None:
    """Where target health is reported, a replacement must be healthy before the next batch goes."""
    arn = target_group(lab)
    group(lab, size=2, TargetGroupARNs=[arn])
    before = {i["InstanceId"] for i in instances(lab)}
    for instance in before:
        lab.target_health(arn, instance, 80, "healthy")
    asg = lab.client("autoscaling")
    asg.start_instance_refresh(AutoScalingGroupName="probe", Preferences={"MinHealthyPercentage": 50})
    until(lambda: len({i["InstanceId"] for i in instances(lab)} & before) == 1)
    for _ in range(8):
        asg.describe_instance_refreshes(AutoScalingGroupName="probe")
        until(lambda: True)
    assert len({i["InstanceId"] for i in instances(lab)} & before) == 1

    def report() -> bool:
        for instance in instances(lab):
            lab.target_health(arn, instance["InstanceId"], 80, "healthy")
        (refresh,) = asg.describe_instance_refreshes(AutoScalingGroupName="probe")["InstanceRefreshes"]
        return bool(refresh["Status"] == "Successful")

    until(report)
