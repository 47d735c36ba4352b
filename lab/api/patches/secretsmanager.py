"""Secrets Manager: several values at once."""

from __future__ import annotations

from typing import Any

from lab.api.patching import patch
from lab.api.wrapping import wrap


@patch(
    moto="fails the whole of a BatchGetSecretValue by filters when one secret has no value",
    aws="answers the values there are and names the others under Errors",
    document="https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_BatchGetSecretValue.html",
)
def errors_one_by_one() -> None:
    from moto.secretsmanager.exceptions import SecretsManagerClientError
    from moto.secretsmanager.models import SecretsManagerBackend, _matches

    @wrap(SecretsManagerBackend, "batch_get_secret_value")
    def batch(
        original: Any,
        self: Any,
        secret_id_list: Any = None,
        filters: Any = None,
        max_results: Any = None,
        next_token: Any = None,
    ) -> Any:
        if secret_id_list or not filters:
            return original(self, secret_id_list, filters, max_results, next_token)
        values, errors = [], []
        for secret in self.secrets.values():
            if not _matches(secret, filters) or secret.is_deleted():
                continue
            source = getattr(secret, "source", secret)
            try:
                values.append(self.get_secret_value(source.secret_id, "", ""))
            except SecretsManagerClientError as error:
                errors.append({"SecretId": secret.arn, "ErrorCode": error.error_type, "Message": error.message})
        return values, errors, None
