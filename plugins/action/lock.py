# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Holds a lock from one task of a run to another. Documented in plugins/modules/lock.py."""

from __future__ import annotations

import os
import typing as t

from ansible.errors import AnsibleActionFail

from ansible_collections.terrace.aws.plugins.plugin_utils import cell_sessions, lock_keeper, run_files
from ansible_collections.terrace.aws.plugins.plugin_utils.cell_action import CellAction
from ansible_collections.terrace.aws.plugins.plugin_utils.engine import lock


class ActionModule(CellAction):
    _VALID_ARGS = frozenset({"name", "state", "cell", "region"})
    _supports_check_mode = True

    def act(self) -> dict[str, t.Any]:
        name = f"{self.option('name')}/{self.cell_name()}"
        if self._task.check_mode:
            return {"changed": False, "owner": lock.whoami()}
        try:
            cell_sessions.renew(self, self._of_cell)
        except cell_sessions.SignInError as error:
            raise AnsibleActionFail(str(error)) from error
        run = os.getppid()  # a task is a process of its own

        def connect() -> t.Any:
            return self.cell().client("ssm")

        holder = lock.Lock(connect, name, run)
        kept = run_files.folder() / f"{name.replace('/', '.')}.lock"
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
            raise AnsibleActionFail(f"{self.cell_name()}: nothing was changed: {error}") from error
        except lock.LostError as error:
            raise AnsibleActionFail(f"{self.cell_name()}: stopped: {error}") from error
        return {"changed": False, "owner": lock.whoami()}

    def _of_cell(self, name: str, default: t.Any = None) -> t.Any:
        """A variable of the cell: batches of machines hold its lock as well, and take longer than its credentials last."""
        if "cell_session" in self._vars:
            return self.variable(name, default)
        hosts = self._vars["hostvars"]
        return hosts[self.cell_name()].get(name, default) if self.cell_name() in hosts else default
