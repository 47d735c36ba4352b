"""Route tables, written by the module and read back with boto3."""

from __future__ import annotations

import pytest

TAGS = {"Name": "test-app", "terrace:cell": "test", "terrace:kind": "route_table"}


@pytest.fixture
def ec2(lab):
    return lab.client("ec2")


@pytest.fixture
def vpc(ec2):
    ident = ec2.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=ident)
    return ident


@pytest.fixture
def internet(ec2, vpc):
    return ec2.describe_internet_gateways()["InternetGateways"][0]["InternetGatewayId"]


@pytest.fixture
def egress(ec2, vpc):
    made = ec2.create_egress_only_internet_gateway(VpcId=vpc)
    return made["EgressOnlyInternetGateway"]["EgressOnlyInternetGatewayId"]


@pytest.fixture
def nat(ec2, subnets):
    def make():
        address = ec2.allocate_address(Domain="vpc")["AllocationId"]
        return ec2.create_nat_gateway(SubnetId=subnets[0], AllocationId=address)["NatGateway"]["NatGatewayId"]

    return make


@pytest.fixture
def subnets(ec2, vpc):
    return [ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24")["Subnet"]["SubnetId"] for n in range(3)]


def table(ec2, ident):
    return ec2.describe_route_tables(RouteTableIds=[ident])["RouteTables"][0]


def routes(ec2, ident):
    found = {}
    for route in table(ec2, ident)["Routes"]:
        keys = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")
        to = next(route[key] for key in keys if route.get(key))
        rest = {value for key, value in route.items() if key not in (*keys, "Origin", "State")}
        if rest != {"local"}:
            found[to] = next(iter(rest))
    return found


def users(ec2, ident):
    return sorted(each["SubnetId"] for each in table(ec2, ident)["Associations"] if each.get("SubnetId"))


def test_a_table_is_created_with_its_tags_routes_and_subnets(run, ec2, vpc, subnets, internet, egress):
    wanted = {"0.0.0.0/0": internet, "2001:DB8:0:0::/32": egress}
    made = run("ec2_route_table", vpc_id=vpc, routes=wanted, subnets=subnets[:2], tags=TAGS)
    ident = made["route_table_id"]
    assert made["changed"]
    assert routes(ec2, ident) == {"0.0.0.0/0": internet, "2001:db8::/32": egress}
    assert users(ec2, ident) == sorted(subnets[:2])
    assert {tag["Key"]: tag["Value"] for tag in table(ec2, ident)["Tags"]} == TAGS
    again = run("ec2_route_table", route_table_id=ident, routes=wanted, subnets=subnets[:2], tags=TAGS)
    assert (again["changed"], again["changes"]) == (False, [])


def test_routes_are_replaced_in_place_and_ipv6_ones_removed(run, ec2, vpc, internet, egress, nat):
    first = nat()
    ident = run(
        "ec2_route_table", vpc_id=vpc, routes={"0.0.0.0/0": first, "::/0": egress, "2001:db8::/32": egress}, tags=TAGS
    )["route_table_id"]
    second = nat()
    done = run("ec2_route_table", route_table_id=ident, routes={"0.0.0.0/0": second, "::/0": internet}, tags=TAGS)
    assert done["changes"] == ["replace_route 0.0.0.0/0", "replace_route ::/0", "delete_route 2001:db8::/32"]
    assert routes(ec2, ident) == {"0.0.0.0/0": second, "::/0": internet}


def test_a_prefix_list_is_a_destination(run, ec2, vpc, internet):
    made = ec2.create_managed_prefix_list(
        PrefixListName="offices", MaxEntries=2, AddressFamily="IPv4", Entries=[{"Cidr": "192.0.2.0/24"}]
    )
    offices = made["PrefixList"]["PrefixListId"]
    ident = run("ec2_route_table", vpc_id=vpc, routes={offices: internet}, tags=TAGS)["route_table_id"]
    assert routes(ec2, ident) == {offices: internet}
    assert not run("ec2_route_table", route_table_id=ident, routes={offices: internet}, tags=TAGS)["changed"]
    assert run("ec2_route_table", route_table_id=ident, tags=TAGS)["changes"] == [f"delete_route {offices}"]


def test_routes_of_gateway_endpoints_stay(run, ec2, vpc):
    ident = run("ec2_route_table", vpc_id=vpc, tags=TAGS)["route_table_id"]
    ec2.create_vpc_endpoint(
        VpcId=vpc, ServiceName="com.amazonaws.us-east-1.s3", VpcEndpointType="Gateway", RouteTableIds=[ident]
    )
    before = table(ec2, ident)["Routes"]
    assert len(before) == 3
    assert not run("ec2_route_table", route_table_id=ident, tags=TAGS)["changed"]
    assert table(ec2, ident)["Routes"] == before


def test_a_subnet_changes_over_without_a_moment_without_a_table(run, ec2, vpc, subnets, internet, nat):
    """From a table a zone to one for all and back: associations are replaced, never taken away first."""
    first = nat()
    old = [
        run("ec2_route_table", vpc_id=vpc, routes={"0.0.0.0/0": first}, subnets=[subnet], tags=TAGS)["route_table_id"]
        for subnet in subnets
    ]
    made = run("ec2_route_table", vpc_id=vpc, routes={"0.0.0.0/0": first}, subnets=subnets, tags=TAGS)
    assert made["changes"] == [
        f"create_route_table {vpc}",
        "create_route 0.0.0.0/0",
        *(f"replace_route_table_association {subnet}" for subnet in subnets),
    ]
    for ident in old:
        removal = run("ec2_route_table", state="absent", route_table_id=ident, keep_subnets=subnets)
        assert removal["changes"] == [f"delete_route_table {ident}"]
        assert not run("ec2_route_table", state="absent", route_table_id=ident)["changed"]
    shared = made["route_table_id"]
    assert users(ec2, shared) == sorted(subnets)
    # Written before the table that takes a subnet over, the one that gives it away keeps it.
    kept = run(
        "ec2_route_table",
        route_table_id=shared,
        routes={"0.0.0.0/0": first},
        subnets=subnets[:1],
        keep_subnets=[subnets[1]],
        tags=TAGS,
    )
    assert kept["changes"] == [f"disassociate_route_table {subnets[2]}"]
    assert users(ec2, shared) == sorted(subnets[:2])


def test_a_table_is_not_removed_under_a_subnet_that_another_one_is_to_take(run, ec2, vpc, subnets):
    ident = run("ec2_route_table", vpc_id=vpc, subnets=subnets[:1], tags=TAGS)["route_table_id"]
    refused = run("ec2_route_table", state="absent", route_table_id=ident, keep_subnets=subnets)
    assert refused["failed"]
    assert subnets[0] in refused["msg"]
    assert users(ec2, ident) == subnets[:1]
    gone = run("ec2_route_table", state="absent", route_table_id=ident)
    assert gone["changes"] == [f"disassociate_route_table {subnets[0]}", f"delete_route_table {ident}"]


def test_check_mode_writes_nothing(run, lab, ec2, vpc, subnets, internet):
    ident = run("ec2_route_table", vpc_id=vpc, tags=TAGS)["route_table_id"]
    lab.reset_calls()
    wanted = {"routes": {"0.0.0.0/0": internet}, "subnets": subnets[:1], "tags": TAGS}
    assert run("ec2_route_table", check=True, route_table_id=ident, **wanted)["changed"]
    assert run("ec2_route_table", check=True, vpc_id=vpc, **wanted)["changed"]
    assert run("ec2_route_table", check=True, state="absent", route_table_id=ident)["changed"]
    assert lab.calls()["writes"] == 0


def test_a_target_that_is_no_id_is_named(run, vpc):
    assert (
        "gateway-1 is not the id of a target"
        in run("ec2_route_table", vpc_id=vpc, routes={"0.0.0.0/0": "gateway-1"}, tags=TAGS, check=True)["msg"]
    )
