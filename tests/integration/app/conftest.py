# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The development cell with its application deployed, on real machines: in the lab that runs (LAB_STATE_DIR), or in one's own.

Needs root. In a lab of one's own the cell is provisioned and configured first, which takes minutes.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from lab import machines, process
from lab.api.testing import free_port
from lab.machines.machine import Machine
from lab.machines.util import owner

ROOT = Path(__file__).parents[3]
CELL = "development-use1"
BIN = ROOT / ".venv/bin"


@dataclass
class Site:
    """The cell as an operator and as a visitor see it."""

    state: Path
    port: int
    folder: Path
    number: int = 0

    def environment(self) -> dict[str, str]:
        """What an operator's shell has."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        lab = {"LAB_PORT": str(self.port), "LAB_STATE_DIR": str(self.state), "ANSIBLE_NOCOLOR": "1"}
        keys = {
            "AWS_ACCESS_KEY_ID": "lab",
            "AWS_SECRET_ACCESS_KEY": "only-the-lab-knows-this",
            "AWS_REGION": "us-east-1",
        }
        return {**kept, **lab, **keys, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}"}

    def play(self, playbook: str, *arguments: str, seconds: float = 900) -> subprocess.CompletedProcess[str]:
        """Run a playbook."""
        inventories = (
            "inventories/three_tier/development",
            "inventories/three_tier/development.aws_ec2.yml",
            "inventories/lab",
        )
        command = [str(BIN / "ansible-playbook"), *(word for each in inventories for word in ("-i", each))]
        command += [f"playbooks/{playbook}.yml", *arguments]
        run = subprocess.run(command, cwd=ROOT, env=self.environment(), capture_output=True, text=True, timeout=seconds)
        (self.folder / f"{time.time():.0f}-{playbook}.log").write_text(run.stdout + run.stderr)
        return run

    def must(self, playbook: str, *arguments: str) -> str:
        """Run a playbook that has to succeed; what it said."""
        run = self.play(playbook, *arguments)
        assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-2000:]
        return run.stdout

    def refused(self, playbook: str, *arguments: str) -> str:
        """Run a playbook that has to fail; its messages in one line."""
        run = self.play(playbook, *arguments)
        assert run.returncode != 0, "it succeeded"
        return " ".join(run.stdout.split())

    def client(self, service: str) -> Any:
        """A boto3 client of the cell's region."""
        keys = {"aws_access_key_id": "lab", "aws_secret_access_key": "only-the-lab-knows-this"}
        return boto3.client(service, region_name="us-east-1", endpoint_url=f"http://127.0.0.1:{self.port}", **keys)

    def public(self) -> str:
        """The address at which the public balancer answers."""
        command = [sys.executable, "-m", "lab.machines.overview", "--json"]
        told = subprocess.run(command, cwd=ROOT, env=self.environment(), capture_output=True, text=True, check=True)
        return next(each["public"] for each in json.loads(told.stdout)["machines"] if each["name"] == f"{CELL}-public")

    def get(self, path: str, data: dict[str, Any] | None = None) -> Any:
        """What the application answers from outside, over HTTPS."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        body = json.dumps(data).encode() if data else None
        request = urllib.request.Request(f"https://{self.public()}{path}", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=20, context=context) as answer:
            return json.load(answer)

    def app_machines(self) -> list[Machine]:
        """The machines of the application tier that run."""
        wanted = [
            {"Name": "tag:Name", "Values": [f"{CELL}-app"]},
            {"Name": "instance-state-name", "Values": ["running"]},
        ]
        found = self.client("ec2").describe_instances(Filters=wanted)["Reservations"]
        ids = [instance["InstanceId"] for each in found for instance in each["Instances"]]
        return [Machine(each, self.state / "machines" / each) for each in ids]

    def served(self) -> set[str]:
        """The versions the machines serve, each asked on its own."""
        script = "python3 -c 'import urllib.request as u; print(u.urlopen(\"http://127.0.0.1:8000/version\").read().decode())'"
        return {json.loads(each.enter("/bin/sh", "-c", script))["version"] for each in self.app_machines()}

    def release(self, change: Callable[[Path], None] | None = None) -> str:
        """Release the sample application under a new version, changed; return the version."""
        self.number += 1
        version = f"0.{time.time():.0f}.{self.number}"
        source = self.folder / version
        shutil.copytree(ROOT / "lab/sample_app", source, ignore=shutil.ignore_patterns("__pycache__"))
        project = source / "pyproject.toml"
        project.write_text(
            re.sub(r'^version = ".*"', f'version = "{version}"', project.read_text(), flags=re.MULTILINE)
        )
        if change:
            change(source)
        self.must("release_app", "-e", f"app_release_source={source}", "-e", f"app_release_version={version}")
        return version

    @contextlib.contextmanager
    def load(self) -> Iterator[dict[str, Any]]:
        """50 requests a second for as long as the block takes; the report is in the dict afterwards."""
        stop = self.folder / f"stop-{time.time()}"
        command = [
            sys.executable,
            "bench/load.py",
            f"https://{self.public()}",
            "--name",
            f"{CELL}.example.com",
            "--insecure",
        ]
        command += ["--rate", "50", "--seconds", "1800", "--until", str(stop)]
        report: dict[str, Any] = {}
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
            try:
                time.sleep(3)
                yield report
                time.sleep(3)
            finally:
                stop.touch()
                report.update(json.loads(running.communicate(timeout=60)[0]))


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The cell, serving a release of the sample application."""
    if os.geteuid() != 0:
        pytest.skip("the lab's machines need root")
    folder = tmp_path_factory.mktemp("app").resolve()
    given = Path(os.environ["LAB_STATE_DIR"]).resolve() if os.environ.get("LAB_STATE_DIR") else None
    running = owner()
    if running and running != given:
        pytest.skip(f"another lab runs on this machine (state in {running}); LAB_STATE_DIR={running} uses it")
    state = given if running and given else folder / "lab"
    os.environ["LAB_STATE_DIR"] = str(state)
    if running:
        port = json.loads((state / "api.json").read_text())["port"]
    else:
        state.mkdir()
        port = process.start(free_port(), directory=state)[0]["port"]
        machines.up(port, state)
    made = Site(state, port, folder)
    try:
        if not running:
            made.must("site")
        made.must("configure_hosts")
        made.must("configure_database")
        made.must("deploy_app", "-e", f"app_release_version={made.release()}")
        made.get("/notes", {"text": "first"})
        yield made
    finally:
        if not running:
            machines.down(state)
            process.stop(state)
