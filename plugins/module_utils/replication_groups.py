# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The calls behind the module terrace.aws.elasticache_replication_group."""

from __future__ import annotations

import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.botocore import is_boto3_error_code

from . import elasticache, secret_fields, tagged_writes

#: Seconds between two looks while waiting.
PAUSE = 5


class RefusedError(Exception):
    """What is wanted cannot be done; the message says why."""


class ReplicationGroup:
    """One replication group, as the module's parameters want it.

    :param clients: boto3 clients with retries, ``elasticache`` and ``secretsmanager``
    """

    def __init__(self, module: t.Any, clients: dict[str, t.Any]) -> None:
        self.module, self.wanted = module, module.params
        self.client, self.secrets = clients["elasticache"], clients["secretsmanager"]
        self.name: str = module.params["name"]

    def present(self) -> dict[str, t.Any]:
        """Make it, or change what differs. Returns what the module does."""
        group = self._found()
        if group is None:
            after = {option: self.wanted[option] for option in (*elasticache.LASTING, *elasticache.CHANGEABLE)}
            diff = {"before": {}, "after": {k: v for k, v in after.items() if v is not None}}
            if not self.module.check_mode:
                group = self._made()
            return self._result(group, True, diff)
        pages = self.client.get_paginator("describe_cache_clusters").paginate()
        members = [each for page in pages for each in page["CacheClusters"]]
        mine = [each for each in members if each.get("ReplicationGroupId") == group["ReplicationGroupId"]]
        now = elasticache.described(group, mine)
        after = {option: self._as_described(option) for option in (*elasticache.LASTING, *elasticache.CHANGEABLE)}
        after = {option: value for option, value in after.items() if value is not None and value != now[option]}
        if "engine_version" in after and not elasticache.behind(now["engine_version"], after["engine_version"]):
            del after["engine_version"]
        lasting = sorted(set(after) & set(elasticache.LASTING) - {"nodes"})
        if lasting:
            told = ", ".join(f"{option} is {now[option]}, not {after[option]}" for option in lasting)
            raise RefusedError(f"{told}; that cannot be changed")
        if after and not self.module.check_mode:
            self._change(after, now["nodes"])
        changed = tagged_writes.retagged(self.module, self.client, group["ARN"]) or bool(after)
        return self._result(group, changed, {"before": {option: now[option] for option in after}, "after": after})

    def absent(self) -> dict[str, t.Any]:
        """Remove it. Returns what the module does."""
        group = self._found()
        changed = group is not None and group["Status"] != "deleting"
        if changed and not self.module.check_mode:
            last = {"FinalSnapshotIdentifier": self.wanted["final_snapshot"]} if self.wanted["final_snapshot"] else {}
            try:
                arguments = {"ReplicationGroupId": self.name, "RetainPrimaryCluster": False, **last}
                self.client.delete_replication_group(aws_retry=True, **arguments)
            except is_boto3_error_code("ReplicationGroupNotFoundFault"):
                changed = False
        if group is not None and self.wanted["wait"] and not self.module.check_mode:
            self._wait("replication_group_deleted")
        return {"changed": changed, "diff": {"before": {"state": "present"} if changed else {}, "after": {}}}

    def _found(self) -> dict[str, t.Any] | None:
        arguments = ("describe_replication_groups", "ReplicationGroups", "ReplicationGroupNotFoundFault")
        return tagged_writes.one(self.client, *arguments, ReplicationGroupId=self.name)

    def _as_described(self, option: str) -> t.Any:
        value = self.wanted[option]
        if option == "security_group_ids" and value is not None:
            return sorted(value)
        return value.lower() if option == "maintenance_window" and value else value

    def _made(self) -> dict[str, t.Any]:
        words = {**elasticache.LASTING, **elasticache.CHANGEABLE}
        request = {aws: self.wanted[option] for option, aws in words.items() if self.wanted[option] is not None}
        if self.wanted["auth_token_secret"]:
            request["AuthToken"] = self._token()
        return self.client.create_replication_group(
            aws_retry=True,
            ReplicationGroupId=self.name,
            Tags=tagged_writes.tag_list(self.wanted["tags"]),
            **request,
        )["ReplicationGroup"]

    def _token(self) -> str:
        secret, name = self.wanted["auth_token_secret"], self.wanted["auth_token_field"]
        text = self.secrets.get_secret_value(aws_retry=True, SecretId=secret).get("SecretString")
        try:
            token = secret_fields.fields_of(text, [name])[name]
        except ValueError as error:
            raise RefusedError(f"secret {secret}: {error}") from None
        self.module.no_log_values.add(str(token))
        return str(token)

    def _change(self, after: dict[str, t.Any], nodes: int) -> None:
        words = {aws: after[option] for option, aws in elasticache.CHANGEABLE.items() if option in after}
        now = bool(self.wanted["apply_immediately"])
        # A replica to fail over to must be there before failover is switched on, and stay until it is switched off.
        if after.get("nodes", nodes) > nodes:
            self._replicas("increase_replica_count", after["nodes"])
        if words:
            self.client.modify_replication_group(
                aws_retry=True, ReplicationGroupId=self.name, ApplyImmediately=now, **words
            )
        if after.get("nodes", nodes) < nodes:
            if words:
                self._wait("replication_group_available")
            self._replicas("decrease_replica_count", after["nodes"])

    def _replicas(self, operation: str, nodes: int) -> None:
        arguments = {"ReplicationGroupId": self.name, "NewReplicaCount": nodes - 1, "ApplyImmediately": True}
        getattr(self.client, operation)(aws_retry=True, **arguments)
        if operation == "increase_replica_count":
            self._wait("replication_group_available")

    def _wait(self, waiter: str) -> None:
        config = {"Delay": PAUSE, "MaxAttempts": max(1, int(self.wanted["wait_timeout"]) // PAUSE)}
        self.client.get_waiter(waiter).wait(ReplicationGroupId=self.name, WaiterConfig=config)

    def _result(self, group: dict[str, t.Any] | None, changed: bool, diff: dict[str, t.Any]) -> dict[str, t.Any]:
        if group and self.wanted["wait"] and not self.module.check_mode:
            self._wait("replication_group_available")
            group = self._found()
        told = {"arn": group["ARN"], "status": group["Status"]} if group else {}
        return {"changed": changed, "diff": diff, **told}
