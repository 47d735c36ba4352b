# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tells whether a run is to stop: by a signal, or because ansible-playbook itself is gone.

A job that is cancelled (AWX, CI) ends ansible-playbook; the process of a task is in a session of its own and would go on alone.
"""

from __future__ import annotations

import os
import signal
import types
import typing as t


class Stop:
    """A context in which signals only ask to stop, so that what was begun can end."""

    SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

    def __init__(self) -> None:
        self._asked = False
        self._parent = os.getppid()
        self._before: dict[signal.Signals, t.Any] = {}

    def __enter__(self) -> Stop:
        self._before = {number: signal.signal(number, self._ask) for number in self.SIGNALS}
        return self

    def __exit__(self, *_exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, _number: int, _frame: types.FrameType | None) -> None:
        self._asked = True

    @property
    def asked(self) -> bool:
        """Whether to begin nothing more."""
        return self._asked or os.getppid() != self._parent
