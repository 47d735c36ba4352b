# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""VPCs. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcs.html"""

from __future__ import annotations

import ipaddress
import typing as t

from ...engine.cell import Cell, tags_of
from ...engine.kind import PENDING, READY, Kind, Resource
from ...shared.taken import one
from . import bulk, cidrs, taken


class Vpc(Kind):
    name = "vpc"
    role = "network"
    variable = "network_vpcs"
    resource_type = "ec2:vpc"
    immutable = frozenset({"cidr", "tenancy"})
    replacement_reason = "everything in it goes with it"

    def read(self, cell: Cell) -> dict[str, Resource]:
        vpcs = list(cell.owned(self.name, cell.ec2("describe_vpcs", "Vpcs"), lambda v: v["Tags"], lambda v: v["VpcId"]))
        settings = cell.map(lambda each: self._dns(cell, each[1]["VpcId"]), vpcs)
        return {
            name: Resource(
                id=vpc["VpcId"],
                attributes={
                    "cidr": vpc["CidrBlock"],
                    "secondary_cidrs": [
                        each["CidrBlock"]
                        for each in vpc.get("CidrBlockAssociationSet", [])
                        if each["CidrBlock"] != vpc["CidrBlock"] and each["CidrBlockState"]["State"] == "associated"
                    ],
                    "tenancy": vpc["InstanceTenancy"],
                    **dns,
                },
                facts={"owner": vpc.get("OwnerId", "")},
                tags=tags,
                state=READY if vpc["State"] == "available" else PENDING,
                status=vpc["State"],
            )
            for (name, vpc, tags), dns in zip(vpcs, settings, strict=True)
        }

    @staticmethod
    def _dns(cell: Cell, vpc: str) -> dict[str, bool]:
        def setting(attribute: str) -> bool:
            got = cell.call("ec2", "describe_vpc_attribute", VpcId=vpc, Attribute=attribute)
            return bool(got[attribute[0].upper() + attribute[1:]]["Value"])

        return {"dns_support": setting("enableDnsSupport"), "dns_hostnames": setting("enableDnsHostnames")}

    def precreate_errors(self, cell: Cell, entries: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        # amazon.aws.ec2_vpc_net looks a VPC up by its Name and its network.
        found = bulk.filtered(cell, "describe_vpcs", "Vpcs", "tag:Name", taken.aws_names(cell, entries))
        named = {(tags_of(each["Tags"]).get("Name"), each["CidrBlock"]): each["VpcId"] for each in found}
        ours = {resource.id: name for name, resource in cell.observed(self.name).items()}
        for name, entry in entries.items():
            called = cell.aws_name(name)
            yield from one(self.name, name, called, named.get((called, entry["cidr"])), ours)

    def check(self, name: str, entry: dict[str, t.Any], world: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        for option, networks in (("cidr", [entry["cidr"]]), ("secondary_cidrs", entry["secondary_cidrs"])):
            for cidr in networks:
                try:
                    network = ipaddress.IPv4Network(cidr)
                except ValueError as error:
                    yield f"{option}: {cidrs.problem(cidr) or error}"
                    continue
                if not 16 <= network.prefixlen <= 28:
                    yield f"{option}: AWS takes networks from /16 to /28, {cidr} is a /{network.prefixlen}"
