"""S3: bucket policies that want TLS."""

from __future__ import annotations

import json
from typing import Any

from lab.api.patching import patch
from lab.api.wrapping import wrap

SECURE = {"aws:securetransport": "true", "s3:tlsversion": "1.3"}


@patch(
    moto="does not look at a statement's conditions: a policy that denies requests without TLS denies every request",
    aws="denies the requests that come without TLS (the lab's endpoint is plain HTTP on loopback and counts as TLS 1.3)",
    document="https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html#transit",
)
def tls_only_policy() -> None:
    from moto.s3.models import FakeBucket

    @wrap(FakeBucket, "get_permission")
    def get_permission(original: Any, self: Any, action: str, resource: str) -> Any:
        if self.policy is None:
            return original(self, action, resource)
        full = self.policy
        document = json.loads(full.decode())
        statements = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
        kept = [s for s in statements if not _only_for_plain_http(s)]
        if len(kept) == len(statements):
            return original(self, action, resource)
        from moto.iam.access_control import IAMPolicy, PermissionResult

        if not kept:
            return PermissionResult.NEUTRAL
        return IAMPolicy(json.dumps({**document, "Statement": kept})).is_action_permitted(action, resource)


def _only_for_plain_http(statement: dict[str, Any]) -> bool:
    """True when the statement's condition cannot hold for a request over TLS 1.3."""
    for operator, tests in (statement.get("Condition") or {}).items():
        for key, wanted in tests.items():
            have = SECURE.get(key.lower())
            if have is None:
                continue
            values = [str(v).lower() for v in (wanted if isinstance(wanted, list) else [wanted])]
            if operator.startswith("Bool") and have not in values:
                return True
            if operator.startswith("NumericLessThan") and all(float(have) >= float(v) for v in values):
                return True
    return False
