# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The terminal of a run: lines that stay, and below them, where it can be redrawn, lines that say what is going on now."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import threading
import typing as t

from ansible.utils.display import Display

from ..events import Event

#: Seconds after which what is going on is drawn again although nothing happened.
TICK = 0.5
#: What Ansible displays of deprecations: they are for those who write collections, not for those who run them.
DEPRECATIONS = ("[DEPRECATION WARNING]: ", "[WARNING]: Deprecation warnings can be disabled")


class Screen:
    """Stands in front of Ansible's Display, whose every line goes above what is redrawn.

    :param redraws: whether the terminal can be redrawn
    :param hear: takes the events that workers tell
    :param now: the lines that say what is going on, for a width
    """

    def __init__(
        self,
        display: Display,
        redraws: bool,
        hear: t.Callable[[Event], None],
        now: t.Callable[[int], list[str]],
    ) -> None:
        self._display, self._below, self._redraws, self._hear, self._now = display, display.display, redraws, hear, now
        self._pid, self._drawn = os.getpid(), 0
        #: Held by whoever changes what is shown: results, events and the clock come in threads of their own.
        self.lock = threading.RLock()

    def open(self) -> None:
        """From here on everything that is displayed comes here first."""
        self._display.display = self.display  # type: ignore[method-assign]
        if self._redraws:
            threading.Thread(target=self._tick, daemon=True).start()
            atexit.register(self.close)

    def close(self) -> None:
        """Nothing is redrawn any more."""
        if os.getpid() == self._pid:
            with self.lock:
                self._erase()
                self._redraws = False

    @property
    def width(self) -> int:
        """How many columns a line may have: one less than the terminal has, for some wrap a line that is full."""
        try:
            columns = os.get_terminal_size(sys.stdout.fileno()).columns
        except (OSError, ValueError):
            columns = shutil.get_terminal_size().columns
        return max(40, columns or 80) - 1

    def display(self, msg: str, *args: t.Any, **kwargs: t.Any) -> None:
        """What Display.display does. In a worker it hands the message to the main process, which brings it here."""
        if os.getpid() != self._pid:
            self._below(msg, *args, **kwargs)
        elif isinstance(msg, Event):
            self._hear(msg)
        elif not (msg.startswith(DEPRECATIONS) and not self._display.verbosity):
            with self.lock:
                self._erase()
                self._below(msg, *args, **kwargs)
                self._draw()

    def lines(self, lines: t.Iterable[tuple[str, str | None]]) -> None:
        """Lines that stay, with the names of their colours."""
        with self.lock:
            self._erase()
            for text, color in lines:
                self._below(text, color=color)
            self._draw()

    def redraw(self) -> None:
        """Draw what is going on now."""
        with self.lock:
            self._erase()
            self._draw()

    def _tick(self) -> None:
        pause = threading.Event()
        while self._redraws:
            pause.wait(TICK)
            self.redraw()

    def _erase(self) -> None:
        if self._drawn:
            sys.stdout.write("\r" + (f"\x1b[{self._drawn - 1}A" if self._drawn > 1 else "") + "\x1b[J")
            sys.stdout.flush()
            self._drawn = 0

    def _draw(self) -> None:
        if not self._redraws:
            return
        # A terminal writes ^C where the cursor stands: there must be room, or the line is wrapped and not erased as a whole.
        width, most = self.width - len("^C"), max(2, shutil.get_terminal_size().lines // 2)
        if lines := [line[:width] for line in self._now(width)]:
            # What scrolled out at the top could not be erased.
            lines = lines if len(lines) <= most else [*lines[: most - 1], f"and {len(lines) - most + 1} more lines"]
            sys.stdout.write("\n".join(lines))
            sys.stdout.flush()
            self._drawn = len(lines)
