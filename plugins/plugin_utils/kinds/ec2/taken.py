# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names and networks that somebody else's resource has already.

The published modules look a resource up by its name (a subnet by its network) and would change what they find: take over a
stranger's security group and purge its rules. Terrace makes everything with its tags from the first call on, so what has the
name of an entry and not its tags is not the cell's.
"""

from __future__ import annotations

import ipaddress
import typing as t

from ...engine.cell import Cell
from ...shared.taken import names
from . import bulk


def aws_names(cell: Cell, entries: t.Iterable[str]) -> list[str]:
    return sorted(cell.aws_name(name) for name in entries)


def security_groups(cell: Cell, entries: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
    """Security groups whose name is taken in their VPC; in a VPC that is still to be made none is."""
    vpcs = {name: vpc.id for name, vpc in cell.observed("vpc").items()}
    there = {name: vpcs[entry["vpc"]] for name, entry in entries.items() if entry["vpc"] in vpcs}
    if not there:
        return
    homes = sorted(set(there.values()))
    of_vpcs = [{"Name": "vpc-id", "Values": homes}]
    wanted = aws_names(cell, there)
    found = bulk.filtered(cell, "describe_security_groups", "SecurityGroups", "group-name", wanted, of_vpcs)
    for vpc in homes:
        in_vpc = [name for name, home in there.items() if home == vpc]
        of_vpc = (group for group in found if group["VpcId"] == vpc)
        yield from names(cell, "security_group", in_vpc, of_vpc, "GroupName", "GroupId")


def subnets(cell: Cell, entries: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
    """Subnets whose network overlaps one that somebody else has in the VPC."""
    vpcs = {name: vpc.id for name, vpc in cell.observed("vpc").items()}
    homes = sorted({vpcs[entry["vpc"]] for entry in entries.values() if entry["vpc"] in vpcs})
    if not homes:
        return
    ours = {subnet.id for subnet in cell.observed("subnet").values()}
    found = bulk.filtered(cell, "describe_subnets", "Subnets", "vpc-id", homes)
    strangers = [each for each in found if each["SubnetId"] not in ours]
    for name, entry in entries.items():
        for other in strangers:
            mine, theirs = ipaddress.ip_network(entry["cidr"]), ipaddress.ip_network(other["CidrBlock"])
            if other["VpcId"] == vpcs.get(entry["vpc"]) and mine.overlaps(theirs):
                yield f"{name}.cidr: {mine} overlaps {theirs} of {other['SubnetId']}, which is not this cell's"
