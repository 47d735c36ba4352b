# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The releases the story deploys: good ones, and the sample application broken in two ways."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from tests.integration.hosts.cell import Cell

#: It answers in the trial and not behind the socket: only the switch can find out.
LATER = 'if "trial" not in open("/proc/self/cgroup").read(): raise RuntimeError("dies once it serves")'


def bad_migration(source: Path) -> None:
    """A migration that fails after its first statement."""
    (source / "terrace_notes/migrations/0002_bad.sql").write_text("CREATE TABLE half (x int); SELECT 1 / 0;")


def dies_later(source: Path) -> None:
    """An application that dies only once it serves."""
    file, line = source / "terrace_notes/app.py", "    settings.check()\n"
    assert line in file.read_text()
    file.write_text(file.read_text().replace(line, f"{line}    {LATER}\n", 1))


RELEASES: dict[str, Callable[[Path], None] | None] = {
    "first": None,
    "second": None,
    "bad migration": bad_migration,
    "dies later": dies_later,
}


class Releases:
    """They are made one after the other, while other things are done, once somebody wants any."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.made: dict[str, Future[str]] = {}

    def begin(self) -> None:
        """Make them from now on."""
        pool = ThreadPoolExecutor(1)
        self.made = {name: pool.submit(self.cell.release, change) for name, change in RELEASES.items()}
        pool.shutdown(wait=False)

    def __getitem__(self, name: str) -> str:
        """The version of a release."""
        if not self.made:
            self.begin()
        return self.made[name].result()
