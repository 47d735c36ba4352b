# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells the connection that a module is going to be called, and does not call it."""

from __future__ import annotations

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """C(module) is announced."""

    _VALID_ARGS = frozenset(("module",))

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        bits, _path = self._configure_module(self._task.args["module"], {}, task_vars)
        self._connection.announce(bits.shebang.removeprefix("#!"), {}, bits.b_module_data)
        return result
