# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Elastic IP addresses. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeAddresses.html"""

from __future__ import annotations

from ...engine.cell import Cell
from ...engine.kind import Kind, Resource


class ElasticIp(Kind):
    """The addresses NAT gateways go out with."""

    name = "elastic_ip"
    role = "network"
    variable = "network_elastic_ips"
    resource_type = "ec2:elastic-ip"

    def read(self, cell: Cell) -> dict[str, Resource]:
        addresses = cell.ec2("describe_addresses", "Addresses")
        return {
            name: Resource(
                id=address["AllocationId"],
                attributes={},
                facts={
                    "address": address["PublicIp"],
                    "association": address.get("AssociationId", ""),
                    "instance": address.get("InstanceId", ""),
                    "network_interface": address.get("NetworkInterfaceId", ""),
                },
                tags=tags,
            )
            for name, address, tags in cell.owned(
                self.name, addresses, lambda a: a.get("Tags"), lambda a: a["AllocationId"]
            )
        }
