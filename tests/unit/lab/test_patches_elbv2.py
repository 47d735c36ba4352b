"""Elastic Load Balancing v2 as AWS has it."""

from __future__ import annotations

from typing import Any

from probes import both_ways, error_code, network, probe, until

from lab.api.testing import Lab


def balancer(lab: Lab, net: dict[str, Any], subnets: int = 2) -> dict[str, Any]:
    """Make a load balancer named probe and return it as created."""
    request = {"Name": "probe", "Subnets": net["subnets"][:subnets], "SecurityGroups": [net["group"]]}
    return dict(lab.client("elbv2").create_load_balancer(**request)["LoadBalancers"][0])


def target_group(lab: Lab, net: dict[str, Any], port: int = 80) -> dict[str, Any]:
    """Make a target group named probe and return it as created."""
    request = {"Name": "probe", "Protocol": "HTTP", "Port": port, "VpcId": net["vpc"]}
    return dict(lab.client("elbv2").create_target_group(**request)["TargetGroups"][0])


@probe("elbv2.balancer_states")
def balancer_is_provisioning_first(lab: Lab) -> None:
    lab.delays(load_balancer=0.5)
    elb = lab.client("elbv2")
    balancer(lab, network(lab))
    assert elb.describe_load_balancers()["LoadBalancers"][0]["State"]["Code"] == "provisioning"
    until(lambda: elb.describe_load_balancers()["LoadBalancers"][0]["State"]["Code"] == "active")


@probe("elbv2.duplicates")
def same_settings_same_balancer(lab: Lab) -> None:
    net = network(lab)
    assert balancer(lab, net)["LoadBalancerArn"] == balancer(lab, net)["LoadBalancerArn"]
    assert error_code(balancer, lab=lab, net=net, subnets=3) == "DuplicateLoadBalancerName"


@probe("elbv2.duplicates")
def same_settings_same_target_group(lab: Lab) -> None:
    net = network(lab)
    assert target_group(lab, net)["TargetGroupArn"] == target_group(lab, net)["TargetGroupArn"]
    assert error_code(target_group, lab=lab, net=net, port=81) == "DuplicateTargetGroupName"


@probe("elbv2.duplicates")
def same_settings_same_listener(lab: Lab) -> None:
    net = network(lab)
    action = [{"Type": "forward", "TargetGroupArn": target_group(lab, net)["TargetGroupArn"]}]
    request = {"LoadBalancerArn": balancer(lab, net)["LoadBalancerArn"], "Protocol": "HTTP", "Port": 80}
    elb = lab.client("elbv2")
    arns = {elb.create_listener(**request, DefaultActions=action)["Listeners"][0]["ListenerArn"] for _ in range(2)}
    assert len(arns) == 1


@probe("elbv2.balancer_attributes")
def all_attributes_are_shown(lab: Lab) -> None:
    arn = balancer(lab, network(lab))["LoadBalancerArn"]
    shown = lab.client("elbv2").describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
    attributes = {a["Key"]: a["Value"] for a in shown}
    assert attributes["idle_timeout.timeout_seconds"] == "60"
    assert attributes["load_balancing.cross_zone.enabled"] == "true"
    assert attributes["routing.http2.enabled"] == "true"
    assert attributes["access_logs.s3.enabled"] == "false"


@probe("elbv2.deletion_protection")
def protected_balancer_stays(lab: Lab) -> None:
    elb = lab.client("elbv2")
    arn = balancer(lab, network(lab))["LoadBalancerArn"]
    on = [{"Key": "deletion_protection.enabled", "Value": "true"}]
    elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=on)
    assert error_code(elb.delete_load_balancer, LoadBalancerArn=arn) == "OperationNotPermitted"


@probe("elbv2.target_group_attributes")
def target_group_has_its_own_attributes(lab: Lab) -> None:
    arn = target_group(lab, network(lab))["TargetGroupArn"]
    shown = lab.client("elbv2").describe_target_group_attributes(TargetGroupArn=arn)["Attributes"]
    attributes = {a["Key"]: a["Value"] for a in shown}
    assert attributes["stickiness.lb_cookie.duration_seconds"] == "86400"
    assert "waf.fail_open.enabled" not in attributes


@probe("elbv2.deregistration")
def unregistered_target_is_deregistered_in_peace(lab: Lab) -> None:
    arn = target_group(lab, network(lab))["TargetGroupArn"]
    lab.client("elbv2").deregister_targets(TargetGroupArn=arn, Targets=[{"Id": "i-0123456789abcdef0"}])


@probe("elbv2.reported_health")
def reported_health_is_told(lab: Lab) -> None:
    elb, ec2 = lab.client("elbv2"), lab.client("ec2")
    arn = target_group(lab, network(lab))["TargetGroupArn"]
    launched = ec2.run_instances(ImageId="ami-1", MinCount=2, MaxCount=2)["Instances"]
    first, second = (i["InstanceId"] for i in launched)
    elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": first}, {"Id": second}])
    lab.target_health(arn, first, 80, "unhealthy", reason="Target.ResponseCodeMismatch")
    shown = elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    health = {t["Target"]["Id"]: t["TargetHealth"] for t in shown}
    assert health[first]["State"] == "unhealthy"
    assert health[first]["Reason"] == "Target.ResponseCodeMismatch"
    assert health[second]["State"] == "initial"


def serving_group(lab: Lab, delay: int) -> tuple[str, str]:
    """Make a target group behind a balancer with one registered target; return its ARN and the target's id."""
    elb, net = lab.client("elbv2"), network(lab)
    arn = target_group(lab, net)["TargetGroupArn"]
    attribute = {"Key": "deregistration_delay.timeout_seconds", "Value": str(delay)}
    elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=[attribute])
    forward = [{"Type": "forward", "TargetGroupArn": arn}]
    balancer_arn = balancer(lab, net)["LoadBalancerArn"]
    elb.create_listener(LoadBalancerArn=balancer_arn, Protocol="HTTP", Port=80, DefaultActions=forward)
    launched = lab.client("ec2").run_instances(ImageId="ami-1", MinCount=1, MaxCount=1)["Instances"]
    elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": launched[0]["InstanceId"]}])
    return arn, launched[0]["InstanceId"]


def state(lab: Lab, arn: str, target: str) -> tuple[str, str | None]:
    """State and reason of one target, asked for by its id."""
    shown = lab.client("elbv2").describe_target_health(TargetGroupArn=arn, Targets=[{"Id": target}])
    health = shown["TargetHealthDescriptions"][0]["TargetHealth"]
    return health["State"], health.get("Reason")


def listed(lab: Lab, arn: str) -> dict[str, str]:
    """States of the targets a group lists."""
    shown = lab.client("elbv2").describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    return {t["Target"]["Id"]: t["TargetHealth"]["State"] for t in shown}


@probe("elbv2.deregistration")
def deregistered_target_drains_for_the_delay(lab: Lab) -> None:
    arn, target = serving_group(lab, delay=1)
    lab.client("elbv2").deregister_targets(TargetGroupArn=arn, Targets=[{"Id": target}])
    assert state(lab, arn, target) == ("draining", "Target.DeregistrationInProgress")
    assert listed(lab, arn) == {target: "draining"}
    until(lambda: state(lab, arn, target) == ("unused", "Target.NotRegistered"))
    assert listed(lab, arn) == {}


@probe("elbv2.deregistration")
def terminated_target_drains_no_longer_than_others(lab: Lab) -> None:
    arn, target = serving_group(lab, delay=1)
    lab.client("ec2").terminate_instances(InstanceIds=[target])
    assert state(lab, arn, target)[0] == "draining"
    until(lambda: state(lab, arn, target)[0] == "unused")


@probe("elbv2.registration")
def target_registered_again_is_initial_until_it_is_checked(lab: Lab) -> None:
    elb = lab.client("elbv2")
    arn, target = serving_group(lab, delay=300)
    lab.target_health(arn, target, 80, "healthy")
    assert state(lab, arn, target)[0] == "healthy"
    elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": target}])
    assert state(lab, arn, target)[0] == "healthy", "it was registered already"
    elb.deregister_targets(TargetGroupArn=arn, Targets=[{"Id": target}])
    assert state(lab, arn, target)[0] == "draining"
    elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": target}])
    assert state(lab, arn, target) == ("initial", "Elb.RegistrationInProgress")
    lab.target_health(arn, target, 80, "healthy")
    assert state(lab, arn, target)[0] == "healthy"


def test_a_target_of_an_unused_group_does_not_drain(lab: Lab) -> None:
    elb, ec2 = lab.client("elbv2"), lab.client("ec2")
    arn = target_group(lab, network(lab))["TargetGroupArn"]
    target = ec2.run_instances(ImageId="ami-1", MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": target}])
    elb.deregister_targets(TargetGroupArn=arn, Targets=[{"Id": target}])
    assert state(lab, arn, target) == ("unused", "Target.NotRegistered")


def test_a_report_of_an_earlier_registration_is_dropped(lab: Lab) -> None:
    arn, target = serving_group(lab, delay=0)
    lab.target_health(arn, target, 80, "healthy")
    lab.target_health(arn, target, 80, "unhealthy", registration=-1)
    assert state(lab, arn, target)[0] == "healthy"


test_as_aws_does, test_moto_still_differs = both_ways(__name__)
