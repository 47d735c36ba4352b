# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Instances: ssh at the elastic IP, user data, metadata, stop, start, reboot, terminate."""

from __future__ import annotations

import base64
import json

import pytest

from lab.machines import mirrors
from tests.integration.machines.conftest import World, wait

METADATA = "http://169.254.169.254/latest"
TOKEN = f"$(curl -s -m2 -X PUT {METADATA}/api/token -H 'X-aws-ec2-metadata-token-ttl-seconds: 60')"


def metadata(world: World, name: str, path: str) -> str:
    """Ask an instance's metadata service as the instance does."""
    return world.shell(name, f'curl -sf -m2 -H "X-aws-ec2-metadata-token: {TOKEN}" {METADATA}/{path}')


def test_ssh_answers_at_the_elastic_ip(world: World) -> None:
    address = world.address["bastion-public"]
    assert address.startswith("127.")
    wait("ssh at the elastic IP", lambda: world.ssh(address, "true").returncode == 0)
    assert world.ssh(address, "sudo", "id", "-u").stdout.strip() == "0"
    seen = world.ssh(address, "echo $SSH_CONNECTION").stdout.split()
    assert seen[0] == "198.51.100.10", "the operator comes from outside the VPC"
    assert seen[2] == world.address["bastion"]


def test_host_key_is_learned_from_the_console(world: World) -> None:
    world.booted("bastion")

    def output() -> str:
        text = world.client("ec2").get_console_output(InstanceId=world.ids["bastion"]).get("Output", "")
        return text if "BEGIN SSH HOST KEY KEYS" in text else ""

    text = wait("host keys on the console", output)
    public = world.shell("bastion", "cut -d' ' -f2 /etc/ssh/ssh_host_ed25519_key.pub").strip()
    assert public in text


def test_user_data_ran_at_first_boot(world: World) -> None:
    world.booted("app")
    assert world.shell("app", "cat /var/tmp/user-data").strip() == "ran"
    assert world.shell("app", "systemctl is-system-running --wait", check=False).strip() == "running"


def test_metadata_needs_a_token_and_tells_the_truth(world: World) -> None:
    world.booted("app")
    assert world.shell("app", f"curl -s -o /dev/null -w '%{{http_code}}' -m2 {METADATA}/meta-data/").strip() == "401"
    assert metadata(world, "app", "meta-data/instance-id") == world.ids["app"]
    assert metadata(world, "app", "meta-data/local-ipv4") == world.address["app"]
    assert metadata(world, "app", "meta-data/placement/availability-zone") == "us-east-1a"
    assert metadata(world, "app", "meta-data/tags/instance/Name") == "app"
    assert metadata(world, "bastion", "meta-data/public-ipv4") == world.address["bastion-public"]
    assert json.loads(metadata(world, "app", "dynamic/instance-identity/document"))["region"] == "us-east-1"
    stolen = world.shell("bastion", f"echo {TOKEN}").strip()
    refused = (
        f"curl -s -o /dev/null -w '%{{http_code}}' -m2 -H 'X-aws-ec2-metadata-token: {stolen}' {METADATA}/meta-data/"
    )
    assert world.shell("app", refused).strip() == "401", "a token is worth nothing on another instance"


def test_metadata_token_travels_one_hop(world: World) -> None:
    """A container on the machine is one hop further: with the limit at 1 it gets no token."""
    world.booted("app")
    inner = """
ip netns add inner; ip link add near0 type veth peer name far0 netns inner
ip addr add 172.30.0.1/30 dev near0; ip link set near0 up; sysctl -qw net.ipv4.ip_forward=1
ip -n inner addr add 172.30.0.2/30 dev far0; ip -n inner link set far0 up; ip -n inner route add default via 172.30.0.1
nft 'add table ip inner; add chain ip inner out { type nat hook postrouting priority 100; }; add rule ip inner out masquerade'
"""
    world.shell("app", inner)
    try:
        answers = f"ip netns exec inner curl -s -m2 -o /dev/null -w '%{{http_code}}' {METADATA}/meta-data/"
        assert world.shell("app", answers, check=False).strip() == "401", "the way there is open"
        asking = (
            f"ip netns exec inner curl -s -m2 -X PUT {METADATA}/api/token -H 'X-aws-ec2-metadata-token-ttl-seconds: 60'"
        )
        assert world.shell("app", asking, check=False).strip() == ""
        world.client("ec2").modify_instance_metadata_options(
            InstanceId=world.ids["app"], HttpTokens="required", HttpPutResponseHopLimit=2
        )
        wait("a token two hops away", lambda: world.shell("app", asking, check=False).strip(), 6)
    finally:
        world.shell(
            "app", "ip netns del inner; nft delete table ip inner; sysctl -qw net.ipv4.ip_forward=0", check=False
        )


def test_role_credentials_work_without_an_endpoint(world: World) -> None:
    """An instance with a profile calls the AWS API as on AWS: no endpoint, no key, TLS verified."""
    iam = world.client("iam")
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}],
    }
    iam.create_role(RoleName="app", AssumeRolePolicyDocument=json.dumps(trust))
    iam.create_instance_profile(InstanceProfileName="app")
    iam.add_role_to_instance_profile(InstanceProfileName="app", RoleName="app")
    world.client("ec2").associate_iam_instance_profile(IamInstanceProfile={"Name": "app"}, InstanceId=world.ids["app"])
    world.booted("app")
    wait(
        "the role in the metadata",
        lambda: (
            "app"
            in world.shell(
                "app",
                f'curl -s -m2 -H "X-aws-ec2-metadata-token: {TOKEN}" {METADATA}/meta-data/iam/security-credentials/',
            )
        ),
        5,
    )
    script = "import boto3; print(boto3.client('sts', region_name='us-east-1').get_caller_identity()['Arn'])"
    arn = world.shell("app", f'AWS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt python3 -c "{script}"')
    assert arn.strip() == f"arn:aws:sts::123456789012:assumed-role/app/{world.ids['app']}"


def test_stop_and_start_keep_the_disk(world: World) -> None:
    ec2 = world.client("ec2")
    world.booted("web")
    world.shell("web", "echo kept >/var/tmp/kept")
    ec2.stop_instances(InstanceIds=[world.ids["web"]])
    wait("the machine stops", lambda: not world.machine("web").running(), 12)
    ec2.start_instances(InstanceIds=[world.ids["web"]])
    wait("the machine runs again", lambda: world.machine("web").pid(), 5)
    assert world.shell("web", "cat /var/tmp/kept").strip() == "kept"
    wait("ssh after the start", lambda: world.opens("bastion", world.address["web"], 22), 20)


def test_power_off_inside_stops_the_instance(world: World) -> None:
    world.launch(
        "short-lived", "app-a", "app-sg", "#!/bin/sh\npoweroff\n", InstanceInitiatedShutdownBehavior="terminate"
    )
    instance = world.ids["short-lived"]

    def state() -> str:
        found = world.client("ec2").describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
        return str(found["State"]["Name"])

    wait("the instance terminates", lambda: state() == "terminated", 40)
    wait("its disk is gone", lambda: not world.machine(instance).directory.exists(), 5)


def test_terminate_removes_everything(world: World) -> None:
    instance = world.launch("doomed", "app-a", "app-sg", "")
    wait("the machine runs", lambda: world.machine(instance).pid(), 10)
    world.client("ec2").terminate_instances(InstanceIds=[instance])
    wait("the machine is gone", lambda: not world.machine(instance).directory.exists(), 5)
    namespaces = world_namespaces()
    assert not any(instance in name for name in namespaces)


def world_namespaces() -> list[str]:
    """The named network namespaces of this machine."""
    from pathlib import Path

    return [path.name for path in Path("/run/netns").iterdir()]


def test_packages_come_from_the_registries_and_nothing_else_leaves(world: World) -> None:
    world.booted("app")
    assert "200" in world.shell("app", f"curl -sI -m10 {mirrors.MIRROR}/dists/trixie/InRelease | head -1")
    assert world.shell("app", f"curl -s -m5 {mirrors.PYTHON}/pip/ -o /dev/null -w '%{{http_code}}'").strip() == "200"
    assert world.shell("app", "getent hosts example.com", check=False) == ""
    assert not world.opens("app", "192.0.2.1", 443)
    # The web subnet has no route to a NAT gateway.
    assert world.shell("web", f"curl -sI -m3 {mirrors.MIRROR}/dists/trixie/InRelease | head -1", check=False) == ""


@pytest.mark.parametrize("encoded", [False, True])
def test_user_data_is_decoded(encoded: bool) -> None:
    from lab.machines.imds import decode_user_data

    text = "#cloud-config\n{}\n"
    assert decode_user_data(base64.b64encode(text.encode()).decode() if encoded else text) == text.encode()
