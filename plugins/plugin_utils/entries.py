# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The entry of a plan as the tasks that write it get it."""

from __future__ import annotations

import typing as t

from .engine import plan, registry
from .engine.graph import Node
from .engine.kind import CREATE_FIRST, LOGICAL_TAG, NAME_TAG, Resource, every_tag


def written(cell: str, node: Node, entry: dict[str, t.Any], there: dict[str, Resource]) -> dict[str, t.Any]:
    """An entry with what its tasks need beside its options. What is replaced is created like anything new: it has no id.

    :param there: the kind's resources as they were when the run was planned
    :returns: the options; ``tags`` (all of them), ``aws_name``, ``id`` and ``facts`` (empty for what is created), ``action``
        and ``fields`` (the paths that differ)
    """
    action = node.change.action if node.change else ""
    resource = None if action in (plan.CREATE, plan.REPLACE) else there.get(node.name)
    shared = entry.get("counterpart") if registry.kind(node.kind).replicates_tags else None
    other, marks = (shared or "").partition("/")[0], resource.marks if resource else None
    return {
        **entry,
        "tags": every_tag(cell, node.kind, node.name, entry.get("tags"), marks, other),
        "aws_name": _aws_name(cell, node, resource, there),
        "id": resource.id if resource else "",
        "facts": resource.facts if resource else {},
        "action": plan.CREATE if action == plan.REPLACE else action,
        "fields": sorted(node.change.fields) if node.change else [],
    }


def _aws_name(cell: str, node: Node, resource: Resource | None, there: dict[str, Resource]) -> str:
    """What AWS calls it: its name, or its Name tag. A new one beside an outgoing one of the same name has a number added."""
    name = f"{cell}-{node.name}"
    if resource and resource.facts.get("name"):
        return str(resource.facts["name"])
    if resource:
        return resource.marks.get(NAME_TAG, name) if LOGICAL_TAG in resource.marks else name
    taken = {str(each.facts.get("name")) for each in there.values()}
    number, unique = 2, name
    while registry.kind(node.kind).replacement == CREATE_FIRST and unique in taken:
        unique, number = f"{name}-{number}", number + 1
    return unique
