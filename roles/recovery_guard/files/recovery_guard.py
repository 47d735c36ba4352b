# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps applications from running beside a database that another region has taken over from.

recovery-guard SETTINGS looks again and again at what both cells of a pair say in buckets of their own regions: the object
`writer` says that a cell writes, `follows` that it follows the other one. Where the other cell writes, and says so since
after this one said anything, this cell's database is a former primary's: the units are stopped, and nothing starts them
while the file `fenced` is there. What this region says of itself from before is removed, so that no client is led here.
Once this cell follows or writes again, the units are started.

SETTINGS is JSON: {"own": {"bucket": "", "region": ""}, "other": {...}, "units": [], "interval": s, "lease": s}. Where either
region cannot be read, all stays as it is; with a lease other than 0 the units are stopped after so many seconds of that.
The credentials are the machine's own role.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

WRITER, FOLLOWS = "writer", "follows"
FENCED = Path("/run/terrace-recovery-guard/fenced")


def fenced(mine: dict[str, Any], theirs: dict[str, Any]) -> bool:
    """Whether the other cell has taken over since this one said anything.

    :param mine: when each of the objects in this cell's region was written
    :param theirs: the same of the other one
    """
    since = theirs.get(WRITER)
    return since is not None and all(since > said for said in mine.values())


class Guard:
    """Looks, and stops or starts the units.

    :param clients: S3 clients of both regions, by ``own`` and ``other``
    :param run: runs a command, and returns its status
    """

    def __init__(self, settings: dict[str, Any], clients: dict[str, Any], run: Callable[[list[str]], int]) -> None:
        self.settings, self.clients, self.run = settings, clients, run
        self.read_at = time.monotonic()

    def said(self, which: str) -> dict[str, Any]:
        """When a cell's objects were written."""
        listed = self.clients[which].list_objects_v2(Bucket=self.settings[which]["bucket"])
        return {
            each["Key"]: each["LastModified"] for each in listed.get("Contents", []) if each["Key"] in (WRITER, FOLLOWS)
        }

    def look(self) -> None:
        """Look once."""
        try:
            mine, theirs = self.said("own"), self.said("other")
        except Exception as error:  # whatever botocore raises: no route, no answer, no credentials
            self._unread(error)
            return
        self.read_at = time.monotonic()
        if not fenced(mine, theirs):
            self._start()
            return
        self._stop(f"the cell of {self.settings['other']['region']} writes since {theirs[WRITER]:%Y-%m-%dT%H:%M:%SZ}")
        if WRITER in mine:
            self.clients["own"].delete_object(Bucket=self.settings["own"]["bucket"], Key=WRITER)
            tell("said no more that this cell writes")

    def _unread(self, error: Exception) -> None:
        seconds, lease = time.monotonic() - self.read_at, self.settings["lease"]
        if lease and seconds > lease:
            self._stop(
                f"which cell writes could not be read for {seconds:.0f} s, more than the lease of {lease} s: {error}"
            )

    def _stop(self, why: str) -> None:
        if not FENCED.exists():
            tell(f"stopped {', '.join(self.settings['units'])}: {why}")
        FENCED.write_text(f"{why}\n")
        # Sockets first, or a connection starts what was stopped. What is stopped already stays so.
        self.run(["systemctl", "stop", *sorted(self.settings["units"], key=lambda unit: not unit.endswith(".socket"))])

    def _start(self) -> None:
        if FENCED.exists():
            FENCED.unlink()
            tell(f"started {', '.join(self.settings['units'])}: no other cell writes")
            self.run(["systemctl", "start", "--no-block", *self.settings["units"]])


def tell(text: str) -> None:
    """A line in the journal."""
    print(f"recovery-guard: {text}", flush=True)


def ready() -> None:
    """Tell systemd that it was looked once, for which the applications wait when the machine starts."""
    if address := os.environ.get("NOTIFY_SOCKET"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
            link.sendto(b"READY=1", address.replace("@", "\0", 1) if address.startswith("@") else address)


def clients(settings: dict[str, Any]) -> dict[str, Any]:
    """S3 clients of both regions that give up soon: the other one may be lost."""
    import boto3
    from botocore.config import Config

    config = Config(retries={"mode": "standard", "total_max_attempts": 2}, connect_timeout=3, read_timeout=5)
    return {
        which: boto3.client("s3", region_name=settings[which]["region"], config=config) for which in ("own", "other")
    }


def main() -> int:
    """Look for ever."""
    settings = json.loads(Path(sys.argv[1]).read_text())
    guard = Guard(settings, clients(settings), lambda command: subprocess.run(command, check=False).returncode)
    guard.look()
    ready()
    while True:
        time.sleep(settings["interval"])
        guard.look()


if __name__ == "__main__":
    sys.exit(main())
