# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One lab with real machines for all tests of this folder: a small three-tier network, made with boto3."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest

from lab import machines, process
from lab.api.testing import free_port
from lab.machines.machine import Machine
from lab.machines.util import owner

USER_DATA = """#!/bin/sh
mkdir -p /srv/site && echo "first boot of $(hostname)" >/srv/site/index.html
echo ran >/var/tmp/user-data
systemd-run --unit site python3 -m http.server 8080 -d /srv/site
"""


def wait(what: str, condition: Callable[[], Any], seconds: float = 30, every: float = 0.2) -> Any:
    """Wait until `condition` is true and return what it returned; fail naming what was awaited."""
    until = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > until:
            pytest.fail(f"not within {seconds:g} s: {what}")
        time.sleep(every)


@dataclass
class World:
    """The lab, and the ids of what was made in it."""

    state: Path
    port: int
    key: Path
    ids: dict[str, str] = field(default_factory=dict)
    address: dict[str, str] = field(default_factory=dict)

    def client(self, service: str, region: str = "us-east-1") -> Any:
        """A boto3 client of the lab."""
        keys = {"aws_access_key_id": "lab", "aws_secret_access_key": "lab"}
        return boto3.client(service, region_name=region, endpoint_url=f"http://127.0.0.1:{self.port}", **keys)

    def machine(self, name: str) -> Machine:
        """The machine of an instance, by the name given here or its id."""
        instance = self.ids.get(name, name)
        return Machine(instance, self.state / "machines" / instance)

    def shell(self, name: str, script: str, check: bool = True) -> str:
        """Run a script as root on an instance, without the network."""
        return self.machine(name).enter("/bin/sh", "-c", script, check=check)

    def opens(self, source: str, address: str, port: int) -> bool:
        """Whether a TCP connection from an instance opens."""
        return "yes" in self.shell(source, f"nc -z -w1 {address} {port} && echo yes", check=False)

    def ssh(self, address: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command over ssh from this machine."""
        options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "ConnectTimeout=3"]
        flags = [word for option in options for word in ("-o", option)]
        command = ["ssh", "-i", str(self.key), *flags, f"admin@{address}", *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=20)

    def launch(self, name: str, subnet: str, group: str, user_data: str = USER_DATA, **more: Any) -> str:
        """Launch an instance and return its id; its private address is kept."""
        instance = self.client("ec2").run_instances(
            ImageId=self.ids["image"],
            MinCount=1,
            MaxCount=1,
            InstanceType="t3.micro",
            KeyName="operators",
            SubnetId=self.ids[subnet],
            SecurityGroupIds=[self.ids[group]],
            UserData=user_data,
            MetadataOptions={"HttpTokens": "required", "InstanceMetadataTags": "enabled", "HttpPutResponseHopLimit": 1},
            TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": name}]}],
            **more,
        )["Instances"][0]
        self.ids[name], self.address[name] = instance["InstanceId"], instance["PrivateIpAddress"]
        return str(instance["InstanceId"])

    def booted(self, name: str, seconds: float = 60) -> None:
        """Wait until an instance has run its user data."""
        done = "test -e /var/lib/cloud/instance/boot-finished && echo yes"
        wait(
            f"first boot of {name}",
            lambda: self.machine(name).pid() and "yes" in self.shell(name, done, False),
            seconds,
        )


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The lab with the network below in it; gone afterwards."""
    if os.geteuid() != 0:
        pytest.skip("the lab's machines need root")
    if owner():
        pytest.skip(f"another lab runs on this machine (state in {owner()})")
    state = tmp_path_factory.mktemp("lab").resolve()
    os.environ["LAB_STATE_DIR"] = str(state)
    api, _ = process.start(free_port(), directory=state)
    machines.up(api["port"], state)
    key = state / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    made = World(state, api["port"], key)
    try:
        _network(made)
        yield made
    finally:
        for log in ("machines.log", "api.log"):
            shutil.copy(state / log, state.parent / log)
        machines.down(state)
        process.stop(state)


def _network(world: World) -> None:
    """A VPC with public, web, app and data subnets, and one instance a tier."""
    ec2, ids = world.client("ec2"), world.ids
    ids["vpc"] = vpc = ec2.create_vpc(CidrBlock="10.31.0.0/16")["Vpc"]["VpcId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    places = {
        "public-a": (0, "a"),
        "public-b": (1, "b"),
        "web-a": (10, "a"),
        "app-a": (20, "a"),
        "data-a": (30, "a"),
        "data-b": (31, "b"),
    }
    for name, (third, zone) in places.items():
        made = ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.31.{third}.0/24", AvailabilityZone=f"us-east-1{zone}")
        ids[name] = made["Subnet"]["SubnetId"]
    address = ec2.allocate_address(Domain="vpc")
    nat = ec2.create_nat_gateway(SubnetId=ids["public-a"], AllocationId=address["AllocationId"])["NatGateway"][
        "NatGatewayId"
    ]
    for target, subnets in (({"GatewayId": gateway}, ("public-a", "public-b")), ({"NatGatewayId": nat}, ("app-a",))):
        table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", **target)
        for subnet in subnets:
            ec2.associate_route_table(RouteTableId=table, SubnetId=ids[subnet])
    for name in ("bastion-sg", "alb-sg", "web-sg", "app-sg", "db-sg", "cache-sg"):
        ids[name] = ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"]
    for group, port, source in (
        ("bastion-sg", 22, "0.0.0.0/0"),
        ("alb-sg", 80, "0.0.0.0/0"),
        ("alb-sg", 443, "0.0.0.0/0"),
        ("web-sg", 22, "bastion-sg"),
        ("web-sg", 8080, "alb-sg"),
        ("app-sg", 22, "bastion-sg"),
        ("app-sg", 8080, "web-sg"),
        ("app-sg", 8080, "alb-sg"),
        ("db-sg", 5432, "app-sg"),
        ("cache-sg", 6379, "app-sg"),
    ):
        ec2.authorize_security_group_ingress(GroupId=ids[group], IpPermissions=[permission(world, port, source)])
    public = (world.key.with_suffix(".pub")).read_bytes()
    ec2.import_key_pair(KeyName="operators", PublicKeyMaterial=public)
    images = ec2.describe_images(Owners=["self", "amazon"])["Images"]
    ids["image"] = (
        images[0]["ImageId"] if images else ec2.register_image(Name="debian-13", RootDeviceName="/dev/xvda")["ImageId"]
    )
    world.launch("bastion", "public-a", "bastion-sg")
    world.launch("web", "web-a", "web-sg")
    world.launch("app", "app-a", "app-sg")
    elastic = ec2.allocate_address(Domain="vpc")
    ec2.associate_address(AllocationId=elastic["AllocationId"], InstanceId=ids["bastion"])
    world.address["bastion-public"] = elastic["PublicIp"]


def permission(world: World, port: int, source: str, protocol: str = "tcp") -> dict[str, Any]:
    """One TCP permission from a range or a group."""
    rule: dict[str, Any] = {"IpProtocol": protocol, "FromPort": port, "ToPort": port}
    if "/" in source:
        return rule | {"IpRanges": [{"CidrIp": source}]}
    return rule | {"UserIdGroupPairs": [{"GroupId": world.ids[source]}]}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """There is one lab a machine: the tests that start and stop one of their own come before the shared one."""
    items.sort(key=lambda item: item.path.name != "test_lifecycle.py")
