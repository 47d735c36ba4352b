# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeps a lock while a whole run of ansible-playbook works, and gives it back when that ends, however it ends.

The tasks of a run are processes of their own, and a run that fails ends without a last task. So the lock is kept by a process
beside the run, which renews it and watches ansible-playbook.
"""

from __future__ import annotations

import contextlib
import os
import time
import typing as t

from .engine.lock import Lock, LostError, process_start
from .sdk import BotoCoreError, ClientError

#: Seconds between two looks at the run.
PAUSE = 0.5


def keep(connect: t.Callable[[], t.Any], name: str, run: int, token: str) -> None:
    """Start the process that keeps a lock.

    :param connect: makes a client of SSM
    :param name: the lock's
    :param run: the process of ansible-playbook
    :param token: tells this holding of the lock from all others
    """
    began = process_start(run)
    if os.fork():
        return
    try:
        os.setsid()
        _let_go_of_files()
        holder = Lock(Latest(connect), name, run)
        holder.resume(token)
        while _alive(run) and process_start(run) == began:
            time.sleep(PAUSE)
            try:
                holder.renew()
            except (ClientError, BotoCoreError):
                continue  # the lease lasts three times as long as the pause between two renewals
        holder.release()
    except (LostError, ClientError, BotoCoreError):
        pass  # somebody else's by now, or it runs out by itself
    finally:
        os._exit(0)


class Latest:
    """A client with the credentials of the run as they are now; once its files are gone with it, the last ones.

    :param connect: makes a client
    """

    def __init__(self, connect: t.Callable[[], t.Any]) -> None:
        self._connect = connect
        self._last = connect()

    def __call__(self) -> t.Any:
        with contextlib.suppress(BotoCoreError):
            self._last = self._connect()
        return self._last


def _let_go_of_files() -> None:
    """Whoever reads what the run prints is not to wait for this process."""
    os.closerange(0, os.sysconf("SC_OPEN_MAX"))
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)


def _alive(run: int) -> bool:
    try:
        os.kill(run, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
