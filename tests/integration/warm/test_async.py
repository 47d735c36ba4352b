# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`async` over both connections: the job's file, its time limit, what the module sees; and that it was run warm."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from ansible.release import __version__

from .conftest import Bench, normal
from .test_ahead import waiting
from .test_life import LINGER, until
from .test_parity import PATH, differences, strip

WARM = pytest.mark.skipif(
    tuple(int(part) for part in __version__.split(".")[:2]) < (2, 21),
    reason="jobs are run warm with ansible-core 2.21 or later",
)


def job(mode: str, name: str, task: dict | None = None, **args: object) -> dict:
    return {
        "name": name,
        "warm_probe": {"mode": mode, **args},
        "async": 60,
        "poll": 1,
        "ignore_errors": True,
        **(task or {}),
    }


TASKS = [
    job("report", "report", {"environment": {"A_B": "it's \"q\" $HOME\n2", "PYTHONUNBUFFERED": "1"}}),
    job("echo", "echo", text="snow ☃ \\ 'quoted'"),
    job("echo", "check", {"check_mode": True}, text="is refused by ansible"),
    job("secret", "no_log", {"no_log": True}, secret="hunter2"),
    job("fail", "fail", text="failed é", number=7),
    job("raise", "raise", text="raised é"),
    job("exit", "exit", text="no json", number=5),
    job("noise", "noise"),
    job("binary", "binary"),
    job("segfault", "segfault"),
    job("kill", "kill", number=9),
    job("huge", "huge", number=300_000),
    job("respawn", "respawn", text="/usr/bin/python3"),
    job("subprocess", "subprocess"),
    job("sleep", "limit", {"async": 5, "poll": 4}, path=PATH + ".limit", number=25),
    {"name": "command", "command": "sh -c 'echo out; echo err >&2; exit 3'", "async": 60, "poll": 1, "ignore_errors": True},
    {**job("echo", "start", text="later"), "poll": 0, "register": "started"},
    {"name": "await", "async_status": {"jid": "{{ started.ansible_job_id }}"}, "register": "awaited",
     "until": "awaited is finished", "retries": 100, "delay": 1},
    {"name": "clean up", "async_status": {"jid": "{{ started.ansible_job_id }}", "mode": "cleanup"}},
]  # fmt: skip


def settled(result: dict) -> dict:
    """Without what is different in each run: numbers of jobs, processes and tries, and how often was asked."""
    result = strip(result)
    for name in ("ansible_job_id", "results_file", "attempts", "child_pid"):
        result.pop(name, None)
    if "report" in result:
        # A process that was forked has the command line it was forked with; the directory is one a task.
        assert result["report"].pop("cmdline")
        result["report"]["argv"] = [os.path.basename(word) for word in result["report"]["argv"]]
    return result


def test_a_job_is_as_with_local(bench: Bench) -> None:
    results = bench.run(TASKS)
    different = []
    for task in TASKS:
        hosts = results[task["name"]]
        local, warm = (settled(normal(hosts[host], host)) for host in ("local0", "warm0"))
        if local != warm:
            different.append((task["name"], *differences(local, warm)))
    assert not different, "\n".join(": ".join(entry) for entry in different)
    assert results["report"]["warm0"]["report"]["environment"]["A_B"]
    assert results["limit"]["warm0"]["failed"]
    time.sleep(1)
    assert {bench.path.joinpath(f"{host}0.limit").read_text() for host in ("local", "warm")} == {"started\n"}
    assert not list(bench.path.joinpath("async").glob("*.tmp"))


@WARM
def test_the_module_of_a_job_is_run_warm_and_outlives_its_run(bench: Bench) -> None:
    path = bench.path / "job"
    task = {**job("sleep", "sleep", path=str(path), number=4), "poll": 0}
    bench.run([task], "--limit", "warm0")
    assert "not run warm" not in bench.output
    until(lambda: path.exists())
    assert path.read_text() == "started\n"
    (server,) = bench.servers()
    lines = [Path(f"/proc/{child}/cmdline").read_bytes() for child in waiting(server)]
    assert lines
    assert not any(b"AnsiballZ" in line for line in lines)
    until(lambda: path.read_text() == "started\nended\n")
    until(lambda: not bench.servers())
    (result,) = bench.path.joinpath("async").iterdir()
    assert '"changed": true' in result.read_text()


@WARM
def test_a_killed_server_fails_the_job_and_the_module_is_not_run_again(bench: Bench) -> None:
    path = bench.path / "job"
    task = {**job("sleep", "sleep", path=str(path), number=6), "poll": 0}
    bench.run([task], "--limit", "warm0", environment=LINGER)
    until(lambda: path.exists() and path.read_text())
    for pid in bench.servers():
        os.kill(pid, signal.SIGKILL)
    (file,) = bench.path.joinpath("async").iterdir()
    until(lambda: '"failed": true' in file.read_text())
    time.sleep(7)
    assert path.read_text() == "started\n"
