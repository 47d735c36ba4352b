# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m lab shell <machine>`: a shell as root in a machine, through its namespaces, for when its SSH is dead."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lab.machines import overview
from lab.machines.machine import Machine
from lab.machines.util import LabError, state_dir

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def enter(wanted: str, words: Sequence[str] = (), directory: Path | None = None) -> int:
    """Run a login shell, or the command `words`, in the machine that `wanted` names; return its status."""
    directory = (directory or state_dir()).resolve()
    machine_id = choose(wanted, overview.collect(directory)["machines"])
    pid = Machine(machine_id, directory / "machines" / machine_id).pid()
    if pid is None:
        raise LabError(f"{machine_id} does not run, so there is nothing to enter")
    return subprocess.call(command(pid, words), env=environment())


def choose(wanted: str, machines: Sequence[dict[str, Any]]) -> str:
    """The id of the one instance of that id, name or address.

    A name is the tag ``Name`` (`development-use1-app`), where it is the only one, or that and the id, as inventories have it.

    :param machines: as `overview.collect` returns them
    """
    instances = [each for each in machines if each["kind"] == "instance"]
    there = ", ".join(f"{each['name']} ({each['details']})" for each in instances) or "none"
    if not wanted:
        raise LabError(f"shell: which machine? There are: {there}")
    found = [
        each["name"]
        for each in instances
        if wanted in (each["name"], each["details"], f"{each['details']}-{each['name']}", each["public"])
        or wanted in each["address"].split(", ")
    ]
    if not found:
        raise LabError(f"shell: there is no machine {wanted}; there are: {there}")
    if len(found) > 1:
        raise LabError(f"shell: {len(found)} machines are called {wanted}; name one by its id: {', '.join(found)}")
    return found[0]


def command(pid: int, words: Sequence[str] = ()) -> list[str]:
    """The command line that enters all namespaces of a process."""
    return ["nsenter", "--target", str(pid), "--all", *(words or ("/bin/bash", "--login"))]


def environment() -> dict[str, str]:
    """What a shell in a machine is given of this one's: the terminal's type."""
    return {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8", "TERM": os.environ.get("TERM", "dumb")}
