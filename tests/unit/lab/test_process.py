"""Starting and stopping the emulated API: once, twice, and after something went wrong."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab import process, ssh_key
from lab.__main__ import main


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point the lab at a state directory and a port of its own; stop what a test leaves behind."""
    directory = tmp_path / "state"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("LAB_STATE_DIR", str(directory))
    monkeypatch.setenv("LAB_PORT", str(port))
    monkeypatch.delenv("LAB", raising=False)
    yield directory
    process.stop()


def test_up_twice_is_one_and_down_leaves_nothing(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status"]) == 3
    assert main(["up"]) == 0
    first = process.running()
    assert main(["up"]) == 0
    assert process.running() == first
    assert main(["status"]) == 0
    assert main(["reset"]) == 0
    assert main(["down"]) == 0
    assert main(["down"]) == 0
    said = capsys.readouterr().out
    assert "already running" in said
    assert said.endswith("api: stopped\napi: not running\n")
    assert first is not None
    assert process.status(first["url"]) is None
    assert not state.exists()


def test_a_killed_server_leaves_no_obstacle(state: Path) -> None:
    first, _ = process.start()
    os.kill(first["pid"], signal.SIGKILL)
    deadline = time.monotonic() + 5
    while process.running() and time.monotonic() < deadline:
        time.sleep(0.05)
    second, started = process.start()
    assert started
    assert second["pid"] != first["pid"]


def test_the_pid_of_another_program_is_not_ours(state: Path) -> None:
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)"])
    try:
        state.mkdir()
        (state / "api.json").write_text(json.dumps({"pid": other.pid, "port": 1, "url": "http://127.0.0.1:1"}))
        assert process.running() is None
        assert process.stop() is False
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_damaged_state_file_is_no_obstacle(state: Path) -> None:
    state.mkdir()
    (state / "api.json").write_text("{")
    assert process.running() is None


def test_a_port_in_use_is_named(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(os.environ["LAB_PORT"])))
        taken.listen()
        assert main(["up"]) == 1
    assert "the port is in use by another program" in capsys.readouterr().err
    assert process.running() is None


def test_machines_without_root_are_left_out(
    state: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert main(["up", "--level", "machines"]) == 0
    assert "left out, they need root" in capsys.readouterr().out


def test_reset_without_a_lab_says_how_to_start_it(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reset"]) == 1
    assert "make lab LAB=api" in capsys.readouterr().err


def test_the_operators_key_comes_with_the_lab_and_goes_with_it(state: Path) -> None:
    state.mkdir()
    key = ssh_key.ensure()
    kept = key.read_text()
    assert key.stat().st_mode & 0o077 == 0
    assert ssh_key.ensure().read_text() == kept
    assert key.with_suffix(".pub").read_text().startswith("ssh-ed25519 ")
    ssh_key.remove()
    ssh_key.remove()
    assert not list(state.glob("operator*"))
