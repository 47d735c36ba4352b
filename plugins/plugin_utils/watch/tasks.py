# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ordinary tasks on any number of hosts: a line for one that changed something, one for several in which nothing did."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible import constants as C

from . import words
from .cells import Line

OK, CHANGED, FAILED, UNREACHABLE, IGNORED, SKIPPED = "ok", "changed", "failed", "unreachable", "ignored", "skipped"
#: How a line names the hosts with which something happened, in this order.
SHOWN = {CHANGED: "changed", FAILED: "failed on", UNREACHABLE: "not reached:", IGNORED: "failed and ignored on"}


@dataclass
class Task:
    """A task while it runs and until its line is written.

    :ivar quiet: another line says what it did
    :ivar attempt: how often it was tried on the host that was tried again last
    """

    ident: str
    role: str
    name: str
    begun: float
    draws: bool = True
    quiet: bool = False
    ended: float = 0.0
    attempt: int = 0
    running: dict[str, None] = field(default_factory=dict)
    hosts: dict[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return f"{self.role}: {self.name}" if self.role else self.name

    def having(self, *states: str) -> list[str]:
        return sorted(host for host, state in self.hosts.items() if state in states)


class Tasks:
    """The tasks of a run, of which one goes on at a time.

    :ivar took: ``(seconds, what)`` of each that was carried out
    """

    def __init__(self, clock: t.Callable[[], float], every: bool) -> None:
        self._clock, self._every = clock, every
        self.task: Task | None = None
        self._unchanged: list[Task] = []
        self.took: list[tuple[float, str]] = []
        self.changed = False

    def start(self, ident: str, role: str, name: str, draws: bool) -> None:
        self.task = Task(ident, role, name, self._clock(), draws)

    def began(self, host: str) -> None:
        if self.task:
            self.task.running[host] = None

    def ended(self, host: str, state: str) -> None:
        """A host is through with the task."""
        if self.task:
            self.task.running.pop(host, None)
            self.task.hosts[host] = state
            self.task.ended = self._clock()

    def finish(self, width: int) -> list[Line]:
        """The lines of the task that went on until now."""
        task, self.task = self.task, None
        if not task or not task.having(OK, *SHOWN):
            return []
        seconds = task.ended - task.begun
        # What failed was told at once; a line more says on how many hosts it did not.
        if task.quiet or not task.having(OK, CHANGED, IGNORED):
            return []
        self.took.append((seconds, task.title))
        self.changed |= bool(task.having(CHANGED))
        if not task.having(*SHOWN) and not self._every:
            before = self.unchanged(width) if self._unchanged and self._unchanged[0].role != task.role else []
            self._unchanged.append(task)
            return before
        color = C.COLOR_ERROR if task.having(FAILED, UNREACHABLE) else C.COLOR_CHANGED if task.having(CHANGED) else None
        return [*self.unchanged(width), (self._line(task, words.seconds(seconds), width), color)]

    def unchanged(self, width: int) -> list[Line]:
        """One line for the tasks of a role since the last line, none of which changed anything."""
        tasks, self._unchanged = self._unchanged, []
        if not tasks:
            return []
        hosts = {host for task in tasks for host in task.having(OK)}
        right = words.seconds(sum(task.ended - task.begun for task in tasks))
        where = next(iter(hosts)) if len(hosts) == 1 else words.counted(len(hosts), "host")
        what = words.counted(len(tasks), "task") if len(tasks) > 1 else tasks[0].name
        prefix = f"{tasks[0].role}: " if tasks[0].role else ""
        said = f", nothing changed on {where}"
        left = f"  {prefix}{words.cut(what, width - len(prefix) - len(said) - len(right) - 4)}{said}"
        return [(words.spread(left, right, width), C.COLOR_OK)]

    def now(self, width: int) -> list[str]:
        """What is going on."""
        task = self.task
        if not task or not task.draws:
            return []
        total = len(task.running) + len(task.hosts)
        on = words.listed(list(task.running), max(12, width // 3))
        if total > 1:
            on = f"{len(task.hosts)} of {total} hosts" + (f", {on} to go" if on else "")
        tried = f", attempt {task.attempt}" if task.attempt else ""
        right = f"  {on}{tried}  {words.clock(self._clock() - task.begun)}"
        return [words.cut(f"  {words.cut(task.title, max(20, width - len(right) - 2))}{right}", width)]

    @staticmethod
    def _line(task: Task, right: str, width: int) -> str:
        """What the task did to which hosts, on two lines where one is too narrow."""
        told = [f"{word} {', '.join(task.having(state))}" for state, word in SHOWN.items() if task.having(state)]
        told += [f"{len(task.having(OK))} ok"] if task.having(OK) else []
        if len(line := f"  {task.title}: {'; '.join(told)}") <= width - len(right) - 2:
            return words.spread(line, right, width)
        return words.spread(f"  {task.title}", right, width) + "\n" + words.wrapped("; ".join(told), width, " " * 6)
