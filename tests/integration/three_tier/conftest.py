"""Runs the real playbooks, as an operator would, against an emulated API of the test's own."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import time
import typing as t
from dataclasses import dataclass

import pytest
import yaml

from tests.processes import end_at_once

ROOT = pathlib.Path(__file__).parents[3]
sys.path.insert(0, str(ROOT))


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

    def tasks(self) -> dict[str, int]:
        """How many tasks each cell had, from the recap."""
        lines = [line.split() for line in self.output.splitlines() if " ok=" in line]
        return {line[0]: int(line[2].removeprefix("ok=")) for line in lines}

    def ok(self) -> Run:
        assert self.status == 0, self.output[-6000:]
        return self


class Operator:
    """Someone with the repository, an inventory and the lab's address."""

    def __init__(self, lab, folder: pathlib.Path, root: pathlib.Path = ROOT) -> None:
        self.lab, self.folder, self.root = lab, folder, root

    def command(self, playbook: str, *arguments: str, inventory: str | pathlib.Path) -> list[str]:
        return [
            str(self.root / ".venv/bin/ansible-playbook"),
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
            cwd=self.root,
            env=self.environment() | (environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Run(done.returncode, done.stdout, json.loads(summary.read_text()) if summary.exists() else {})

    @contextlib.contextmanager
    def started(
        self,
        playbook: str,
        *arguments: str,
        inventory: str | pathlib.Path = "inventories/three_tier/development",
        environment: dict[str, str] | None = None,
    ) -> t.Iterator[Started]:
        """A run that goes on beside the test; what is left of it at the end is killed."""
        output = self.folder / f"run-{time.monotonic_ns()}.log"
        with output.open("w") as stream:
            process = subprocess.Popen(
                self.command(playbook, *arguments, inventory=inventory),
                cwd=self.root,
                env=self.environment() | (environment or {}) | {"TERRACE_PLAN_JSON": f"{output}.json"},
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        run = Started(process, output)
        try:
            yield run
        finally:
            run.kill()


@dataclass
class Started:
    """A run that is going on."""

    process: subprocess.Popen[bytes]
    file: pathlib.Path

    @property
    def output(self) -> str:
        return self.file.read_text()

    def until(self, happened: t.Callable[[], t.Any], seconds: float = 120) -> None:
        """Wait until something has happened while the run goes on."""
        end = time.monotonic() + seconds
        while not happened():
            assert self.process.poll() is None, f"the run ended before that:\n{self.output}"
            assert time.monotonic() < end, f"it did not happen in {seconds} s:\n{self.output}"
            time.sleep(0.1)

    def ended(self, seconds: float = 600) -> Run:
        """Wait for its end."""
        self.process.wait(seconds)
        summary = pathlib.Path(f"{self.file}.json")
        return Run(self.process.returncode, self.output, json.loads(summary.read_text()) if summary.exists() else {})

    def kill(self) -> None:
        """End it and all it started at once, as a power cut does."""
        if self.process.poll() is not None:
            return
        # Its workers have sessions of their own; one left alone would wait for ever to report to a dead parent.
        end_at_once(self.process.pid)
        self.process.wait()


#: A cell as small as can be; tests add to it.
SMALL = {
    "ansible_connection": "terrace.aws.warm",
    "ansible_python_interpreter": "{{ ansible_playbook_python }}",
    "cell_region": "eu-west-1",
    "cell_account": "123456789012",
}


class Cells:
    """Small cells of a test's own: an inventory that is written anew for each run."""

    def __init__(self, operator: Operator, path: pathlib.Path) -> None:
        self.operator, self.path = operator, path

    def play(self, playbook: str, cells: dict[str, dict[str, t.Any]], *arguments: str, **more: t.Any) -> Run:
        """Run a playbook on cells that have these variables beside those of SMALL."""
        return self.operator.play(playbook, *arguments, inventory=self.inventory(cells), **more)

    def inventory(self, cells: dict[str, dict[str, t.Any]]) -> pathlib.Path:
        hosts = {name: {**SMALL, **variables} for name, variables in cells.items()}
        self.path.write_text(yaml.safe_dump({"cells": {"hosts": hosts}}))
        return self.path


@pytest.fixture(scope="module")
def api():
    """An emulated API for one module of tests."""
    from lab.api.testing import running_lab

    with running_lab() as lab:
        yield lab


@pytest.fixture(scope="module")
def operator(api, tmp_path_factory):
    return Operator(api, tmp_path_factory.mktemp("operator"))


@pytest.fixture(scope="module")
def cells(operator, tmp_path_factory):
    return Cells(operator, tmp_path_factory.mktemp("cells") / "hosts.yml")
