# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run as it is watched: plays, tasks and events come in, lines come out, and at the end what was done and what took longest."""

from __future__ import annotations

import time
import typing as t

from ansible import constants as C
from ansible.utils.display import Display

from ..events import Event
from ..plan_sums import PlanSums
from . import words
from .cells import Cells, Line
from .failures import Failure
from .interruption import Interruption
from .screen import Screen
from .tasks import CHANGED, FAILED, OK, UNREACHABLE, Tasks

#: How many of what took longest are named.
LONGEST = 3
#: What follows upon a run that was told to stop.
ENDING = "Nothing more is begun; what is in progress on a cell ends by itself."
AGAIN = "Run the same command again: it does what is left."
AGAIN_CHECK = "Nothing was written. Run the same command again."


class Watched:
    """One run of ansible-playbook.

    :param redraws: whether the terminal can be redrawn
    :param clock: seconds since some moment
    :ivar sums: what was planned and done, which is told at the end
    """

    def __init__(self, display: Display, redraws: bool, clock: t.Callable[[], float] = time.monotonic) -> None:
        self._clock, self._redraws, self._begun = clock, redraws, clock()
        self.verbose = display.verbosity > 0
        self.screen = Screen(display, redraws, self.hear, self._now)
        self.cells, self.tasks = Cells(clock), Tasks(clock, self.verbose)
        self.sums = PlanSums()
        self._play, self._times, self._headed = "", 0, True
        self._failures: dict[str, Failure] = {}
        self._last_failure: tuple[str, str] = ("", "")
        #: What was done on each host that is no cell, should the run be told to stop: ``{host: {state: number}}``.
        self._counts: dict[str, dict[str, int]] = {}
        self._closed = False
        #: Whether the closing lines of a run that was told to stop are the last ones.
        self._silent = False

    def open(self) -> None:
        """From here on the terminal is this run's, until it ends, by a signal as well."""
        self.screen.open()
        Interruption(self.stopped).watch()

    # -- what happens ------------------------------------------------------------------------------------------------
    def play(self, name: str, check_mode: bool) -> None:
        with self.screen.lock:
            self.pause()
            self._closed = False
            self.sums.check_mode |= check_mode
            self._times = self._times + 1 if name == self._play else 1
            self._play, self._headed = name, False

    def task(self, ident: str, role: str, name: str, draws: bool) -> None:
        with self.screen.lock:
            self._lines(self.tasks.finish(self.screen.width))
            self.tasks.start(ident, role, name, draws)

    def began(self, host: str) -> None:
        with self.screen.lock:
            self.tasks.began(host)

    def attempt(self, number: int) -> None:
        with self.screen.lock:
            if self.tasks.task:
                self.tasks.task.attempt = number

    def ended(self, host: str, state: str, data: dict[str, t.Any]) -> None:
        """A host is through with a task; ``data`` is its result."""
        with self.screen.lock:
            self.tasks.ended(host, state)
            counts = self._counts.setdefault(host, {})
            counts[state] = counts.get(state, 0) + 1
            if self.sums.keep(data) and self.tasks.task and state not in (FAILED, UNREACHABLE):
                self.tasks.task.quiet = True

    def failed(self, failure: Failure) -> None:
        with self.screen.lock:
            self.sums.keep_unfinished()
            self._failures[failure.host] = failure
            width, this = self.screen.width, (failure.title, failure.message)
            if this == self._last_failure:
                self._lines([(f"        also on {failure.host}", C.COLOR_ERROR)])
                return
            self._last_failure = this
            message = words.wrapped(failure.message, width, " " * 8).lstrip()
            lines: list[Line] = [("", None), (f"FAILED  {message}", C.COLOR_ERROR)]
            lines += [(f"        {word}: {value}", None) for word, value in failure.where]
            for stream, said in failure.said.items():
                lines += [(f"        {stream}:", None), *((f"          {line}", None) for line in said)]
            self._lines([*self.tasks.unchanged(width), *lines])

    def answer(self, text: str) -> None:
        """What a task is there to say to people; it needs no line of its own."""
        with self.screen.lock:
            if self.tasks.task:
                self.tasks.task.quiet = True
            self.say(text)

    def say(self, text: str) -> None:
        """What a task says beside what it does."""
        with self.screen.lock:
            self._lines([*self.tasks.unchanged(self.screen.width), *((line, None) for line in text.splitlines())])

    def hear(self, event: Event) -> None:
        with self.screen.lock:
            width = self.screen.width
            if lines := self.cells.hear(str(event), event.data, width, self._redraws):
                self._lines([*self.tasks.unchanged(width), *lines])
            else:
                self.screen.redraw()

    def pause(self) -> None:
        """Nothing goes on now: between plays, and while a question is asked."""
        with self.screen.lock:
            width = self.screen.width
            self._lines([*self.tasks.finish(width), *self.tasks.unchanged(width)])

    # -- what is shown -----------------------------------------------------------------------------------------------
    def _now(self, width: int) -> list[str]:
        return self.cells.now(width) or self.tasks.now(width)

    def _lines(self, lines: list[Line]) -> None:
        if self._silent:
            return
        if lines and not self._headed:
            self._headed = True
            again = f" (batch {self._times})" if self._times > 1 else ""
            lines = [("", None), (f"{self._play}{again}", C.COLOR_HIGHLIGHT), *lines]
        if lines:
            self.screen.lines(lines)

    # -- the end -----------------------------------------------------------------------------------------------------
    def close(self, hosts: dict[str, dict[str, int]]) -> None:
        """Say what was done.

        :param hosts: what each host comes to: ``ok``, ``changed``, ``failures``, ``unreachable``, ``rescued``, ``ignored``
        """
        with self.screen.lock:
            self._closed = True
            self.pause()
            self.screen.close()
            self._headed = True
            took = words.seconds(self._clock() - self._begun)
            bad = any(each["failures"] or each["unreachable"] for each in hosts.values())
            self._lines([("", None), (*self._verdict(bad, bool(hosts), took),)])
            summary = self.sums.summary()
            for cell, sums in summary.items():
                counts = hosts.get(cell, {})
                color = C.COLOR_ERROR if counts.get("failures") or counts.get("unreachable") else C.COLOR_OK
                told = self.sums.lines(cell, sums)
                self._lines([(words.wrapped(line, self.screen.width, "", hang=4), color) for line in told])
            for host, counts in sorted(hosts.items()):
                if host not in summary:
                    self._lines([self._host(host, counts, max(map(len, hosts)))])
            self._lines(self._longest())

    def stopped(self) -> None:
        """Say what was done and what is in progress: the run was told to stop. Nothing where it had come to its end."""
        with self.screen.lock:
            if self._closed:
                return
            self._closed = True
            cells, running = self.cells.stopped(), list(self.tasks.task.running) if self.tasks.task else []
            title = self.tasks.task.title if self.tasks.task else ""
            self.pause()
            self.screen.close()
            self._headed = True
            summary, width = self.sums.summary(), self.screen.width
            told = [line for cell, sums in summary.items() if cell not in cells for line in self.sums.lines(cell, sums)]
            told += [line for lines in cells.values() for line in lines]
            hosts = {host: counts for host, counts in sorted(self._counts.items()) if host not in {*summary, *cells}}
            hosts = {host: counts for host, counts in hosts.items() if counts.get(OK) or counts.get(CHANGED)}
            column = max(map(len, hosts), default=0)
            told += [
                f"{host:<{column}}  {counts.get(CHANGED, 0)} changed, {counts.get(OK, 0)} unchanged"
                for host, counts in hosts.items()
            ]
            if running := [host for host in running if host not in cells]:
                told.append(f"interrupted: {title} on {', '.join(running)}")
            told += [AGAIN_CHECK] if self.sums.check_mode else [ENDING, AGAIN] if cells else [AGAIN]
            took = words.seconds(self._clock() - self._begun)
            self._lines([("", None), (f"STOPPED after {took}", C.COLOR_ERROR)])
            self._lines([(words.wrapped(line, width, "", hang=4), None) for line in told])
            self._silent = True

    def _verdict(self, bad: bool, any_host: bool, took: str) -> Line:
        if not any_host:
            return "NOTHING DONE: no host matched", C.COLOR_WARN
        if bad:
            return f"FAILED after {took}", C.COLOR_ERROR
        return (f"PLAN in {took}; nothing was written" if self.sums.check_mode else f"DONE in {took}"), C.COLOR_OK

    def _host(self, host: str, counts: dict[str, int], column: int) -> Line:
        if counts["failures"] or counts["unreachable"]:
            failure = self._failures.get(host)
            said = f"FAILED  {failure.in_short}" if failure else f"FAILED  {host}"
            return words.wrapped(said, self.screen.width, "", hang=8), C.COLOR_ERROR
        told = [f"{counts['changed']} changed", f"{counts['ok'] - counts['changed']} unchanged"]
        told += [f"{counts[word]} {word}" for word in ("rescued", "ignored") if counts.get(word)]
        return f"{host:<{column}}  {', '.join(told)}", C.COLOR_CHANGED if counts["changed"] else C.COLOR_OK

    def _longest(self) -> list[Line]:
        """What took longest, where anything was done."""
        if not (self.cells.took or self.tasks.changed):
            return []
        several = len({cell for _seconds, cell, _what in self.cells.took}) > 1
        took = [(seconds, f"{cell}: {what}" if several else what) for seconds, cell, what in self.cells.took]
        longest = sorted([*took, *self.tasks.took], key=lambda each: -each[0])[:LONGEST]
        return [("took longest:", None)] + [
            (
                words.spread(f"  {words.cut(what, self.screen.width - 16)}", words.seconds(seconds), self.screen.width),
                None,
            )
            for seconds, what in longest
        ]
