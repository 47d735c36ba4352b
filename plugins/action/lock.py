# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Holds a lock from one task of a run to another. Documented in plugins/modules/lock.py."""

from __future__ import annotations

import os
import pathlib
import time
import typing as t

from ansible_collections.terrace.aws.plugins.plugin_utils import cell_sessions, lock_keeper, run_files
from ansible_collections.terrace.aws.plugins.plugin_utils.cell_action import CellAction
from ansible_collections.terrace.aws.plugins.plugin_utils.engine import lock
from ansible_collections.terrace.aws.plugins.plugin_utils.sdk import BotoCoreError, ClientError, lab_hint

#: Seconds before a held lock is asked for again when AWS does not answer, beside what the SDK retries itself.
PAUSES = (1, 3, 9)


class ActionModule(CellAction):
    _VALID_ARGS = frozenset({"name", "state", "cell", "region"})
    _supports_check_mode = True

    def act(self) -> dict[str, t.Any]:
        name = f"{self.option('name')}/{self.cell_name()}"
        if self._task.check_mode:
            return {"changed": False, "owner": lock.whoami()}
        kept = run_files.folder() / f"{name.replace('/', '.')}.lock"
        error = Exception()
        for pause in (*PAUSES, None):
            try:
                return self._attempt(name, kept)
            except (ClientError, BotoCoreError, cell_sessions.SignInError) as problem:
                error = problem
            # What this run does not hold yet, or gives back, is not worth waiting for.
            if pause is None or not kept.exists() or self.option("state", "held") != "held":
                break
            self._display.warning(f"{self._unchecked(name, error)}; next attempt in {pause} s")
            time.sleep(pause)
        return self._failed(self._unchecked(name, error), lost=False)

    def _unchecked(self, name: str, error: Exception) -> str:
        """That AWS did not say who holds the lock."""
        said = str(error).removeprefix(f"{self.cell_name()}: ")
        return f"{self.cell_name()}: the lock {lock.PREFIX}/{name} could not be checked: {said}{lab_hint(error)}"

    def _attempt(self, name: str, kept: pathlib.Path) -> dict[str, t.Any]:
        """Take, check or release the lock once.

        :param kept: the file that says in this run that it holds the lock
        """
        cell_sessions.renew(self, self._of_cell)
        run = os.getppid()  # a task is a process of its own

        def connect() -> t.Any:
            return self.cell().client("ssm")

        holder = lock.Lock(connect, name, run)
        try:
            if kept.exists():
                holder.resume(kept.read_text())
                if self.option("state", "held") == "released":
                    holder.release()
                    kept.unlink()
            elif self.option("state", "held") == "held":
                if taken := holder.take(self.switches()["terrace_take_lock"]):
                    self._display.warning(f"{self.cell_name()}: {taken}")
                kept.write_text(holder.token)
                lock_keeper.keep(connect, name, run, holder.token)
        except lock.HeldError as error:
            return self._failed(f"{self.cell_name()}: nothing was changed: {error}", lost=True)
        except lock.LostError as error:
            return self._failed(f"{self.cell_name()}: stopped: {error}", lost=True)
        return {"changed": False, "owner": lock.whoami()}

    @staticmethod
    def _failed(message: str, lost: bool) -> dict[str, t.Any]:
        """A failure as a result: an exception would pass by the failed_when of playbooks that tell the two apart.

        :param lost: whether somebody else holds the lock; what was done must not be undone then
        """
        return {"failed": True, "lost": lost, "msg": message}

    def _of_cell(self, name: str, default: t.Any = None) -> t.Any:
        """A variable of the cell: batches of machines hold its lock as well, and take longer than its credentials last."""
        if "cell_session" in self._vars:
            return self.variable(name, default)
        hosts = self._vars["hostvars"]
        return hosts[self.cell_name()].get(name, default) if self.cell_name() in hosts else default
