# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""RDS instances. https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBInstances.html"""

from __future__ import annotations

import typing as t

from ...engine.cell import Cell
from ...engine.kind import Kind, Resource, Settled
from ...recovery import point_in_time
from ...shared import pending, taken
from . import rds, rds_checks, rds_pairs, rds_states


class DbInstance(Kind):
    name = "db_instance"
    role = "database"
    variable = "database_instances"
    resource_type = "rds:db"
    immutable = frozenset({"source", "engine", "subnet_group", "database_name", "storage_encrypted", "kms_key"})
    references: t.ClassVar[dict[str, str]] = {
        "subnet_group": "db_subnet_group",
        "parameter_group": "db_parameter_group",
        "security_groups": "security_group",
        "kms_key": "kms_key",
        "credentials": "secret",
        "source": "db_instance",
    }
    counterparts: t.ClassVar[dict[str, str]] = {"counterpart": "db_instance"}
    # Any other reference is named in the create call and only has to exist; a replica is made from a running source.
    needs_ready = frozenset({"source"})
    # ModifyDBInstance and DeleteDBInstance refuse an instance that is being created or modified.
    waits_for_itself = True
    replacement_reason = "its identifier and its endpoint are unique, and a copy would not hold the data"
    data = True
    longest_name = 63

    def read(self, cell: Cell) -> dict[str, Resource]:
        # Instances of an Aurora cluster are another kind's.
        instances = [
            each
            for each in cell.pages("rds", "describe_db_instances", "DBInstances")
            if not each.get("DBClusterIdentifier")
        ]
        mine = list(cell.owned(self.name, instances, lambda i: i.get("TagList"), lambda i: i["DBInstanceIdentifier"]))
        names = {instance["DBInstanceIdentifier"]: name for name, instance, _tags in mine}
        return {
            name: Resource(
                id=instance["DBInstanceIdentifier"],
                attributes=rds.attributes(cell, instance, tags, names),
                facts=rds.facts(instance),
                tags={key: value for key, value in tags.items() if key != rds.STORAGE_TAG},
                state=rds_states.state(instance["DBInstanceStatus"]),
                status=instance["DBInstanceStatus"],
            )
            for name, instance, tags in mine
        }

    def settled(
        self, name: str, entry: dict[str, t.Any], resource: Resource | None, others: t.Mapping[str, Resource | None]
    ) -> Settled:
        return rds_pairs.settled(entry, resource, others) if entry.get("counterpart") else Settled(entry)

    def postponed(self, entries: dict[str, dict[str, t.Any]], observed: dict[str, Resource]) -> dict[str, str]:
        return rds_pairs.postponed(entries, observed)

    def normalise(self, entry: dict[str, t.Any]) -> dict[str, t.Any]:
        return rds.normalised(entry)

    def precreate_errors(self, cell: Cell, entries: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        for name, entry in entries.items():
            if not rds.is_replica(entry) and not entry.get("credentials"):
                yield f"{name}.credentials: missing; only a replica (source) is made without them"
        found = cell.pages("rds", "describe_db_instances", "DBInstances")
        yield from taken.names(cell, self.name, entries, found, "DBInstanceIdentifier", "DBInstanceIdentifier")

    def warnings(self, entries: dict[str, dict[str, t.Any]], observed: dict[str, Resource]) -> t.Iterator[str]:
        for name, instance in observed.items():
            if instance.facts["parameters"] == "pending-reboot":
                yield f"{name}: parameters wait for a reboot"
            if point_in_time.is_former(instance.id):
                yield f"{name}: it has given its identifier to a copy that takes its place: run recover_database.yml again"
        yield from pending.warnings(observed)

    def condition(self, name: str, entry: dict[str, t.Any], resource: Resource) -> dict[str, dict[str, t.Any]]:
        return rds_states.condition(entry, resource)

    def refusal(
        self, name: str, fields: dict[str, dict[str, t.Any]], entry: dict[str, t.Any], resource: Resource
    ) -> str:
        where = f"{self.variable}.{name}"
        gone = not entry or self.immutable & {path.split(".")[0] for path in fields}
        return (
            rds_states.removal_refusal(where, resource) if gone else rds_states.refusal(where, fields, entry, resource)
        )

    def remedy(self, name: str, entry: dict[str, t.Any], resource: Resource) -> str:
        return rds_states.remedy(f"{self.variable}.{name}", entry, resource)

    def check(self, name: str, entry: dict[str, t.Any], world: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        yield from rds_checks.problems(name, entry, world)
