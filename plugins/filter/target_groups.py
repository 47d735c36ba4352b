# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of the playbooks that take machines out of their balancers and put them back."""

from __future__ import annotations

import typing as t


def target_groups_of(resources: dict[str, dict[str, t.Any]], tags: dict[str, str]) -> list[dict[str, t.Any]]:
    """The target groups a machine belongs in: those of the auto scaling group of its tier, also while it is out of them.

    :param resources: target_group and autoscaling_group by name, as M(terrace.aws.cell_info) returns them
    :param tags: the machine's tags; without ``tier`` (a bastion) there are none
    """
    group = resources["autoscaling_group"].get(tags.get("tier", ""))
    wanted = group["attributes"]["target_groups"] if group else []
    return [resource for name, resource in resources["target_group"].items() if name in wanted]


class FilterModule:
    """Filters ``terrace.aws.*`` of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"target_groups_of": target_groups_of}
