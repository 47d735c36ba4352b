# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs of AWX in the built execution environment, against an emulated API, over the warm connection.

AWX writes a job's directory, sends it with `ansible-runner transmit` into a pod that runs `ansible-runner worker`, and
reads what comes back with `ansible-runner process`. Here podman stands for Kubernetes; the rest is what AWX does
(awx/main/tasks/jobs.py): inventory as a script, the paths of collections, a user id that the image does not know.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.api.testing import Lab, running_lab
from tests.integration.execution_environment import build

ROOT = build.ROOT
BIN = Path(sys.executable).parent
USER = 1_000_680_000  # as OpenShift gives them out: no name, group 0
CELL = "development-use1"
CONTAINERS = ("--rm", "--network=host")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="the image's base is bootstrapped, which needs root"),
    pytest.mark.skipif(not shutil.which("podman"), reason="podman is not installed"),
    pytest.mark.skipif(not (ROOT / ".git").exists(), reason="a job's project is a checkout, and this is none"),
]


@pytest.fixture(scope="module")
def image() -> str:
    return build.build()


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with running_lab() as running:
        yield running


@pytest.fixture
def job(tmp_path: Path, lab: Lab) -> Path:
    """The directory AWX makes for a job: the project's files, the inventory as exported, the environment."""
    for name in ("project", "inventory", "env"):
        (tmp_path / name).mkdir()
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        source, target = ROOT / name, tmp_path / "project" / name
        if source.is_symlink() or source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)
    inventories = ("-i", "inventories/three_tier/development", "-i", "inventories/lab")
    exported = subprocess.run(
        [BIN / "ansible-inventory", *inventories, "--list", "--export"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    hosts = tmp_path / "inventory/hosts"
    given = json.dumps(with_host_ids(json.loads(exported)))
    hosts.write_text(f"#! /usr/bin/env python3\n# -*- coding: utf-8 -*-\nprint({given!r})\n")
    hosts.chmod(0o700)
    configured = re.search(r"^collections_path = (.*)$", (ROOT / "ansible.cfg").read_text(), re.MULTILINE)[1]
    variables = {
        "ANSIBLE_COLLECTIONS_PATH": f"/runner/requirements_collections:{configured}", "ANSIBLE_FORCE_COLOR": "False",
        "ANSIBLE_NOCOLOR": "True", "LAB_PORT": str(lab.port), "JOB_ID": "7",
    }  # fmt: skip
    (tmp_path / "env/envvars").write_text(json.dumps(variables))
    (tmp_path / "env/extravars").write_text(extra_variables())
    (tmp_path / "env/settings").write_text('{"suppress_ansible_output": true, "suppress_output_file": true}')
    return tmp_path


def with_host_ids(exported: dict) -> dict:
    """The inventory with what AWX gives every host (awx/main/models/inventory.py, get_script_data)."""
    for number, variables in enumerate(exported["_meta"]["hostvars"].values(), start=1):
        for prefix in ("host", "tower"):
            variables |= {f"remote_{prefix}_enabled": "true", f"remote_{prefix}_id": number}
    return exported


def extra_variables(**others: object) -> str:
    """env/extravars as AWX writes it: what it tells of the job, a survey's answers, an artifact; every text is unsafe.

    (awx/main/models/unified_jobs.py and jobs.py, awx_meta_vars; awx/main/utils/safe_yaml.py)
    """
    meta = {"job_id": 7, "job_launch_type": "manual", "job_template_id": 3, "job_template_name": "site", "user_id": 1,
            "user_name": "admin", "user_email": "", "user_first_name": "", "user_last_name": "", "inventory_id": 2,
            "inventory_name": "development", "project_revision": "0" * 40, "project_scm_branch": ""}  # fmt: skip
    given = {f"{prefix}_{name}": value for prefix in ("awx", "tower") for name, value in meta.items()}
    # Two questions that were left unanswered, a credential type's variable, an earlier job's artifact.
    given |= {"terrace_prune": "", "terrace_allow_data_loss": "", "change_ticket": "CHG0001", "build": {"number": 4}}
    return "".join(unsafe(name, value) for name, value in (given | others).items())


def unsafe(name: str, value: object) -> str:
    """One variable as AWX dumps it."""
    text = f"!unsafe {json.dumps(value)}" if isinstance(value, str) else json.dumps(value)
    return f"!unsafe {json.dumps(name)}: {text}\n"


def awx(job: Path, image: str, playbook: str, *words: str, status: str = "successful") -> tuple[str, dict]:
    """Run a job as AWX does in a pod. What it printed, and what the pod said of its start (command, environment)."""
    runner = BIN / "ansible-runner"
    sent = subprocess.run(
        [runner, "transmit", job, "-p", playbook, "--ident", "7", f"--cmdline={' '.join(words)}"],
        check=True,
        capture_output=True,
    ).stdout
    pod = subprocess.run(
        ["podman", "run", "-i", *CONTAINERS, f"--user={USER}:0", image, "ansible-runner", "worker", "--private-data-dir=/runner"],
        input=sent, env=build.podman_environment(), capture_output=True, timeout=600,
    )  # fmt: skip
    assert pod.returncode == 0, pod.stderr
    read = subprocess.run([runner, "process", job], input=pod.stdout, capture_output=True, text=False, timeout=120)
    output = read.stdout.decode()
    started = json.loads(pod.stdout.splitlines()[0])
    assert f'"status": "{status}"' in pod.stdout.decode(), output[-6000:]
    return output, started


def left() -> list[str]:
    """Warm processes of the job's user anywhere on this machine, and containers."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if process.stat().st_uid == USER:
                found.append((process / "comm").read_text().strip())
        except OSError:
            continue
    return found + build.podman("ps", "--all", "--format={{.Names}}").split()


def test_the_image_holds_what_is_pinned(image: str) -> None:
    def inside(*command: str) -> str:
        return build.podman("run", *CONTAINERS, f"--user={USER}:0", image, *command)

    held = {
        each["name"].lower(): each["version"]
        for each in json.loads(inside("python3", "-m", "pip", "list", "--format=json"))
    }
    wanted = dict(re.findall(r"^([\w.-]+)(?:\[\w+\])?==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    assert {name: held.get(name.lower()) for name in wanted} == wanted
    assert held["ansible-core"] == "2.21.5"
    assert "aiobotocore" not in held
    collections = json.loads(inside("ansible-galaxy", "collection", "list", "--format=json"))
    versions = {name: each["version"] for place in collections.values() for name, each in place.items()}
    pinned = re.findall(r"name: (\S+)\n\s+version: (\S+)", (ROOT / "requirements.yml").read_text())
    assert {name: versions.get(name) for name, _ in pinned} == dict(pinned)


def test_jobs_of_a_pod(job: Path, image: str, lab: Lab) -> None:
    """A check by the collection's name, the cell itself, and the same once more, which has nothing to do."""
    lab.reset()
    output, started = awx(job, image, "terrace.aws.site", "--check", "-vvv")
    assert started["env"]["HOME"] == "/runner"
    planned = int(re.search(rf"{CELL}: Plan: (\d+) to add, 0 to change, 0 to remove", output)[1])
    assert planned > 60
    assert not lab.client("ec2").describe_vpcs(Filters=[{"Name": "is-default", "Values": ["false"]}])["Vpcs"]

    output, _ = awx(job, image, "playbooks/site.yml", "-vvv")
    assert f"{CELL}: Done: {planned} added, 0 changed, 0 removed" in output
    assert output.count("WARM pid") > 50
    assert "not run warm" not in output
    vpcs = lab.client("ec2").describe_vpcs(Filters=[{"Name": "tag:terrace:cell", "Values": [CELL]}])["Vpcs"]
    assert len(vpcs) == 1
    assert left() == []

    output, _ = awx(job, image, "playbooks/site.yml", "-vvv")
    assert f"{CELL}: Done: 0 added, 0 changed, 0 removed" in output

    # A survey's answer is a text: one pattern, which matches nothing here, so nothing that holds data may go.
    (job / "env/extravars").write_text(extra_variables(destroy_confirm=CELL, terrace_allow_data_loss="bucket/none-*"))
    output, _ = awx(job, image, "playbooks/destroy_cell.yml", status="failed")
    assert "hold data" in output
    assert lab.client("ec2").describe_vpcs(Filters=[{"Name": "tag:terrace:cell", "Values": [CELL]}])["Vpcs"]


def test_process_isolation(job: Path, image: str, lab: Lab) -> None:
    """As on an execution node of AWX: ansible-runner itself starts the container, with the job's directory mounted.

    The user is root inside, as AWX asks podman for; there podman runs without root, so that this is the user awx.
    """
    lab.reset()
    (job / "env/settings").unlink()  # the output is wanted
    options = ("--process-isolation", "--process-isolation-executable=podman", f"--container-image={image}")
    done = subprocess.run(
        [BIN / "ansible-runner", "run", job, "-p", "playbooks/site.yml", "--ident", "8", *options,
         "--container-option=--user=root", "--container-option=--network=host", "--cmdline=-vvv"],
        env=build.podman_environment(), capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    said = (job / "artifacts/8/stdout").read_text() if (job / "artifacts/8/stdout").exists() else done.stdout
    assert done.returncode == 0, said[-6000:] + done.stderr[-2000:]
    assert said.count("WARM pid") > 50
    assert "not run warm" not in said
    assert left() == []
