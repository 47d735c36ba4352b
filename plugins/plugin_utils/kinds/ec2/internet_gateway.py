# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Internet gateways. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInternetGateways.html"""

from __future__ import annotations

import typing as t

from ...engine.cell import Cell
from ...engine.kind import Kind, Resource


class InternetGateway(Kind):
    name = "internet_gateway"
    role = "network"
    variable = "network_internet_gateways"
    resource_type = "ec2:internet-gateway"
    references: t.ClassVar[dict[str, str]] = {"vpc": "vpc"}

    def read(self, cell: Cell) -> dict[str, Resource]:
        gateways = cell.ec2("describe_internet_gateways", "InternetGateways")
        return {
            name: Resource(
                id=gateway["InternetGatewayId"],
                attributes={"vpc": next((cell.name_of("vpc", a["VpcId"]) for a in gateway["Attachments"]), "")},
                tags=tags,
            )
            for name, gateway, tags in cell.owned(
                self.name, gateways, lambda g: g["Tags"], lambda g: g["InternetGatewayId"]
            )
        }
