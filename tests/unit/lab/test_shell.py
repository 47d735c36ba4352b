"""``python -m lab shell``: which machine is meant, and what is run in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lab.__main__ import main
from lab.machines import shell
from lab.machines.util import LabError

ROWS = [
    {"kind": "instance", "name": "i-0a", "details": "dev-app", "address": "10.0.2.4", "public": ""},
    {"kind": "instance", "name": "i-0b", "details": "dev-app", "address": "10.0.2.5", "public": ""},
    {"kind": "instance", "name": "i-0c", "details": "dev-bastion", "address": "10.0.0.4, fd00::4", "public": "127.9.0.1"},
    {"kind": "balancer", "name": "dev-public", "details": "", "address": "10.0.0.9", "public": "127.9.0.2"},
]  # fmt: skip


@pytest.mark.parametrize("wanted", ["i-0c", "dev-bastion", "dev-bastion-i-0c", "10.0.0.4", "fd00::4", "127.9.0.1"])
def test_a_machine_is_named_by_id_name_or_address(wanted: str) -> None:
    assert shell.choose(wanted, ROWS) == "i-0c"
    assert shell.choose("dev-app-i-0b", ROWS) == "i-0b"


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("", "which machine? There are: i-0a (dev-app), i-0b (dev-app), i-0c (dev-bastion)"),
        ("dev-app", "2 machines are called dev-app; name one by its id: i-0a, i-0b"),
        ("dev-public", "there is no machine dev-public"),
        ("dev-bast", "there is no machine dev-bast"),
    ],
)
def test_what_is_not_one_machine_is_refused_with_those_there_are(wanted: str, said: str) -> None:
    with pytest.raises(LabError, match="shell: ") as refused:
        shell.choose(wanted, ROWS)
    assert said in str(refused.value)


def test_the_command_line_takes_a_machine_and_a_command(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    called = []
    monkeypatch.setattr("lab.__main__._machines", lambda _level: object())
    monkeypatch.setattr(shell, "enter", lambda *words: called.append(words) or 3)
    assert main(["shell", "i-0c", "--", "systemctl", "--failed"]) == 3
    assert main(["shell"]) == 3
    assert called == [("i-0c", ["systemctl", "--failed"]), ("", [])]
    with pytest.raises(SystemExit):
        main(["up", "i-0c"])
    assert "up takes no machine" in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="namespaces need root")
def test_a_shell_is_inside_and_its_status_comes_back(tmp_path: Path) -> None:
    """In a process with a host name, processes and mounts of its own, as machines are."""
    ready = tmp_path / "ready"
    inside = f"hostname inside; touch {ready}; exec sleep 60"
    process = subprocess.Popen(["unshare", "--uts", "--pid", "--mount", "--fork", "--mount-proc", "sh", "-c", inside])
    try:
        while not ready.exists():
            assert process.poll() is None
        (pid,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        done = subprocess.run(
            shell.command(int(pid), ["sh", "-c", "hostname; cat /proc/1/comm; echo $HOME; exit 7"]),
            env=shell.environment(), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stdout.split()) == (7, ["inside", "sleep", "/root"]), done.stderr
        assert subprocess.run(["hostname"], capture_output=True, text=True, check=True).stdout.strip() != "inside"
    finally:
        subprocess.run(["kill", "-KILL", pid], check=False)
        process.wait()


def test_no_shell_where_the_lab_has_no_machines(tmp_path: Path) -> None:
    environment = {**os.environ, "LAB_STATE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "lab", "shell", "i-0c"], env=environment, capture_output=True, text=True, check=False,
        cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert done.returncode == 1
    assert "there is no machine i-0c" in done.stderr or "root" in done.stdout
