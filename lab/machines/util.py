# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small helpers the machines share: commands, network namespaces, the state directory."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from lab.process import LabError
from lab.process import state_dir as state_dir

CLONE_NEWNET = 0x40000000
#: Every object the lab leaves in a list of the machine (namespaces, links, cgroups) carries this prefix.
PREFIX = "tl-"
#: Namespaces, cgroups and packet rules have fixed names, so one lab has the machine; this says which.
OWNER = Path("/run/terrace-lab.json")


def say(text: str) -> None:
    """Tell the operator what is going on, on standard error."""
    print(f"lab: {text}", file=sys.stderr, flush=True)


def run(*argv: str | Path, stdin: str | None = None, check: bool = True, env: dict[str, str] | None = None) -> str:
    """Run a command and return its output; a failure raises LabError with what it said."""
    words = [str(word) for word in argv]
    done = subprocess.run(words, input=stdin, text=True, capture_output=True, env=env)
    if check and done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise LabError(f"`{' '.join(words[:12])}` failed ({done.returncode}): {said[-2000:]}")
    return done.stdout


def need_root() -> None:
    """Machines need root: they are made of namespaces, mounts and packet filters."""
    if os.geteuid() != 0:
        raise LabError("the lab's machines need root; run it with sudo, or use the API level alone (LAB=api)")


def need_commands(packages: dict[str, str]) -> None:
    """Install the packages whose command is missing; `packages` maps a command to its Debian package."""
    missing = sorted({package for command, package in packages.items() if not find_command(command)})
    if not missing:
        return
    if not find_command("apt-get"):
        raise LabError(f"these programs are missing, install them first: {' '.join(missing)}")
    say(f"installing OS packages on this machine: {' '.join(missing)}")
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    install = ("apt-get", "install", "-y", "-q", "--no-install-recommends", *missing)
    with contextlib.suppress(LabError):
        run(*install, env=env)
        return
    run("apt-get", "update", "-q", env=env)
    run(*install, env=env)


def find_command(name: str) -> str | None:
    """The path of a command, looking in the system directories a plain user's PATH leaves out."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin")


def short(name: str, length: int = 15) -> str:
    """A name that fits the kernel's 15 characters for links, unique for the whole of `name`."""
    return PREFIX + hashlib.sha256(name.encode()).hexdigest()[: length - len(PREFIX)]


def cache_dir() -> Path:
    """Where images are kept between labs."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "terrace-lab"


def write_json(path: Path, content: object) -> None:
    """Write a state file in one go, so that a killed lab never leaves half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(json.dumps(content, indent=1, sort_keys=True, default=str))
    fresh.replace(path)


def read_json(path: Path, default: object = None) -> object:
    """The content of a state file, or `default` when there is none."""
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return default


@contextlib.contextmanager
def inside(namespace: str) -> Iterator[None]:
    """Run the block in a named network namespace; sockets made in it stay there. Affects this thread only."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    there = os.open(f"/run/netns/{namespace}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.setns(there, CLONE_NEWNET)
        try:
            yield
        finally:
            os.setns(home, CLONE_NEWNET)
    finally:
        os.close(there)
        os.close(home)


def ip(*words: str | Path, namespace: str | None = None, check: bool = True) -> str:
    """Run `ip`, in a named network namespace when one is given."""
    return run("ip", *(["-n", namespace] if namespace else []), *words, check=check)


def ip_batch(commands: list[str], namespace: str | None = None, force: bool = False) -> None:
    """Run many `ip` commands as one process; `force` goes on after one that fails."""
    if commands:
        target = ["-n", namespace] if namespace else []
        run(
            "ip",
            *target,
            *(["-force"] if force else []),
            "-batch",
            "-",
            stdin="\n".join(commands) + "\n",
            check=not force,
        )


def sysctl(values: dict[str, str | int], namespace: str | None = None) -> None:
    """Set network settings by their path below /proc/sys/net."""
    with inside(namespace) if namespace else contextlib.nullcontext():
        for key, value in values.items():
            Path("/proc/sys/net", key).write_text(str(value))


def alive(pid: int, started: float | None = None) -> bool:
    """Whether a process runs; with `started` (from `start_time`) whether it is still the same one."""
    now = start_time(pid)
    return now is not None and (started is None or now == started)


def owner() -> Path | None:
    """The state directory of the lab whose machines run on this machine, or None. There is one a machine."""
    known = read_json(OWNER)
    if isinstance(known, dict) and alive(known["pid"], known["started"]):
        return Path(known["state"])
    return None


def start_time(pid: int) -> float | None:
    """A process's start time in clock ticks since boot, or None when there is no such process or it is a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else float(fields[19])
