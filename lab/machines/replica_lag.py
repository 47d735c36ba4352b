# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far read replicas are behind, measured at the servers once a minute and told to CloudWatch as RDS does.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PostgreSQL.Replication.ReadReplicas.html
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from lab.machines.plan import Endpoint
from lab.machines.util import LabError

if TYPE_CHECKING:
    from lab.machines.daemon import Lab
    from lab.machines.postgres import Databases

EVERY = 60
#: A transaction of the source, so that an idle source is no lag; RDS writes one now and then as well.
HEARTBEAT = "SELECT pg_current_xact_id()"
#: Seconds since the last transaction that was replayed; -1 where replication is not active.
LAG = """
SELECT CASE WHEN EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming')
            THEN coalesce(extract(epoch FROM now() - pg_last_xact_replay_timestamp()), 0) ELSE -1 END
"""


class ReplicaLag:
    """Measures what is due at each look at the plan."""

    def __init__(self, lab: Lab, databases: Databases) -> None:
        self.lab, self.databases = lab, databases
        self.due: dict[str, float] = {}

    def replicas(self) -> list[Endpoint]:
        """The replicas that take connections; a Multi-AZ standby is none."""
        databases = (each for each in self.lab.plan.endpoints.values() if each.kind == "database" and each.running)
        return [
            each
            for each in databases
            if each.want["upstream"] and each.want["active"] and each.name in self.databases.ready
        ]

    def claim(self, name: str) -> bool:
        """Whether a replica is to be measured now; from then on it is due a minute later."""
        now = time.monotonic()
        if self.due.get(name, 0) > now:
            return False
        self.due[name] = now + EVERY
        return True

    def step(self, endpoint: Endpoint) -> None:
        """Measure one replica. A source that is gone writes no heartbeat, and the lag grows."""
        source = self.lab.plan.endpoints.get(endpoint.want["upstream"])
        if source is not None and source.running:
            with contextlib.suppress(LabError):
                self.databases.sql(self.databases.server(source.name), HEARTBEAT)
                time.sleep(0.5)
        seconds = float(self.databases.sql(self.databases.server(endpoint.name), LAG))
        self.lab.api.post("/lab/machines/lag", {"arn": endpoint.want["arn"], "seconds": seconds})
