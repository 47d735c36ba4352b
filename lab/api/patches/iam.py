"""IAM: finding the account of a key."""

from __future__ import annotations

from lab.api import accounts
from lab.api.patching import patch


@patch(
    moto="makes an IAM backend with 1,500 managed policies for every partition each time it looks for a key's account",
    aws="finds the account of a key at once",
    document="https://docs.aws.amazon.com/STS/latest/APIReference/API_GetAccessKeyInfo.html",
)
def account_lookup() -> None:
    from moto.iam import models

    models.get_account_id_from = accounts.account_of
