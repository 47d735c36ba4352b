# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""RDS parameter groups. https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBParameters.html"""

from __future__ import annotations

import re
import typing as t

from ...engine.cell import Cell
from ...engine.kind import CREATE_FIRST, Kind, Resource
from ...shared import managed_data, taken

FAMILY = re.compile(r"postgres\d+(\.\d+)?")


class DbParameterGroup(Kind):
    name = "db_parameter_group"
    role = "database"
    variable = "database_parameter_groups"
    resource_type = "rds:pg"
    immutable = frozenset({"family", "description"})
    # A group in use cannot be deleted (InvalidDBParameterGroupState): instances move to the new one first.
    replacement = CREATE_FIRST
    # The module waits until what used a group has let go of it.
    sleeps = True
    longest_name = 255

    def read(self, cell: Cell) -> dict[str, Resource]:
        groups = cell.pages("rds", "describe_db_parameter_groups", "DBParameterGroups")
        mine = managed_data.tagged(cell, "rds", self.name, groups, "DBParameterGroupName", "DBParameterGroupArn")
        values = cell.map(lambda each: self._values(cell, each[1]["DBParameterGroupName"]), mine)
        return {
            name: Resource(
                id=group["DBParameterGroupName"],
                attributes={
                    "family": group["DBParameterGroupFamily"],
                    "description": group["Description"],
                    "parameters": {
                        each["ParameterName"]: managed_data.text_of(each.get("ParameterValue", ""))
                        for each in parameters
                    },
                },
                facts={
                    "name": group["DBParameterGroupName"],
                    "arn": group["DBParameterGroupArn"],
                    "static": sorted(each["ParameterName"] for each in parameters if each.get("ApplyType") == "static"),
                },
                tags=tags,
            )
            for (name, group, tags), parameters in zip(mine, values, strict=True)
        }

    @staticmethod
    def _values(cell: Cell, group: str) -> list[dict[str, t.Any]]:
        return cell.pages("rds", "describe_db_parameters", "Parameters", DBParameterGroupName=group, Source="user")

    def normalise(self, entry: dict[str, t.Any]) -> dict[str, t.Any]:
        return {**entry, "parameters": {k: managed_data.text_of(v) for k, v in entry["parameters"].items()}}

    def precreate_errors(self, cell: Cell, entries: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        found = cell.pages("rds", "describe_db_parameter_groups", "DBParameterGroups")
        yield from taken.names(
            cell, self.name, entries, found, "DBParameterGroupName", "DBParameterGroupName", lower=True, numbered=True
        )

    def prechange_errors(
        self, cell: Cell, entries: dict[str, dict[str, t.Any]], world: dict[str, dict[str, dict[str, t.Any]]]
    ) -> t.Iterator[str]:
        """Parameters that do not exist and values RDS would refuse."""
        for name, entry in entries.items():
            values = self.normalise(entry)["parameters"]
            arguments = {"DBParameterGroupFamily": entry["family"]}
            found = managed_data.parameter_errors(cell, "rds", "describe_engine_default_parameters", arguments, values)
            yield from (f"{name}.{problem}" for problem in found)

    def check(self, name: str, entry: dict[str, t.Any], world: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        if not FAMILY.fullmatch(entry["family"]):
            yield f"family: {entry['family']} is not a parameter group family of PostgreSQL; for example postgres17"
        for parameter, value in entry["parameters"].items():
            if isinstance(value, dict | list) or value is None:
                yield f"parameters.{parameter}: must be a text, a number or a boolean"
