# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One machine: an overlay root, a cgroup and a keeper process (launch.py) in a network namespace made elsewhere."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lab.machines.util import LabError, alive, read_json, run, start_time, write_json

LAUNCHER = Path(__file__).with_name("launch.py")
#: Seconds in which a machine that was started has a root of its own.
COMES_UP = 30


def cgroup_root() -> Path:
    """The lab's directory in the host's cgroup2 tree, wherever that is mounted."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        left, right = line.split(" - ", 1)
        if right.split()[0] == "cgroup2" and left.split()[3] == "/":
            return Path(left.split()[4]) / "terrace-lab"
    raise LabError("no cgroup2 tree is mounted; mount one (mount -t cgroup2 none /sys/fs/cgroup/unified)")


@dataclass
class Machine:
    """A machine by its directory; everything about it is found again from there after a crash."""

    name: str
    directory: Path
    spec: dict = field(default_factory=dict)

    @property
    def upper(self) -> Path:
        """What the machine wrote over its image: its disk."""
        return self.directory / "upper"

    @property
    def disk(self) -> Path:
        """Where to write on the disk just now: a mounted overlay does not notice what changes below it.

        :raises LabError: when it has been started and does not come up
        """
        until = time.monotonic() + COMES_UP
        while (pid := self.pid()) is None and self.running():
            if time.monotonic() > until:
                raise LabError(f"{self.name} does not come up")
            time.sleep(0.05)
        return Path(f"/proc/{pid}/root") if pid else self.upper

    @property
    def console(self) -> Path:
        """What the machine wrote on its console."""
        return self.directory / "console.log"

    @property
    def cgroup(self) -> Path:
        """The machine's directory in the cgroup2 tree."""
        return cgroup_root() / self.name

    def start(
        self,
        layers: Sequence[Path],
        namespace: str,
        argv: Sequence[str] = ("/sbin/init",),
        hostname: str | None = None,
        **more: object,
    ) -> None:
        """Start it; `more` are further keys of launch.py's specification. The disk is kept from an earlier start."""
        for name in ("upper", "work", "root"):
            (self.directory / name).mkdir(parents=True, exist_ok=True)
        (self.directory / "result").unlink(missing_ok=True)
        spec = {
            "layers": [str(layer) for layer in layers],
            "root": str(self.directory / "root"),
            "upper": str(self.upper),
            "work": str(self.directory / "work"),
            "namespace": namespace,
            "hostname": hostname or self.name,
            "cgroup": str(self.cgroup),
            "argv": list(argv),
            "console": str(self.console),
            "result": str(self.directory / "result"),
        } | more
        write_json(self.directory / "spec.json", spec)
        with (self.directory / "keeper.log").open("ab") as log:
            keeper = subprocess.Popen(
                [sys.executable, "-I", "-S", str(LAUNCHER), str(self.directory / "spec.json")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd="/",
                env={},
            )
        write_json(self.directory / "keeper.json", {"pid": keeper.pid, "started": start_time(keeper.pid)})
        self._child = keeper

    def running(self) -> bool:
        """Whether the keeper still runs."""
        child = getattr(self, "_child", None)
        if child is not None and child.poll() is not None:
            return False
        keeper = read_json(self.directory / "keeper.json") or {}
        return bool(keeper) and alive(keeper["pid"], keeper["started"])

    def result(self) -> str | None:
        """How it ended: `poweroff`, `status N`, or None while it runs or when it was killed."""
        path = self.directory / "result"
        return path.read_text().strip() if path.exists() else None

    def pid(self) -> int | None:
        """The host's pid of the machine's first process, or None; until that has a root of its own, it is none."""
        known = getattr(self, "_pid", None)
        if known and alive(*known):
            return int(known[0])
        with contextlib.suppress(OSError):
            for tree in (self.cgroup / "machine").rglob("cgroup.procs"):
                for pid in map(int, tree.read_text().split()):
                    status = Path(f"/proc/{pid}/status").read_text()
                    numbers = next(line for line in status.splitlines() if line.startswith("NSpid:")).split()[1:]
                    if len(numbers) > 1 and numbers[-1] == "1" and not os.path.samefile(f"/proc/{pid}/root", "/"):
                        self._pid = (pid, start_time(pid))
                        return pid
        return None

    def signal(self, number: int) -> None:
        """Send a signal to the machine's first process, when there is one."""
        if (pid := self.pid()) is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def enter(self, *argv: str, stdin: str | None = None, check: bool = True) -> str:
        """Run a command inside the machine as root and return its output."""
        if (pid := self.pid()) is None:
            raise LabError(f"{self.name} does not run")
        path = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        return run("nsenter", "-t", str(pid), "-a", *argv, stdin=stdin, check=check, env=path)

    def stop(self, graceful: int | None = None, seconds: float = 8) -> None:
        """End it: with the signal `graceful` and that much patience when given, then by force."""
        if graceful is not None and self.running():
            self.signal(graceful)
            until = time.monotonic() + seconds
            while self.running() and time.monotonic() < until:
                time.sleep(0.05)
        self.kill()

    def kill(self) -> None:
        """End every process of it now and take its cgroup away."""
        remove_cgroup(self.cgroup)
        child = getattr(self, "_child", None)
        if child is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(2)
        (self.directory / "keeper.json").unlink(missing_ok=True)

    def remove(self) -> None:
        """End it and delete its disk."""
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)


def remove_cgroup(top: Path) -> None:
    """Kill what runs in a cgroup tree and remove it; nothing happens without one."""
    if not top.exists():
        return
    until = time.monotonic() + 5
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            (top / "cgroup.kill").write_text("1")
        with contextlib.suppress(OSError):
            for tree in sorted((p for p in top.rglob("*") if p.is_dir()), key=lambda p: -len(p.parts)):
                tree.rmdir()
            top.rmdir()
            return
        time.sleep(0.02)
    raise LabError(f"processes in {top} do not end")


#: What systemd takes as "power off now" when sent to it as process 1.
POWER_OFF = signal.SIGRTMIN + 4
