# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""VPC endpoints. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcEndpoints.html"""

from __future__ import annotations

import json
import typing as t

from ...engine.cell import Cell
from ...engine.kind import FAILED, LEAVING, PENDING, READY, REMAKE, Kind, Resource
from . import living

#: In lower case: AWS writes them in either. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_VpcEndpoint.html
STATES = {
    "available": READY,
    "pending": PENDING,
    "pendingacceptance": PENDING,
    "partial": PENDING,
    "failed": FAILED,
    "rejected": FAILED,
    "expired": FAILED,
    "deleting": LEAVING,
}


class VpcEndpoint(Kind):
    name = "vpc_endpoint"
    role = "endpoints"
    variable = "endpoints_services"
    resource_type = "ec2:vpc-endpoint"
    immutable = frozenset({"service", "type", "vpc"})
    replacement_reason = "a VPC resolves a service's name, and routes to it, through one endpoint"
    references: t.ClassVar[dict[str, str]] = {
        "vpc": "vpc",
        "route_tables": "route_table",
        "subnets": "subnet",
        "security_groups": "security_group",
    }

    def read(self, cell: Cell) -> dict[str, Resource]:
        found = living.without_replaced(
            (each for each in cell.ec2("describe_vpc_endpoints", "VpcEndpoints") if each["State"].lower() in STATES),
            lambda each: each["State"].lower() == "deleting",
        )
        return {
            name: Resource(
                id=each["VpcEndpointId"],
                attributes={
                    "service": each["ServiceName"].removeprefix(f"com.amazonaws.{cell.region}."),
                    "type": (each.get("VpcEndpointType") or "Gateway").lower(),
                    "vpc": cell.name_of("vpc", each["VpcId"]),
                    "route_tables": cell.names_of("route_table", each.get("RouteTableIds") or []),
                    "subnets": cell.names_of("subnet", each.get("SubnetIds") or []),
                    "security_groups": cell.names_of(
                        "security_group", (group["GroupId"] for group in each.get("Groups") or [])
                    ),
                    "private_dns": bool(each.get("PrivateDnsEnabled")),
                    "policy": json.loads(each.get("PolicyDocument") or "{}"),
                },
                facts={
                    "service_name": each["ServiceName"],
                    "failure": (each.get("LastError") or {}).get("Message", ""),
                },
                tags=tags,
                state=STATES[each["State"].lower()],
                status=each["State"],
            )
            for name, each, tags in cell.owned(
                self.name, found, lambda each: each.get("Tags"), lambda each: each["VpcEndpointId"]
            )
        }

    def check(self, name: str, entry: dict[str, t.Any], world: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        unsupported = ("subnets", "security_groups", "private_dns") if entry["type"] == "gateway" else ("route_tables",)
        for option in unsupported:
            if entry[option]:
                yield f"{option}: an endpoint of type {entry['type']} has none"
        if entry["type"] == "interface":
            for option in ("subnets", "security_groups"):
                if not entry[option]:
                    yield f"{option}: an endpoint of type interface needs some"

    def remedy(self, name: str, entry: dict[str, t.Any], resource: Resource) -> str:
        """An endpoint that failed, was rejected by its service or was not accepted in time can only be made again."""
        return REMAKE
