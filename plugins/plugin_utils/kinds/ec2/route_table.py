# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Route tables. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRouteTables.html"""

from __future__ import annotations

import typing as t

from ...engine.cell import Cell
from ...engine.kind import Kind, Resource
from . import route_targets


class RouteTable(Kind):
    name = "route_table"
    role = "network"
    variable = "network_route_tables"
    resource_type = "ec2:route-table"
    immutable = frozenset({"vpc"})
    references: t.ClassVar[dict[str, str]] = {
        "vpc": "vpc",
        "subnets": "subnet",
        "routes.internet_gateway": "internet_gateway",
        "routes.nat_gateway": "nat_gateway",
    }
    #: CreateRoute refuses a NAT gateway that is not available.
    needs_ready = frozenset({"routes.nat_gateway"})
    #: AWS deletes a NAT gateway that routes name; they lead nowhere until they are written again.
    #: https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-working-with.html#nat-gateway-delete
    loose = frozenset({"routes.nat_gateway"})
    #: A subnet has one table: the one that gets it is written before the one that had it is removed.
    exclusive = frozenset({"subnets"})
    replacement_reason = "its subnets use one table each"

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
                    "routes": {
                        route_targets.destination(route): route_targets.target(route, cell.name_of)
                        for route in table["Routes"]
                        if not route_targets.is_managed_by_aws(route) and not route_targets.is_propagated(route)
                    },
                },
                facts=_facts(table),
                tags=tags,
            )
            for name, table, tags in cell.owned(self.name, tables, lambda x: x["Tags"], lambda x: x["RouteTableId"])
        }

    def normalise(self, entry: dict[str, t.Any]) -> dict[str, t.Any]:
        return {**entry, "routes": {route_targets.normalised(to): goal for to, goal in entry["routes"].items()}}

    def names_in(self, option: str, entry: dict[str, t.Any]) -> list[str]:
        if not option.startswith("routes."):
            return super().names_in(option, entry)
        word = option.removeprefix("routes.")
        names = (goal.partition(":")[2] for goal in entry["routes"].values() if goal.startswith(f"{word}:"))
        return [name for name in dict.fromkeys(names) if not route_targets.is_id(word, name)]

    def check(self, name: str, entry: dict[str, t.Any], world: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        written: dict[str, str] = {}
        for to, goal in entry["routes"].items():
            yield from (f"routes.{to}: {problem}" for problem in route_targets.problems(str(to), str(goal)))
            other = written.setdefault(route_targets.normalised(str(to)), str(to))
            if other != to:
                yield f"routes.{to}: is the same network as {other}; a table has one route to it"
        for other, table in world["route_table"].items():
            for subnet in set(entry["subnets"]) & set(table.get("subnets") or []):
                if other > name:
                    yield f"subnets: {subnet} is in route table {other} as well; a subnet has one"


def _facts(table: dict[str, t.Any]) -> dict[str, t.Any]:
    """What is in the table that nobody wrote there with CreateRoute."""
    routes = table["Routes"]
    return {
        "main": any(each.get("Main") for each in table["Associations"]),
        "propagating_gateways": sorted(each["GatewayId"] for each in table.get("PropagatingVgws") or []),
        "propagated_routes": {
            route_targets.destination(route): route_targets.target_id(route)
            for route in routes
            if route_targets.is_propagated(route)
        },
        "blackholes": sorted(route_targets.destination(route) for route in routes if route.get("State") == "blackhole"),
    }
