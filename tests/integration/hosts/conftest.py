# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The development cell on real machines, configured by the real playbooks.

A lab that runs on this machine is used when LAB_STATE_DIR names its state; otherwise one is started, and taken down again.
HOSTS_ARE_READY=1 says that the cell there has been provisioned and configured already.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from lab import process
from lab.api.testing import free_port
from lab.machines.machine import Machine
from lab.machines.util import owner

ROOT = Path(__file__).parents[3]
CELL = "development-use1"
INVENTORIES = (
    "inventories/three_tier/development",
    "inventories/three_tier/development.aws_ec2.yml",
    "inventories/lab",
)


@dataclass
class Hosts:
    """The cell's machines, and an operator who works on them."""

    state: Path
    port: int

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        lab = {"LAB_PORT": str(self.port), "LAB_STATE_DIR": str(self.state), "AWS_REGION": "us-east-1"}
        keys = {"AWS_ACCESS_KEY_ID": "lab", "AWS_SECRET_ACCESS_KEY": "lab", "ANSIBLE_NOCOLOR": "1"}
        return {**kept, **lab, **keys, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}"}

    def play(self, playbook: str, *arguments: str, timeout: float = 1500) -> tuple[int, str]:
        """Run a playbook as an operator does: status and output."""
        inventories = [word for each in INVENTORIES for word in ("-i", each)]
        done = subprocess.run(
            [str(ROOT / ".venv/bin/ansible-playbook"), *inventories, f"playbooks/{playbook}.yml", *arguments],
            cwd=ROOT,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )
        return done.returncode, done.stdout

    def ok(self, playbook: str, *arguments: str, timeout: float = 1500) -> str:
        status, output = self.play(playbook, *arguments, timeout=timeout)
        assert status == 0, output[-6000:]
        return output

    def client(self, service: str) -> Any:
        keys = {"aws_access_key_id": "lab", "aws_secret_access_key": "lab"}
        return boto3.client(service, region_name="us-east-1", endpoint_url=f"http://127.0.0.1:{self.port}", **keys)

    def machines(self, tier: str | None = None) -> dict[str, dict[str, Any]]:
        """The cell's running machines, as EC2 describes them, by id."""
        wanted = {"tag:terrace:cell": CELL, "instance-state-name": "running", **({"tag:tier": tier} if tier else {})}
        filters = [{"Name": name, "Values": [value]} for name, value in wanted.items()]
        found = self.client("ec2").describe_instances(Filters=filters)["Reservations"]
        return {each["InstanceId"]: each for reservation in found for each in reservation["Instances"]}

    def shell(self, instance: str, script: str, check: bool = True) -> str:
        """Run a script as root on a machine, by no network."""
        machine = Machine(instance, self.state / "machines" / instance)
        return machine.enter("/bin/bash", "-c", script, check=check)

    def opens(self, source: str, address: str, port: int) -> bool:
        """Whether a TCP connection from a machine opens."""
        script = f"timeout 2 bash -c '</dev/tcp/{address}/{port}' 2>/dev/null && echo opened"
        return "opened" in self.shell(source, script, check=False)

    def group(self, tier: str) -> list[dict[str, Any]]:
        """The machines an auto scaling group counts."""
        found = self.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[f"{CELL}-{tier}"])
        return list(found["AutoScalingGroups"][0]["Instances"])

    def healthy(self, tier: str) -> set[str]:
        """The machines the tier's target group finds healthy."""
        balancing = self.client("elbv2")
        arn = balancing.describe_target_groups(Names=[f"{CELL}-{tier}"])["TargetGroups"][0]["TargetGroupArn"]
        health = balancing.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
        return {each["Target"]["Id"] for each in health if each["TargetHealth"]["State"] == "healthy"}


def wait(what: str, condition: Callable[[], Any], seconds: float) -> Any:
    """Wait until ``condition`` is true and return what it returned; fail naming what was awaited."""
    until = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > until:
            pytest.fail(f"not within {seconds:g} s: {what}")
        time.sleep(1)
    return value


def changed(output: str) -> dict[str, int]:
    """How much changed on every host of a run, from its recap."""
    return {host: int(count) for host, count in re.findall(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)", output, re.MULTILINE)}


def words(output: str) -> str:
    """A run's output on one line, for Ansible folds long messages."""
    return " ".join(output.split())


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    """A lab with machines; what it is used with ``site.yml`` has not been run on it yet."""
    if os.geteuid() != 0:
        pytest.skip("the lab's machines need root")
    named = os.environ.get("LAB_STATE_DIR")
    running = owner()
    if running and (not named or Path(named).resolve() != Path(str(running)).resolve()):
        pytest.skip(f"another lab runs on this machine (state in {running}); LAB_STATE_DIR={running} uses it")
    if running:
        state = process.running(Path(str(running)))
        assert state, f"the machines of {running} run, but their API does not"
        yield Hosts(Path(str(running)), int(state["port"]))
        return
    # A socket's path is short, so the state is not in pytest's deep folders.
    folder, port = Path(f"/tmp/terrace-hosts-{os.getpid()}"), free_port()
    command = [sys.executable, "-m", "lab"]
    environment = {**os.environ, "LAB_STATE_DIR": str(folder), "LAB_PORT": str(port)}
    subprocess.run([*command, "up", "--level", "machines"], cwd=ROOT, env=environment, check=True, timeout=600)
    try:
        yield Hosts(folder, port)
    finally:
        subprocess.run([*command, "down", "--level", "machines"], cwd=ROOT, env=environment, check=False, timeout=300)


@pytest.fixture(scope="session")
def hosts(lab: Hosts) -> Hosts:
    """The cell provisioned, its configuration released, its machines configured."""
    if "HOSTS_ARE_READY" not in os.environ:
        lab.ok("site")
        lab.ok("release_configuration")
        lab.ok("configure_hosts")
    return lab
