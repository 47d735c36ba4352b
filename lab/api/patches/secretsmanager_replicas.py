"""Secrets Manager: the keys of replicas, and what becomes of a replica that is promoted."""

from __future__ import annotations

import copy
import json
from typing import Any

from lab.api.patching import patch
from lab.api.wrapping import method, wrap

API = "https://docs.aws.amazon.com/secretsmanager/latest/apireference/"


@patch(
    moto="gives every replica the account's own key, answers with its primary's, and lists a replication that failed once more"
    " when it is asked for anew",
    aws="encrypts a replica with the key that AddReplicaRegions names, the one thing UpdateSecret changes at a replica; a key"
    " that its region does not know fails the replication. A region has one state",
    document="https://docs.aws.amazon.com/secretsmanager/latest/userguide/replicate-secrets.html",
)
def keys_of_replicas() -> None:
    from moto.kms.models import kms_backends
    from moto.secretsmanager.models import (
        FakeSecret,
        ReplicaSecret,
        SecretsManagerBackend,
        secretsmanager_backends,
    )

    own = SecretsManagerBackend.DEFAULT_KMS_KEY_ALIAS

    def known(account: str, region: str, key: str) -> bool:
        if key == own:
            return True
        keys = kms_backends[account][region]
        if ":alias/" in key or key.startswith("alias/"):
            return bool(keys.get_key_id_from_alias(f"alias/{key.rpartition('alias/')[2]}"))
        return key.rpartition("/")[2] in keys.keys and (":" not in key or f":{region}:" in key)

    @wrap(FakeSecret, "create_replicas")
    def create(original: Any, self: Any, replica_regions: Any, force_overwrite: bool) -> Any:
        regions = {asked["Region"] for asked in replica_regions}
        there = getattr(self, "replicas", [])
        there[:] = [each for each in there if each.has_replica or each.region not in regions]
        replicas = original(self, replica_regions, force_overwrite=force_overwrite)
        for replica, asked in zip(replicas, replica_regions, strict=True):
            replica.kms_key_id = replica.config["KmsKeyId"] = asked.get("KmsKeyId") or own
            if replica.has_replica and not known(self.account_id, replica.region, replica.kms_key_id):
                dict.pop(secretsmanager_backends[self.account_id][replica.region].secrets, replica.arn)
                replica.has_replica, replica.status = False, "Failed"
                message = f"Replication failed: KMS key {replica.kms_key_id} not found in region {replica.region}."
                replica.config |= {"Status": "Failed", "StatusMessage": message}
        return replicas

    @wrap(ReplicaSecret, "to_dict")
    def described(original: Any, self: Any) -> dict[str, Any]:
        found: dict[str, Any] = {**original(self), "KmsKeyId": self.kms_key_id}
        return found

    @wrap(SecretsManagerBackend, "update_secret")
    def update(original: Any, self: Any, secret_id: str, **changes: Any) -> Any:
        secret = self.secrets.get(secret_id)
        key = changes.get("kms_key_id")
        others = {name for name, value in changes.items() if value and name != "client_request_token"} - {"kms_key_id"}
        if not isinstance(secret, ReplicaSecret) or not key or others:
            return original(self, secret_id, **changes)
        secret.kms_key_id = secret.config["KmsKeyId"] = key
        return secret.source.to_short_dict().replace(secret.source.arn, secret.arn)


@patch(
    moto="does not know StopReplicationToReplica",
    aws="makes the replica of the region it is called in a secret of its own, with the value, the versions and the tags it has"
    " then; the primary does not list it any more. No other region is needed",
    document=API + "API_StopReplicationToReplica.html",
)
def promoted_replicas() -> None:
    from moto.secretsmanager.exceptions import InvalidRequestException, SecretNotFoundException
    from moto.secretsmanager.models import ReplicaSecret
    from moto.secretsmanager.responses import SecretsManagerResponse

    @method(SecretsManagerResponse)
    def stop_replication_to_replica(self: Any) -> str:
        backend, name = self.backend, self._get_param("SecretId")
        if name not in backend.secrets:
            raise SecretNotFoundException
        replica = backend.secrets[name]
        if not isinstance(replica, ReplicaSecret):
            raise InvalidRequestException(f"You can't stop replication of {name}: it is not a replica.")
        promoted = copy.copy(replica.source)
        promoted.versions, promoted.tags = copy.deepcopy(replica.source.versions), copy.deepcopy(replica.source.tags)
        promoted.arn, promoted.region, promoted.kms_key_id = replica.arn, replica.region, replica.kms_key_id
        promoted.replicas = []
        dict.pop(backend.secrets, replica.arn)
        backend.secrets[promoted.name] = promoted
        replica.source.replicas.remove(replica)
        return json.dumps({"ARN": promoted.arn})
