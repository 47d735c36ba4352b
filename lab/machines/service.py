# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the drivers of the managed services share: a server as a plain process in its own namespaces, no systemd."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from lab.machines import image
from lab.machines.machine import Machine

if TYPE_CHECKING:
    from lab.machines.daemon import Lab


class Servers:
    """The servers of one kind, by endpoint name."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.servers: dict[str, Machine] = {}

    def server(self, name: str) -> Machine:
        """The machine of an endpoint."""
        if name not in self.servers:
            self.servers[name] = Machine(name, self.lab.state / "services" / name)
        return self.servers[name]

    def remove(self, name: str) -> None:
        """It is gone from the API: end it and delete its data."""
        self.server(name).remove()
        self.servers.pop(name, None)
        self.lab.log(f"{name} is gone")


def account(name: str) -> tuple[int, int]:
    """User and group id of a service's user in the image."""
    for line in (image.services() / "etc/passwd").read_text().splitlines():
        fields = line.split(":")
        if fields[0] == name:
            return int(fields[2]), int(fields[3])
    raise KeyError(name)


def place(path: Path, text: str | bytes, owner: tuple[int, int] = (0, 0), mode: int = 0o644) -> None:
    """Write a file of a server's disk in one go, for its user."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    fresh.write_bytes(text if isinstance(text, bytes) else text.encode())
    os.chown(fresh, *owner)
    fresh.chmod(mode)
    fresh.replace(path)


def folder(path: Path, owner: tuple[int, int], mode: int = 0o700) -> Path:
    """Make a directory of a server's disk, for its user."""
    path.mkdir(parents=True, exist_ok=True)
    os.chown(path, *owner)
    path.chmod(mode)
    return path
