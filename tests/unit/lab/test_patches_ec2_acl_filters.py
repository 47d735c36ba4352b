"""DescribeNetworkAcls finds by id."""

from __future__ import annotations

from probes import both_ways, probe

from lab.api.testing import Lab


@probe("ec2_acl_filters.network_acl_id")
def finds_the_one_acl(lab: Lab) -> None:
    ec2 = lab.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/24")["Vpc"]["VpcId"]
    acl = ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
    found = ec2.describe_network_acls(Filters=[{"Name": "network-acl-id", "Values": [acl]}])["NetworkAcls"]
    assert [each["NetworkAclId"] for each in found] == [acl]


test_as_aws_does, test_moto_still_differs = both_ways(__name__)
