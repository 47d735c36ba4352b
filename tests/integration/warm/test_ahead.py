# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Children forked ahead of a call: they are used, know nothing of a call before it comes, and are not left over."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from .conftest import Bench, normal
from .test_life import LINGER, end, until

ITEMS = list(range(8))
LOOP = {"name": "loop", "warm_probe": {"mode": "report"}, "loop": ITEMS, "environment": {"NUMBER": "n{{ item }}"}}
ECHO = {"name": "loop", "warm_probe": {"mode": "echo", "text": "{{ item }}"}, "loop": ITEMS}


def waiting(server: int) -> list[int]:
    """The children of a warm process."""
    try:
        return [int(pid) for pid in Path(f"/proc/{server}/task/{server}/children").read_text().split()]
    except OSError:
        return []


def the_one_that_waits(server: int) -> int:
    """The child forked ahead, once it stays: with what the last call has taught there is another one."""

    def settled() -> list[int]:
        before = waiting(server)
        time.sleep(0.5)
        return before if len(before) == 1 and waiting(server) == before else []

    return until(settled)[0]


def test_a_repeated_module_finds_a_process_with_nothing_of_another_call(bench: Bench) -> None:
    hosts = bench.run([LOOP])["loop"]
    local, warm = (normal(hosts[host]["results"], host) for host in ("local0", "warm0"))
    assert [result["report"] for result in warm] == [result["report"] for result in local]
    said = bench.verbose([LOOP], "--limit", "warm0")
    assert said.count("WARM pid") == len(ITEMS)
    assert said.count("forked ahead") >= len(ITEMS) // 2


def test_a_killed_one_is_not_missed(bench: Bench) -> None:
    bench.run([ECHO], "--limit", "warm0", environment=LINGER)
    (server,) = bench.servers()
    spare = the_one_that_waits(server)
    os.kill(spare, signal.SIGKILL)
    results = bench.run([ECHO], "--limit", "warm0", environment=LINGER)["loop"]["warm0"]["results"]
    assert [result["text"] for result in results] == [str(item) for item in ITEMS]
    assert "not run warm" not in bench.output
    assert bench.servers() == [server]
    end(bench)


def test_one_that_waits_is_let_go_when_a_library_changes(bench: Bench) -> None:
    libraries = bench.path / "lib"
    libraries.mkdir()
    libraries.joinpath("warmlib.py").write_text("x = 1\n")
    environment = {**LINGER, "PYTHONPATH": str(libraries), "ANSIBLE_WARM_PRELOAD_MODULES": "warmlib"}
    bench.run([ECHO], "--limit", "warm0", environment=environment)
    (server,) = bench.servers()
    spare = the_one_that_waits(server)
    libraries.joinpath("warmlib.py").write_text("x = 22\n")
    bench.run([ECHO], "--limit", "warm0", environment=environment)
    until(lambda: server not in bench.servers() and not Path(f"/proc/{spare}").exists())
    end(bench)


def test_they_end_with_the_warm_process_however_it_ends(bench: Bench) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        bench.run([ECHO], "--limit", "warm0", environment=LINGER)
        (server,) = bench.servers()
        spare = the_one_that_waits(server)
        os.kill(server, number)
        until(lambda spare=spare: not Path(f"/proc/{spare}").exists())
