# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the whole platform on machines costs: `python -m bench.demo >bench/results/demo.md` (root, the lab's image, no other lab).

In a lab of its own: `make demo LAB=machines` from an empty account to the answering application, and again; another
release deployed under load; a web machine terminated under load until its replacement, which configures itself, serves.
Machines are asked how many SSH connections they accepted. What is done goes to standard error, a table to standard output.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from bench import load
from lab.api.testing import free_port
from lab.machines import overview
from lab.machines.machine import Machine

ROOT = Path(__file__).resolve().parent.parent
CELL = "development-use1"


@dataclass
class Site:
    """The lab, and the platform in it."""

    state: Path
    port: int

    def make(self, *words: str) -> float:
        """Run make; the seconds it took."""
        log = self.state.parent / f"{time.time():.0f}.log"
        print(f"make {' '.join(words)} (log in {log})", file=sys.stderr, flush=True)
        environment = {
            **os.environ,
            "LAB_STATE_DIR": str(self.state),
            "LAB_PORT": str(self.port),
            "ANSIBLE_NOCOLOR": "1",
        }
        began = time.monotonic()
        with log.open("w") as output:
            done = subprocess.run(
                ["make", *words, "LAB=machines"],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                check=False,
            )
        took = time.monotonic() - began
        if done.returncode:
            raise SystemExit(f"make {' '.join(words)} failed:\n{log.read_text()[-3000:]}")
        print(f"  {took:.0f} s", file=sys.stderr, flush=True)
        return took

    def client(self, service: str) -> Any:
        """A boto3 client of the cell's region."""
        keys = {"aws_access_key_id": "lab", "aws_secret_access_key": "lab"}
        return boto3.client(service, region_name="us-east-1", endpoint_url=f"http://127.0.0.1:{self.port}", **keys)

    def machines(self, tier: str = "*") -> list[str]:
        """The ids of the machines that run."""
        wanted = [
            {"Name": "tag:Name", "Values": [f"{CELL}-{tier}"]},
            {"Name": "instance-state-name", "Values": ["running"]},
        ]
        found = self.client("ec2").describe_instances(Filters=wanted)["Reservations"]
        return sorted(instance["InstanceId"] for each in found for instance in each["Instances"])

    def connections(self) -> dict[str, int]:
        """How many SSH connections each machine has accepted so far."""
        script = "journalctl -q -u ssh -o cat | grep -c '^Accepted' || true"
        machines = {each: Machine(each, self.state / "machines" / each) for each in self.machines()}
        return {name: int(each.enter("/bin/sh", "-c", script).strip() or 0) for name, each in machines.items()}

    def healthy(self, tier: str) -> set[str]:
        """The machines a tier's target group sends requests to."""
        elb = self.client("elbv2")
        arn = elb.describe_target_groups(Names=[f"{CELL}-{tier}"])["TargetGroups"][0]["TargetGroupArn"]
        shown = elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
        return {each["Target"]["Id"] for each in shown if each["TargetHealth"]["State"] == "healthy"}

    def public(self) -> str:
        """The address at which the public balancer answers."""
        found = overview.collect(self.state)["machines"]
        return next(str(each["public"]) for each in found if each["name"] == f"{CELL}-public")

    @contextlib.contextmanager
    def load(self) -> Iterator[dict[str, Any]]:
        """Steady requests from outside for as long as the block takes; the report is in the dict afterwards."""
        with load.beside(f"https://{self.public()}", f"{CELL}.example.com", self.state.parent) as report:
            yield report


def another(folder: Path, version: str) -> Path:
    """The sample application under another version."""
    source = folder / "another"
    shutil.copytree(ROOT / "lab/sample_app", source, ignore=shutil.ignore_patterns("__pycache__"))
    project = source / "pyproject.toml"
    project.write_text(re.sub(r'^version = ".*"', f'version = "{version}"', project.read_text(), flags=re.MULTILINE))
    return source


def replaced(site: Site, seconds: float = 900) -> tuple[float, float]:
    """Terminate a web machine: seconds until another is in service, and until it is healthy in its target group."""
    before = set(site.machines("web"))
    scaling, began, service = site.client("autoscaling"), time.monotonic(), 0.0
    site.client("ec2").terminate_instances(InstanceIds=[min(before)])
    while time.monotonic() - began < seconds:
        group = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[f"{CELL}-web"])["AutoScalingGroups"][0]
        serving = {each["InstanceId"] for each in group["Instances"] if each["LifecycleState"] == "InService"}
        if serving - before and not service:
            service = time.monotonic() - began
        if service and (serving - before) & site.healthy("web"):
            return service, time.monotonic() - began
        time.sleep(0.5)
    raise SystemExit(f"no replacement serves after {seconds:.0f} s")


def show(rows: list[tuple[str, str, str]]) -> None:
    """The table, with what it was taken on."""
    print("# The platform on machines\n")
    print(f"`python -m bench.demo` on {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}.\n")
    print("| what | figure | load (1 min) afterwards |\n|---|---|---|")
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print(
        f"\nRequests: {load.RATE} a second over HTTPS through balancer, nginx, balancer, gunicorn, PostgreSQL and Redis."
    )


def measured(site: Site, folder: Path) -> Iterator[tuple[str, str]]:
    """What is measured and its figure, one after the other."""
    yield "`make demo LAB=machines`, image cached, to the answering application", f"{site.make('demo'):.0f} s"
    first = site.connections()
    yield "SSH connections a machine accepted meanwhile", numbers(first.values())
    yield "`make demo` again", f"{site.make('demo'):.0f} s"
    second = site.connections()
    yield "SSH connections a machine accepted meanwhile", numbers(second[each] - first[each] for each in second)
    source = another(folder, "1.1.0")
    with site.load() as report:
        took = site.make("deploy", f"APP={source}", "VERSION=1.1.0")
    yield "another release built and deployed under load, two machines in two batches", f"{took:.0f} s"
    yield "requests meanwhile", f"{report['requests']}, failed: {report['failed']}"
    with site.load() as report:
        service, serving = replaced(site)
    yield "a web machine terminated under load: another in service (it has configured itself)", f"{service:.0f} s"
    yield "… and healthy in its target group", f"{serving:.0f} s"
    yield "requests meanwhile", f"{report['requests']}, failed: {report['failed']}"


def numbers(values: Any) -> str:
    """Least and most of some numbers."""
    found = sorted(values)
    return str(found[0]) if found[0] == found[-1] else f"{found[0]} to {found[-1]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the lab running, and say where")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="terrace-demo-")).resolve()
    (folder / "lab").mkdir()
    site, rows = Site(folder / "lab", free_port()), []
    try:
        for what, figure in measured(site, folder):
            rows.append((what, figure, f"{os.getloadavg()[0]:.1f}"))
            print(f"{what}: {figure}", file=sys.stderr, flush=True)
    finally:
        if rows:
            show(rows)
        if options.keep:
            print(f"LAB_STATE_DIR={site.state} LAB_PORT={site.port}", file=sys.stderr)
        else:
            site.make("lab-down")


if __name__ == "__main__":
    main()
