"""The network's kinds, read from resources made with boto3."""

from __future__ import annotations

import pytest

from ansible_collections.terrace.aws.plugins.plugin_utils import specs
from ansible_collections.terrace.aws.plugins.plugin_utils.engine import plan, registry


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
        ({"cidr": "10.0.0.0/8", "protocol": "all", "ports": "443"}, "ports: only tcp and udp"),
        ({"cidr": "10.0.0.0/8", "action": "maybe"}, "action"),
    ],
)
def test_acl_rules_that_are_wrong(rule, said):
    kind = registry.kind("network_acl")
    entry, problems = specs.validated(kind, "a", {"vpc": "main", "ingress": {100: rule}})
    problems = problems or list(kind.check("a", entry, {}))
    assert any("ingress.100" in problem and said in problem for problem in problems), problems


@pytest.fixture
def table(ec2, tags, vpc):
    made = ec2.create_route_table(VpcId=vpc, TagSpecifications=spec("route-table", tags("route_table", "web")))
    return made["RouteTable"]["RouteTableId"]


def test_routes_to_what_terrace_does_not_manage_are_understood(cell, ec2, vpc, subnet, table):
    egress = ec2.create_egress_only_internet_gateway(VpcId=vpc)["EgressOnlyInternetGateway"]
    egress = egress["EgressOnlyInternetGatewayId"]
    interface = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    vpn = ec2.create_vpn_gateway(Type="ipsec.1")["VpnGateway"]["VpnGatewayId"]
    ec2.attach_vpn_gateway(VpcId=vpc, VpnGatewayId=vpn)
    offices = ec2.create_managed_prefix_list(PrefixListName="offices", MaxEntries=2, AddressFamily="IPv4")
    offices = offices["PrefixList"]["PrefixListId"]
    ec2.create_route(RouteTableId=table, DestinationIpv6CidrBlock="2001:db8::/32", EgressOnlyInternetGatewayId=egress)
    ec2.create_route(RouteTableId=table, DestinationPrefixListId=offices, GatewayId=vpn)
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="192.0.2.0/24", NetworkInterfaceId=interface)
    found = cell().observed("route_table")["web"]
    routes = {
        "2001:db8::/32": f"egress_gateway:{egress}",
        offices: f"vpn_gateway:{vpn}",
        "192.0.2.0/24": f"network_interface:{interface}",
    }
    assert found.attributes["routes"] == routes
    kind = registry.kind("route_table")
    wanted = {"vpc": "main", "subnets": [], "routes": routes}
    assert list(kind.check("web", wanted, {"route_table": {}})) == []
    assert plan.compare(kind, wanted, found) == {}
    # The long form of an IPv6 network is the same one, and a route taken out of the inventory is a difference.
    long = {**routes, "2001:0DB8:0:0:0:0:0:0/32": routes["2001:db8::/32"]}
    del long["2001:db8::/32"]
    assert plan.compare(kind, {**wanted, "routes": long}, found) == {}
    del long["2001:0DB8:0:0:0:0:0:0/32"]
    assert list(plan.compare(kind, {**wanted, "routes": long}, found)) == ["routes.2001:db8::/32"]


class Answers:
    """A cell whose describe call answers what the emulated API cannot."""

    def __init__(self, tags, *routes, propagating=()):
        self._table = {
            "RouteTableId": "rtb-1",
            "VpcId": "vpc-1",
            "Associations": [],
            "Tags": tags("route_table", "web"),
            "PropagatingVgws": [{"GatewayId": each} for each in propagating],
            "Routes": list(routes),
        }

    def ec2(self, operation, result):
        return [self._table]

    def name_of(self, kind, ident):
        return ident

    def names_of(self, kind, idents):
        return sorted(idents)

    def owned(self, kind, items, *_):
        return [("web", item, {}) for item in items]


def test_propagated_routes_and_those_of_endpoints_are_facts_or_left_out(tags):
    cell = Answers(
        tags,
        {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "Origin": "CreateRouteTable", "State": "active"},
        {"DestinationCidrBlock": "10.9.0.0/16", "GatewayId": "vgw-1", "Origin": "EnableVgwRoutePropagation"},
        {"DestinationPrefixListId": "pl-0123456789abcdef0", "GatewayId": "vpce-1", "Origin": "CreateRoute"},
        {"DestinationCidrBlock": "10.8.0.0/16", "GatewayId": "vpce-2", "Origin": "CreateRoute", "State": "active"},
        {"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1", "Origin": "CreateRoute", "State": "blackhole"},
        propagating=["vgw-1"],
    )
    found = registry.kind("route_table").read(cell)["web"]
    # 10.8.0.0/16 leads to a Gateway Load Balancer's endpoint, which only CreateRoute can say.
    assert found.attributes["routes"] == {"10.8.0.0/16": "vpc_endpoint:vpce-2", "0.0.0.0/0": "nat_gateway:nat-1"}
    assert found.facts == {
        "main": False,
        "propagating_gateways": ["vgw-1"],
        "propagated_routes": {"10.9.0.0/16": "vgw-1"},
        "blackholes": ["0.0.0.0/0"],
    }


@pytest.mark.parametrize(
    ("to", "target", "said"),
    [
        ("10.1.2.3/16", "nat_gateway:a", "routes.10.1.2.3/16: 10.1.2.3/16 has host bits set; write 10.1.0.0/16"),
        ("10.1.2.3", "nat_gateway:a", "write 10.1.2.3/32"),
        ("pl-1", "nat_gateway:a", "a destination is a network or a prefix list"),
        ("0.0.0.0/0", "nat:a", "there is no target nat:a"),
        (
            "0.0.0.0/0",
            "egress_gateway:main",
            "egress_gateway:main: write egress_gateway:<id>, with an id that begins with eigw-",
        ),
        ("0.0.0.0/0", "nat_gateway:", "lacks the name or id of the nat_gateway"),
    ],
)
def test_routes_that_are_wrong(to, target, said):
    entry = {"vpc": "main", "subnets": [], "routes": {to: target}}
    problems = list(registry.kind("route_table").check("web", entry, {"route_table": {}}))
    assert any(said in problem for problem in problems), problems


def test_a_network_that_is_written_twice_is_named():
    entry = {"vpc": "main", "subnets": [], "routes": {"::/0": "nat_gateway:a", "0::0/0": "nat_gateway:b"}}
    problems = list(registry.kind("route_table").check("web", entry, {"route_table": {}}))
    assert problems == ["routes.0::0/0: is the same network as ::/0; a table has one route to it"]


def test_a_gateway_that_is_given_by_its_id_is_no_reference():
    entry = {"routes": {"0.0.0.0/0": "nat_gateway:nat-0123456789abcdef0", "::/0": "nat_gateway:a"}}
    assert registry.kind("route_table").names_in("routes.nat_gateway", entry) == ["a"]


def test_an_acls_networks_are_normalised_or_refused(cell, ec2, tags, vpc):
    acl = ec2.create_network_acl(VpcId=vpc, TagSpecifications=spec("network-acl", tags("network_acl", "data")))
    ec2.create_network_acl_entry(
        NetworkAclId=acl["NetworkAcl"]["NetworkAclId"],
        RuleNumber=100,
        Protocol="6",
        RuleAction="allow",
        Egress=False,
        Ipv6CidrBlock="2001:db8::/32",
        PortRange={"From": 443, "To": 443},
    )
    kind = registry.kind("network_acl")

    def entry(cidr):
        wanted = {"vpc": "main", "ingress": {100: {"cidr": cidr, "ports": "443"}}}
        return specs.validated(kind, "data", wanted)[0]

    found = cell().observed("network_acl")["data"]
    assert plan.compare(kind, entry("2001:0db8:0:0::/32"), found) == {}
    assert list(kind.check("data", entry("10.0.0.9/8"), {})) == [
        "ingress.100: cidr: 10.0.0.9/8 has host bits set; write 10.0.0.0/8"
    ]


@pytest.fixture
def gateway(ec2, tags, subnet):
    def make():
        address = ec2.allocate_address(Domain="vpc")["AllocationId"]
        made = ec2.create_nat_gateway(
            SubnetId=subnet, AllocationId=address, TagSpecifications=spec("natgateway", tags("nat_gateway", "a"))
        )
        return made["NatGateway"]["NatGatewayId"]

    return make


def test_a_failed_nat_gateway_is_replaced(cell, lab, gateway):
    kind, entry = registry.kind("nat_gateway"), {"subnet": "web-a", "elastic_ip": None, "connectivity": "public"}
    lab.state("nat_gateway", gateway(), "failed")
    observed = cell().observed("nat_gateway")
    assert observed["a"].state == "failed"
    change = plan.changes(kind, {"a": entry}, observed, plan.Rules())[0]
    assert (change.action, change.refused) == ("replace", "")
    # AWS lists the failed one for an hour: it must not take its successor's name.
    second = gateway()
    observed = cell().observed("nat_gateway")
    assert {name: each.id for name, each in observed.items()} == {"a": second}


def test_a_nat_gateway_that_is_being_deleted_is_leaving_until_it_is_gone(cell, lab, ec2, gateway):
    lab.delays(nat_gateway_delete=60)
    first = gateway()
    ec2.delete_nat_gateway(NatGatewayId=first)
    found = cell().observed("nat_gateway")["a"]
    assert (found.id, found.state) == (first, "leaving")
    assert list(cell().observed("nat_gateway")) == ["a"]
    lab.state("nat_gateway", first, "deleted")
    assert cell().observed("nat_gateway") == {}
