# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The warm process: many at once, killed, idle, left alone, out of date, somebody else's."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import BIN, ROOT, Bench

ECHO = {"name": "echo", "warm_probe": {"mode": "echo", "text": "{{ inventory_hostname }}"}}
REPORT = {"name": "report", "warm_probe": {"mode": "report"}}
LINGER = {"ANSIBLE_WARM_LINGER": "60"}


def until(condition: Callable[[], object], seconds: float = 60) -> object:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)
    return found


def end(bench: Bench) -> None:
    for pid in bench.servers():
        os.kill(pid, signal.SIGTERM)
    until(lambda: not bench.servers())


def sleeping(bench: Bench, path: Path, seconds: int, **environment: str) -> subprocess.Popen:
    tasks = [{"name": "sleep", "warm_probe": {"mode": "sleep", "path": str(path), "number": seconds}}]
    running = bench.start(
        bench.command(tasks, "--limit", "warm0"), environment=environment, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    until(lambda: path.exists() and path.read_text() == "started\n")
    return running


def test_fifty_at_once_share_one_process(bench: Bench) -> None:
    bench.inventory(50)
    results = bench.run([ECHO], "--limit", "warm*", environment=LINGER)["echo"]
    assert {host: result["text"] for host, result in results.items()} == {f"warm{n}": f"warm{n}" for n in range(50)}
    assert len(bench.servers()) == 1
    assert len(list(bench.sockets.glob("*.sock"))) == 1
    assert "not run warm" not in bench.output
    end(bench)


def test_it_ends_with_its_run_and_leaves_no_socket(bench: Bench) -> None:
    bench.run([ECHO], "--limit", "warm0")
    until(lambda: not bench.servers())
    until(lambda: not list(bench.sockets.glob("*.sock")))


def test_it_ends_when_idle_during_a_run(bench: Bench) -> None:
    tasks = [
        ECHO,
        {
            "name": "wait",
            "raw": f"for n in $(seq 600); do ls {bench.sockets}/*.sock || exit 0; sleep 0.1; done; exit 1",
        },
        {**ECHO, "name": "again"},
    ]
    results = bench.run(tasks, "--limit", "warm0", environment={"ANSIBLE_WARM_IDLE_TIMEOUT": "1"})
    assert results["wait"]["warm0"]["rc"] == 0
    assert results["again"]["warm0"]["changed"]


def test_a_killed_server_fails_the_module_and_never_runs_it_twice(bench: Bench) -> None:
    path = bench.path / "killed"
    running = sleeping(bench, path, 5)
    for pid in bench.servers():
        os.kill(pid, signal.SIGKILL)
    output = running.communicate(timeout=120)[0]
    assert running.returncode == 2
    assert '"rc": 137' in output or '"rc": -9' in output
    time.sleep(5)
    assert path.read_text() == "started\n"  # neither ended nor started again


def test_a_server_killed_between_tasks_is_replaced(bench: Bench) -> None:
    killer = {"name": "kill", "raw": f"for p in /proc/[0-9]*; do grep -q terrace-warm $p/comm 2>/dev/null && "
              f"ls -l $p/fd/1 | grep -q {bench.sockets} && kill -9 ${{p#/proc/}}; done; true"}  # fmt: skip
    results = bench.run([ECHO, killer, {**ECHO, "name": "again"}], "--limit", "warm0")
    assert results["again"]["warm0"]["text"] == "warm0"
    assert "not run warm" not in bench.output


def test_a_stopped_server_is_given_up_before_anything_is_run(bench: Bench) -> None:
    bench.run([ECHO], "--limit", "warm0", environment=LINGER)
    (pid,) = bench.servers()
    os.kill(pid, signal.SIGSTOP)
    try:
        said = bench.verbose([ECHO], "--limit", "warm0", environment={**LINGER, "ANSIBLE_WARM_START_TIMEOUT": "1"})
        assert "not run warm: the server does not answer" in said
        assert "changed=1" in said
    finally:
        os.kill(pid, signal.SIGKILL)


def test_a_killed_run_takes_the_module_along_as_with_local(bench: Bench) -> None:
    """SIGTERM to ansible reaches the module, as a member of the worker's process group with `local`."""
    path = bench.path / "terminated"
    running = sleeping(bench, path, 3)
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=120)
    time.sleep(3.5)
    assert path.read_text() == "started\n"
    until(lambda: not bench.servers())


def test_nothing_of_one_call_is_left_for_the_next(bench: Bench) -> None:
    secret = {**ECHO, "name": "secret", "environment": {"WARM_SECRET": "hunter2", "TZ": "Asia/Tokyo"}}
    report = bench.run([REPORT, secret, {**REPORT, "name": "after"}], "--limit", "warm0")
    before, after = (report[name]["warm0"]["report"] for name in ("report", "after"))
    assert before == after
    assert "hunter2" not in str(after)


def test_secrets_are_on_no_command_line_and_no_disk(bench: Bench) -> None:
    path = bench.path / "looking"
    tasks = [{"name": "sleep", "warm_probe": {"mode": "sleep", "path": str(path), "number": 2, "secret": "hunter" + "2x"},
              "environment": {"SECRET": "hunter" + "3x"}}]  # fmt: skip
    playbook = bench.command(tasks, "--limit", "warm0")
    running = bench.start(playbook, stdout=subprocess.DEVNULL)
    until(lambda: path.exists())
    lines = b""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            lines += process.joinpath("cmdline").read_bytes()
        except OSError:
            continue
    found = [file for file in bench.path.rglob("*") if file.is_file() and file.name != Path(playbook[3]).name
             and b"hunter" in file.read_bytes()]  # fmt: skip
    running.wait(timeout=120)
    assert b"hunter3x" not in lines
    assert b"hunter2x" not in lines
    assert not found


@pytest.mark.parametrize("change", ["touch", "variable"])
def test_a_change_makes_a_new_process(bench: Bench, change: str) -> None:
    """A changed library, and a variable that works when Python starts."""
    libraries = bench.path / "lib"
    libraries.mkdir()
    libraries.joinpath("warmlib.py").write_text("x = 1\n")
    environment = {**LINGER, "PYTHONPATH": str(libraries), "ANSIBLE_WARM_PRELOAD_MODULES": "warmlib"}
    bench.run([ECHO], "--limit", "warm0", environment=environment)
    before = bench.servers()
    assert len(before) == 1
    if change == "touch":
        libraries.joinpath("warmlib.py").write_text("x = 22\n")
    else:
        environment["PYTHONHASHSEED"] = "7"
    bench.run([ECHO], "--limit", "warm0", environment=environment)
    assert [pid for pid in bench.servers() if pid not in before]
    if change == "touch":
        until(lambda: before[0] not in bench.servers())
    end(bench)


def test_a_directory_open_to_others_is_refused(bench: Bench) -> None:
    bench.sockets.chmod(0o755)
    said = bench.verbose([ECHO], "--limit", "warm0")
    assert "not run warm: no private directory" in said
    assert not list(bench.sockets.iterdir())


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be two users")
def test_peers_of_another_user_are_refused(bench: Bench) -> None:
    """Both ways: a server drops another user's client, a client leaves another user's server."""
    bench.run([ECHO], "--limit", "warm0", environment=LINGER)
    (path,) = bench.sockets.glob("*.sock")
    for opened, mode in ((bench.path, 0o755), (bench.sockets, 0o755), (path, 0o666)):
        opened.chmod(mode)
    talk = (
        "import os, socket, sys\n"
        "os.setuid(65534)\n"
        "s = socket.socket(socket.AF_UNIX)\n"
        f"s.connect({str(path)!r})\n"
        "s.settimeout(5)\n"
        "sys.exit(0 if s.recv(1) == b'' else 1)\n"
    )
    assert subprocess.run([sys.executable, "-c", talk]).returncode == 0
    end(bench)
    bench.sockets.chmod(0o700)
    listen = (
        "import os, socket, sys, time\n"
        "s = socket.socket(socket.AF_UNIX)\n"
        f"s.bind({str(path)!r})\n"
        "os.setuid(65534)\n"
        "s.listen(5)\n"
        "print('ready', flush=True)\n"
        "time.sleep(30)\n"
    )
    path.unlink(missing_ok=True)
    other = subprocess.Popen([sys.executable, "-c", listen], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "ready\n"
        said = bench.verbose([ECHO], "--limit", "warm0", environment=LINGER)
        assert "belongs to user id 65534" in said
        assert "changed=1" in said
    finally:
        other.kill()
        other.wait()


def test_it_can_be_started_before_the_first_call(bench: Bench) -> None:
    said = bench.verbose([{"announce": {"module": "warm_probe"}}], "--limit", "warm0", environment=LINGER)
    assert "WARM pid" not in said
    (server,) = bench.servers()
    assert "WARM pid" in bench.verbose([ECHO], "--limit", "warm0", environment=LINGER)
    assert bench.servers() == [server]


def test_garbage_does_not_hurt_the_server(bench: Bench) -> None:
    bench.run([ECHO], "--limit", "warm0", environment=LINGER)
    (path,) = bench.sockets.glob("*.sock")
    before = bench.servers()
    for garbage in (b"", b"x", b"\xff" * 100, b"\0\0\0\2{}abc", b"\0\0\0\5[1,2]"):
        with socket.socket(socket.AF_UNIX) as conn:
            conn.connect(str(path))
            conn.sendall(garbage)
    assert "WARM pid" in bench.verbose([ECHO], "--limit", "warm0", environment=LINGER)
    assert bench.servers() == before
    end(bench)


def test_no_runtime_directory_and_no_home(bench: Bench) -> None:
    """As in a container of ansible-runner: HOME cannot be written to and there is no XDG_RUNTIME_DIR."""
    environment = {"HOME": "/nonexistent", "XDG_RUNTIME_DIR": "/nonexistent", "TMPDIR": str(bench.path)}
    bench.environment.pop("ANSIBLE_WARM_DIRECTORY")
    assert "WARM pid" in bench.verbose([ECHO], "--limit", "warm0", environment=environment)


@pytest.mark.skipif(not (BIN / "ansible-runner").exists(), reason="ansible-runner is not installed")
def test_ansible_runner(bench: Bench) -> None:
    """The layout of an AWX job: a private data directory, run by ansible-runner."""
    data = bench.path / "runner"
    data.joinpath("project").mkdir(parents=True)
    data.joinpath("inventory").mkdir()
    name = bench.command([ECHO], "--limit", "warm0")[3]
    shutil.move(bench.path / name, data / "project" / name)
    shutil.copy(bench.path / "inventory.yml", data / "inventory")
    done = subprocess.run(
        [BIN / "ansible-runner", "run", str(data), "-p", name, "--limit", "warm0", "-vvv"],
        env={**bench.environment, "PATH": f"{BIN}:{os.environ['PATH']}"}, capture_output=True, text=True, timeout=180,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "WARM pid" in done.stdout


CONTAINER = """
set -e
mount --make-rprivate /
mount -t tmpfs none /run
mount -t tmpfs none /dev/shm -o size=64m,mode=1777
mount --bind {root} {root}
mount -o remount,bind,ro {root}
mkdir /run/home
exec "$@"
"""


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="needs root and unshare")
def test_in_a_container(bench: Bench) -> None:
    """As in an execution environment: process ids and mounts of its own, the collection read-only, an empty /run."""
    bench.environment.pop("ANSIBLE_WARM_DIRECTORY")
    bench.environment.pop("XDG_RUNTIME_DIR", None)
    environment = {**bench.environment, "HOME": "/run/home", "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default"}
    script = CONTAINER.format(root=os.path.realpath(ROOT))
    command = ["unshare", "--pid", "--mount", "--uts", "--ipc", "--fork", "--mount-proc", "sh", "-c", script, "sh"]
    playbook = [*bench.command([ECHO, {**ECHO, "name": "job", "async": 30, "poll": 1}], "--limit", "warm0"), "-vvv"]
    done = subprocess.run(
        [*command, *playbook], cwd=bench.path, env=environment, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stdout + done.stderr
    # The echo, the job's wrapper, and at least one look at the job.
    assert done.stdout.count("WARM pid") >= 3
    assert "not run warm" not in done.stdout
