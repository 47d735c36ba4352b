# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looks at both cells of a pair. Documented in plugins/modules/recovery_info.py."""

from __future__ import annotations

import datetime as dt
import typing as t
from concurrent.futures import ThreadPoolExecutor

from ansible.errors import AnsibleActionFail

from ansible_collections.terrace.aws.plugins.plugin_utils import specs
from ansible_collections.terrace.aws.plugins.plugin_utils.cell_action import CellAction
from ansible_collections.terrace.aws.plugins.plugin_utils.recovery import pairs, status


class ActionModule(CellAction):
    _VALID_ARGS = frozenset({"pair", "plans"})
    _supports_check_mode = True

    def act(self) -> dict[str, t.Any]:
        name = str(self.option("pair", ""))
        known = self.switches()[pairs.VARIABLE] or {}
        if problems := list(pairs.strangers(known, self._vars["groups"].get("cells", []))):
            raise AnsibleActionFail("the inventory is wrong:\n" + "\n".join(f"  {problem}" for problem in problems))
        if name not in known:
            raise AnsibleActionFail(f"{pairs.VARIABLE} has no pair {name}{specs.suggestion(name, known)}")
        # A region that is lost costs seconds.
        cells = {cell: self.other_cell(cell, hurried=True) for cell in known[name]["cells"]}
        if len({cell.region for cell in cells.values()}) < len(cells):
            both = " and ".join(cells)
            raise AnsibleActionFail(
                f"{pairs.VARIABLE}.{name}.cells: {both} are in one region, which could be lost as a whole"
            )
        with ThreadPoolExecutor(max_workers=2) as pool:
            sides = list(pool.map(status.Side.read, cells, cells.values()))
        now = dt.datetime.now(dt.UTC)
        found = status.Status(name, known[name], sides, self.option("plans", {}), now)
        return {"changed": False, "status": found.as_dict()}
