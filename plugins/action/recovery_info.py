# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looks at both cells of a pair. Documented in plugins/modules/recovery_info.py."""

from __future__ import annotations

import datetime as dt
import typing as t

from ansible_collections.terrace.aws.plugins.plugin_utils.recovery import journal, status
from ansible_collections.terrace.aws.plugins.plugin_utils.recovery_action import RecoveryAction


class ActionModule(RecoveryAction):
    _VALID_ARGS = frozenset({"pair", "plans"})
    _supports_check_mode = True

    def act(self) -> dict[str, t.Any]:
        name, options = self.pair()
        sides = self.sides(name, options)
        found = status.Status(name, options, sides, self.option("plans", {}), dt.datetime.now(dt.UTC))
        keeps = [(side, side.of("bucket").get(options["journal_bucket"])) for side in sides]
        buckets = [{"bucket": bucket.id, "region": side.region} for side, bucket in keeps if bucket]
        return {
            "changed": False,
            "status": found.as_dict(),
            "buckets": buckets,
            "object": journal.status_place(name),
            "whole": not any(side.problem for side in sides),
        }
