"""EC2: security groups."""

from __future__ import annotations

from typing import Any

from lab.api.patching import patch
from lab.api.wrapping import wrap

API = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/"


@patch(
    moto="answers nothing to UpdateSecurityGroupRuleDescriptions…",
    aws="answers Return: true",
    document=API + "API_UpdateSecurityGroupRuleDescriptionsIngress.html",
)
def rule_descriptions() -> None:
    from moto.core.responses import ActionResult
    from moto.ec2.responses.security_groups import SecurityGroups

    for direction in ("ingress", "egress"):

        @wrap(SecurityGroups, f"update_security_group_rule_descriptions_{direction}")
        def update(original: Any, self: Any) -> ActionResult:
            original(self)
            return ActionResult({"Return": True})
