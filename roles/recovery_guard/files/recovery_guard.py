# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps applications from running beside a database that another region has taken over from.

recovery-guard SETTINGS looks again and again at what both cells of a pair say in buckets of their own regions: the object
`writer` says that a cell writes, `follows` that it follows the other one. Where the other cell writes, and says so since
after this one said anything, this cell's database is a former primary's: the units are stopped, and nothing starts them
while the file `fenced` is there. What this region says of itself from before is removed, so that no client is led here.
Once this cell says something newer, the units are started, also while the other region is lost.

SETTINGS is JSON: {"own": {"bucket": "", "region": ""}, "other": {...}, "units": [], "interval": s, "lease": s}. Where the
other region cannot be read, all else stays as it is; with a lease other than 0 the units are stopped after so many seconds of
that. The credentials are the machine's own role.
"""

from __future__ import annotations

import datetime as dt
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
#: Why the units are stopped, and, in a second line, since when the other cell says that it writes. It outlives a restart.
FENCED = Path("/var/lib/terrace-recovery-guard/fenced")
#: Looks before the applications may start, where the other region does not answer yet: it may be this one that is just back.
FIRST_LOOKS = 6

Said = dict[str, dt.datetime]


def fenced(mine: Said, theirs: Said) -> bool:
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
        self.problems: dict[str, str] = {}

    def said(self, which: str) -> Said | None:
        """When a cell's objects were written; None where that cannot be read."""
        try:
            listed = self.clients[which].list_objects_v2(Bucket=self.settings[which]["bucket"])
        except Exception as error:  # whatever botocore raises: no route, no answer, no credentials
            problem = f"{self.settings[which]['bucket']} cannot be read: {error}"
            if self.problems.get(which) != problem:
                tell(problem)
            self.problems[which] = problem
            return None
        if self.problems.pop(which, None):
            tell(f"{self.settings[which]['bucket']} can be read again")
        return {
            each["Key"]: each["LastModified"] for each in listed.get("Contents", []) if each["Key"] in (WRITER, FOLLOWS)
        }

    def look(self) -> bool:
        """Look once; whether it is known which cell writes."""
        mine, theirs = self.said("own"), self.said("other")
        if mine is not None and theirs is not None:
            self.read_at = time.monotonic()
            if fenced(mine, theirs):
                self._stop(f"the cell of {self.settings['other']['region']} writes", theirs[WRITER])
                self._take_back(mine)
            else:
                self._start("no other cell writes")
            return True
        since = fenced_since()
        if mine and since and max(mine.values()) > since:
            self._start("this cell said since then that it writes, or follows")
        elif self.settings["lease"] and time.monotonic() - self.read_at > self.settings["lease"]:
            self._stop(f"which cell writes cannot be read for longer than the lease of {self.settings['lease']} s")
        return bool(mine and WRITER in mine)

    def _take_back(self, mine: Said) -> None:
        """Say no more that this cell writes, so that no client is led here."""
        if WRITER not in mine:
            return
        try:
            self.clients["own"].delete_object(Bucket=self.settings["own"]["bucket"], Key=WRITER)
            tell("said no more that this cell writes")
        except Exception as error:
            tell(
                f"{WRITER} of {self.settings['own']['bucket']} cannot be removed, and clients may be led here: {error}"
            )

    def _stop(self, why: str, since: dt.datetime | None = None) -> None:
        if not FENCED.exists():
            tell(f"stopped {', '.join(self.settings['units'])}: {why}")
        FENCED.write_text(
            f"{why}{f' since {since:%Y-%m-%dT%H:%M:%SZ}' if since else ''}\n{since.isoformat() if since else ''}\n"
        )
        # What is stopped already stays so.
        self.run(["systemctl", "stop", *self.settings["units"]])

    def _start(self, why: str) -> None:
        if FENCED.exists():
            FENCED.unlink()
            tell(f"started {', '.join(self.settings['units'])}: {why}")
            self.run(["systemctl", "start", "--no-block", *self.settings["units"]])


def fenced_since() -> dt.datetime | None:
    """Since when the other cell said that it writes, where the units are stopped for that."""
    lines = FENCED.read_text().splitlines() if FENCED.exists() else []
    return dt.datetime.fromisoformat(lines[1]) if len(lines) > 1 and lines[1] else None


def tell(text: str) -> None:
    """A line in the journal."""
    print(f"recovery-guard: {text}", flush=True)


def ready() -> None:
    """Tell systemd that the applications may start, which wait for it when the machine starts."""
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
    for _attempt in range(FIRST_LOOKS):
        if guard.look():
            break
        time.sleep(5)
    ready()
    while True:
        time.sleep(settings["interval"])
        guard.look()


if __name__ == "__main__":
    sys.exit(main())
