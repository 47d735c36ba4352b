# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Security groups and network ACLs on real packets, all pairs, and changes within two seconds."""

from __future__ import annotations

import pytest

from tests.integration.machines.conftest import World, permission, wait

#: The pairs the security groups of the world open: (from, to, port). Every other pair must stay shut.
OPEN = {
    ("bastion", "web", 22),
    ("bastion", "app", 22),
    ("web", "app", 8080),
    ("app", "bastion", 22),
    ("web", "bastion", 22),
}
PORTS = {"bastion": (22, 8080), "web": (22, 8080), "app": (22, 8080)}


@pytest.fixture(scope="module", autouse=True)
def _booted(world: World) -> None:
    for name in PORTS:
        world.booted(name)
        wait(
            f"the site of {name}",
            lambda name=name: "200" in world.shell(name, "curl -sI -m1 localhost:8080 | head -1", False),
            20,
        )


def test_all_pairs_of_tiers(world: World) -> None:
    opened, tried = set(), 0
    for source in PORTS:
        for target, ports in PORTS.items():
            if source == target:
                continue
            for port in ports:
                tried += 1
                if world.opens(source, world.address[target], port):
                    opened.add((source, target, port))
    assert tried == 12
    assert opened == OPEN


def test_a_rule_opens_and_shuts_within_two_seconds(world: World) -> None:
    ec2, rule = world.client("ec2"), [permission(world, 8080, "bastion-sg")]
    assert not world.opens("bastion", world.address["web"], 8080)
    ec2.authorize_security_group_ingress(GroupId=world.ids["web-sg"], IpPermissions=rule)
    wait("the rule opens", lambda: world.opens("bastion", world.address["web"], 8080), 2)
    ec2.revoke_security_group_ingress(GroupId=world.ids["web-sg"], IpPermissions=rule)
    # A look that fails takes a second itself.
    wait("the rule is gone", lambda: not world.opens("bastion", world.address["web"], 8080), 3)


def test_egress_is_the_senders_affair(world: World) -> None:
    ec2, group = world.client("ec2"), world.ids["web-sg"]
    everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    assert world.opens("web", world.address["app"], 8080)
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=everything)
    try:
        wait("nothing leaves", lambda: not world.opens("web", world.address["app"], 8080), 3)
        # Stateful: the answer to a connection that was let in needs no egress rule.
        assert world.opens("bastion", world.address["web"], 22)
    finally:
        ec2.authorize_security_group_egress(GroupId=group, IpPermissions=everything)
    wait("it leaves again", lambda: world.opens("web", world.address["app"], 8080), 2)


def test_network_acls_are_stateless(world: World) -> None:
    """An ACL that lets requests in but no answers out shuts the subnet, whatever the security groups say."""
    ec2, ids = world.client("ec2"), world.ids
    acls = ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [ids["vpc"]]}])["NetworkAcls"]
    link = next(a for acl in acls for a in acl["Associations"] if a["SubnetId"] == ids["app-a"])
    acl = ec2.create_network_acl(VpcId=ids["vpc"])["NetworkAcl"]["NetworkAclId"]
    entry = {"NetworkAclId": acl, "RuleNumber": 100, "Protocol": "6", "RuleAction": "allow", "CidrBlock": "0.0.0.0/0"}
    ec2.create_network_acl_entry(**entry, Egress=False, PortRange={"From": 8080, "To": 8080})
    assert world.opens("web", world.address["app"], 8080)
    fresh = ec2.replace_network_acl_association(AssociationId=link["NetworkAclAssociationId"], NetworkAclId=acl)
    try:
        wait("the subnet is shut", lambda: not world.opens("web", world.address["app"], 8080), 3)
        ec2.create_network_acl_entry(**entry, Egress=True, PortRange={"From": 1024, "To": 65535})
        wait("answers leave", lambda: world.opens("web", world.address["app"], 8080), 2)
        assert not world.opens("bastion", world.address["app"], 22), "port 22 is not in the ACL"
    finally:
        ec2.replace_network_acl_association(AssociationId=fresh["NewAssociationId"], NetworkAclId=link["NetworkAclId"])
    wait("the default ACL is back", lambda: world.opens("bastion", world.address["app"], 22), 2)


def test_an_instance_cannot_flush_it_or_pretend(world: World) -> None:
    world.shell("app", "nft flush ruleset; ip addr add 10.31.0.99/32 dev eth0")
    try:
        assert not world.opens("bastion", world.address["app"], 8080)
        forged = f"nc -z -w1 -s 10.31.0.99 {world.address['bastion']} 22 && echo yes"
        assert "yes" not in world.shell("app", forged, check=False)
    finally:
        world.shell("app", "ip addr del 10.31.0.99/32 dev eth0")


def test_peered_vpcs_reach_each_other_by_their_routes(world: World) -> None:
    ec2, ids = world.client("ec2"), world.ids
    other = ec2.create_vpc(CidrBlock="10.32.0.0/16")["Vpc"]["VpcId"]
    ids["peer-a"] = ec2.create_subnet(VpcId=other, CidrBlock="10.32.1.0/24", AvailabilityZone="us-east-1a")["Subnet"][
        "SubnetId"
    ]
    ids["peer-sg"] = ec2.create_security_group(GroupName="peer", Description="peer", VpcId=other)["GroupId"]
    rule = [permission(world, 22, "10.31.0.0/16")]
    ec2.authorize_security_group_ingress(GroupId=ids["peer-sg"], IpPermissions=rule)
    link = ec2.create_vpc_peering_connection(VpcId=ids["vpc"], PeerVpcId=other)["VpcPeeringConnection"]
    link = link["VpcPeeringConnectionId"]
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=link)
    world.launch("peer", "peer-a", "peer-sg", "")
    try:
        wait("the machine runs", lambda: world.machine("peer").pid(), 10)
        assert not world.opens("bastion", world.address["peer"], 22), "no route leads there yet"
        for table in ec2.describe_route_tables()["RouteTables"]:
            if table["VpcId"] in (ids["vpc"], other):
                target = "10.32.0.0/16" if table["VpcId"] == ids["vpc"] else "10.31.0.0/16"
                ec2.create_route(
                    RouteTableId=table["RouteTableId"], DestinationCidrBlock=target, VpcPeeringConnectionId=link
                )
        wait("the peer answers", lambda: world.opens("bastion", world.address["peer"], 22), 30)
        assert not world.opens("peer", world.address["app"], 8080), "its security group counts as before"
    finally:
        ec2.terminate_instances(InstanceIds=[ids["peer"]])
