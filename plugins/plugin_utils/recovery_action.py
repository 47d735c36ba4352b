# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the actions on pairs share: the pair of the inventory, and both its cells as they are."""

from __future__ import annotations

import typing as t
from concurrent.futures import ThreadPoolExecutor

from ansible.errors import AnsibleActionFail

from . import specs
from .cell_action import CellAction
from .recovery import pairs, status


class RecoveryAction(CellAction):
    """An action that looks at both cells of a pair, of which one may be out of reach."""

    def pair(self) -> tuple[str, dict[str, t.Any]]:
        """The name and the options of the pair that is asked for.

        :raises AnsibleActionFail: where the inventory has no such pair
        """
        name = str(self.option("pair", ""))
        known = self.switches()[pairs.VARIABLE] or {}
        if problems := list(pairs.strangers(known, self._vars["groups"].get("cells", []))):
            raise AnsibleActionFail("the inventory is wrong:\n" + "\n".join(f"  {problem}" for problem in problems))
        if name not in known:
            raise AnsibleActionFail(f"{pairs.VARIABLE} has no pair {name}{specs.suggestion(name, known)}")
        return name, known[name]

    def sides(self, name: str, options: dict[str, t.Any], kinds: t.Sequence[str] = status.KINDS) -> list[status.Side]:
        """Both cells, read side by side. One that is lost costs seconds.

        :param kinds: what is read
        :raises AnsibleActionFail: where they are in one region
        """
        cells = {cell: self.other_cell(cell, hurried=True) for cell in options["cells"]}
        if len({cell.region for cell in cells.values()}) < len(cells):
            both = " and ".join(cells)
            raise AnsibleActionFail(
                f"{pairs.VARIABLE}.{name}.cells: {both} are in one region, which could be lost as a whole"
            )
        with ThreadPoolExecutor(max_workers=2) as pool:
            return list(pool.map(lambda each: status.Side.read(each[0], each[1], kinds), cells.items()))
