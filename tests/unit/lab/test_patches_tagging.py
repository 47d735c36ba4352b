"""The tagging API lists what carries tags."""

from __future__ import annotations

import json

from probes import both_ways, network, probe

from lab.api.testing import Lab

TAGS = [{"Key": "probe", "Value": "1"}]


def listed(lab: Lab, sort: str) -> list[str]:
    client = lab.client("resourcegroupstaggingapi")
    found = client.get_resources(TagFilters=[{"Key": "probe"}], ResourceTypeFilters=[sort])["ResourceTagMappingList"]
    return [each["ResourceARN"] for each in found]


@probe("tagging.rds_groups")
def lists_groups_of_rds(lab: Lab) -> None:
    rds = lab.client("rds")
    subnets = network(lab)["subnets"]
    rds.create_db_subnet_group(
        DBSubnetGroupName="probe", DBSubnetGroupDescription="probe", SubnetIds=subnets, Tags=TAGS
    )
    rds.create_db_parameter_group(
        DBParameterGroupName="probe", DBParameterGroupFamily="postgres16", Description="probe", Tags=TAGS
    )
    assert {arn.split(":")[5] for arn in listed(lab, "rds")} == {"subgrp", "pg"}


@probe("tagging.cache_parameter_groups")
def lists_parameter_groups_of_elasticache(lab: Lab) -> None:
    lab.client("elasticache").create_cache_parameter_group(
        CacheParameterGroupName="probe", CacheParameterGroupFamily="redis7", Description="probe", Tags=TAGS
    )
    assert {arn.split(":")[5] for arn in listed(lab, "elasticache")} == {"parametergroup"}


def tagged(sort: str) -> list[dict[str, object]]:
    return [{"ResourceType": sort, "Tags": TAGS}]


@probe("tagging.every_service")
def lists_what_ec2_tags(lab: Lab) -> None:
    ec2, net = lab.client("ec2"), network(lab)
    ec2.allocate_address(Domain="vpc", TagSpecifications=tagged("elastic-ip"))
    ec2.create_vpc_endpoint(
        VpcId=net["vpc"], ServiceName="com.amazonaws.us-east-1.s3", TagSpecifications=tagged("vpc-endpoint")
    )
    ec2.create_launch_template(
        LaunchTemplateName="probe",
        LaunchTemplateData={"InstanceType": "t3.micro"},
        TagSpecifications=tagged("launch-template"),
    )
    ec2.create_key_pair(KeyName="probe", TagSpecifications=tagged("key-pair"))
    ec2.create_network_acl(VpcId=net["vpc"], TagSpecifications=tagged("network-acl"))
    lab.client("s3").create_bucket(Bucket="probe-flow-logs")
    ec2.create_flow_logs(
        ResourceIds=[net["vpc"]],
        ResourceType="VPC",
        TrafficType="ALL",
        LogDestinationType="s3",
        LogDestination="arn:aws:s3:::probe-flow-logs",
        TagSpecifications=tagged("vpc-flow-log"),
    )
    sorts = {arn.split(":")[5].split("/")[0] for arn in listed(lab, "ec2")}
    assert sorts == {"elastic-ip", "vpc-endpoint", "launch-template", "key-pair", "network-acl", "vpc-flow-log"}
    assert len(listed(lab, "ec2:vpc-endpoint")) == 1


@probe("tagging.every_service")
def lists_global_resources_in_one_region_and_buckets_in_theirs(lab: Lab) -> None:
    lab.client("iam").create_instance_profile(InstanceProfileName="probe", Tags=TAGS)
    route53 = lab.client("route53")
    zone = route53.create_hosted_zone(Name="probe.example.", CallerReference="1")["HostedZone"]["Id"].split("/")[-1]
    route53.change_tags_for_resource(ResourceType="hostedzone", ResourceId=zone, AddTags=TAGS)
    s3 = lab.client("s3")
    s3.create_bucket(Bucket="probe-here")
    s3.put_bucket_tagging(Bucket="probe-here", Tagging={"TagSet": TAGS})
    found = {}
    for region in ("us-east-1", "us-west-2"):
        client = lab.client("resourcegroupstaggingapi", region)
        found[region] = [
            each["ResourceARN"]
            for each in client.get_resources(TagFilters=[{"Key": "probe"}])["ResourceTagMappingList"]
        ]
    assert {arn.split(":")[2] for arn in found["us-east-1"]} == {"iam", "route53", "s3"}
    assert found["us-west-2"] == []


@probe("tagging.every_service")
def filters_by_the_type_the_arn_names(lab: Lab) -> None:
    lab.client("elasticache").create_cache_subnet_group(
        CacheSubnetGroupName="probe",
        CacheSubnetGroupDescription="probe",
        SubnetIds=network(lab)["subnets"],
        Tags=TAGS,
    )
    assert len(listed(lab, "elasticache:subnetgroup")) == 1


@probe("tagging.every_service")
def pages_hold_as_much_as_asked_for(lab: Lab) -> None:
    ec2 = lab.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.60.0.0/16")["Vpc"]["VpcId"]
    made = [
        ec2.create_security_group(
            VpcId=vpc, GroupName=f"probe-{n}", Description="probe", TagSpecifications=tagged("security-group")
        )["GroupId"]
        for n in range(101)
    ]
    client = lab.client("resourcegroupstaggingapi")
    first = client.get_resources(TagFilters=[{"Key": "probe"}], ResourcesPerPage=100)
    assert len(first["ResourceTagMappingList"]) == 100
    # The page after the first is the same when something else is written or removed meanwhile.
    ec2.delete_security_group(GroupId=made[0])
    rest = client.get_resources(
        TagFilters=[{"Key": "probe"}], ResourcesPerPage=100, PaginationToken=first["PaginationToken"]
    )
    assert len(rest["ResourceTagMappingList"]) == 1
    assert not rest.get("PaginationToken")


def arns(lab: Lab) -> list[str]:
    """One resource without tags of each service that can be tagged by ARN."""
    net, account = network(lab), "123456789012"
    elbv2 = lab.client("elbv2")
    group = elbv2.create_target_group(Name="probe", Protocol="HTTP", Port=80, VpcId=net["vpc"])["TargetGroups"][0]
    queue = lab.client("sqs").create_queue(QueueName="probe")["QueueUrl"]
    lab.client("ssm").put_parameter(Name="/probe/a", Value="1", Type="String")
    zone = lab.client("route53").create_hosted_zone(Name="probe.example.", CallerReference="1")["HostedZone"]["Id"]
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    return [
        group["TargetGroupArn"],
        f"arn:aws:sqs:us-east-1:{account}:{queue.rsplit('/', 1)[-1]}",
        f"arn:aws:ssm:us-east-1:{account}:parameter/probe/a",
        f"arn:aws:route53:::hostedzone/{zone.rsplit('/', 1)[-1]}",
        lab.client("iam").create_role(RoleName="probe", AssumeRolePolicyDocument=trust)["Role"]["Arn"],
        f"arn:aws:ec2:us-east-1:{account}:vpc/{net['vpc']}",
        lab.client("kms").create_key()["KeyMetadata"]["Arn"],
        lab.client("secretsmanager").create_secret(Name="probe", SecretString="x")["ARN"],
        lab.client("sns").create_topic(Name="probe")["TopicArn"],
    ]


@probe("tagging.tagging_by_arn")
def tags_and_untags_by_arn(lab: Lab) -> None:
    client, made = lab.client("resourcegroupstaggingapi"), arns(lab)
    assert client.tag_resources(ResourceARNList=made, Tags={"probe": "2"})["FailedResourcesMap"] == {}
    found = client.get_resources(TagFilters=[{"Key": "probe", "Values": ["2"]}])["ResourceTagMappingList"]
    # IAM users and roles can be tagged by ARN, but are not listed.
    assert {each["ResourceARN"] for each in found} == {arn for arn in made if ":role/" not in arn}
    assert lab.client("iam").list_role_tags(RoleName="probe")["Tags"] == [{"Key": "probe", "Value": "2"}]
    assert client.untag_resources(ResourceARNList=made, TagKeys=["probe"])["FailedResourcesMap"] == {}
    assert client.get_resources(TagFilters=[{"Key": "probe"}])["ResourceTagMappingList"] == []


@probe("tagging.tagging_by_arn")
def says_which_resource_could_not_be_tagged(lab: Lab) -> None:
    ec2 = lab.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.60.0.0/16")["Vpc"]["VpcId"]
    there, gone = (f"arn:aws:ec2:us-east-1:123456789012:vpc/{each}" for each in (vpc, "vpc-0123456789abcdef0"))
    answer = lab.client("resourcegroupstaggingapi").tag_resources(ResourceARNList=[gone, there], Tags={"probe": "1"})
    assert {arn: each["ErrorCode"] for arn, each in answer["FailedResourcesMap"].items()} == {
        gone: "InvalidParameterException"
    }
    assert listed(lab, "ec2:vpc") == [there]


test_as_aws_does, test_moto_still_differs = both_ways(__name__)
