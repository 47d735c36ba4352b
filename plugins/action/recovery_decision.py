# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decides whether a cell may take over. Documented in plugins/modules/recovery_decision.py."""

from __future__ import annotations

import datetime as dt
import typing as t

from ansible.errors import AnsibleActionFail

from ansible_collections.terrace.aws.plugins.plugin_utils.engine import lock
from ansible_collections.terrace.aws.plugins.plugin_utils.recovery import decision, journal, status
from ansible_collections.terrace.aws.plugins.plugin_utils.recovery_action import RecoveryAction
from ansible_collections.terrace.aws.plugins.plugin_utils.sdk import BotoCoreError, ClientError


class ActionModule(RecoveryAction):
    _VALID_ARGS = frozenset({"pair", "to", "mode", "unfenced", "accept"})
    _supports_check_mode = True

    def act(self) -> dict[str, t.Any]:
        name, options = self.pair()
        leads = ("load_balancer",) if options["public_name"] else ()
        sides = self.sides(name, options, (*status.KINDS, "security_group", *leads))
        to, clients = str(self.option("to", "")), set(self._vars["groups"].get(options["clients"], []))
        request = decision.Request(
            to=to,
            mode=str(self.option("mode", decision.PLANNED)),
            unfenced=str(self.option("unfenced", "")),
            accepted=tuple(map(str, self.option("accept", []))),
            clients=bool(clients & set(self._vars["groups"].get(f"cell_{to.replace('-', '_')}", []))),
        )
        found = {side.name: self._journal(name, options, side) for side in sides}
        looked = status.Status(name, options, sides, {}, dt.datetime.now(dt.UTC))
        try:
            decided = decision.decide(looked, request, found, self._last_status(name, options, sides, to))
        except decision.RefusedError as refused:
            raise AnsibleActionFail(f"{name}: nothing was changed:\n{refused}") from refused
        return {"changed": False, "decision": {**decided, "who": lock.whoami()}}

    @staticmethod
    def _last_status(
        name: str, options: dict[str, t.Any], sides: list[status.Side], to: str
    ) -> dict[str, t.Any] | None:
        """The last status that was kept where the failover leads to; it is worth something where a cell cannot be read alone."""
        side = next((each for each in sides if each.name == to), None)
        bucket = side.of("bucket").get(options["journal_bucket"]) if side else None
        if bucket is None or side is None or not any(each.problem for each in sides):
            return None
        try:
            return journal.last_status(side.cell, bucket.id, name)
        except (ClientError, BotoCoreError, ValueError):
            return None

    @staticmethod
    def _journal(name: str, options: dict[str, t.Any], side: status.Side) -> journal.Journal | None:
        """The last journal of a failover to a cell, where there is one that can be read."""
        bucket = side.of("bucket").get(options["journal_bucket"])
        if bucket is None:
            return None
        try:
            return journal.latest(side.cell, bucket.id, name)
        except (ClientError, BotoCoreError) as error:
            raise AnsibleActionFail(
                f"{name}: nothing was changed: whether a failover to {side.name} is unfinished cannot be read: {error}"
            ) from error
