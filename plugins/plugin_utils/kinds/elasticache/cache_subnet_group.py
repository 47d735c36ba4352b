# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ElastiCache subnet groups.

https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeCacheSubnetGroups.html
"""

from __future__ import annotations

import typing as t

from ...engine.cell import Cell
from ...engine.kind import Kind, Resource
from ...shared import managed_data, taken


class CacheSubnetGroup(Kind):
    name = "cache_subnet_group"
    role = "cache"
    variable = "cache_subnet_groups"
    resource_type = "elasticache:subnetgroup"
    references: t.ClassVar[dict[str, str]] = {"subnets": "subnet"}
    longest_name = 255

    def read(self, cell: Cell) -> dict[str, Resource]:
        groups = cell.pages("elasticache", "describe_cache_subnet_groups", "CacheSubnetGroups")
        return {
            name: Resource(
                id=group["CacheSubnetGroupName"],
                attributes={
                    "description": group["CacheSubnetGroupDescription"],
                    "subnets": cell.names_of("subnet", [each["SubnetIdentifier"] for each in group["Subnets"]]),
                },
                facts={"name": group["CacheSubnetGroupName"], "arn": group["ARN"], "vpc_id": group.get("VpcId", "")},
                tags=tags,
            )
            for name, group, tags in managed_data.tagged(
                cell, "elasticache", self.name, groups, "CacheSubnetGroupName", "ARN"
            )
        }

    def precreate_errors(self, cell: Cell, entries: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        found = cell.pages("elasticache", "describe_cache_subnet_groups", "CacheSubnetGroups")
        yield from taken.names(
            cell, self.name, entries, found, "CacheSubnetGroupName", "CacheSubnetGroupName", lower=True
        )
