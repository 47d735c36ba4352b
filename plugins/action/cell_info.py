# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads a cell as it is. Documented in plugins/modules/cell_info.py."""

from __future__ import annotations

import typing as t

from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.terrace.aws.plugins.plugin_utils.cell_action import CellAction, ids, plain
from ansible_collections.terrace.aws.plugins.plugin_utils.engine import registry
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.view import with_sources


class ActionModule(CellAction):
    _VALID_ARGS = frozenset({"kinds", "fresh", "cell", "region"})
    _supports_check_mode = True

    def act(self) -> dict[str, t.Any]:
        kinds = self.known_kinds(self.option("kinds") or registry.all_kinds())
        # A task of a run that writes: what these kinds are derived from may just have been written.
        fresh = with_sources(kinds, self.observations().sources()) if boolean(self.option("fresh", True)) else ()
        observed = self.observe(kinds, fresh)
        return {
            "changed": False,
            "cell": self.cell_name(),
            "region": self.region(),
            "ids": ids(observed),
            "resources": plain(observed),
        }
