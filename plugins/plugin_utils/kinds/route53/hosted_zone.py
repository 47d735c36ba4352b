# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosted zones. https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListHostedZones.html"""

from __future__ import annotations

import typing as t

from ...engine.cell import Cell
from ...engine.kind import Kind, Resource

#: ListTagsForResources takes so many zones a call.
TAGGED_AT_ONCE = 10


class HostedZone(Kind):
    name = "hosted_zone"
    role = "dns"
    variable = "dns_zones"
    immutable = frozenset({"domain", "vpcs"})
    references: t.ClassVar[dict[str, str]] = {"vpcs": "vpc"}

    def read(self, cell: Cell) -> dict[str, Resource]:
        zones = {_ident(zone["Id"]): zone for zone in cell.pages("route53", "list_hosted_zones", "HostedZones")}
        idents = sorted(zones)
        slices = [idents[start : start + TAGGED_AT_ONCE] for start in range(0, len(idents), TAGGED_AT_ONCE)]
        sets = [each for answer in cell.map(lambda some: self._tags(cell, some), slices) for each in answer]
        mine = list(cell.owned(self.name, sets, lambda each: each["Tags"], lambda each: each["ResourceId"]))
        details = cell.map(lambda each: cell.call("route53", "get_hosted_zone", Id=each[1]["ResourceId"]), mine)
        return {
            name: Resource(
                id=each["ResourceId"],
                attributes={
                    "domain": detail["HostedZone"]["Name"].rstrip("."),
                    "vpcs": cell.names_of("vpc", (vpc["VPCId"] for vpc in detail.get("VPCs") or [])),
                    "comment": detail["HostedZone"]["Config"].get("Comment", ""),
                },
                facts={
                    "name_servers": (detail.get("DelegationSet") or {}).get("NameServers", []),
                    "vpcs": [{"id": vpc["VPCId"], "region": vpc["VPCRegion"]} for vpc in detail.get("VPCs") or []],
                },
                tags=tags,
            )
            for (name, each, tags), detail in zip(mine, details, strict=True)
        }

    @staticmethod
    def _tags(cell: Cell, idents: list[str]) -> list[dict[str, t.Any]]:
        answer = cell.call("route53", "list_tags_for_resources", ResourceType="hostedzone", ResourceIds=idents)
        return list(answer["ResourceTagSets"])


def _ident(path: str) -> str:
    return path.rpartition("/")[2]
