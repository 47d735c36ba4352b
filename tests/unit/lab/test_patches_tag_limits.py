"""What a tag may be, in every service that takes some; and names of load balancers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from probes import both_ways, error_code, network, probe
from test_patches_others import certificate

from lab.api.tag_rules import groups
from lab.api.testing import Lab

TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
LONG = ({"k" * 129: "v"}, {"key": "v" * 257}, {"aws:key": "v"}, {f"key-{n}": "v" for n in range(51)})


def pairs(tags: dict[str, str], key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    return [{key: name, value: text} for name, text in tags.items()]


def _ec2(lab: Lab) -> Callable[[dict[str, str]], Any]:
    ec2 = lab.client("ec2")
    return lambda tags: ec2.create_vpc(
        CidrBlock="10.80.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": pairs(tags)}]
    )


def _ec2_later(lab: Lab) -> Callable[[dict[str, str]], Any]:
    ec2 = lab.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.80.0.0/16")["Vpc"]["VpcId"]
    return lambda tags: ec2.create_tags(Resources=[vpc], Tags=pairs(tags))


def _elbv2(lab: Lab) -> Callable[[dict[str, str]], Any]:
    elbv2, vpc = lab.client("elbv2"), network(lab)["vpc"]
    names = iter(range(100))
    return lambda tags: elbv2.create_target_group(
        Name=f"probe-{next(names)}", Protocol="HTTP", Port=80, VpcId=vpc, Tags=pairs(tags)
    )


def _iam(lab: Lab) -> Callable[[dict[str, str]], Any]:
    iam, names = lab.client("iam"), iter(range(100))
    return lambda tags: iam.create_instance_profile(InstanceProfileName=f"probe-{next(names)}", Tags=pairs(tags))


def _rds(lab: Lab) -> Callable[[dict[str, str]], Any]:
    rds, names = lab.client("rds"), iter(range(100))
    named = {"DBParameterGroupFamily": "postgres16", "Description": "probe"}
    return lambda tags: rds.create_db_parameter_group(
        DBParameterGroupName=f"probe-{next(names)}", **named, Tags=pairs(tags)
    )


def _elasticache(lab: Lab) -> Callable[[dict[str, str]], Any]:
    cache, names = lab.client("elasticache"), iter(range(100))
    named = {"CacheParameterGroupFamily": "redis7", "Description": "probe"}
    return lambda tags: cache.create_cache_parameter_group(
        CacheParameterGroupName=f"probe-{next(names)}", **named, Tags=pairs(tags)
    )


def _kms(lab: Lab) -> Callable[[dict[str, str]], Any]:
    kms = lab.client("kms")
    return lambda tags: kms.create_key(Tags=pairs(tags, "TagKey", "TagValue"))


def _secretsmanager(lab: Lab) -> Callable[[dict[str, str]], Any]:
    manager, names = lab.client("secretsmanager"), iter(range(100))
    return lambda tags: manager.create_secret(Name=f"probe-{next(names)}", SecretString="x", Tags=pairs(tags))


def _ssm(lab: Lab) -> Callable[[dict[str, str]], Any]:
    ssm, names = lab.client("ssm"), iter(range(100))
    return lambda tags: ssm.put_parameter(Name=f"/probe/{next(names)}", Value="1", Type="String", Tags=pairs(tags))


def _route53(lab: Lab) -> Callable[[dict[str, str]], Any]:
    route53 = lab.client("route53")
    zone = route53.create_hosted_zone(Name="probe.example.", CallerReference="1")["HostedZone"]["Id"].split("/")[-1]
    return lambda tags: route53.change_tags_for_resource(
        ResourceType="hostedzone", ResourceId=zone, AddTags=pairs(tags)
    )


def _s3(lab: Lab) -> Callable[[dict[str, str]], Any]:
    s3 = lab.client("s3")
    s3.create_bucket(Bucket="probe")
    return lambda tags: s3.put_bucket_tagging(Bucket="probe", Tagging={"TagSet": pairs(tags)})


def _sqs(lab: Lab) -> Callable[[dict[str, str]], Any]:
    sqs, names = lab.client("sqs"), iter(range(100))
    return lambda tags: sqs.create_queue(QueueName=f"probe-{next(names)}", tags=tags)


def _logs(lab: Lab) -> Callable[[dict[str, str]], Any]:
    logs, names = lab.client("logs"), iter(range(100))
    return lambda tags: logs.create_log_group(logGroupName=f"probe-{next(names)}", tags=tags)


def _acm(lab: Lab) -> Callable[[dict[str, str]], Any]:
    acm, made = lab.client("acm"), certificate("probe.example")
    return lambda tags: acm.import_certificate(**made, Tags=pairs(tags))


def _autoscaling(lab: Lab) -> Callable[[dict[str, str]], Any]:
    from test_patches_autoscaling import group

    group(lab, size=0)
    more = {"ResourceId": "probe", "ResourceType": "auto-scaling-group", "PropagateAtLaunch": True}
    asg = lab.client("autoscaling")
    return lambda tags: asg.create_or_update_tags(Tags=[{**each, **more} for each in pairs(tags)])


WRITERS = {
    f.__name__.strip("_"): f
    for f in (
        _acm, _autoscaling, _ec2, _ec2_later, _elasticache, _elbv2, _iam, _kms, _logs, _rds, _route53, _s3, _secretsmanager,
        _sqs, _ssm,
    )
}  # fmt: skip


def accepts(write: Callable[[dict[str, str]], Any], tags: dict[str, str]) -> bool:
    """Whether a service takes tags; a failure of the emulator itself is none of its refusals."""
    try:
        write(tags)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
            raise
        return False
    return True


@probe("tag_limits.requests")
def tags_have_limits_everywhere(lab: Lab) -> None:
    for name in ("ec2", "elbv2", "iam", "rds", "elasticache", "kms", "secretsmanager", "ssm", "route53", "autoscaling"):
        write = WRITERS[name](lab)
        assert [accepts(write, tags) for tags in LONG] == [False] * len(LONG), name
        lab.reset()


@probe("tag_limits.requests")
def each_service_has_its_own_error(lab: Lab) -> None:
    reserved = [{"Key": "aws:probe", "Value": "1"}]
    iam, manager = lab.client("iam"), lab.client("secretsmanager")
    profile = {"InstanceProfileName": "probe", "Tags": reserved}
    assert error_code(iam.create_instance_profile, **profile) == "InvalidInput"
    assert error_code(manager.create_secret, Name="probe", Tags=reserved) == "InvalidParameterException"


@probe("tag_limits.bucket_tags")
def buckets_have_limits_too(lab: Lab) -> None:
    write = _s3(lab)
    assert [accepts(write, tags) for tags in LONG] == [False] * len(LONG)


@probe("tag_limits.iam_keys")
def keys_that_differ_in_case_are_one_to_iam(lab: Lab) -> None:
    iam = lab.client("iam")
    both = pairs({"Name": "a", "name": "b"})
    assert error_code(iam.create_role, RoleName="probe", AssumeRolePolicyDocument=TRUST, Tags=both) == "InvalidInput"
    iam.create_role(RoleName="probe", AssumeRolePolicyDocument=TRUST, Tags=pairs({"Name": "a", "Own": "1"}))
    iam.tag_role(RoleName="probe", Tags=pairs({"name": "b"}))
    assert iam.list_role_tags(RoleName="probe")["Tags"] == pairs({"Own": "1", "name": "b"})
    iam.create_instance_profile(InstanceProfileName="probe", Tags=pairs({"Name": "a"}))
    iam.tag_instance_profile(InstanceProfileName="probe", Tags=pairs({"name": "b"}))
    assert iam.get_instance_profile(InstanceProfileName="probe")["InstanceProfile"]["Tags"] == pairs({"name": "b"})


@probe("tag_limits.balancer_names")
def balancers_have_names_within_limits(lab: Lab) -> None:
    elbv2, subnets = lab.client("elbv2"), network(lab)["subnets"]
    for name in ("internal-web", "-web", "web-", "web.one", "w" * 33):
        assert error_code(elbv2.create_load_balancer, Name=name, Subnets=subnets) == "ValidationError"
    elbv2.create_load_balancer(Name="w" * 32, Subnets=subnets)


@probe("tag_limits.balancer_names")
def balancers_have_fifty_tags(lab: Lab) -> None:
    elbv2, subnets = lab.client("elbv2"), network(lab)["subnets"]
    made = elbv2.create_load_balancer(Name="probe", Subnets=subnets, Tags=pairs({"Name": "probe"}))
    named = {"ResourceArns": [made["LoadBalancers"][0]["LoadBalancerArn"]]}
    elbv2.add_tags(**named, Tags=pairs({f"key-{n}": "v" for n in range(30)}))
    elbv2.add_tags(**named, Tags=pairs({f"key-{n}": "v" for n in range(30, 49)}))
    assert error_code(elbv2.add_tags, **named, Tags=pairs({"one-more": "v"})) == "TooManyTags"


test_as_aws_does, test_moto_still_differs = both_ways(__name__)


@pytest.mark.parametrize("service", sorted(WRITERS))
def test_tags_within_the_limits_are_taken(lab: Lab, service: str) -> None:
    write = WRITERS[service](lab)
    assert accepts(write, {"k" * 128: "v" * 256, "terrace:cell": "a b/c=d+e-f@g", "Ünïcode": ""})
    assert [accepts(write, tags) for tags in LONG] == [False] * len(LONG)


def test_tags_of_any_shape_are_found() -> None:
    assert groups([{"Key": "a", "Value": "1"}, {"Key": "b"}]) == [[("a", "1"), ("b", "")]]
    assert groups({"a": "1"}) == [[("a", "1")]]
    assert groups([{"ResourceType": "vpc", "Tags": [{"Key": "a", "Value": "1"}]}]) == [[("a", "1")]]
    assert groups([{"TagKey": "a", "TagValue": "1"}]) == [[("a", "1")]]
    assert groups({"Items": [{"Key": "a", "Value": "1"}]}) == [[("a", "1")]]
    assert groups(None) == []
