# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running the same playbook over `local` and over the warm connection."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
BIN = Path(sys.executable).parent


class Bench:
    """A directory with an inventory of `local` and `warm` hosts, in which playbooks are run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.started: list[subprocess.Popen] = []
        self.sockets = path / "s"
        self.sockets.mkdir(mode=0o700)
        for name in ("action_plugins", "library", "module_utils"):
            shutil.copytree(HERE / name, path / name)
        path.joinpath("ansible.cfg").write_text("[defaults]\n")
        self.inventory(1)
        # A variable of Python's own, which makes servers of this test nobody else's.
        self.environment = {
            **os.environ,
            "ANSIBLE_CONFIG": str(path / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"),
            "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
            "ANSIBLE_ACTION_PLUGINS": str(path / "action_plugins"),
            "ANSIBLE_LIBRARY": str(path / "library"),
            "ANSIBLE_MODULE_UTILS": str(path / "module_utils"),
            "ANSIBLE_DEPRECATION_WARNINGS": "false",
            "ANSIBLE_LOCAL_TEMP": str(path / "tmp"),
            "ANSIBLE_REMOTE_TMP": str(path / "rtmp"),
            "ANSIBLE_ASYNC_DIR": str(path / "async"),
            "ANSIBLE_PIPELINING": "true",
            "ANSIBLE_FORKS": "60",
            "ANSIBLE_WARM_DIRECTORY": str(self.sockets),
            "LC_ALL": "C.UTF-8",
        }

    def inventory(self, count: int, **variables: object) -> None:
        hosts = {f"local{n}": {"ansible_connection": "local"} for n in range(count)}
        hosts |= {f"warm{n}": {"ansible_connection": "terrace.aws.warm"} for n in range(count)}
        every = {"ansible_python_interpreter": sys.executable, **variables}
        self.path.joinpath("inventory.yml").write_text(yaml.safe_dump({"all": {"vars": every, "hosts": hosts}}))

    def command(self, tasks: list[dict], *args: str, **play: object) -> list[str]:
        name = f"play{len(list(self.path.glob('play*.yml')))}.yml"
        keys = {"hosts": "all", "gather_facts": False, **play}
        self.path.joinpath(name).write_text(yaml.safe_dump([{**keys, "tasks": tasks}]))
        return [str(BIN / "ansible-playbook"), "-i", "inventory.yml", name, *args]

    def run(
        self, tasks: list[dict], *args: str, environment: dict | None = None, **play: object
    ) -> dict[str, dict[str, dict]]:
        """Results by task name and host."""
        done = subprocess.run(
            self.command(tasks, *args, **play), cwd=self.path, env={**self.environment, **(environment or {})},
            capture_output=True, text=True, timeout=400,
        )  # fmt: skip
        self.output = done.stdout + done.stderr
        try:
            data = json.loads(done.stdout[done.stdout.index("{\n") :])
        except ValueError:
            pytest.fail(self.output)
        return {task["task"]["name"]: task["hosts"] for play in data["plays"] for task in play["tasks"]}

    def verbose(self, tasks: list[dict], *args: str, environment: dict | None = None, **play: object) -> str:
        """What -vvvv says."""
        environment = {**self.environment, "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default", **(environment or {})}
        done = subprocess.run(
            [*self.command(tasks, *args, **play), "-vvvv"], cwd=self.path, env=environment, capture_output=True, text=True,
            timeout=400,
        )  # fmt: skip
        return done.stdout + done.stderr

    def start(self, command: list[str], **more: object) -> subprocess.Popen:
        """A playbook that goes on while the test does something to it; at the end of the test it is ended."""
        environment = {**self.environment, **more.pop("environment", {})}
        self.started.append(subprocess.Popen(command, cwd=self.path, env=environment, **more))
        return self.started[-1]

    def end(self) -> None:
        """Leave no process behind, whatever became of the test."""
        for running in self.started:
            if running.poll() is None:
                running.terminate()
                running.wait(timeout=60)
        for _ in range(600):
            if not (left := self.servers()):
                return
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.1)
        raise AssertionError(f"warm processes {left} do not end")

    def servers(self) -> list[int]:
        """The warm processes of this directory that live; a child has their name for a moment, and one of them as parent."""
        found = {}
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if process.joinpath("comm").read_text() == "terrace-warm\n" and str(self.sockets) in os.readlink(
                    process / "fd/1"
                ):
                    found[int(process.name)] = int(process.joinpath("stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
        return [pid for pid, parent in found.items() if parent not in found]


@pytest.fixture
def bench() -> Iterator[Bench]:
    path = Path(tempfile.mkdtemp(prefix="tw"))
    bench = Bench(path)
    yield bench
    bench.end()
    shutil.rmtree(path, ignore_errors=True)


def normal(value: object, host: str) -> object:
    """A result without what is different at each call of `local`, too."""
    text = json.dumps(value, sort_keys=True)
    text = re.sub(r"/proc/(self|\d+)/fd/980", "<zip>", text)
    text = re.sub(r"/[\w/.-]*?ansible_[\w.]+_payload_\w+/ansible_[\w.]+_payload\.zip", "<zip>", text)
    text = re.sub(r"ansible-tmp-[\d.-]+", "<tmp>", text)
    text = re.sub(r"\bj\d{6,}\.\d+", "<job>", text)
    text = re.sub(r"(/bash: line \d+: ) *\d+ ", r"\1<pid> ", text)
    text = re.sub(r'"_original_basename": "\.\w+"', '"_original_basename": "<tmp>"', text)
    return json.loads(text.replace(host, "<host>"))
