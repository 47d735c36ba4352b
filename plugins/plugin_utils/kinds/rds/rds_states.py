# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What state an RDS instance is in, which changes AWS refuses in it, and what is done about a failed one.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html#Overview.DBInstance.Status
"""

from __future__ import annotations

import typing as t

from ...engine.kind import FAILED, LEAVING, PENDING, READY, RETRY, Resource
from . import rds

STOPPED = ("stopped", "stopping")
STATES = {
    "available": READY,
    "backing-up": READY,
    "storage-optimization": READY,
    "storage-config-upgrade": READY,
    "stopped": READY,
    "deleting": LEAVING,
    "failed": FAILED,
    "insufficient-capacity": FAILED,
    "restore-error": FAILED,
    "storage-full": FAILED,
}
#: What the operator does about a status AWS does not leave by itself. ``{id}`` and ``{where}`` are filled in.
REMEDIES = {
    "failed": "RDS cannot recover it: restore its data with a point-in-time restore, then replace it",
    "restore-error": "the restore failed: delete it there and restore again",
    "insufficient-capacity": "AWS has no capacity for this class in its zones: delete it there, then choose another"
    " {where}.instance_class or other zones",
    "incompatible-network": "its subnets or security groups are gone or full: restore them, then reboot it"
    " (aws rds reboot-db-instance --db-instance-identifier {id})",
    "incompatible-option-group": "its option group does not fit its version: change or take out the option there",
    "incompatible-parameters": "a value of its parameter group does not fit it: correct or take out the value, then reboot"
    " it (aws rds reboot-db-instance --db-instance-identifier {id})",
    "incompatible-restore": "RDS cannot restore it: delete it there and restore from another snapshot",
    "inaccessible-encryption-credentials": "its KMS key is disabled, deleted or not usable: RDS cannot recover it; restore"
    " its data from a backup",
    "inaccessible-encryption-credentials-recoverable": "its KMS key is disabled or not usable: enable the key within 7 days"
    " and start it (aws rds start-db-instance --db-instance-identifier {id})",
}
#: In these AWS refuses a final snapshot; a full disk or wrong parameters are no reason to go without one.
#: https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBInstance.html
WITHOUT_SNAPSHOT = frozenset(
    {
        "failed", "incompatible-network", "incompatible-restore", "restore-error", "insufficient-capacity",
        "inaccessible-encryption-credentials",
    }
)  # fmt: skip
#: What a replica becomes when its source is taken out of the entry.
PROMOTION = "promotion"


def state(status: str) -> str:
    """A status in the words of a kind; what is not known is something AWS is busy with."""
    if status.startswith(("incompatible-", "inaccessible-")):
        return FAILED
    return STATES.get(status, PENDING)


def condition(entry: dict[str, t.Any], resource: Resource) -> dict[str, dict[str, t.Any]]:
    """A stopped instance, a minor version that is behind, and a replica that is to be none any more."""
    found: dict[str, dict[str, t.Any]] = {}
    now = resource.attributes
    if resource.status in STOPPED:
        found["status"] = {"before": resource.status, "after": "available"}
    wanted, have = entry.get("minor_version"), now["minor_version"]
    same_major = str(entry.get("engine_version")) == now["engine_version"]
    if not rds.is_replica(entry) and wanted is not None and have is not None and same_major and have < wanted:
        found["minor_version"] = {"before": have, "after": wanted}
    if now["source"] and not rds.is_replica(entry):
        found[PROMOTION] = {"before": f"replica of {now['source']}", "after": "standalone instance"}
    return found


def refusal(where: str, fields: dict[str, dict[str, t.Any]], entry: dict[str, t.Any], resource: Resource) -> str:
    """Why a change cannot be made now, and what to do first."""
    ident, others = resource.id, sorted(set(fields) - {"status"})
    if resource.status in STOPPED and others:
        return (
            f"it is {resource.status}, and AWS changes no stopped instance ({', '.join(others)}); start it first"
            f" (aws rds start-db-instance --db-instance-identifier {ident})"
        )
    if resource.status == "stopping":
        return "it is stopping; wait until it is stopped, then apply again to start it"
    if PROMOTION in fields and not entry.get("allow_promotion"):
        return (
            f"without source it would be promoted to a standalone instance, which never follows its source again; set"
            f" {where}.allow_promotion: true for that, or put source: {resource.attributes['source']} back"
        )
    before, after = (str(fields.get("engine_version", {}).get(key) or "") for key in ("before", "after"))
    if before.isdigit() and after.isdigit() and int(after) < int(before):
        return f"AWS cannot downgrade PostgreSQL {before} to {after}; set {where}.engine_version: '{before}'"
    if before != after and not entry.get("allow_major_version_upgrade"):
        return (
            f"{before} to {after} is a major version upgrade, which interrupts service and cannot be undone; set"
            f" {where}.allow_major_version_upgrade: true for it"
        )
    return ""


def removal_refusal(where: str, resource: Resource) -> str:
    """Why an instance is not removed or replaced: its own deletion protection, whatever the inventory says today."""
    if not resource.attributes["deletion_protection"]:
        return ""
    return (
        f"AWS protects it from deletion; lift that in a run of its own: {where}.deletion_protection: false, or where the"
        f" inventory does not name it, aws rds modify-db-instance --db-instance-identifier {resource.id}"
        " --no-deletion-protection"
    )


def remedy(where: str, entry: dict[str, t.Any], resource: Resource) -> str:
    """RETRY where what the entry wants mends it, else what the operator is to do."""
    if resource.status == "storage-full":
        size = resource.facts["allocated_storage"]
        if (entry.get("allocated_storage") or 0) > size:
            return RETRY
        return f"its {size} GiB are full: raise {where}.allocated_storage above {size}"
    return REMEDIES.get(resource.status, "AWS reports it as {status}; repair or delete it there").format(
        id=resource.id, where=where, status=resource.status
    )
