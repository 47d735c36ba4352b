"""What somebody else has already is refused, not taken over."""

from __future__ import annotations

import pytest

from ansible_collections.terrace.aws.plugins.plugin_utils.engine import registry


@pytest.fixture
def ec2(lab):
    return lab.client("ec2")


def spec(sort, tags):
    return [{"ResourceType": sort, "Tags": tags}]


def found(cell, kind, **entries):
    return list(registry.kind(kind).precreate_errors(cell(), entries))


@pytest.fixture
def vpc(ec2, tags):
    return ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=spec("vpc", tags("vpc", "main")))["Vpc"]["VpcId"]


def test_a_security_groups_name_is_taken_in_its_vpc(cell, ec2, tags, vpc):
    ident = ec2.create_security_group(GroupName="test-web", Description="Somebody's", VpcId=vpc)["GroupId"]
    elsewhere = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    ec2.create_security_group(GroupName="test-app", Description="Somebody's", VpcId=elsewhere)
    ours = spec("security-group", tags("security_group", "db"))
    ec2.create_security_group(GroupName="test-db", Description="Ours", VpcId=vpc, TagSpecifications=ours)
    entries = {name: {"vpc": "main"} for name in ("web", "app", "db")} | {"new": {"vpc": "to-come"}}
    (problem,) = found(cell, "security_group", **entries)
    assert problem.startswith(
        f"web: there is a security group test-web ({ident}) that is not this cell's; to take it over"
    )


def test_a_subnets_network_is_taken_in_its_vpc(cell, ec2, tags, vpc):
    ident = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    ours = spec("subnet", tags("subnet", "old"))
    ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.2.0/24", TagSpecifications=ours)
    entries = {
        name: {"vpc": "main", "cidr": cidr, "zone": "us-east-1a"}
        for name, cidr in (("a", "10.0.0.0/23"), ("b", "10.0.3.0/24"), ("old", "10.0.2.0/24"))
    }
    assert found(cell, "subnet", **entries) == [
        f"a.cidr: 10.0.0.0/23 overlaps 10.0.1.0/24 of {ident}, which is not this cell's"
    ]


def test_names_of_key_pairs_templates_and_groups(cell, lab, ec2):
    ec2.create_key_pair(KeyName="test-ops")
    template = ec2.create_launch_template(
        LaunchTemplateName="test-web", LaunchTemplateData={"InstanceType": "t3.micro"}
    )["LaunchTemplate"]["LaunchTemplateId"]
    lab.client("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName="test-web",
        LaunchTemplate={"LaunchTemplateId": template, "Version": "$Latest"},
        MinSize=0,
        MaxSize=0,
        AvailabilityZones=["us-east-1a"],
    )
    for kind, name, known in (
        ("key_pair", "ops", ""),
        ("launch_template", "web", f" ({template})"),
        ("bastion_template", "web", f" ({template})"),
        ("autoscaling_group", "web", ""),
        ("bastion_group", "web", ""),
    ):
        (problem,) = found(cell, kind, **{name: {}, "free": {}})
        assert problem.startswith(
            f"{name}: there is a {kind.replace('_', ' ')} test-{name}{known} that is not this cell's"
        )


def test_a_roles_name_is_taken(cell, lab, tags):
    iam = lab.client("iam")
    iam.create_role(RoleName="test-web", AssumeRolePolicyDocument="{}")
    iam.create_role(RoleName="test-app", AssumeRolePolicyDocument="{}", Tags=tags("iam_role", "app"))
    (problem,) = found(cell, "iam_role", web={}, app={}, new={})
    assert problem.startswith("web: there is a iam role test-web that is not this cell's")


def test_a_databases_name_is_taken(cell, lab):
    lab.client("rds").create_db_instance(
        DBInstanceIdentifier="test-main",
        DBInstanceClass="db.t4g.micro",
        Engine="postgres",
        AllocatedStorage=20,
        MasterUsername="someone",
        MasterUserPassword="somebody-elses",
    )
    (problem,) = found(cell, "db_instance", main={"credentials": "x"}, new={"credentials": "x"})
    assert problem.startswith("main: there is a db instance test-main that is not this cell's")


def test_a_balancers_name_is_taken(cell, lab, ec2, vpc):
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"us-east-1{zone}")["Subnet"]
        for number, zone in enumerate("ab")
    ]
    lab.client("elbv2").create_load_balancer(Name="test-public", Subnets=[each["SubnetId"] for each in subnets])
    (problem,) = found(cell, "load_balancer", public={}, new={})
    assert problem.startswith("public: there is a load balancer test-public")
