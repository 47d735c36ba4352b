# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lifecycle hooks. https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeLifecycleHooks.html

AWS keeps no tags on them and describes them group by group; a hook is identified by its group and its name.
"""

from __future__ import annotations

import typing as t

from ...engine.cell import Cell
from ...engine.kind import Kind, Resource
from . import children

TRANSITIONS = {"launching": "autoscaling:EC2_INSTANCE_LAUNCHING", "terminating": "autoscaling:EC2_INSTANCE_TERMINATING"}


class LifecycleHook(Kind):
    name = "lifecycle_hook"
    role = "tier"
    variable = "tier_lifecycle_hooks"
    immutable = frozenset({"group"})
    references: t.ClassVar[dict[str, str]] = {"group": "autoscaling_group"}
    #: A hook holds only machines that start after it, so a new group gets its machines once it has its hooks.
    precedes = frozenset({"group"})
    replacement_reason = "a hook belongs to its group"
    taggable = False
    longest_name = 255

    def read(self, cell: Cell) -> dict[str, Resource]:
        groups = {group.id: name for name, group in cell.observed("autoscaling_group").items()}
        found = cell.map(
            lambda group: cell.pages(
                "autoscaling", "describe_lifecycle_hooks", "LifecycleHooks", AutoScalingGroupName=group
            ),
            groups,
        )
        words = {word: ours for ours, word in TRANSITIONS.items()}
        every = (hook for hooks in found for hook in hooks)
        return {
            name: Resource(
                id=hook["LifecycleHookName"],
                attributes={
                    "group": groups[hook["AutoScalingGroupName"]],
                    "transition": words.get(hook["LifecycleTransition"], hook["LifecycleTransition"]),
                    "heartbeat": hook["HeartbeatTimeout"],
                    "default_result": hook["DefaultResult"],
                },
                facts={"name": hook["LifecycleHookName"], "group_name": hook["AutoScalingGroupName"]},
            )
            for name, hook in children.by_name(cell, groups, every, "LifecycleHookName")
        }
