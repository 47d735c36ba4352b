# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is on this machine, asked of ip, nft, mount, ps and /proc: none of the lab's own code says what it left."""

from __future__ import annotations

import subprocess
from pathlib import Path

from lab.machines.util import find_command


def traces(port: int | None = None) -> dict[str, set[str]]:
    """Namespaces, links, addresses, routes, rules, mounts, control groups, settings, files and processes, as lines.

    :param port: of the lab's API; those of other labs, which have no machines, come and go meanwhile
    """
    return {
        "network namespaces": _lines("ip", "netns", "list"),
        "links": {line.split(":")[1].split("@")[0].strip() for line in _lines("ip", "-o", "link")},
        "addresses": {" ".join(line.split()[1:4]) for line in _lines("ip", "-o", "address")},
        "routes": _lines("ip", "route", "show", "table", "all"),
        "routing rules": _lines("ip", "rule"),
        "packet filter": _lines("nft", "-s", "list", "ruleset"),
        "mounts": _lines("findmnt", "--raw", "--noheadings", "--output", "TARGET,FSTYPE"),
        "control groups": {str(path) for path in Path("/sys/fs/cgroup").rglob("*terrace*") if path.is_dir()},
        "forwarding": {Path("/proc/sys/net/ipv4/ip_forward").read_text().strip()},
        "files": {str(path) for path in Path("/run").glob("*terrace*")},
        "processes": _processes(port),
    }


def left(before: dict[str, set[str]], after: dict[str, set[str]]) -> dict[str, set[str]]:
    """What is there now and was not, without the kinds of which there is nothing."""
    return {kind: more for kind in after if (more := after[kind] - before[kind])}


def _lines(*words: str) -> set[str]:
    """What a command says; nothing where it is not installed yet."""
    if not find_command(words[0]):
        return set()
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return {line.strip() for line in done.stdout.splitlines() if line.strip()}


def _processes(port: int | None) -> set[str]:
    """Processes of the lab's by their command, and all in namespaces that are not this process's own."""
    ours = (f"lab.api.server --port {port}", "lab.machines", "lab/machines")
    own = Path("/proc/self/ns/net").readlink(), Path("/proc/self/ns/pid").readlink()
    found = set()
    for line in _lines("ps", "-eo", "pid=,args="):
        pid, _, command = line.partition(" ")
        folder = Path("/proc") / pid / "ns"
        try:
            elsewhere = (folder.joinpath("net").readlink(), folder.joinpath("pid").readlink()) != own
        except OSError:  # it has ended
            continue
        if elsewhere or any(each in command for each in ours):
            found.add(f"{pid} {command}")
    return found
