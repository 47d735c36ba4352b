# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bastion that cannot be reached, a wrong key, a machine that is lost, one that is looked into."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from tests.integration.hosts.conftest import CELL, Hosts, changed, wait, words


def test_a_wrong_key_is_told_in_one_message(hosts: Hosts, tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    # An open connection needs no key.
    for socket in (hosts.state / "ssh" / CELL).glob("i-*"):
        subprocess.run(["ssh", "-o", f"ControlPath={socket}", "-O", "exit", "x"], check=False, capture_output=True)
    try:
        status, output = hosts.play("configure_hosts", "-e", f"host_access_private_key={key}", timeout=300)
        assert status != 0
        assert f"it refuses the key: {key}" in words(output)
        assert output.count("fatal:") == 1
    finally:
        hosts.ok("open_hosts")


def test_an_unreachable_bastion_is_told_in_one_message_and_the_next_run_recovers(hosts: Hosts) -> None:
    ec2 = hosts.client("ec2")
    [group] = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": [f"{CELL}-bastion"]}])[
        "SecurityGroups"
    ]
    for socket in (hosts.state / "ssh" / CELL).glob("i-*"):
        subprocess.run(["ssh", "-o", f"ControlPath={socket}", "-O", "exit", "x"], check=False, capture_output=True)
    ec2.revoke_security_group_ingress(GroupId=group["GroupId"], IpPermissions=group["IpPermissions"])
    try:
        time.sleep(3)
        status, output = hosts.play("configure_hosts", "-e", "host_access_timeout=20", timeout=300)
        assert status != 0
        assert "cannot be reached over SSH: no answer" in words(output)
        assert output.count("fatal:") == 1
    finally:
        ec2.authorize_security_group_ingress(GroupId=group["GroupId"], IpPermissions=group["IpPermissions"])
    time.sleep(3)
    assert not any(changed(hosts.ok("configure_hosts")).values())


def test_a_machine_that_is_lost_is_replaced_and_serves_with_no_operator(hosts: Hosts) -> None:
    before = {each["InstanceId"] for each in hosts.group("web")}
    wait("the web tier is healthy", lambda: hosts.healthy("web") >= before, 120)
    lost = min(before)
    began = time.monotonic()
    hosts.client("ec2").terminate_instances(InstanceIds=[lost])

    def replaced() -> set[str]:
        return {each["InstanceId"] for each in hosts.group("web") if each["LifecycleState"] == "InService"} - before

    [new] = wait("another is in service", replaced, 300)
    wait("it serves", lambda: new in hosts.healthy("web"), 600)
    print(f"terminated to serving: {time.monotonic() - began:.0f} s")
    assert "configured with status 0" in hosts.shell(new, "journalctl -u terrace-configure -o cat")
    assert not any(changed(hosts.ok("configure_hosts")).values()), (
        "what a machine does by itself is what is done from outside"
    )


def test_a_machine_that_is_looked_into_is_cut_off_and_replaced(hosts: Hosts) -> None:
    machine = min(hosts.machines("app"))
    hosts.ok("isolate_instance", "-e", f"isolate_instance={machine}", "-e", "isolate_instance_snapshots=true")
    ec2 = hosts.client("ec2")
    [seen] = ec2.describe_instances(InstanceIds=[machine])["Reservations"][0]["Instances"]
    assert [group["GroupName"] for group in seen["SecurityGroups"]] == [f"{CELL}-quarantine"]
    assert seen["State"]["Name"] == "running"
    assert ec2.describe_snapshots(Filters=[{"Name": "tag:terrace:isolated", "Values": [machine]}])["Snapshots"]
    assert machine not in {each["InstanceId"] for each in hosts.group("app")}
    time.sleep(3)
    [bastion] = hosts.machines("bastion")
    assert not hosts.opens(bastion, seen["PrivateIpAddress"], 22)
    wait("another takes its place", lambda: len(hosts.group("app")) == 2, 120)
    hosts.ok("configure_hosts")
    hosts.ok("isolate_instance", "-e", f"isolate_instance={machine}", "-e", "isolate_instance_snapshots=true")
    snapshots = ec2.describe_snapshots(Filters=[{"Name": "tag:terrace:isolated", "Values": [machine]}])["Snapshots"]
    assert len(snapshots) == len(seen["BlockDeviceMappings"]), "a second run takes no more of them"
    ec2.modify_instance_attribute(InstanceId=machine, DisableApiTermination={"Value": False})
    ec2.terminate_instances(InstanceIds=[machine])
