# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks a cell's inventory before anything is asked of AWS. Documented in plugins/modules/check_inventory.py."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail
from ansible.utils.vars import load_extra_vars

from ansible_collections.terrace.aws.plugins.plugin_utils import desired
from ansible_collections.terrace.aws.plugins.plugin_utils.cell_action import CellAction
from ansible_collections.terrace.aws.plugins.plugin_utils.inventory_check import InventoryCheck
from ansible_collections.terrace.aws.plugins.plugin_utils.kept_entries import KeptEntries


class ActionModule(CellAction):
    _VALID_ARGS = frozenset({"known"})
    _supports_check_mode = True

    def act(self) -> dict[str, t.Any]:
        variables = desired.variables_with_defaults(self._vars)
        kept = KeptEntries(self.cell_name(), variables, self._templar.template)
        template = desired.templates(variables, self._templar)
        given = load_extra_vars(self._loader)
        check = InventoryCheck(self.cell_name(), self._vars, variables, template, given, self.option("known") or ())
        if problems := check.problems():
            raise AnsibleActionFail(
                f"{self.cell_name()}: the inventory is wrong, nothing was written ({self._where()}):\n"
                + "\n".join(f"  {problem}" for problem in dict.fromkeys(problems))
            )
        kept.keep(check.world)
        return {"changed": False}

    def _where(self) -> str:
        return str(self.variable("inventory_dir", "")) or "no inventory file"
