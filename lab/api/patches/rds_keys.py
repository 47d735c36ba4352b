"""RDS: the account's own key."""

from __future__ import annotations

from typing import Any

from lab.api.patching import patch
from lab.api.wrapping import wrap


@patch(
    moto="does not know the account's own key for RDS, neither where an instance names it again nor when one is modified",
    aws="takes it like any other key of the account",
    document="https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Overview.Encryption.Keys.html",
)
def own_key() -> None:
    from moto.rds.models import RDSBackend

    from .rds_instances import _key_arn

    @wrap(RDSBackend, "_validate_kms_key")
    def validate(original: Any, self: Any, kms_key_id: str) -> str:
        own = _key_arn(self, None)
        return own if kms_key_id in (own, "alias/aws/rds") else str(original(self, kms_key_id))
