# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NAT gateways. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNatGateways.html"""

from __future__ import annotations

import typing as t

from ...engine.cell import Cell
from ...engine.kind import FAILED, LEAVING, PENDING, READY, REMAKE, Kind, Resource
from . import living

STATES = {"available": READY, "pending": PENDING, "failed": FAILED, "deleting": LEAVING}


class NatGateway(Kind):
    name = "nat_gateway"
    role = "network"
    variable = "network_nat_gateways"
    resource_type = "ec2:natgateway"
    immutable = frozenset({"subnet", "elastic_ip", "connectivity"})
    replacement_reason = "its Elastic IP serves one gateway at a time"
    #: What has a public address, or its subnet, needs the VPC's internet gateway, which AWS detaches only after all of them.
    after_kinds = frozenset({"internet_gateway"})
    references: t.ClassVar[dict[str, str]] = {"subnet": "subnet", "elastic_ip": "elastic_ip"}

    def read(self, cell: Cell) -> dict[str, Resource]:
        # AWS lists one that failed or was deleted, with its tags, for an hour.
        gateways = living.without_replaced(
            (
                gateway
                for gateway in cell.pages("ec2", "describe_nat_gateways", "NatGateways", Filter=cell.mine())
                if gateway["State"] in STATES
            ),
            lambda gateway: gateway["State"] in ("failed", "deleting"),
        )
        return {
            name: Resource(
                id=gateway["NatGatewayId"],
                attributes={
                    "subnet": cell.name_of("subnet", gateway["SubnetId"]),
                    "elastic_ip": next(
                        (
                            cell.name_of("elastic_ip", address["AllocationId"])
                            for address in gateway["NatGatewayAddresses"]
                            if address.get("AllocationId")
                        ),
                        None,
                    ),
                    "connectivity": gateway.get("ConnectivityType", "public"),
                },
                facts={
                    "address": next((a.get("PublicIp", "") for a in gateway["NatGatewayAddresses"]), ""),
                    "failure": gateway.get("FailureMessage", ""),
                },
                tags=tags,
                state=STATES[gateway["State"]],
                status=gateway["State"],
            )
            for name, gateway, tags in cell.owned(
                self.name, gateways, lambda g: g.get("Tags"), lambda g: g["NatGatewayId"]
            )
        }

    def remedy(self, name: str, entry: dict[str, t.Any], resource: Resource) -> str:
        """A failed one cannot be repaired, only deleted.

        https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-troubleshooting.html
        """
        return REMAKE
