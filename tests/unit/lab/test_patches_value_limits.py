"""What a value may be: numbers, names and texts that AWS refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from probes import both_ways, error_code, network, probe

from lab.api.testing import Lab

DOCUMENT = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]})


def client(lab: Lab, service: str) -> Any:
    """A client that sends what it is given: botocore itself refuses some of it."""
    return lab.client(service, parameter_validation=False)


def trust(**principal: Any) -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@probe("value_limits.values")
def iam_holds_roles_to_their_forms(lab: Lab) -> None:
    iam = client(lab, "iam")
    role = {"RoleName": "probe", "AssumeRolePolicyDocument": trust(Service="ec2.amazonaws.com")}
    for wrong in (
        {"Path": "machines"},
        {"PermissionsBoundary": "any text"},
        {"MaxSessionDuration": 3599},
        {"Description": "x" * 1001},
        {"RoleName": "a [b]"},
    ):
        assert error_code(iam.create_role, **{**role, **wrong}) == "ValidationError", wrong
    iam.create_role(**role, Path="/machines/")
    assert error_code(iam.update_role, RoleName="probe", MaxSessionDuration=43201) == "ValidationError"
    named = {"RoleName": "probe", "PolicyDocument": DOCUMENT}
    assert error_code(iam.put_role_policy, PolicyName="a b", **named) == "ValidationError"
    iam.put_role_policy(PolicyName="a-b", **named)


@probe("value_limits.trusted_principals")
def iam_knows_what_may_be_trusted(lab: Lab) -> None:
    iam = client(lab, "iam")
    for wrong in ({"Service": "any text.amazonaws.com"}, {"AWS": "any text"}, {"AWS": ["123456789012", "1"]}):
        made = {"RoleName": "probe", "AssumeRolePolicyDocument": trust(**wrong)}
        assert error_code(iam.create_role, **made) == "MalformedPolicyDocument", wrong
    right = {"Service": ["ec2.amazonaws.com", "vpc-flow-logs.amazonaws.com"], "AWS": "arn:aws:iam::123456789012:root"}
    iam.create_role(RoleName="probe", AssumeRolePolicyDocument=trust(**right))
    document = {"RoleName": "probe", "PolicyDocument": trust(AWS="any text")}
    assert error_code(iam.update_assume_role_policy, **document) == "MalformedPolicyDocument"


@probe("value_limits.values")
def groups_have_numbers_from_none(lab: Lab) -> None:
    scaling, where = client(lab, "autoscaling"), network(lab)
    data = {"ImageId": "ami-12345678", "InstanceType": "t3.micro"}
    made = lab.client("ec2").create_launch_template(LaunchTemplateName="probe", LaunchTemplateData=data)
    group = {
        "AutoScalingGroupName": "probe",
        "LaunchTemplate": {"LaunchTemplateId": made["LaunchTemplate"]["LaunchTemplateId"]},
        "MinSize": 0,
        "MaxSize": 1,
        "VPCZoneIdentifier": where["subnets"][0],
    }
    for wrong in (
        {"DefaultCooldown": -1},
        {"HealthCheckGracePeriod": -1},
        {"MinSize": -1},
        {"MaxInstanceLifetime": 86399},
        {"TerminationPolicies": ["Default", "Youngest"]},
        {"AutoScalingGroupName": "a:b"},
    ):
        assert error_code(scaling.create_auto_scaling_group, **{**group, **wrong}) == "ValidationError", wrong
    scaling.create_auto_scaling_group(**group, MaxInstanceLifetime=0, TerminationPolicies=["OldestLaunchTemplate"])
    named = {"AutoScalingGroupName": "probe"}
    assert error_code(scaling.update_auto_scaling_group, **named, DefaultCooldown=-1) == "ValidationError"
    metrics = {"Granularity": "1Minute", "Metrics": ["Speed"]}
    assert error_code(scaling.enable_metrics_collection, **named, **metrics) == "ValidationError"
    hook = {**named, "LifecycleHookName": "probe", "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING"}
    for wrong in ({"HeartbeatTimeout": -1}, {"HeartbeatTimeout": 7201}, {"LifecycleHookName": "a b"}):
        assert error_code(scaling.put_lifecycle_hook, **{**hook, **wrong}) == "ValidationError", wrong
    scaling.put_lifecycle_hook(**hook, HeartbeatTimeout=7200)
    metric = {"PredefinedMetricType": "ASGAverageCPUUtilization"}
    policy = {**named, "PolicyName": "probe", "PolicyType": "TargetTrackingScaling"}
    for target, warmup in ((-1.0, 60), (0.0, 60), (50.0, -1)):
        tracking = {"PredefinedMetricSpecification": metric, "TargetValue": target}
        made = {**policy, "EstimatedInstanceWarmup": warmup, "TargetTrackingConfiguration": tracking}
        assert error_code(scaling.put_scaling_policy, **made) == "ValidationError"


@probe("value_limits.values")
def balancers_have_ranges(lab: Lab) -> None:
    elb, where = client(lab, "elbv2"), network(lab)
    group = {"Name": "probe", "Protocol": "HTTP", "Port": 80, "VpcId": where["vpc"]}
    for wrong in (
        {"Port": -80},
        {"Port": 65536},
        {"HealthCheckPath": "healthz"},
        {"HealthCheckPort": "any"},
        {"HealthCheckTimeoutSeconds": 121},
        {"HealthyThresholdCount": 1},
    ):
        assert error_code(elb.create_target_group, **{**group, **wrong}) == "ValidationError", wrong
    arn = elb.create_target_group(**group, HealthCheckPort="traffic-port")["TargetGroups"][0]["TargetGroupArn"]
    for key, value in (
        ("stickiness.lb_cookie.duration_seconds", "-1"),
        ("slow_start.duration_seconds", "29"),
        ("stickiness.enabled", "maybe"),
    ):
        attributes = [{"Key": key, "Value": value}]
        code = error_code(elb.modify_target_group_attributes, TargetGroupArn=arn, Attributes=attributes)
        assert code == "ValidationError", key
    attributes = [{"Key": "slow_start.duration_seconds", "Value": "0"}]
    elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=attributes)
    balancer = elb.create_load_balancer(Name="probe", Subnets=where["subnets"], SecurityGroups=[where["group"]])
    named = {"LoadBalancerArn": balancer["LoadBalancers"][0]["LoadBalancerArn"]}
    idle = [{"Key": "idle_timeout.timeout_seconds", "Value": "4001"}]
    assert error_code(elb.modify_load_balancer_attributes, **named, Attributes=idle) == "ValidationError"
    forward = [{"Type": "forward", "TargetGroupArn": arn}]
    listener = {**named, "Protocol": "HTTP", "DefaultActions": forward}
    assert error_code(elb.create_listener, **listener, Port=-1) == "ValidationError"
    made = elb.create_listener(**listener, Port=80)["Listeners"][0]["ListenerArn"]
    rule = {"ListenerArn": made, "Conditions": [{"Field": "path-pattern", "Values": ["/a"]}], "Actions": forward}
    assert error_code(elb.create_rule, **rule, Priority=50001) == "ValidationError"
    body = {"StatusCode": "200", "MessageBody": "x" * 1025}
    answer = {**rule, "Actions": [{"Type": "fixed-response", "FixedResponseConfig": body}]}
    assert error_code(elb.create_rule, **answer, Priority=1) == "ValidationError"


@probe("value_limits.values")
def databases_have_ranges(lab: Lab) -> None:
    rds = client(lab, "rds")
    instance = {
        "DBInstanceIdentifier": "probe",
        "Engine": "postgres",
        "DBInstanceClass": "db.t4g.medium",
        "AllocatedStorage": 400,
        "StorageType": "gp3",
        "MasterUsername": "probe",
        "MasterUserPassword": "not-a-secret-1",
    }
    for wrong in (
        {"AllocatedStorage": 19},
        {"Port": -1},
        {"BackupRetentionPeriod": 36},
        {"Iops": -1},
        {"StorageThroughput": -1},
        {"DBName": "1st"},
        {"MonitoringInterval": 60, "MonitoringRoleArn": "any text"},
        {"EnablePerformanceInsights": True, "PerformanceInsightsRetentionPeriod": 94},
    ):
        assert error_code(rds.create_db_instance, **{**instance, **wrong}) == "InvalidParameterValue", wrong
    rds.create_db_instance(**instance, DBName="first", PerformanceInsightsRetentionPeriod=93)
    code = error_code(rds.modify_db_instance, DBInstanceIdentifier="probe", BackupRetentionPeriod=-1)
    assert code == "InvalidParameterValue"


@probe("value_limits.values")
def caches_have_ranges(lab: Lab) -> None:
    cache = client(lab, "elasticache")
    group = {
        "ReplicationGroupId": "probe",
        "ReplicationGroupDescription": "probe",
        "Engine": "redis",
        "EngineVersion": "7.1",
        "CacheNodeType": "cache.t4g.small",
        "NumCacheClusters": 1,
    }
    for wrong in (
        {"Port": -1},
        {"SnapshotRetentionLimit": 36},
        {"NumCacheClusters": 7},
        {"ReplicationGroupDescription": ""},
        {"ReplicationGroupId": "a--b"},
    ):
        assert error_code(cache.create_replication_group, **{**group, **wrong}) == "InvalidParameterValue", wrong


@probe("value_limits.values")
def queues_have_ranges(lab: Lab) -> None:
    sqs = client(lab, "sqs")
    for name, value in (
        ("VisibilityTimeout", "43201"),
        ("MessageRetentionPeriod", "59"),
        ("DelaySeconds", "-1"),
        ("ReceiveMessageWaitTimeSeconds", "21"),
    ):
        code = error_code(sqs.create_queue, QueueName="probe", Attributes={name: value})
        assert code == "InvalidAttributeValue", name
    url = sqs.create_queue(QueueName="probe", Attributes={"DelaySeconds": "900"})["QueueUrl"]
    code = error_code(sqs.set_queue_attributes, QueueUrl=url, Attributes={"DelaySeconds": "901"})
    assert code == "InvalidAttributeValue"


@probe("value_limits.values")
def records_keep_their_time(lab: Lab) -> None:
    dns = client(lab, "route53")
    made = {"Name": "probe.example", "CallerReference": "probe"}
    assert error_code(dns.create_hosted_zone, **{**made, "CallerReference": "x" * 129}) == "InvalidInput"
    assert error_code(dns.create_hosted_zone, **made, HostedZoneConfig={"Comment": "x" * 257}) == "InvalidInput"
    zone = dns.create_hosted_zone(**made)["HostedZone"]["Id"]
    record = {"Name": "probe.example", "Type": "A", "TTL": -1, "ResourceRecords": [{"Value": "192.0.2.1"}]}
    batch = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
    assert error_code(dns.change_resource_record_sets, HostedZoneId=zone, ChangeBatch=batch) == "InvalidInput"


@probe("value_limits.values")
def keys_and_secrets_stay_a_week(lab: Lab) -> None:
    kms, manager = client(lab, "kms"), client(lab, "secretsmanager")
    assert error_code(kms.create_key, Description="x" * 8193) == "ValidationException"
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    for days in (6, 31):
        assert error_code(kms.schedule_key_deletion, KeyId=key, PendingWindowInDays=days) == "ValidationException"
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    for wrong in ({"Name": "a b"}, {"Description": "x" * 2049}):
        assert (
            error_code(manager.create_secret, **{"Name": "probe", "SecretString": "x", **wrong})
            == "ValidationException"
        )


@probe("value_limits.values")
def names_and_sessions_have_their_form(lab: Lab) -> None:
    ec2, vpc = client(lab, "ec2"), network(lab)["vpc"]
    for wrong in ({"GroupName": "a?"}, {"Description": "a?"}, {"Description": "x" * 256}):
        made = {"GroupName": "own", "Description": "own", "VpcId": vpc, **wrong}
        assert error_code(ec2.create_security_group, **made) == "InvalidParameterValue", wrong
    assert error_code(client(lab, "acm").request_certificate, DomainName="a b") == "ValidationException"
    iam = lab.client("iam")
    iam.create_role(RoleName="probe", AssumeRolePolicyDocument=trust(AWS="123456789012"))
    asked = {"RoleArn": "arn:aws:iam::123456789012:role/probe", "RoleSessionName": "probe"}
    assert error_code(client(lab, "sts").assume_role, **asked, DurationSeconds=899) == "ValidationError"


test_as_aws_does, test_moto_still_differs = both_ways(__name__)


@pytest.mark.parametrize("name", ["Default", "arn:aws:lambda:us-east-1:123456789012:function:own"])
def test_what_is_right_is_taken(lab: Lab, name: str) -> None:
    from lab.api import value_rules

    assert value_rules.refusal("autoscaling", "CreateAutoScalingGroup", {"TerminationPolicies": [name]}) is None
