# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Auto scaling groups of one bastion each."""

from __future__ import annotations

import typing as t

from .autoscaling_group import AutoscalingGroup


class BastionGroup(AutoscalingGroup):
    name = "bastion_group"
    role = "bastion"
    variable = "bastion_groups"
    options_of = "autoscaling_group"
    references: t.ClassVar[dict[str, str]] = {**AutoscalingGroup.references, "launch_template": "bastion_template"}

    def check(self, name: str, entry: dict[str, t.Any], world: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        yield from super().check(name, entry, world)
        if entry["max_size"] != 1:
            yield f"max_size: one machine can hold the address, so 1, not {entry['max_size']}"
