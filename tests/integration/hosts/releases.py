# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The releases the story deploys: good ones, and the sample application broken in some ways."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from tests.integration.hosts.cell import Cell

#: It answers in the trial and not behind the socket: only the switch can find out.
LATER = (
    'if "trial" not in open("/proc/self/cgroup").read() and __import__("os").path.exists("/opt/notes/deadly"):'
    ' raise RuntimeError("dies once it serves")'
)
DEADLY = "touch /opt/notes/deadly"
HARMLESS = "rm -f /opt/notes/deadly"


def _put(file: Path, old: str, new: str) -> None:
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new, 1))


def bad_migration(source: Path) -> None:
    """A migration that fails after its first statement, and tells the owner's password."""
    (source / "terrace_notes/migrations/0002_bad.sql").write_text("CREATE TABLE half (x int); SELECT 1 / 0;")
    _put(source / "terrace_notes/migrate.py", "{name}: {error}", "{name}: {error} with {settings.database()}")


def dies_later(source: Path) -> None:
    """An application that, on a machine with the file of DEADLY, dies only once it serves."""
    line = "    settings.check()\n"
    _put(source / "terrace_notes/app.py", line, f"{line}    {LATER}\n")


def refuses_the_balancer(source: Path) -> None:
    """An application that is healthy at its own check, and not for the balancer, which asks for another page."""
    line = "    def alive() -> Response:\n"
    _put(
        source / "terrace_notes/app.py",
        line,
        f'{line}        if request.host != "localhost":\n            abort(500)\n',
    )


RELEASES: dict[str, Callable[[Path], None] | None] = {
    "first": None,
    "second": None,
    "bad migration": bad_migration,
    "dies later": dies_later,
    "refuses the balancer": refuses_the_balancer,
}


#: What only `make test-slow` deploys.
RARE = "refuses the balancer"


class Releases:
    """They are made one after the other, while other things are done, once somebody wants any."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.made: dict[str, Future[str]] = {}
        self.pool = ThreadPoolExecutor(1)

    def begin(self) -> None:
        """Make them from now on, but for what is rarely deployed."""
        for name in RELEASES:
            if name != RARE:
                self._make(name)

    def _make(self, name: str) -> Future[str]:
        if name not in self.made:
            self.made[name] = self.pool.submit(self.cell.release, RELEASES[name])
        return self.made[name]

    def __getitem__(self, name: str) -> str:
        """The version of a release."""
        self.begin()
        return self._make(name).result()
