# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shows what would change, and writes nothing. Documented in plugins/modules/plan.py."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail
from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.terrace.aws.plugins.plugin_utils.cell_action import ids, plain
from ansible_collections.terrace.aws.plugins.plugin_utils.planning import PlanningAction
from ansible_collections.terrace.aws.plugins.plugin_utils.sdk import BotoCoreError, ClientError


class ActionModule(PlanningAction):
    _VALID_ARGS = frozenset({"role", "kinds", "state", "fresh", "hurried", "cell", "region"})
    _supports_check_mode = True

    def act(self) -> dict[str, t.Any]:
        self.hurried = boolean(self.option("hurried", False))
        kinds = self.chosen_kinds()
        try:
            found = self.planned(kinds, fresh=kinds if boolean(self.option("fresh", False)) else ())
            self.refuse(found)
        except (ClientError, BotoCoreError, AnsibleActionFail) as error:
            if self.hurried:
                return {"changed": False, "problem": str(error)}
            raise
        self.show(found)
        return {
            "changed": bool(found.to_do),
            "pending": bool(found.to_do),
            "ids": ids(found.observed),
            "resources": plain({kind: found.observed[kind] for kind in found.kinds}),
            "warnings": found.warnings,
            "terrace_plan": self.summary(found),
        }
