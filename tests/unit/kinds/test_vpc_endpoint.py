"""VPC endpoints, read from endpoints made with boto3, and what is wrong with entries."""

from __future__ import annotations

import json

import pytest

from ansible_collections.terrace.aws.plugins.plugin_utils.engine import plan, registry

KIND = registry.kind("vpc_endpoint")
GATEWAY = {
    "service": "s3",
    "type": "gateway",
    "vpc": "main",
    "route_tables": ["app"],
    "subnets": [],
    "security_groups": [],
    "private_dns": False,
}
INTERFACE = {**GATEWAY, "service": "ssm", "type": "interface", "route_tables": [], "subnets": ["app-a"]}


@pytest.fixture
def ec2(lab):
    return lab.client("ec2")


@pytest.fixture
def vpc(ec2, tags):
    specification = [{"ResourceType": "vpc", "Tags": tags("vpc", "main")}]
    return ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=specification)["Vpc"]["VpcId"]


def make(ec2, vpc, tags, service, **options):
    specification = [{"ResourceType": "vpc-endpoint", "Tags": tags}]
    name = f"com.amazonaws.us-east-1.{service}"
    made = ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=name, TagSpecifications=specification, **options)
    return made["VpcEndpoint"]["VpcEndpointId"]


def test_a_gateway_names_its_route_tables(ec2, vpc, tags, cell):
    specification = [{"ResourceType": "route-table", "Tags": tags("route_table", "app")}]
    table = ec2.create_route_table(VpcId=vpc, TagSpecifications=specification)["RouteTable"]["RouteTableId"]
    policy = {"Version": "2012-10-17", "Statement": []}
    ident = make(
        ec2,
        vpc,
        tags("vpc_endpoint", "s3", Owner="ops"),
        "s3",
        VpcEndpointType="Gateway",
        RouteTableIds=[table],
        PolicyDocument=json.dumps(policy),
    )
    found = cell().observed("vpc_endpoint")["s3"]
    assert (found.id, found.tags, found.state) == (ident, {"Owner": "ops"}, "ready")
    assert found.facts == {"service_name": "com.amazonaws.us-east-1.s3", "failure": ""}
    assert found.attributes == {**GATEWAY, "policy": policy}


def test_an_interface_names_its_subnets_and_groups(ec2, vpc, tags, cell):
    specification = [{"ResourceType": "subnet", "Tags": tags("subnet", "app-a")}]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24", TagSpecifications=specification)["Subnet"]
    specification = [{"ResourceType": "security-group", "Tags": tags("security_group", "endpoints")}]
    group = ec2.create_security_group(
        GroupName="test-endpoints", Description="Endpoints", VpcId=vpc, TagSpecifications=specification
    )["GroupId"]
    make(
        ec2,
        vpc,
        tags("vpc_endpoint", "ssm"),
        "ssm",
        VpcEndpointType="Interface",
        SubnetIds=[subnet["SubnetId"]],
        SecurityGroupIds=[group],
        PrivateDnsEnabled=True,
    )
    found = cell().observed("vpc_endpoint")["ssm"].attributes
    found.pop("policy")
    assert found == {**INTERFACE, "security_groups": ["endpoints"], "private_dns": True}


def test_what_was_removed_or_is_another_cells_is_not_seen(ec2, vpc, tags, cell):
    ident = make(ec2, vpc, tags("vpc_endpoint", "s3"), "s3", VpcEndpointType="Gateway")
    foreign = [{**tag, "Value": tag["Value"].replace("test", "other")} for tag in tags("vpc_endpoint", "s3")]
    make(ec2, vpc, foreign, "dynamodb", VpcEndpointType="Gateway")
    assert list(cell().observed("vpc_endpoint")) == ["s3"]
    ec2.delete_vpc_endpoints(VpcEndpointIds=[ident])
    assert cell().observed("vpc_endpoint") == {}


@pytest.mark.parametrize(
    ("entry", "problems"),
    [
        (GATEWAY, []),
        ({**INTERFACE, "security_groups": ["endpoints"]}, []),
        (
            {**GATEWAY, "subnets": ["app-a"], "private_dns": True},
            [
                "subnets: an endpoint of type gateway has none",
                "private_dns: an endpoint of type gateway has none",
            ],
        ),
        (
            {**INTERFACE, "route_tables": ["app"], "subnets": []},
            [
                "route_tables: an endpoint of type interface has none",
                "subnets: an endpoint of type interface needs some",
                "security_groups: an endpoint of type interface needs some",
            ],
        ),
    ],
)
def test_check(entry, problems):
    assert list(KIND.check("one", entry, {})) == problems


@pytest.mark.parametrize("state", ["failed", "rejected", "expired"])
def test_an_endpoint_that_failed_is_replaced(lab, ec2, vpc, tags, cell, state):
    lab.state("vpc_endpoint", make(ec2, vpc, tags("vpc_endpoint", "s3"), "s3", VpcEndpointType="Gateway"), state)
    observed = cell().observed("vpc_endpoint")
    assert observed["s3"].state == "failed"
    change = plan.changes(KIND, {"s3": {**GATEWAY, "route_tables": []}}, observed, plan.Rules())[0]
    assert (change.action, change.refused) == ("replace", "")


def test_an_endpoint_that_is_being_deleted_is_leaving(lab, ec2, vpc, tags, cell):
    first = make(ec2, vpc, tags("vpc_endpoint", "s3"), "s3", VpcEndpointType="Gateway")
    lab.state("vpc_endpoint", first, "deleting")
    found = cell().observed("vpc_endpoint")["s3"]
    assert (found.id, found.state) == (first, "leaving")
    second = make(ec2, vpc, tags("vpc_endpoint", "s3"), "s3", VpcEndpointType="Gateway")
    assert {name: each.id for name, each in cell().observed("vpc_endpoint").items()} == {"s3": second}
