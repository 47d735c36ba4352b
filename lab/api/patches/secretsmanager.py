"""Secrets Manager: several values at once, in pages, and values nobody may read."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from lab.api.patching import patch
from lab.api.wrapping import method, wrap

API = "https://docs.aws.amazon.com/secretsmanager/latest/apireference/"
LARGEST_BATCH = 20


@patch(
    moto="fails the whole of a BatchGetSecretValue by filters when one secret has no value, answers with all secrets in one"
    " page, and takes more than twenty ids",
    aws="answers the values there are and names the others under Errors, twenty secrets a page; takes at most twenty ids",
    document=API + "API_BatchGetSecretValue.html",
)
def errors_one_by_one() -> None:
    from moto.secretsmanager.exceptions import InvalidParameterException, SecretsManagerClientError
    from moto.secretsmanager.models import SecretsManagerBackend, _matches

    @method(SecretsManagerBackend)
    def batch_get_secret_value(
        self: Any,
        secret_id_list: Any = None,
        filters: Any = None,
        max_results: Any = None,
        next_token: Any = None,
    ) -> Any:
        if bool(secret_id_list) == bool(filters):
            message = "Either 'SecretIdList' or 'Filters' must be provided, but not both."
            raise InvalidParameterException(message)
        if secret_id_list and max_results:
            message = "'Filters' not specified. 'Filters' must also be specified when 'MaxResults' is provided."
            raise InvalidParameterException(message)
        for count, name in ((len(secret_id_list or []), "SecretIdList"), (max_results or 0, "MaxResults")):
            if count > LARGEST_BATCH:
                raise InvalidParameterException(f"{name} must have at most {LARGEST_BATCH} members, has {count}.")
        wanted = list(secret_id_list or [])
        if filters:
            secrets = list(dict.values(self.secrets))
            wanted = sorted(s.arn for s in secrets if _matches(s, filters) and not s.is_deleted())
        size = int(max_results or LARGEST_BATCH)
        try:
            start = int(base64.b64decode(next_token, validate=True)) if next_token else 0
        except (binascii.Error, ValueError):
            raise SecretsManagerClientError("InvalidNextTokenException", "The NextToken value is invalid.") from None
        values, errors = [], []
        for secret_id in wanted[start : start + size]:
            try:
                values.append(self.get_secret_value(secret_id, "", ""))
            except SecretsManagerClientError as error:
                errors.append({"SecretId": secret_id, "ErrorCode": error.error_type, "Message": error.message})
        more = start + size < len(wanted)
        return values, errors, (base64.b64encode(str(start + size).encode()).decode() if more else None)


@patch(
    moto="lets everybody read every value",
    aws="answers AccessDeniedException where the secret's policy, its key's or the reader's denies it (the lab: a secret put"
    " into the state denied by POST /lab/state)",
    document="https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access.html",
)
def denied_values() -> None:
    from moto.secretsmanager.exceptions import SecretsManagerClientError
    from moto.secretsmanager.models import SecretsManagerBackend

    @wrap(SecretsManagerBackend, "get_secret_value")
    def get(original: Any, self: Any, secret_id: str, *args: Any, **kwargs: Any) -> Any:
        secret = self.secrets.get(secret_id)
        if secret is not None and getattr(secret, "lab_denied", False):
            message = f"Access to KMS is not allowed or the reader may not read {secret.arn}."
            raise SecretsManagerClientError("AccessDeniedException", message)
        return original(self, secret_id, *args, **kwargs)


@patch(
    moto="goes on answering what was current before after UpdateSecretVersionStage has moved AWSCURRENT",
    aws="answers the version with AWSCURRENT where a request names neither a version nor a stage",
    document=API + "API_UpdateSecretVersionStage.html",
)
def moved_stages() -> None:
    from moto.secretsmanager.models import SecretsManagerBackend

    @wrap(SecretsManagerBackend, "update_secret_version_stage")
    def update(original: Any, self: Any, secret_id: str, version_stage: str, **versions: Any) -> Any:
        result = original(self, secret_id=secret_id, version_stage=version_stage, **versions)
        if version_stage == "AWSCURRENT" and versions["move_to_version_id"]:
            self.secrets[secret_id].set_default_version_id(versions["move_to_version_id"])
        return result


@patch(
    moto="keeps a description that UpdateSecret empties",
    aws="takes an empty description, which has 0 characters at least, as any other",
    document=API + "API_UpdateSecret.html",
)
def emptied_descriptions() -> None:
    from moto.secretsmanager.models import SecretsManagerBackend

    @wrap(SecretsManagerBackend, "update_secret")
    def update(original: Any, self: Any, secret_id: str, **changes: Any) -> Any:
        result = original(self, secret_id, **changes)
        if changes.get("description") == "":
            self.secrets[secret_id].description = ""
        return result
