# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tags of what Route 53 keeps, which it tells apart from the resources, and the caller references that stand in for them.

Zones and health checks get their tags in a second call. The reference they are created with says whose they are before.
https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListTagsForResources.html
"""

from __future__ import annotations

import re
import typing as t

from ...engine.cell import Cell
from ...engine.kind import every_tag

#: ListTagsForResources takes so many resources a call.
TAGGED_AT_ONCE = 10


def tag_sets(
    cell: Cell, kind: str, sort: str, references: t.Mapping[str, str]
) -> tuple[list[dict[str, t.Any]], set[str]]:
    """``ResourceId`` and ``Tags`` of each resource, and the ids of those that a killed run created and did not tag.

    :param sort: AWS's word for the type, ``hostedzone`` or ``healthcheck``
    :param references: caller references by id
    """
    idents = sorted(references)
    slices = [idents[start : start + TAGGED_AT_ONCE] for start in range(0, len(idents), TAGGED_AT_ONCE)]
    sets = [each for answer in cell.map(lambda some: _tags(cell, sort, some), slices) for each in answer]
    untagged = set()
    for each in sets:
        if not each["Tags"] and (tags := _created(cell, kind, references[each["ResourceId"]])):
            each["Tags"] = tags
            untagged.add(each["ResourceId"])
    return sets, untagged


def _tags(cell: Cell, sort: str, idents: list[str]) -> list[dict[str, t.Any]]:
    answer = cell.call("route53", "list_tags_for_resources", ResourceType=sort, ResourceIds=idents)
    return list(answer["ResourceTagSets"])


def _created(cell: Cell, kind: str, reference: str) -> dict[str, str]:
    """The tags a resource was to get that a killed run created; none of anybody else's."""
    found = re.fullmatch(rf"terrace/{re.escape(cell.name)}/(?P<name>.+)/[^/]+", reference)
    return every_tag(cell.name, kind, found["name"]) if found else {}
