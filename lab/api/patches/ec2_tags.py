"""EC2: the names of resource types in tags."""

from __future__ import annotations

from lab.api.patching import patch

NAMES = {
    "nat": "natgateway",
    "eipalloc": "elastic-ip",
    "fl": "vpc-flow-log",
    "pl": "prefix-list",
    "sir": "spot-instances-request",
    "h": "dedicated-host",
}


@patch(
    moto="calls NAT gateways, Elastic IPs, flow logs and prefix lists otherwise than AWS in DescribeTags, so that a filter"
    " by resource-type does not find their tags, and modules write them again in each run",
    aws="calls them natgateway, elastic-ip, vpc-flow-log and prefix-list",
    document="https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_TagSpecification.html",
)
def resource_types() -> None:
    from moto.ec2 import utils

    utils.EC2_PREFIX_TO_RESOURCE.update(NAMES)
