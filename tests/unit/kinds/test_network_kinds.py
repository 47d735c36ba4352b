"""The network's kinds, read from resources made with boto3."""

from __future__ import annotations

import pytest

from ansible_collections.terrace.aws.plugins.plugin_utils import specs
from ansible_collections.terrace.aws.plugins.plugin_utils.engine import registry


@pytest.fixture
def ec2(lab):
    return lab.client("ec2")


def spec(resource, tags):
    return [{"ResourceType": resource, "Tags": tags}]


@pytest.fixture
def vpc(ec2, tags):
    made = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=spec("vpc", tags("vpc", "main", Owner="ops")))
    ec2.modify_vpc_attribute(VpcId=made["Vpc"]["VpcId"], EnableDnsHostnames={"Value": True})
    return made["Vpc"]["VpcId"]


@pytest.fixture
def subnet(ec2, tags, vpc):
    made = ec2.create_subnet(
        VpcId=vpc,
        CidrBlock="10.0.0.0/24",
        AvailabilityZone="us-east-1a",
        TagSpecifications=spec("subnet", [*tags("subnet", "web-a"), {"Key": "terrace:tier", "Value": "web"}]),
    )
    return made["Subnet"]["SubnetId"]


def test_vpc(cell, vpc):
    found = cell().observed("vpc")["main"]
    assert found.id == vpc
    assert found.tags == {"Owner": "ops"}
    assert found.attributes == {
        "cidr": "10.0.0.0/16",
        "secondary_cidrs": [],
        "tenancy": "default",
        "dns_support": True,
        "dns_hostnames": True,
    }


def test_other_cells_and_kinds_are_not_seen(cell, ec2, tags, vpc):
    foreign = [{**tag, "Value": tag["Value"].replace("test", "other")} for tag in tags("vpc", "main")]
    ec2.create_vpc(CidrBlock="10.1.0.0/16", TagSpecifications=spec("vpc", foreign))
    ec2.create_vpc(CidrBlock="10.2.0.0/16", TagSpecifications=spec("vpc", tags("vpc_of_something", "second")))
    assert list(cell().observed("vpc")) == ["main"]


def test_a_double_is_seen_as_an_orphan_of_its_own(cell, ec2, tags, vpc):
    second = ec2.create_vpc(CidrBlock="10.1.0.0/16", TagSpecifications=spec("vpc", tags("vpc", "main")))["Vpc"]["VpcId"]
    names = cell().observed("vpc")
    assert len(names) == 2
    assert {each.id for each in names.values()} == {vpc, second}
    assert "main" in names


def test_subnet_names_its_vpc_and_tier(cell, subnet):
    found = cell().observed("subnet")["web-a"]
    assert found.attributes == {
        "vpc": "main",
        "cidr": "10.0.0.0/24",
        "zone": "us-east-1a",
        "tier": "web",
        "map_public_ip": False,
    }
    assert found.tags == {}


def test_route_table_names_what_its_routes_lead_to(cell, ec2, tags, vpc, subnet):
    gateway = ec2.create_internet_gateway(TagSpecifications=spec("internet-gateway", tags("internet_gateway", "main")))
    gateway = gateway["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    address = ec2.allocate_address(Domain="vpc", TagSpecifications=spec("elastic-ip", tags("elastic_ip", "nat-a")))
    nat = ec2.create_nat_gateway(
        SubnetId=subnet,
        AllocationId=address["AllocationId"],
        TagSpecifications=spec("natgateway", tags("nat_gateway", "a")),
    )["NatGateway"]["NatGatewayId"]
    table = ec2.create_route_table(VpcId=vpc, TagSpecifications=spec("route-table", tags("route_table", "web")))
    table = table["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="192.0.2.0/24", GatewayId=gateway)
    ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    seen = cell()
    assert seen.observed("route_table")["web"].attributes == {
        "vpc": "main",
        "subnets": ["web-a"],
        "routes": {"0.0.0.0/0": "nat_gateway:a", "192.0.2.0/24": "internet_gateway:main"},
    }
    assert seen.observed("nat_gateway")["a"].attributes == {
        "subnet": "web-a",
        "elastic_ip": "nat-a",
        "connectivity": "public",
    }
    assert seen.observed("internet_gateway")["main"].attributes == {"vpc": "main"}


def test_network_acl_rules_by_number(cell, ec2, tags, vpc):
    acl = ec2.create_network_acl(VpcId=vpc, TagSpecifications=spec("network-acl", tags("network_acl", "data")))
    entry = {"NetworkAclId": acl["NetworkAcl"]["NetworkAclId"], "RuleAction": "allow", "CidrBlock": "10.0.0.0/16"}
    ec2.create_network_acl_entry(
        **entry, RuleNumber=100, Protocol="6", Egress=False, PortRange={"From": 5432, "To": 5432}
    )
    ec2.create_network_acl_entry(**entry, RuleNumber=100, Protocol="-1", Egress=True)
    assert cell().observed("network_acl")["data"].attributes == {
        "vpc": "main",
        "subnets": [],
        "ingress": {"100": {"action": "allow", "protocol": "tcp", "cidr": "10.0.0.0/16", "ports": "5432"}},
        "egress": {"100": {"action": "allow", "protocol": "all", "cidr": "10.0.0.0/16", "ports": "all"}},
    }


def test_reading_is_bulk(cell, lab, ec2, tags, vpc):
    for number in range(30):
        ec2.create_subnet(
            VpcId=vpc,
            CidrBlock=f"10.0.{number}.0/24",
            TagSpecifications=spec("subnet", tags("subnet", f"s{number}")),
        )
    lab.reset_calls()
    seen = cell().observe(["vpc", "subnet", "route_table"])
    assert len(seen["subnet"]) == 30
    assert lab.calls()["total"] == 5  # VPCs and their two attributes, subnets, route tables
    assert lab.calls()["writes"] == 0


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"cidr": "10.1.0.0/24"}, "does not lie in 10.0.0.0/16"),
        ({"cidr": "10.0.0.0/30"}, "AWS takes subnets from /16 to /28"),
        ({"cidr": "10.0.0.7/24"}, "has host bits set"),
        ({"cidr": "10.0.8.0/21"}, "overlaps 10.0.9.0/24 of subnet x"),
    ],
)
def test_subnets_that_do_not_fit(entry, said):
    world = {
        "vpc": {"main": {"cidr": "10.0.0.0/16", "secondary_cidrs": []}},
        "subnet": {"a": {"vpc": "main", **entry}, "x": {"vpc": "main", "cidr": "10.0.9.0/24"}},
    }
    assert any(said in problem for problem in registry.kind("subnet").check("a", world["subnet"]["a"], world))


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"cidr": "10.0.0.0/8", "port": 1}, "there is no option port"),
        ({"cidr": "10.0.0.0/99"}, "cidr"),
        ({"cidr": "10.0.0.0/8", "ports": "9-1"}, "ports"),
        ({"cidr": "10.0.0.0/8", "action": "maybe"}, "action"),
    ],
)
def test_acl_rules_that_are_wrong(rule, said):
    kind = registry.kind("network_acl")
    entry, problems = specs.validated(kind, "a", {"vpc": "main", "ingress": {100: rule}})
    problems = problems or list(kind.check("a", entry, {}))
    assert any("ingress.100" in problem and said in problem for problem in problems), problems
