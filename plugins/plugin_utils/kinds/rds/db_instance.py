# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""RDS instances. https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBInstances.html"""

from __future__ import annotations

import typing as t

from ...engine.cell import Cell
from ...engine.kind import FAILED, LEAVING, PENDING, READY, Kind, Resource
from . import rds, rds_checks

#: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html#Overview.DBInstance.Status
STATES = {
    "available": READY,
    "backing-up": READY,
    "storage-optimization": READY,
    "storage-config-upgrade": READY,
    "stopped": READY,
    "deleting": LEAVING,
    "failed": FAILED,
    "inaccessible-encryption-credentials": FAILED,
    "incompatible-network": FAILED,
    "incompatible-option-group": FAILED,
    "incompatible-parameters": FAILED,
    "incompatible-restore": FAILED,
    "insufficient-capacity": FAILED,
    "restore-error": FAILED,
    "storage-full": FAILED,
}


class DbInstance(Kind):
    name = "db_instance"
    role = "database"
    variable = "database_instances"
    immutable = frozenset({"source", "engine", "subnet_group", "database_name", "storage_encrypted", "kms_key"})
    references: t.ClassVar[dict[str, str]] = {
        "subnet_group": "db_subnet_group",
        "parameter_group": "db_parameter_group",
        "security_groups": "security_group",
        "kms_key": "kms_key",
        "credentials": "secret",
        "source": "db_instance",
    }
    data = True
    longest_name = 63

    def read(self, cell: Cell) -> dict[str, Resource]:
        # Instances of an Aurora cluster are another kind's.
        instances = [
            each
            for each in cell.pages("rds", "describe_db_instances", "DBInstances")
            if not each.get("DBClusterIdentifier")
        ]
        found = {}
        for name, instance, tags in cell.owned(
            self.name, instances, lambda i: i.get("TagList"), lambda i: i["DBInstanceIdentifier"]
        ):
            status = instance["DBInstanceStatus"]
            found[name] = Resource(
                id=instance["DBInstanceIdentifier"],
                attributes=rds.attributes(cell, instance, tags),
                facts=rds.facts(instance),
                tags={key: value for key, value in tags.items() if key != rds.STORAGE_TAG},
                state=STATES.get(status, PENDING),
                status=status,
            )
        return found

    def normalise(self, entry: dict[str, t.Any]) -> dict[str, t.Any]:
        return rds.normalised(entry)

    def precreate_errors(self, cell: Cell, entries: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        for name, entry in entries.items():
            if not entry.get("source") and not entry.get("credentials"):
                yield f"{name}.credentials: missing; only a replica (source) is made without them"

    def warnings(self, entries: dict[str, dict[str, t.Any]], observed: dict[str, Resource]) -> t.Iterator[str]:
        for name, instance in observed.items():
            if instance.facts["parameters"] == "pending-reboot":
                yield f"{name}: parameters wait for a reboot"

    def check(self, name: str, entry: dict[str, t.Any], world: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        yield from rds_checks.problems(name, entry, world)
