# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""RDS subnet groups. https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBSubnetGroups.html"""

from __future__ import annotations

import typing as t

from ...engine.cell import Cell
from ...engine.kind import PENDING, READY, Kind, Resource
from ...shared import managed_data, taken


class DbSubnetGroup(Kind):
    name = "db_subnet_group"
    role = "database"
    variable = "database_subnet_groups"
    resource_type = "rds:subgrp"
    references: t.ClassVar[dict[str, str]] = {"subnets": "subnet"}
    longest_name = 255

    def read(self, cell: Cell) -> dict[str, Resource]:
        groups = cell.pages("rds", "describe_db_subnet_groups", "DBSubnetGroups")
        return {
            name: Resource(
                id=group["DBSubnetGroupName"],
                attributes={
                    "description": group["DBSubnetGroupDescription"],
                    "subnets": cell.names_of("subnet", [each["SubnetIdentifier"] for each in group["Subnets"]]),
                },
                facts={
                    "name": group["DBSubnetGroupName"],
                    "arn": group["DBSubnetGroupArn"],
                    "vpc_id": group.get("VpcId", ""),
                },
                tags=tags,
                state=READY if group["SubnetGroupStatus"] == "Complete" else PENDING,
                status=group["SubnetGroupStatus"],
            )
            for name, group, tags in managed_data.tagged(
                cell, "rds", self.name, groups, "DBSubnetGroupName", "DBSubnetGroupArn"
            )
        }

    def precreate_errors(self, cell: Cell, entries: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        found = cell.pages("rds", "describe_db_subnet_groups", "DBSubnetGroups")
        yield from taken.names(cell, self.name, entries, found, "DBSubnetGroupName", "DBSubnetGroupName", lower=True)

    def check(self, name: str, entry: dict[str, t.Any], world: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        covered = managed_data.zones(world, self.name, name)
        if covered is not None and len(covered) < 2:
            yield f"subnets: AWS wants two zones at least, these are in {', '.join(sorted(covered)) or 'none'}"
