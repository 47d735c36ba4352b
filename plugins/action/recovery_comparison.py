# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settles whether a former primary is compared. Documented in plugins/modules/recovery_comparison.py."""

from __future__ import annotations

import datetime as dt
import typing as t

from ansible_collections.terrace.aws.plugins.plugin_utils.recovery import comparison, journal, status
from ansible_collections.terrace.aws.plugins.plugin_utils.recovery_action import RecoveryAction


class ActionModule(RecoveryAction):
    _VALID_ARGS = frozenset({"pair", "former"})
    _supports_check_mode = True

    def act(self) -> dict[str, t.Any]:
        name, options = self.pair()
        sides = self.sides(name, options, ("db_instance", "secret", "kms_key", "bucket"))
        looked = status.Status(name, options, sides, {}, dt.datetime.now(dt.UTC))
        kept, earlier, writer = None, {}, looked.primary
        bucket = writer.of("bucket").get(options["journal_bucket"]) if writer else None
        if writer and bucket:
            kept = journal.latest(writer.cell, bucket.id, name)
            earlier = journal.missing(writer.cell, bucket.id, kept) if kept else {}
        groups = self._vars["groups"]
        clients = set(groups.get(options["clients"], []))
        without = [
            each for each in options["cells"] if not clients & set(groups.get(f"cell_{each.replace('-', '_')}", []))
        ]
        told = comparison.settle(looked, str(self.option("former", "")), kept, earlier, without)
        return {"changed": False, "comparison": told}
