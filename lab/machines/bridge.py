# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the API's process does for the machines: `register(lab)` adds these to the API's admin endpoints.

POST /lab/machines/snapshot   {serial?}: everything the machines follow; {unchanged: true} when that is what the caller has
POST /lab/machines/state      {instance, state: stopped|terminated}: a machine powered itself off
POST /lab/machines/console    {instance, text}: what GetConsoleOutput answers
POST /lab/machines/ready      {resource}: a database takes connections
POST /lab/machines/incompatible {arn}: what a database is to be restored from is not there
POST /lab/machines/content    {content, failed}: the data of a snapshot is copied, or never will be
POST /lab/machines/backups    {resource, earliest}: from when on a database can be restored
POST /lab/machines/lag        {arn, seconds}: how far a read replica is behind, for CloudWatch
POST /lab/machines/tokens     {arn, node, tokens}: a cache's node takes the tokens with this checksum
POST /lab/machines/credentials {role, session}: temporary credentials of an instance's role
"""

from __future__ import annotations

import base64
import datetime
import functools
import hashlib
import json
import math
import threading
import time
from collections.abc import Callable
from typing import Any

from lab.machines import snapshot

_consoles: dict[str, str] = {}
_ready: set[str] = set()
#: The snapshots whose data is there, and whether it is: a failed one's is not.
_contents: dict[str, bool] = {}
#: Checksums of the tokens that the nodes of a cache take, by the cache's ARN and the node's id.
_tokens: dict[str, dict[str, str]] = {}
_lock = threading.Lock()
#: The authority of the machines, as they told it.
_authority = b""
#: When the machines last looked, by the monotonic clock.
_followed = -math.inf


def following() -> bool:
    """Whether machines follow the API just now."""
    return time.monotonic() - _followed < 10


def replace_unhealthy() -> None:
    """Let auto scaling groups replace what is not healthy: stopped machines, and failing targets after the grace period.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/health-checks-overview.html
    """
    from moto.core.utils import utcnow

    from lab.api import target_health

    for _, _, scaling in snapshot.existing("autoscaling"):
        for group in list(scaling.autoscaling_groups.values()):
            for state in list(group.instance_states):
                if state.lifecycle_state != "InService":
                    continue
                since = getattr(state, "lab_since", None)
                grace = int(group.health_check_grace_period or 0)
                settled = since is None or (utcnow() - since).total_seconds() > grace
                reports = [target_health.get(arn, state.instance.id, None) for arn in group.target_group_arns]
                failing = any(report is not None and report.state == "unhealthy" for report in reports)
                stopped = state.instance.state in ("stopping", "stopped")
                if stopped or (settled and failing and "ELB" in (group.health_check_type or "")):
                    scaling.set_instance_health(state.instance.id, "Unhealthy")


def register(lab: Any) -> None:
    """Hook into the API (lab.api.app.Lab): its admin routes, and the few operations moto does not keep a trace of."""
    patch()
    original = lab._admin_result

    def result(route: str, data: dict[str, Any]) -> dict[str, Any] | None:
        handler = ROUTES.get(route)
        return handler(data) if handler else original(route, data)

    lab._admin_result = result
    lab.document = document


def document(host: str, path: str) -> bytes | None:
    """The authorities that sign RDS' certificates, where AWS publishes them: here it is the lab's own.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL.html
    """
    found = host == "truststore.pki.rds.amazonaws.com" and path.endswith("-bundle.pem") and path.count("/") == 2
    return _authority if found else None


def take_snapshot(data: dict[str, Any]) -> dict[str, Any]:
    """The snapshot with its checksum as `serial`; only {"unchanged": true} when the caller has that already."""
    # What is due happens before a request is served: the machines look twice a second, so nothing waits for a client.
    from lab.api.timers import TIMERS

    TIMERS.run_due()
    global _followed, _authority
    _followed = time.monotonic()
    _authority = data.get("authority", "").encode() or _authority
    replace_unhealthy()
    with _lock:
        for attempt in range(3):
            try:
                whole = snapshot.take()
                break
            except RuntimeError:  # a dictionary changed size under our feet: another request is being served
                if attempt == 2:
                    raise
    _ready.intersection_update(d["resource"] for part in whole["regions"] for d in part["databases"])
    serial = hashlib.sha256(json.dumps(whole, sort_keys=True, default=str).encode()).hexdigest()[:16]
    if data.get("serial") == serial:
        return {"unchanged": True, "serial": serial}
    return whole | {"serial": serial}


def set_state(data: dict[str, Any]) -> dict[str, Any]:
    """A machine ended by itself: AWS stops or terminates the instance, as its shutdown behaviour says."""
    for _, _, ec2 in snapshot.existing("ec2"):
        if ec2.get_instance_by_id(data["instance"]):
            change = ec2.terminate_instances if data["state"] == "terminated" else ec2.stop_instances
            change([data["instance"]])
            return {"state": data["state"]}
    raise KeyError(data["instance"])


def set_console(data: dict[str, Any]) -> dict[str, Any]:
    """Keep what a machine wrote on its console."""
    _consoles[data["instance"]] = data["text"]
    return {"length": len(data["text"])}


def give_credentials(data: dict[str, Any]) -> dict[str, Any]:
    """Temporary credentials of a role, for an instance that has it in its profile."""
    from moto.core import DEFAULT_ACCOUNT_ID
    from moto.sts.models import sts_backends

    account = data["role"].split(":")[4] or DEFAULT_ACCOUNT_ID
    sts = sts_backends[account]["aws"]
    role = sts.assume_role("us-east-1", data["session"], data["role"], "", 21600, "")
    return {"access_key": role.access_key_id, "secret_key": role.secret_access_key, "token": role.session_token}


def set_ready(data: dict[str, Any]) -> dict[str, Any]:
    """A database takes connections: from now on it may be called available."""
    _ready.add(data["resource"])
    return {"ready": len(_ready)}


def set_incompatible(data: dict[str, Any]) -> dict[str, Any]:
    """A restore that cannot be done.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html
    """
    from moto.rds.models import rds_backends

    region, account, name = (data["arn"].split(":")[part] for part in (3, 4, -1))
    rds_backends[account][region].databases[name].status = "incompatible-restore"
    return {}


def set_content(data: dict[str, Any]) -> dict[str, Any]:
    """The data of a snapshot is there: it is available."""
    _contents[data["content"]] = not data["failed"]
    return {"contents": len(_contents)}


def set_backups(data: dict[str, Any]) -> dict[str, Any]:
    """The oldest base backup of a database: the beginning of its restore window."""
    from lab.api import backups

    moment = datetime.datetime.fromtimestamp(data["earliest"], datetime.UTC).replace(tzinfo=None)
    backups.oldest[data["resource"]] = moment
    return {}


def set_lag(data: dict[str, Any]) -> dict[str, Any]:
    """What RDS tells CloudWatch of a read replica once a minute."""
    from moto.cloudwatch.models import cloudwatch_backends

    region, account, name = (data["arn"].split(":")[part] for part in (3, 4, -1))
    point = {
        "MetricName": "ReplicaLag",
        "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": name}],
        "Value": data["seconds"],
        "Unit": "Seconds",
    }
    cloudwatch_backends[account][region].put_metric_data("AWS/RDS", [point])
    return {}


def set_tokens(data: dict[str, Any]) -> dict[str, Any]:
    """A node takes new tokens: when all of a cache's do, it may be called available again."""
    _tokens.setdefault(data["arn"], {})[data["node"]] = data["tokens"]
    return {"nodes": len(_tokens[data["arn"]])}


def tokens_digest(tokens: list[str]) -> str:
    """A checksum of a cache's tokens."""
    return hashlib.sha256(json.dumps(tokens).encode()).hexdigest()


def _cache_status() -> property:
    """The status of a cache: `modifying` until its nodes take changed tokens, for at most two minutes."""
    from moto.core.utils import utcnow

    def read(self: Any) -> Any:
        status, changed = self.__dict__.get("status"), self.__dict__.get("lab_tokens_changed")
        if status != "available" or changed is None or not following():
            return status
        wanted = tokens_digest(self.__dict__["lab_tokens"])
        if all(taken == wanted for taken in _tokens.get(self.arn, {}).values()):
            return status
        return "modifying" if (utcnow() - changed).total_seconds() < 120 else status

    def write(self: Any, value: Any) -> None:
        self.__dict__["status"] = value

    return property(read, write)


def _database_status() -> property:
    """The status of a database: `creating` until its server takes connections, for at most two minutes."""
    from moto.core.utils import utcnow

    def read(self: Any) -> Any:
        status = self.__dict__.get("status")
        if (
            status != "available"
            or not following()
            or "postgres" not in (self.engine or "")
            or self.dbi_resource_id in _ready
        ):
            return status
        return "creating" if (utcnow() - self.created).total_seconds() < 120 else status

    def write(self: Any, value: Any) -> None:
        self.__dict__["status"] = value

    return property(read, write)


def _snapshot_status() -> property:
    """The status of a snapshot: `creating` until a machine has copied the data of its database."""

    def read(self: Any) -> Any:
        if not self.__dict__.get("lab_awaited"):
            return self.__dict__.get("status")
        return {None: "creating", False: "failed", True: self.__dict__["status"]}[_contents.get(self.lab_content)]

    def write(self: Any, value: Any) -> None:
        self.__dict__["status"] = value

    return property(read, write)


def has_data(database: Any) -> bool:
    """Whether a machine keeps the data of a database: a PostgreSQL instance in a VPC."""
    postgres = "postgres" in (database.engine or "") and database.db_cluster_identifier is None
    return following() and postgres and getattr(database, "db_subnet_group", None) is not None


ROUTES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "POST /lab/machines/snapshot": take_snapshot,
    "GET /lab/machines/snapshot": take_snapshot,
    "POST /lab/machines/state": set_state,
    "POST /lab/machines/console": set_console,
    "POST /lab/machines/ready": set_ready,
    "POST /lab/machines/incompatible": set_incompatible,
    "POST /lab/machines/content": set_content,
    "POST /lab/machines/backups": set_backups,
    "POST /lab/machines/lag": set_lag,
    "POST /lab/machines/tokens": set_tokens,
    "POST /lab/machines/credentials": give_credentials,
}


@functools.cache
def patch() -> None:
    """Make moto remember what a real machine has to act on."""
    from moto.core.responses import ActionResult
    from moto.core.utils import utcnow
    from moto.ec2.models import elastic_network_interfaces, instances
    from moto.ec2.responses.general import General
    from moto.ec2.utils import random_ip
    from moto.elasticache.models import ReplicationGroup as CacheGroup
    from moto.rds.models import DBInstance, DBSnapshot, RDSBackend
    from moto.rds.responses import RDSResponse

    from lab.api import backups, scaling, target_health
    from lab.api.patches.elbv2 import in_use

    scaling.boots = following
    # With machines there, a target nobody has checked yet is not healthy.
    measured = target_health.measured
    target_health.measured = lambda arn: measured(arn) or (following() and in_use(arn))

    # Public addresses are loopback ones, as those of elastic IPs are already.
    elastic_network_interfaces.random_public_ip = random_ip

    reboot = instances.InstanceBackend.reboot_instances

    def reboot_instances(self: Any, instance_ids: list[str]) -> Any:
        result = reboot(self, instance_ids)
        for instance in result:
            instance.__dict__["lab_reboots"] = instance.__dict__.get("lab_reboots", 0) + 1
        return result

    instances.InstanceBackend.reboot_instances = reboot_instances

    def get_console_output(self: Any) -> ActionResult:
        instance = self.ec2_backend.get_instance(self._get_param("InstanceId"))
        text = base64.b64encode(_consoles.get(instance.id, "").encode()).decode()
        return ActionResult({"InstanceId": instance.id, "Timestamp": utcnow(), "Output": text})

    General.get_console_output = get_console_output

    backups.kept = has_data
    DBInstance.status = _database_status()
    DBSnapshot.status = _snapshot_status()
    CacheGroup.status = _cache_status()

    # Read back when it is changed; moto has only a setter.
    DBInstance.master_user_password = DBInstance.master_user_password.getter(
        lambda self: self.__dict__.get("_master_user_password")
    )

    reboot_database = RDSBackend.reboot_db_instance

    def reboot_db_instance(self: Any, identifier: str) -> Any:
        database = reboot_database(self, identifier)
        database.__dict__["lab_reboots"] = database.__dict__.get("lab_reboots", 0) + 1
        return database

    RDSBackend.reboot_db_instance = reboot_db_instance
    answer_reboot = RDSResponse.reboot_db_instance

    def reboot_response(self: Any) -> Any:
        result = answer_reboot(self)
        if str(self.params.get("ForceFailover")).lower() == "true":
            database = self.backend.describe_db_instances(self.params.get("DBInstanceIdentifier"))[0]
            database.__dict__["lab_failovers"] = database.__dict__.get("lab_failovers", 0) + 1
        return result

    RDSResponse.reboot_db_instance = reboot_response
