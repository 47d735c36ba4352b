"""Scaling policies removed and instance refreshes started by our modules, read back with boto3."""

from __future__ import annotations

import pytest


@pytest.fixture
def scaling(lab):
    return lab.client("autoscaling")


@pytest.fixture
def groups(lab, scaling):
    ec2 = lab.client("ec2")
    image = ec2.describe_images()["Images"][0]["ImageId"]
    ec2.create_launch_template(
        LaunchTemplateName="test-web", LaunchTemplateData={"ImageId": image, "InstanceType": "t3.micro"}
    )
    for name in ("test-web", "other-web"):
        scaling.create_auto_scaling_group(
            AutoScalingGroupName=name,
            LaunchTemplate={"LaunchTemplateName": "test-web", "Version": "$Latest"},
            MinSize=1,
            MaxSize=1,
            AvailabilityZones=["us-east-1a"],
        )


def put(scaling, group, name="scale-out"):
    scaling.put_scaling_policy(
        AutoScalingGroupName=group,
        PolicyName=name,
        PolicyType="TargetTrackingScaling",
        TargetTrackingConfiguration={
            "PredefinedMetricSpecification": {"PredefinedMetricType": "ASGAverageCPUUtilization"},
            "TargetValue": 60.0,
        },
    )
    (made,) = scaling.describe_policies(AutoScalingGroupName=group)["ScalingPolicies"]
    return made["PolicyARN"]


def left(scaling):
    return {each["PolicyARN"] for each in scaling.describe_policies()["ScalingPolicies"]}


@pytest.mark.parametrize("mine", ["test-web", "other-web"])
def test_a_policy_is_removed_by_its_own_arn(run, scaling, groups, mine):
    """Whichever group was made first, the policy of the same name in the other one stays."""
    arns = {group: put(scaling, group) for group in ("test-web", "other-web")}
    arguments = {"state": "absent", "group_name": mine, "policy_arn": arns.pop(mine)}
    assert run("autoscaling_policy", check=True, **arguments)["changed"]
    assert len(left(scaling)) == 2
    removed = run("autoscaling_policy", **arguments)
    assert (removed["changed"], removed["policy_name"]) == (True, "scale-out")
    assert left(scaling) == set(arns.values())
    assert not run("autoscaling_policy", **arguments)["changed"]


def test_a_policy_is_never_removed_through_another_group(run, scaling, groups):
    arn = put(scaling, "other-web")
    assert not run("autoscaling_policy", state="absent", group_name="test-web", policy_arn=arn)["changed"]
    assert left(scaling) == {arn}


def test_a_refresh_is_started_once_with_its_preferences(run, lab, scaling, groups):
    lab.delays(instance_refresh=60)
    preferences = {
        "min_healthy_percentage": 50,
        "instance_warmup": 5,
        "scale_in_protected_instances": "Refresh",
        "standby_instances": "Ignore",
    }
    arguments = {"group_name": "test-web", "preferences": preferences}
    assert run("autoscaling_instance_refresh", check=True, **arguments)["changed"]
    started = run("autoscaling_instance_refresh", **arguments)
    assert started["changed"]
    (found,) = scaling.describe_instance_refreshes(AutoScalingGroupName="test-web")["InstanceRefreshes"]
    assert found["InstanceRefreshId"] == started["instance_refresh_id"]
    wanted = {
        "MinHealthyPercentage": 50,
        "InstanceWarmup": 5,
        "ScaleInProtectedInstances": "Refresh",
        "StandbyInstances": "Ignore",
    }
    assert wanted.items() <= found["Preferences"].items()
    assert not run("autoscaling_instance_refresh", check=True, **arguments)["changed"]
    assert not run("autoscaling_instance_refresh", **arguments)["changed"]


def test_a_refresh_of_a_group_that_is_not_there_fails(run):
    assert (
        "Could not start an instance refresh of nobody"
        in run("autoscaling_instance_refresh", group_name="nobody")["msg"]
    )
