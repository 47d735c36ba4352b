"""RDS: an instance that gets another name."""

from __future__ import annotations

from typing import Any

from lab.api.patching import patch
from lab.api.wrapping import wrap


@patch(
    moto="renames at once, over an instance that has the name, and leaves replicas and sources with the old name",
    aws="answers DBInstanceAlreadyExists; ARN and endpoint change with the name, everything else stays, and the links of"
    " replicas and sources follow; the instance is renaming, and reboots (the lab: for the delay rds_modify, 0 s unless set)",
    document="https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_RenameInstance.html",
)
def renaming() -> None:
    from moto.rds.exceptions import DBInstanceAlreadyExists
    from moto.rds.models import RDSBackend

    from .rds_instances import _for_a_while

    @wrap(RDSBackend, "modify_db_instance")
    def modify(original: Any, self: Any, db_instance_identifier: str, db_kwargs: Any) -> Any:
        database = self.describe_db_instances(db_instance_identifier)[0]
        name, arn = database.db_instance_identifier, database.arn
        options = dict(db_kwargs)
        wanted = options.get("new_db_instance_identifier")
        if wanted:
            self._validate_db_identifier(wanted)
            options["new_db_instance_identifier"] = wanted.lower()
        elif options.get("apply_immediately"):
            wanted = database.__dict__.get("lab_pending", {}).get("new_db_instance_identifier")
        if wanted and wanted.lower() != name and wanted in self.databases:
            raise DBInstanceAlreadyExists
        changed = original(self, db_instance_identifier, options)
        if changed.db_instance_identifier == name:
            return changed
        _relink(self, changed, {name: changed.db_instance_identifier, arn: changed.arn})
        changed.lab_reboots = changed.__dict__.get("lab_reboots", 0) + 1
        return _for_a_while(changed, "renaming", "rds_modify")


def _relink(backend: Any, database: Any, names: dict[str, str]) -> None:
    """Let both ends of replication know an instance by its new name, or ARN where the other end is in another region."""
    for replica in [backend.find_db_from_id(each) for each in database.replicas]:
        replica.source_db_instance_identifier = names[replica.source_db_instance_identifier]
    if database.is_replica:
        source = backend.find_db_from_id(database.source_db_instance_identifier)
        source.replicas = [names.get(each, each) for each in source.replicas]
