"""Runs the real playbooks, as an operator would, against an emulated API of the test's own."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import typing as t
from dataclasses import dataclass

import pytest

ROOT = pathlib.Path(__file__).parents[3]
sys.path.insert(0, str(ROOT))


def descendants(pid: int) -> list[int]:
    """All processes that a process started, and those they did."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], stdout=subprocess.PIPE, text=True, check=True).stdout
    children: dict[int, list[int]] = {}
    for line in listed.splitlines():
        child, parent = map(int, line.split())
        children.setdefault(parent, []).append(child)
    found, left = [], [pid]
    while left:
        left += children.get(left[0], [])
        found.append(left.pop(0))
    return found[1:]


@dataclass
class Run:
    """How a run ended."""

    status: int
    output: str
    summary: dict[str, t.Any]

    def planned(self, cell: str) -> dict[str, int]:
        return self.summary["cells"][cell]["planned"]

    def changes(self, cell: str) -> dict[str, dict[str, t.Any]]:
        return {f"{each['kind']}/{each['name']}": each for each in self.summary["cells"][cell]["changes"]}

    def ok(self) -> Run:
        assert self.status == 0, self.output[-6000:]
        return self


class Operator:
    """Someone with the repository, an inventory and the lab's address."""

    def __init__(self, lab, folder: pathlib.Path) -> None:
        self.lab, self.folder = lab, folder

    def command(self, playbook: str, *arguments: str, inventory: str | pathlib.Path) -> list[str]:
        return [
            str(ROOT / ".venv/bin/ansible-playbook"),
            *("-i", str(inventory), "-i", "inventories/lab"),
            f"playbooks/{playbook}.yml",
            *arguments,
        ]

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return {
            **kept,
            "LAB_PORT": str(self.lab.port),
            "ANSIBLE_NOCOLOR": "1",
            "TERRACE_PLAN_JSON": str(self.folder / "summary.json"),
        }

    def play(
        self,
        playbook: str,
        *arguments: str,
        inventory: str | pathlib.Path = "inventories/three_tier/development",
        environment: dict[str, str] | None = None,
        timeout: float = 900,
    ) -> Run:
        summary = self.folder / "summary.json"
        summary.unlink(missing_ok=True)
        done = subprocess.run(
            self.command(playbook, *arguments, inventory=inventory),
            cwd=ROOT,
            env=self.environment() | (environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Run(done.returncode, done.stdout, json.loads(summary.read_text()) if summary.exists() else {})

    def killed(
        self, playbook: str, *arguments: str, after: float, inventory: str = "inventories/three_tier/development"
    ) -> bool:
        """Start a run and kill it and all it started after some seconds; whether it was still running."""
        process = subprocess.Popen(
            self.command(playbook, *arguments, inventory=inventory),
            cwd=ROOT,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            process.wait(after)
        except subprocess.TimeoutExpired:
            # Its workers have sessions of their own; one left alone would wait for ever to report to a dead parent.
            os.kill(process.pid, signal.SIGSTOP)
            for pid in [process.pid, *descendants(process.pid)]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.wait()
            return True
        return False


@pytest.fixture(scope="module")
def api():
    """An emulated API for one module of tests."""
    from lab.api.testing import running_lab

    with running_lab() as lab:
        yield lab


@pytest.fixture(scope="module")
def operator(api, tmp_path_factory):
    return Operator(api, tmp_path_factory.mktemp("operator"))
