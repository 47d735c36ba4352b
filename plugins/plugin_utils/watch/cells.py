# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work on cells as it is told by events: a line a step, what is pending, and how far each cell is."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible import constants as C

from . import words

#: A line that stays, and the name of its colour.
Line = tuple[str, str | None]
#: The colours of a plan's headlines, by their signs.
PLAN_COLORS = {"+": C.COLOR_OK, "~": C.COLOR_CHANGED, "-/+": C.COLOR_ERROR, "-": C.COLOR_ERROR, "?": C.COLOR_WARN}
BAR = 20


@dataclass
class Work:
    """How far the work on a cell is.

    :ivar running: what is being worked on, by its words
    :ivar pending: ``(kind, name)`` -> since when it is pending, and AWS's word for its state
    """

    begun: float
    total: int
    done: int = 0
    running: dict[tuple[str, ...], str] = field(default_factory=dict)
    pending: dict[tuple[str, str], tuple[float, str]] = field(default_factory=dict)
    leaving: set[tuple[str, str]] = field(default_factory=set)


class Cells:
    """All cells of a run.

    :param clock: seconds since some moment
    :ivar took: ``(seconds, cell, what)`` of everything that was done or awaited
    """

    def __init__(self, clock: t.Callable[[], float]) -> None:
        self._clock = clock
        self._work: dict[str, Work] = {}
        self.took: list[tuple[float, str, str]] = []

    def hear(self, line: str, data: dict[str, t.Any], width: int, redraws: bool) -> list[Line]:
        """Take an event; the lines it leaves behind.

        The sorts: ``plan`` (its text is the line), ``begin`` (``total``), ``step`` and then ``done`` or ``failed`` (``action``,
        ``kind``, ``names``; ``seconds``, ``done``, ``word``), ``pending`` (``resources``: kind, name, status, leaving), ``end``.
        """
        cell, sort = data["cell"], data["sort"]
        if sort == "plan":
            return [
                (words.wrapped(each, width, "", hang=4), _plan_color(each)) for each in ("", *line.splitlines(), "")
            ]
        if sort == "begin":
            self._work[cell] = Work(self._clock(), data["total"])
        elif sort == "end":
            self._work.pop(cell, None)
        elif sort == "pending":
            # What is awaited without anything to be written has no beginning.
            work = self._work.setdefault(cell, Work(self._clock(), 0))
            lines = list(self._pending(cell, work, data["resources"], width))
            return lines if redraws or not line else [*lines, (line, None)]
        else:
            return list(self._step(cell, self._work[cell], data, width))
        return []

    def now(self, width: int) -> list[str]:
        """What is going on: how far each cell is, what is worked on there, and what is pending."""
        lines = []
        for cell, work in sorted(self._work.items()):
            time = words.clock(self._clock() - work.begun)
            far = f" {words.progress_bar(work.done, work.total, BAR)} {self._count(work)}" if work.total else ""
            lines.append(f"{self._name(cell)}{far}  {time}")
            if work.running:
                lines.append(words.cut(f"  working on {'; '.join(work.running.values())}", width))
            elif not work.pending and work.done == work.total > 0:
                lines.append("  reading again what was written")
            if work.pending:
                lines.append(words.cut(f"  waiting for {self._awaited(work)}", width))
        return lines

    def stopped(self) -> dict[str, list[str]]:
        """How far each cell is whose work came to no end: what was done, what is worked on, what AWS has not finished."""
        return {cell: list(self._left(cell, work)) for cell, work in sorted(self._work.items())}

    def _left(self, cell: str, work: Work) -> t.Iterator[str]:
        yield f"{cell}: {work.done} of {work.total} done" if work.total else f"{cell}: nothing to write"
        if work.running:
            yield f"  in progress: {'; '.join(work.running.values())}"
        if work.pending:
            yield f"  not ready yet: {self._awaited(work)}"

    def _awaited(self, work: Work) -> str:
        return ", ".join(
            f"{kind} {name} ({status}, {words.clock(self._clock() - since)})"
            for (kind, name), (since, status) in work.pending.items()
        )

    def _step(self, cell: str, work: Work, data: dict[str, t.Any], width: int) -> t.Iterator[Line]:
        kind, names, sort = data["kind"], data["names"], data["sort"]
        key = (data["action"], kind, *names)
        if sort == "step":
            work.running[key] = f"{kind} {words.listed(names, 24)}"
            return
        work.running.pop(key, None)
        work.done = data["done"]
        word = "FAILED" if sort == "failed" else data["word"]
        self.took.append((data["seconds"], cell, f"{kind} {words.listed(names, 30)} {word}"))
        head, right = f"{self._name(cell)} {self._count(work)}  ", words.seconds(data["seconds"])
        shown = words.listed(names, width - len(head) - len(kind) - len(word) - len(right) - 4)
        color = C.COLOR_ERROR if sort == "failed" else C.COLOR_CHANGED
        yield words.spread(f"{head}{kind} {shown} {word}", right, width), color

    def _pending(self, cell: str, work: Work, resources: list[dict[str, t.Any]], width: int) -> t.Iterator[Line]:
        now = self._clock()
        still = {(each["kind"], each["name"]): each for each in resources}
        for address, (since, _status) in work.pending.items():
            if address in still:
                continue
            what = f"{' '.join(address)} is {'gone' if address in work.leaving else 'ready'}"
            self.took.append((now - since, cell, what))
            head = f"{self._name(cell)} {self._count(work)}  " if work.total else f"{self._name(cell)}  "
            yield words.spread(f"{head}{what}", words.seconds(now - since), width), C.COLOR_OK
        work.leaving = {address for address, each in still.items() if each["leaving"]}
        work.pending = {
            address: (work.pending.get(address, (now, ""))[0], each["status"]) for address, each in still.items()
        }

    def _name(self, cell: str) -> str:
        return cell.ljust(max(map(len, self._work), default=0))

    @staticmethod
    def _count(work: Work) -> str:
        return f"{work.done:>{len(str(work.total))}}/{work.total}"


def _plan_color(line: str) -> str | None:
    """A headline of a plan has its sign's colour; its fields, which stand further right, have none."""
    return PLAN_COLORS.get(line.split()[0]) if line.strip() and not line.startswith(" " * 6) else None
