"""RDS: how the replication of a read replica is."""

from __future__ import annotations

from typing import Any

from lab.api.patching import patch


@patch(
    moto="says nothing of a read replica's replication",
    aws="lists it under StatusInfos, as 'read replication', with 'replicating' while it is well",
    document="https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBInstanceStatusInfo.html",
)
def replication_states() -> None:
    from moto.rds.models import DBInstance

    def status_infos(self: Any) -> list[dict[str, Any]]:
        if not self.is_replica:
            return []
        well = self.status in ("available", "modifying", "backing-up")
        status = "replicating" if well else "stopped"
        return [{"StatusType": "read replication", "Normal": well, "Status": status}]

    DBInstance.status_infos = property(status_infos)
