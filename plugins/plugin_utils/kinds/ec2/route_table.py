# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Route tables. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRouteTables.html"""

from __future__ import annotations

import typing as t

from ...engine.cell import Cell
from ...engine.kind import Kind, Resource

#: What a route leads to: AWS's key for it, and the kind whose logical name stands in the inventory.
TARGETS = {
    "GatewayId": "internet_gateway",
    "NatGatewayId": "nat_gateway",
    "TransitGatewayId": "transit_gateway",
    "VpcPeeringConnectionId": "vpc_peering",
    "NetworkInterfaceId": "network_interface",
}


class RouteTable(Kind):
    name = "route_table"
    role = "network"
    variable = "network_route_tables"
    immutable = frozenset({"vpc"})
    references: t.ClassVar[dict[str, str]] = {
        "vpc": "vpc",
        "subnets": "subnet",
        "routes.internet_gateway": "internet_gateway",
        "routes.nat_gateway": "nat_gateway",
    }

    def read(self, cell: Cell) -> dict[str, Resource]:
        tables = cell.ec2("describe_route_tables", "RouteTables")
        return {
            name: Resource(
                id=table["RouteTableId"],
                attributes={
                    "vpc": cell.name_of("vpc", table["VpcId"]),
                    "subnets": cell.names_of(
                        "subnet", (a["SubnetId"] for a in table["Associations"] if a.get("SubnetId"))
                    ),
                    "routes": dict(filter(None, (self._route(cell, route) for route in table["Routes"]))),
                },
                tags=tags,
            )
            for name, table, tags in cell.owned(self.name, tables, lambda x: x["Tags"], lambda x: x["RouteTableId"])
        }

    @staticmethod
    def _route(cell: Cell, route: dict[str, t.Any]) -> tuple[str, str] | None:
        """Destination and target; None for what AWS puts there itself (the local route, gateway endpoints)."""
        destination = route.get("DestinationCidrBlock") or route.get("DestinationIpv6CidrBlock")
        if not destination or route.get("GatewayId", "").startswith(("local", "vpce-")):
            return None
        for key, kind in TARGETS.items():
            if route.get(key):
                known = kind in ("internet_gateway", "nat_gateway")
                return destination, f"{kind}:{cell.name_of(kind, route[key]) if known else route[key]}"
        return destination, "blackhole"

    def names_in(self, option: str, entry: dict[str, t.Any]) -> list[str]:
        if not option.startswith("routes."):
            return super().names_in(option, entry)
        prefix = f"{option.removeprefix('routes.')}:"
        return [target.removeprefix(prefix) for target in entry["routes"].values() if target.startswith(prefix)]

    def check(self, name: str, entry: dict[str, t.Any], world: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        for destination, target in entry["routes"].items():
            if target.split(":")[0] not in TARGETS.values():
                yield f"routes.{destination}: {target} leads nowhere; write <kind>:<name>, kinds: {', '.join(TARGETS.values())}"
        for other, table in world["route_table"].items():
            for subnet in set(entry["subnets"]) & set(table.get("subnets") or []):
                if other > name:
                    yield f"subnets: {subnet} is in route table {other} as well; a subnet has one"
