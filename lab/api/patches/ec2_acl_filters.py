"""EC2: filters of DescribeNetworkAcls."""

from __future__ import annotations

from typing import Any

from lab.api.patching import patch
from lab.api.wrapping import wrap


@patch(
    moto="does not know the filter network-acl-id of DescribeNetworkAcls",
    aws="finds an ACL by its id with it",
    document="https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkAcls.html",
)
def network_acl_id() -> None:
    from moto.ec2.models.network_acls import NetworkAcl

    @wrap(NetworkAcl, "get_filter_value")
    def value(original: Any, self: Any, filter_name: str, method_name: str | None = None) -> Any:
        if filter_name == "network-acl-id":
            return self.id
        return original(self, filter_name, method_name)
