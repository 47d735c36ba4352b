# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ElastiCache parameter groups.

https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeCacheParameters.html
"""

from __future__ import annotations

import re
import typing as t

from ...engine.cell import Cell
from ...engine.kind import CREATE_FIRST, Kind, Resource
from ...shared import managed_data, taken

FAMILY = re.compile(r"(redis|valkey)\d+(\.\w+)?")


class CacheParameterGroup(Kind):
    name = "cache_parameter_group"
    role = "cache"
    variable = "cache_parameter_groups"
    resource_type = "elasticache:parametergroup"
    immutable = frozenset({"family", "description"})
    # A group in use cannot be deleted (InvalidCacheParameterGroupState): replication groups move to the new one first.
    replacement = CREATE_FIRST
    # The module waits until what used a group has let go of it.
    sleeps = True
    longest_name = 255

    def read(self, cell: Cell) -> dict[str, Resource]:
        groups = cell.pages("elasticache", "describe_cache_parameter_groups", "CacheParameterGroups")
        mine = managed_data.tagged(cell, "elasticache", self.name, groups, "CacheParameterGroupName", "ARN")
        values = cell.map(lambda each: self._values(cell, each[1]["CacheParameterGroupName"]), mine)
        return {
            name: Resource(
                id=group["CacheParameterGroupName"],
                attributes={
                    "family": group["CacheParameterGroupFamily"],
                    "description": group["Description"],
                    "parameters": {
                        each["ParameterName"]: managed_data.yes_or_no(each.get("ParameterValue", ""))
                        for each in parameters
                    },
                },
                facts={"name": group["CacheParameterGroupName"], "arn": group["ARN"]},
                tags=tags,
            )
            for (name, group, tags), parameters in zip(mine, values, strict=True)
        }

    @staticmethod
    def _values(cell: Cell, group: str) -> list[dict[str, t.Any]]:
        arguments = {"CacheParameterGroupName": group, "Source": "user"}
        return cell.pages("elasticache", "describe_cache_parameters", "Parameters", **arguments)

    def normalise(self, entry: dict[str, t.Any]) -> dict[str, t.Any]:
        return {**entry, "parameters": {k: managed_data.yes_or_no(v) for k, v in entry["parameters"].items()}}

    def precreate_errors(self, cell: Cell, entries: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        found = cell.pages("elasticache", "describe_cache_parameter_groups", "CacheParameterGroups")
        yield from taken.names(
            cell,
            self.name,
            entries,
            found,
            "CacheParameterGroupName",
            "CacheParameterGroupName",
            lower=True,
            numbered=True,
        )

    def prechange_errors(
        self, cell: Cell, entries: dict[str, dict[str, t.Any]], world: dict[str, dict[str, dict[str, t.Any]]]
    ) -> t.Iterator[str]:
        """Parameters that do not exist and values ElastiCache would refuse."""
        for name, entry in entries.items():
            values = self.normalise(entry)["parameters"]
            arguments = {"CacheParameterGroupFamily": entry["family"]}
            found = managed_data.parameter_errors(
                cell, "elasticache", "describe_engine_default_parameters", arguments, values
            )
            yield from (f"{name}.{problem}" for problem in found)

    def check(self, name: str, entry: dict[str, t.Any], world: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        if not FAMILY.fullmatch(entry["family"]):
            yield f"family: {entry['family']} is not a parameter group family of Redis or Valkey; for example redis7 or valkey8"
        for parameter, value in entry["parameters"].items():
            if isinstance(value, dict | list) or value is None:
                yield f"parameters.{parameter}: must be a text, a number or a boolean"
