# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The end of a run that is told to stop by a signal: Ansible calls no callback then.

ansible-core hands SIGINT (Ctrl-C) and SIGTERM to its workers. Upon SIGINT it then raises KeyboardInterrupt and exits with
status 99; upon SIGTERM it sends itself the signal again, which ends it at once (``TaskQueueManager._signal_handler``).
"""

from __future__ import annotations

import atexit
import os
import signal
import threading
import types
import typing as t

#: Seconds that the closing lines may take before a request to end is passed on: a terminal may be stopped.
PATIENCE = 2.0


class Interruption:
    """Stands in front of Ansible's signal handlers; what they do, and the status the run ends with, stays as it is.

    :param say: writes the closing lines; called once at most, in the main process only
    """

    def __init__(self, say: t.Callable[[], None]) -> None:
        self._say, self._pid, self._asked = say, os.getpid(), False
        self._before: dict[int, t.Any] = {}

    def watch(self) -> None:
        """From here on the closing lines are written when a signal ends the run. Only the main thread may call this."""
        for number, handler in ((signal.SIGINT, self._interrupted), (signal.SIGTERM, self._told_to_end)):
            self._before[number] = signal.signal(number, handler)
        atexit.register(self._at_exit)

    def _interrupted(self, number: int, frame: types.FrameType | None) -> None:
        """SIGINT: Ansible comes to an exit of its own, after which nothing more is displayed."""
        self._asked = os.getpid() == self._pid
        self._as_before(number, frame)

    def _told_to_end(self, number: int, frame: types.FrameType | None) -> None:
        """SIGTERM: there will be no exit. What was interrupted by this may hold the locks of the terminal, so a thread writes the
        lines and then sends the signal again."""
        if os.getpid() != self._pid:
            self._as_before(number, frame)
            return
        signal.signal(number, self._before[number])
        threading.Thread(target=self._end, args=(number,), daemon=True).start()

    def _end(self, number: int) -> None:
        writing = threading.Thread(target=self._say, daemon=True)
        writing.start()
        writing.join(PATIENCE)
        os.kill(self._pid, number)

    def _at_exit(self) -> None:
        if self._asked and os.getpid() == self._pid:
            self._say()

    def _as_before(self, number: int, frame: types.FrameType | None) -> None:
        before = self._before[number]
        signal.signal(number, before)
        if callable(before):
            before(number, frame)
        elif before == signal.SIG_DFL:
            os.kill(os.getpid(), number)
