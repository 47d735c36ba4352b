"""KMS: keys named by ARN."""

from __future__ import annotations

from typing import Any

from lab.api.patching import patch
from lab.api.wrapping import wrap

OPERATIONS = ("schedule_key_deletion", "cancel_key_deletion", "enable_key", "disable_key")


@patch(
    moto="looks a key up by its ARN as if that were its id when it is deleted, taken back, enabled or disabled (KeyError)",
    aws="takes a key's id or its ARN there",
    document="https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html",
)
def named_by_arn() -> None:
    from moto.kms.models import KmsBackend

    def by_id(operation: str) -> None:
        @wrap(KmsBackend, operation)
        def call(original: Any, self: Any, key_id: str, *rest: Any) -> Any:
            return original(self, self.get_key_id(key_id), *rest)

    for operation in OPERATIONS:
        by_id(operation)
