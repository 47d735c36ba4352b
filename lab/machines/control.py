# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting and stopping the machines: the daemon, and the sweep that leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from lab import process
from lab.machines import hub, image, network
from lab.machines.machine import cgroup_root, remove_cgroup
from lab.machines.util import (
    OWNER,
    PREFIX,
    LabError,
    alive,
    need_root,
    owner,
    read_json,
    say,
    start_time,
    state_dir,
    write_json,
)

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS = 60


def up(port: int | None = None, directory: Path | None = None) -> None:
    """See lab.machines.up."""
    need_root()
    directory = (directory or state_dir()).resolve()
    running = process.running(directory)
    port = port or (int(running["port"]) if running else process.default_port())
    if _daemon(directory):
        say("the machines already follow the API")
        return
    if (other := owner()) and other != directory:
        raise LabError(f"another lab runs on this machine (state in {other}); stop that one first")
    image.ensure()
    hub.refuse_overlap()
    sweep(directory)
    hub.ensure()
    (directory / "ready.json").unlink(missing_ok=True)
    log = directory / "machines.log"
    command = [sys.executable, "-m", "lab.machines.daemon", "--port", str(port), "--state", str(directory)]
    with log.open("ab") as output:
        child = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    write_json(directory / "machines.json", {"pid": child.pid, "started": start_time(child.pid), "port": port})
    write_json(OWNER, {"pid": child.pid, "started": start_time(child.pid), "state": str(directory)})
    until = time.monotonic() + READY_SECONDS
    while not (directory / "ready.json").exists():
        if child.poll() is not None or time.monotonic() > until:
            down(directory)
            raise LabError(f"the machines did not start: {log.read_text(errors='replace')[-800:]}")
        time.sleep(0.05)
    say(f"machines: following the API on port {port}; log in {log}")


def _daemon(directory: Path) -> int | None:
    """The pid of the daemon that follows for this state directory, or None."""
    known = read_json(directory / "machines.json")
    if isinstance(known, dict) and alive(known["pid"], known["started"]):
        return int(known["pid"])
    return None


def down(directory: Path | None = None) -> None:
    """See lab.machines.down."""
    need_root()
    directory = (directory or state_dir()).resolve()
    if (other := owner()) and other != directory:
        return
    if pid := _daemon(directory):
        os.kill(pid, signal.SIGTERM)
        until = time.monotonic() + 10
        while _daemon(directory) and time.monotonic() < until:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
            time.sleep(0.05)
        with contextlib.suppress(ProcessLookupError):
            if _daemon(directory):
                os.kill(pid, signal.SIGKILL)
    sweep(directory)
    if not boxes_here():
        hub.remove()
        remove_cgroup(cgroup_root())
        for name in ("host-layer", "authority", "boxes"):
            shutil.rmtree(directory / name, ignore_errors=True)
    else:
        hub.set_public({})
    for name in ("machines", "services", "backups", "certificates"):
        shutil.rmtree(directory / name, ignore_errors=True)
    OWNER.unlink(missing_ok=True)
    for name in ("machines.json", "ready.json", "addresses.json", "machines.log"):
        (directory / name).unlink(missing_ok=True)


def boxes_here() -> bool:
    """Whether stand-alone boxes, of whatever state directory, use the lab's internet."""
    return any(Path("/run/netns").glob(f"{PREFIX}box-*"))


def sweep(directory: Path) -> None:
    """End every machine of the lab but the boxes, and remove their networks; disks stay."""
    root = cgroup_root()
    if root.exists():
        for path in root.iterdir():
            if path.is_dir() and not path.name.startswith("box-"):
                remove_cgroup(path)
    network.remove_all()
    for path in [*directory.glob("machines/*/keeper.json"), *directory.glob("services/*/keeper.json")]:
        path.unlink(missing_ok=True)
