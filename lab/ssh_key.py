# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operator's SSH key of one lab: made with the lab, gone with it. `inventories/lab` names it."""

from __future__ import annotations

import fcntl
import subprocess
from pathlib import Path

from lab import process

#: In the lab's state directory; the public half is beside it.
NAME = "operator"


def path(directory: Path | None = None) -> Path:
    """Where the private key is, whether or not it is there."""
    return (directory or process.state_dir()) / NAME


def ensure(directory: Path | None = None) -> Path:
    """Make the key pair unless it is there; return the private key. LabError where ssh-keygen is missing."""
    key = path(directory)
    key.parent.mkdir(parents=True, exist_ok=True)
    with open(key.parent / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not key.exists():
            try:
                subprocess.run(
                    ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "terrace-lab-operator", "-f", str(key)],
                    check=True,
                    stdin=subprocess.DEVNULL,
                )
            except FileNotFoundError as error:
                raise process.LabError("there is no ssh-keygen; install openssh-client") from error
    return key


def remove(directory: Path | None = None) -> None:
    """Take the key pair away; succeeds when there is none."""
    key = path(directory)
    for each in (key, key.with_suffix(".pub")):
        each.unlink(missing_ok=True)
