"""S3: bucket policies that want TLS, or let Route 53's health checkers in."""

from __future__ import annotations

import json
from typing import Any

from lab.api.patching import patch
from lab.api.wrapping import wrap

#: What the health checks of Route 53 call themselves; in the lab they come from this machine.
CHECKER = "Amazon-Route53-Health-Check-Service"
SECURE = {"aws:securetransport": "true", "s3:tlsversion": "1.3"}


@patch(
    moto="does not look at a statement's conditions: a policy that denies requests without TLS denies every request, and one"
    " that lets some addresses in denies all",
    aws="denies the requests that come without TLS (the lab's endpoint is plain HTTP on loopback and counts as TLS 1.3), and lets"
    " in whose address fits (the lab: unsigned requests that call themselves Route 53's health checks)",
    document="https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html",
)
def policy_conditions() -> None:
    from moto.s3.models import FakeBucket

    @wrap(FakeBucket, "get_permission")
    def get_permission(original: Any, self: Any, action: str, resource: str) -> Any:
        if self.policy is None:
            return original(self, action, resource)
        full = self.policy
        document = json.loads(full.decode())
        statements = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
        kept = [_without_addresses(s) for s in statements if not _only_for_plain_http(s) and _from_its_addresses(s)]
        if kept == statements:
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


def _addresses(statement: dict[str, Any]) -> bool:
    """Whether a statement is for some addresses only."""
    return "aws:SourceIp" in (statement.get("Condition") or {}).get("IpAddress", {})


def _from_its_addresses(statement: dict[str, Any]) -> bool:
    """True unless the statement is for some addresses only and the request comes from none of them."""
    from flask import has_request_context, request

    if not _addresses(statement):
        return True
    if not has_request_context() or "Authorization" in request.headers:
        return False
    return str(request.headers.get("User-Agent", "")).startswith(CHECKER)


def _without_addresses(statement: dict[str, Any]) -> dict[str, Any]:
    """A statement without what :func:`_from_its_addresses` has looked at, which moto would not understand."""
    return {key: value for key, value in statement.items() if key != "Condition" or not _addresses(statement)}
