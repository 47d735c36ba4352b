# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Subnets. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSubnets.html"""

from __future__ import annotations

import ipaddress
import typing as t

from ...engine.cell import Cell
from ...engine.kind import PENDING, READY, Kind, Resource
from . import cidrs, taken

#: The subnet's tier, kept in a tag of its own so that machines and people find subnets by purpose.
TIER_TAG = "terrace:tier"


class Subnet(Kind):
    name = "subnet"
    role = "network"
    variable = "network_subnets"
    resource_type = "ec2:subnet"
    immutable = frozenset({"vpc", "cidr", "zone"})
    replacement_reason = "its network would overlap"
    references: t.ClassVar[dict[str, str]] = {"vpc": "vpc"}

    def read(self, cell: Cell) -> dict[str, Resource]:
        subnets = cell.ec2("describe_subnets", "Subnets")
        return {
            name: Resource(
                id=subnet["SubnetId"],
                attributes={
                    "vpc": cell.name_of("vpc", subnet["VpcId"]),
                    "cidr": subnet["CidrBlock"],
                    "zone": subnet["AvailabilityZone"],
                    "tier": tags.pop(TIER_TAG, ""),
                    "map_public_ip": subnet["MapPublicIpOnLaunch"],
                },
                facts={"free_addresses": subnet["AvailableIpAddressCount"]},
                tags=tags,
                state=READY if subnet["State"] == "available" else PENDING,
                status=subnet["State"],
            )
            for name, subnet, tags in cell.owned(self.name, subnets, lambda s: s["Tags"], lambda s: s["SubnetId"])
        }

    def precreate_errors(self, cell: Cell, entries: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        zones = [each["ZoneName"] for each in cell.pages("ec2", "describe_availability_zones", "AvailabilityZones")]
        for name, entry in entries.items():
            if entry["zone"] not in zones:
                yield f"{name}.zone: there is no zone {entry['zone']} in {cell.region}; there are {', '.join(zones)}"
        yield from taken.subnets(cell, entries)

    def check(self, name: str, entry: dict[str, t.Any], world: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        try:
            network = ipaddress.IPv4Network(entry["cidr"])
        except ValueError as error:
            yield f"cidr: {cidrs.problem(entry['cidr']) or error}"
            return
        if not 16 <= network.prefixlen <= 28:
            yield f"cidr: AWS takes subnets from /16 to /28, {entry['cidr']} is a /{network.prefixlen}"
        vpc = world["vpc"].get(entry["vpc"])
        if vpc and not any(network.subnet_of(home) for home in _networks([vpc["cidr"], *vpc["secondary_cidrs"]])):
            yield f"cidr: {entry['cidr']} does not lie in {vpc['cidr']} of VPC {entry['vpc']}"
        for other, sibling in world["subnet"].items():
            if other > name and sibling.get("vpc") == entry["vpc"]:
                for theirs in _networks([sibling.get("cidr")]):
                    if theirs.overlaps(network):
                        yield f"cidr: {entry['cidr']} overlaps {sibling['cidr']} of subnet {other}"


def _networks(cidrs: list[t.Any]) -> t.Iterator[ipaddress.IPv4Network]:
    """Those that are networks; the others are reported where they stand."""
    for cidr in cidrs:
        try:
            yield ipaddress.IPv4Network(cidr)
        except ValueError:
            continue
