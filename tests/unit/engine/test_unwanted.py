"""Kinds that a cell does not use cost no call of their own."""

from __future__ import annotations

import pytest


@pytest.fixture
def look(lab):
    from ansible_collections.terrace.aws.plugins.plugin_utils.engine import registry
    from ansible_collections.terrace.aws.plugins.plugin_utils.engine.cell import Cell, Settings

    def made(unwanted, exact=False):
        lab.reset_calls()
        settings = Settings(unwanted=frozenset(unwanted))
        return Cell("test", "us-east-1", registry.all_kinds(), exact=exact, settings=settings)

    return made


@pytest.fixture
def kinds():
    from ansible_collections.terrace.aws.plugins.plugin_utils.engine import registry

    return [name for name, kind in registry.all_kinds().items() if kind.resource_type]


def test_what_the_tagging_api_does_not_list_is_not_read(lab, look, kinds):
    cell = look(kinds)
    assert not any(cell.observe(kinds).values())
    assert cell.passed_over == set(kinds)
    assert lab.calls()["by_operation"] == {"tagging.GetResources": 1}


@pytest.mark.parametrize("other", ["subnet", "vpc"])
def test_what_it_lists_is_read(lab, look, tags, kinds, other):
    made = [{"ResourceType": "vpc", "Tags": tags("vpc", "main")}]
    vpc = lab.client("ec2").create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=made)["Vpc"]["VpcId"]
    if other == "subnet":
        made = [{"ResourceType": "subnet", "Tags": tags("subnet", "web")}]
        lab.client("ec2").create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24", TagSpecifications=made)
    cell = look(kinds)
    observed = cell.observe(kinds)
    assert {kind for kind, found in observed.items() if found} == {"vpc", other}
    assert cell.passed_over == set(kinds) - {"vpc", other}


def test_after_a_write_and_of_what_is_wanted_it_is_not_asked(lab, look, kinds):
    cell = look(kinds, exact=True)
    cell.observe(["subnet", "vpc"])
    assert not cell.passed_over
    cell = look(["vpc"])
    cell.observe(["subnet"])
    assert not cell.passed_over
    assert lab.calls()["by_operation"] == {"ec2.DescribeSubnets": 1}


def test_another_cells_resources_are_not_listed(lab, look, kinds):
    made = [{"Key": "terrace:cell", "Value": "other"}, {"Key": "terrace:kind", "Value": "vpc"}]
    lab.client("ec2").create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": made}])
    cell = look(kinds)
    cell.observe(kinds)
    assert cell.passed_over == set(kinds)


def test_every_type_is_one_the_tagging_api_knows(lab, tags, kinds):
    """A misspelt type would find nothing, and so hide what is there."""
    from ansible_collections.terrace.aws.plugins.plugin_utils.engine import registry

    ec2 = lab.client("ec2")

    def of(sort, kind):
        return {"TagSpecifications": [{"ResourceType": sort, "Tags": tags(kind, "main")}]}

    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", **of("vpc", "vpc"))["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24", **of("subnet", "subnet"))["Subnet"]["SubnetId"]
    ec2.create_route_table(VpcId=vpc, **of("route-table", "route_table"))
    ec2.create_security_group(GroupName="x", Description="x", VpcId=vpc, **of("security-group", "security_group"))
    ec2.create_network_acl(VpcId=vpc, **of("network-acl", "network_acl"))
    ec2.create_internet_gateway(**of("internet-gateway", "internet_gateway"))
    ec2.create_nat_gateway(SubnetId=subnet, ConnectivityType="private", **of("natgateway", "nat_gateway"))
    ec2.allocate_address(Domain="vpc", **of("elastic-ip", "elastic_ip"))
    ec2.create_key_pair(KeyName="x", **of("key-pair", "key_pair"))
    ec2.create_launch_template(
        LaunchTemplateName="xxx", LaunchTemplateData={"EbsOptimized": False}, **of("launch-template", "launch_template")
    )
    ec2.create_vpc_endpoint(VpcId=vpc, ServiceName="com.amazonaws.us-east-1.s3", **of("vpc-endpoint", "vpc_endpoint"))
    lab.client("kms").create_key(
        Tags=[{"TagKey": each["Key"], "TagValue": each["Value"]} for each in tags("kms_key", "main")]
    )
    lab.client("secretsmanager").create_secret(Name="x", Tags=tags("secret", "main"))
    lab.client("rds").create_db_subnet_group(
        DBSubnetGroupName="x", DBSubnetGroupDescription="x", SubnetIds=[subnet], Tags=tags("db_subnet_group", "main")
    )
    lab.client("rds").create_db_parameter_group(
        DBParameterGroupName="x",
        DBParameterGroupFamily="postgres17",
        Description="x",
        Tags=tags("db_parameter_group", "main"),
    )
    lab.client("elbv2").create_target_group(
        Name="x", Protocol="HTTP", Port=80, VpcId=vpc, Tags=tags("target_group", "main")
    )
    types = sorted({registry.kind(kind).resource_type for kind in kinds})
    listed = lab.client("resourcegroupstaggingapi").get_resources(ResourceTypeFilters=types)["ResourceTagMappingList"]
    found = {tag["Value"] for each in listed for tag in each["Tags"] if tag["Key"] == "terrace:kind"}
    assert found == {
        "vpc", "subnet", "route_table", "security_group", "network_acl", "internet_gateway", "nat_gateway", "elastic_ip",
        "key_pair", "launch_template", "vpc_endpoint", "kms_key", "secret", "db_subnet_group", "db_parameter_group",
        "target_group",
    }  # fmt: skip
