"""Every service: what a value may be."""

from __future__ import annotations

import json
import re
from typing import Any

from lab.api import service_requests, value_rules
from lab.api.patching import patch
from lab.api.wrapping import wrap

#: What a trust policy names: a service, and an account, a user, a role or a session.
PRINCIPALS = {
    "Service": r"[a-z0-9-]+(\.[a-z0-9-]+)*\.(amazonaws\.com(\.cn)?|amazonaws\.eu|api\.aws|amazon\.com)",
    "AWS": r"\*|\d{12}|arn:aws[a-z-]*:(iam|sts)::\d{12}:(root|[a-z-]+/\S+)",
}


@patch(
    moto="takes numbers, names and texts that AWS refuses: ports, seconds and days below 0, paths without slashes",
    aws="answers a validation error, by what the services' models and API references say of each member",
    document="https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html",
)
def values() -> None:
    from moto.core.responses import ActionResult, BaseResponse

    @wrap(BaseResponse, "call_action")
    def call(original: Any, self: Any) -> Any:
        service, operation = self.boto3_service_name, self._get_action() or ""
        if value_rules.judged(service, operation):
            found = value_rules.refusal(service, operation, service_requests.parsed(self, operation))
            if found:
                return self.serialized(ActionResult(service_requests.error(type(self), *found)))
        return original(self)


@patch(
    moto="takes any text as the principal of a trust policy",
    aws="answers MalformedPolicyDocument to what is neither a service nor an account, a user or a role",
    document="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html",
)
def trusted_principals() -> None:
    from moto.iam.exceptions import MalformedPolicyDocument
    from moto.iam.models import IAMBackend

    def judge(document: str) -> None:
        statements = json.loads(document).get("Statement") or []
        for statement in statements if isinstance(statements, list) else [statements]:
            principal = statement.get("Principal")
            for sort, named in principal.items() if isinstance(principal, dict) else ():
                for each in named if isinstance(named, list) else [named]:
                    if sort in PRINCIPALS and not re.fullmatch(PRINCIPALS[sort], each):
                        raise MalformedPolicyDocument(f'Invalid principal in policy: "{sort}":"{each}"')

    @wrap(IAMBackend, "create_role")
    def create(original: Any, self: Any, role_name: str, assume_role_policy_document: str, *a: Any, **kw: Any) -> Any:
        judge(assume_role_policy_document)
        return original(self, role_name, assume_role_policy_document, *a, **kw)

    @wrap(IAMBackend, "update_assume_role_policy")
    def update(original: Any, self: Any, role_name: str, assume_role_policy: str) -> Any:
        judge(assume_role_policy)
        return original(self, role_name, assume_role_policy)
