# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The development cell on real machines as an operator, a visitor and an intruder see it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest

from bench import load
from lab.machines.machine import Machine
from tests.processes import end_at_once

ROOT = Path(__file__).parents[3]
CELL = "development-use1"
BUCKET = f"{CELL}-releases-123456789012"
KEYS = {"aws_access_key_id": "lab", "aws_secret_access_key": "only-the-lab-knows-this"}
INVENTORIES = (
    "inventories/three_tier/development",
    "inventories/three_tier/development.aws_ec2.yml",
    "inventories/lab",
)


@dataclass
class Cell:
    """The cell in a lab; ``folder`` takes what its runs said, and the releases that are made.

    ``root`` is the checkout whose lab and playbooks are used; ``more`` are arguments of every playbook.
    """

    state: Path
    port: int
    folder: Path
    root: Path = ROOT
    more: tuple[str, ...] = ()
    seconds: list[str] = field(default_factory=list)

    def environment(self) -> dict[str, str]:
        """What an operator's shell has."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        lab = {"LAB_PORT": str(self.port), "LAB_STATE_DIR": str(self.state), "ANSIBLE_NOCOLOR": "1"}
        keys = {name.upper(): value for name, value in KEYS.items()}
        return {**kept, **lab, **keys, "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}"}

    def lab(self, command: str) -> subprocess.CompletedProcess[str]:
        """The lab's own command line."""
        words = [sys.executable, "-m", "lab", command, "--level", "machines"]
        done = subprocess.run(
            words, cwd=self.root, env=self.environment(), capture_output=True, text=True, timeout=1800, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def _run(self, playbook: str, arguments: Sequence[str]) -> dict[str, Any]:
        """How a playbook is started."""
        words = [word for each in INVENTORIES for word in ("-i", each)] + [f"playbooks/{playbook}.yml"]
        return {
            "args": [str(self.root / ".venv/bin/ansible-playbook"), *words, *self.more, *arguments],
            "cwd": self.root,
            "env": self.environment(),
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.STDOUT,
            "text": True,
        }

    def play(self, playbook: str, *arguments: str) -> tuple[int, str]:
        """Run a playbook: its status, and what it said, on one line, for Ansible folds long messages."""
        began = time.monotonic()
        done = subprocess.run(**self._run(playbook, arguments), timeout=1800, check=False)
        (self.folder / f"{time.time():.0f}-{playbook}.log").write_text(done.stdout)
        self.seconds.append(f"{playbook} {time.monotonic() - began:.0f} s")
        return done.returncode, done.stdout

    def killed(self, task: str, playbook: str, *arguments: str) -> str:
        """Run a playbook and kill it, with all it started, once a task has ended on a machine; what it said until then."""
        running = subprocess.Popen(**self._run(playbook, arguments), start_new_session=True)
        assert running.stdout
        told, inside = [], False
        for line in running.stdout:
            told.append(line)
            if inside and re.match(r"(ok|changed): \[", line):
                break
            inside = task in line if line.startswith("TASK [") else inside
        end_at_once(running.pid)
        running.stdout.close()
        assert running.wait() == -signal.SIGKILL, "".join(told)[-3000:]
        return "".join(told)

    def must(self, playbook: str, *arguments: str) -> str:
        """Run a playbook that has to succeed; what it said."""
        status, output = self.play(playbook, *arguments)
        assert status == 0, output[-6000:]
        return output

    def refused(self, playbook: str, *arguments: str) -> str:
        """Run a playbook that has to fail; what it said, on one line, for Ansible folds long messages."""
        status, output = self.play(playbook, *arguments)
        assert status != 0, output[-6000:]
        return " ".join(output.split())

    def client(self, service: str) -> Any:
        """A boto3 client of the cell's region."""
        return boto3.client(service, region_name="us-east-1", endpoint_url=f"http://127.0.0.1:{self.port}", **KEYS)

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

    def hang_up(self) -> None:
        """End the kept connections: an open one needs no key and meets no security group."""
        for socket in (self.state / "ssh" / CELL).glob("i-*"):
            subprocess.run(["ssh", "-o", f"ControlPath={socket}", "-O", "exit", "x"], check=False, capture_output=True)

    def overview(self) -> list[dict[str, Any]]:
        """The cell's and all others' machines and services, as the lab's status shows them."""
        command = [sys.executable, "-m", "lab.machines.overview", "--json"]
        told = subprocess.run(
            command, cwd=self.root, env=self.environment(), capture_output=True, text=True, check=True
        )
        return list(json.loads(told.stdout)["machines"])

    def public(self) -> str:
        """The address at which the public balancer answers."""
        return str(next(each["public"] for each in self.overview() if each["name"] == f"{CELL}-public"))

    def bastion(self) -> str:
        """The address at which the bastion answers."""
        [found] = self.machines("bastion").values()
        return str(found["PublicIpAddress"])

    def get(self, path: str, data: dict[str, Any] | None = None, name: str = f"{CELL}.example.com") -> Any:
        """What the application of a name answers from outside, over HTTPS, in JSON."""
        return json.loads(self.page(path, data, name))

    def page(self, path: str, data: dict[str, Any] | None = None, name: str = f"{CELL}.example.com") -> str:
        """What the application of a name answers from outside, over HTTPS."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        body = json.dumps(data).encode() if data else None
        headers = {"Content-Type": "application/json", "Host": name}
        request = urllib.request.Request(f"https://{self.public()}{path}", body, headers)
        with urllib.request.urlopen(request, timeout=20, context=context) as answer:
            return str(answer.read().decode())

    def serves(self) -> bool:
        """Whether somebody has brought the cell as far as answering."""
        try:
            return bool(self.get("/health")["database"] == "ok")
        except (OSError, StopIteration, ValueError):
            return False

    def served(self) -> set[str]:
        """The versions the application machines serve, each asked on its own."""
        script = "curl -fsS http://127.0.0.1:8000/version"
        return {json.loads(self.shell(each, script))["version"] for each in self.machines("app")}

    def release(self, change: Callable[[Path], None] | None = None) -> str:
        """Release the sample application under a new version, changed; return the version."""
        version = f"0.{time.time_ns()}"
        source = self.folder / version
        shutil.copytree(self.root / "lab/sample_app", source, ignore=shutil.ignore_patterns("__pycache__"))
        file = source / "pyproject.toml"
        file.write_text(re.sub(r'^version = ".*"', f'version = "{version}"', file.read_text(), flags=re.MULTILINE))
        if change:
            change(source)
        self.must("release_app", "-e", f"app_release_source={source}", "-e", f"app_release_version={version}")
        return version

    @contextlib.contextmanager
    def load(self, *paths: str) -> Iterator[dict[str, Any]]:
        """Steady requests for as long as the block takes, none of which may fail; the report is in the dict afterwards.

        How many a site bears is measured elsewhere (bench/acts.py): here a busy machine must bear them, and how long one
        takes is no matter. A balancer gives up connecting to a machine that is gone after 10 seconds, and asks another.
        """
        name = f"{CELL}.example.com"
        with load.beside(f"https://{self.public()}", name, self.folder, paths, timeout=30, rate=25) as report:
            yield report
        assert report["requests"] > 100
        assert report["failed"] == 0, report


def recorded(cell: Cell) -> dict[str, Any]:
    """The record of the last deployment: its state, what each machine serves, who put it there."""
    return dict(json.loads(cell.client("s3").get_object(Bucket=BUCKET, Key="notes/deployment.json")["Body"].read()))


def wait(what: str, condition: Callable[[], Any], seconds: float) -> Any:
    """Wait until ``condition`` is true and return what it returned; fail naming what was awaited."""
    until = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > until:
            pytest.fail(f"not within {seconds:g} s: {what}")
        time.sleep(0.5)
    return value


def changed(output: str) -> dict[str, int]:
    """How much changed on every host of a run, from its recap."""
    return {host: int(count) for host, count in re.findall(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)", output, re.MULTILINE)}
