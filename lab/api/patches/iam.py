"""IAM: what would make every first call in an account slow, and updates that change more than they name."""

from __future__ import annotations

import copy
import json
from typing import Any

from moto.iam import models

from lab.api import accounts
from lab.api.patching import patch
from lab.api.wrapping import wrap


@patch(
    moto="makes an IAM backend with 1,500 managed policies for every partition each time it looks for a key's account",
    aws="finds the account of a key at once",
    document="https://docs.aws.amazon.com/STS/latest/APIReference/API_GetAccessKeyInfo.html",
    speed=True,
)
def account_lookup() -> None:
    models.get_account_id_from = accounts.account_of


@patch(
    moto="parses 7 MB of AWS-managed policies for every account it meets, a quarter of a second each time",
    aws="has the same managed policies in every account",
    document="https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-vs-inline.html",
    speed=True,
)
def managed_policies() -> None:
    models.IAMBackend._init_aws_policies = _copies  # type: ignore[method-assign]


_prototypes: dict[str, list[Any]] = {}


def _copies(backend: Any) -> list[Any]:
    """Return the managed policies for one account: copies, since each counts its attachments."""
    if backend.partition not in _prototypes:
        data = json.loads(models.aws_managed_policies_data)
        _prototypes[backend.partition] = [
            models.AWSManagedPolicy.from_data(name, backend.account_id, backend.region_name, item)
            for name, item in data.items()
        ]
    policies = [copy.copy(policy) for policy in _prototypes[backend.partition]]
    for policy in policies:
        policy.account_id = backend.account_id
    return policies


@patch(
    moto="UpdateRole takes the description away, and sets the longest session to an hour, where they are not named",
    aws="changes what is named and nothing else; the sentence of its reference about the hour is CreateRole's (seen live in"
    " https://github.com/go-to-k/cdkd/pull/1239)",
    document="https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateRole.html",
)
def role_update() -> None:
    from moto.iam.responses import IamResponse

    @wrap(IamResponse, "update_role")
    def update(original: Any, self: Any) -> Any:
        role = self.backend.get_role(self._get_param("RoleName"))
        before = {"description": role.description, "max_session_duration": role.max_session_duration}
        result = original(self)
        for name, parameter in (("description", "Description"), ("max_session_duration", "MaxSessionDuration")):
            if self._get_param(parameter) is None:
                setattr(role, name, before[name])
        return result
