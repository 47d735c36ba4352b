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
    ident = ec2.create_security_group(GroupName="test-web", Description="Somebody", VpcId=vpc)["GroupId"]
    elsewhere = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    ec2.create_security_group(GroupName="test-app", Description="Somebody", VpcId=elsewhere)
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


def test_a_target_groups_name_is_taken(cell, lab, ec2, vpc, tags):
    elb = lab.client("elbv2")

    def make(name, **options):
        return elb.create_target_group(Name=name, Protocol="HTTP", Port=80, VpcId=vpc, **options)["TargetGroups"][0]

    theirs = make("test-web", Tags=[{"Key": "Owner", "Value": "somebody"}])["TargetGroupArn"]
    make("test-app", Tags=tags("target_group", "app"))
    make("test-half")  # what a run left that was killed before it tagged
    (problem,) = found(cell, "target_group", web={}, app={}, half={}, new={})
    assert problem.startswith(f"web: there is a target group test-web ({theirs}) that is not this cell's")


def test_a_target_group_without_tags_that_a_balancer_uses_is_taken(cell, lab, ec2, vpc):
    elb = lab.client("elbv2")
    group = elb.create_target_group(Name="test-web", Protocol="HTTP", Port=80, VpcId=vpc)["TargetGroups"][0]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"us-east-1{zone}")["Subnet"]
        for number, zone in enumerate("ab")
    ]
    balancer = elb.create_load_balancer(Name="theirs", Subnets=[each["SubnetId"] for each in subnets])["LoadBalancers"][
        0
    ]
    elb.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}],
    )
    (problem,) = found(cell, "target_group", web={})
    assert problem.startswith("web: there is a target group test-web")


def test_a_secrets_name_is_taken_also_until_it_is_deleted(cell, lab, tags):
    secrets = lab.client("secretsmanager")
    secrets.create_secret(Name="test-web", SecretString="{}")
    secrets.create_secret(Name="test-gone", SecretString="{}")
    secrets.delete_secret(SecretId="test-gone", RecoveryWindowInDays=7)
    secrets.create_secret(Name="test-back", SecretString="{}", Tags=tags("secret", "back"))
    secrets.delete_secret(SecretId="test-back", RecoveryWindowInDays=7)
    problems = found(cell, "secret", **{name: {"content": {"x": {}}} for name in ("web", "gone", "back", "new")})
    assert [problem.split(" that is")[0].split(" (")[0] for problem in problems] == [
        "web: there is a secret test-web",
        "gone: there is a secret test-gone",
    ]


@pytest.mark.parametrize(
    ("kind", "service", "operation", "key", "options"),
    [
        (
            "cache_parameter_group",
            "elasticache",
            "create_cache_parameter_group",
            "CacheParameterGroupName",
            {"CacheParameterGroupFamily": "redis7", "Description": "x"},
        ),
        (
            "cache_subnet_group",
            "elasticache",
            "create_cache_subnet_group",
            "CacheSubnetGroupName",
            {"CacheSubnetGroupDescription": "x"},
        ),
        (
            "replication_group",
            "elasticache",
            "create_replication_group",
            "ReplicationGroupId",
            {"ReplicationGroupDescription": "x", "Engine": "redis", "CacheNodeType": "cache.t4g.micro"},
        ),
        (
            "db_parameter_group",
            "rds",
            "create_db_parameter_group",
            "DBParameterGroupName",
            {"DBParameterGroupFamily": "postgres17", "Description": "x"},
        ),
        (
            "db_subnet_group",
            "rds",
            "create_db_subnet_group",
            "DBSubnetGroupName",
            {"DBSubnetGroupDescription": "x"},
        ),
    ],
)
def test_names_of_databases_and_caches_groups(cell, lab, ec2, vpc, tags, kind, service, operation, key, options):
    if kind.endswith("subnet_group"):
        subnets = [
            ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"us-east-1{zone}")
            for number, zone in enumerate("ab")
        ]
        options = {**options, "SubnetIds": [each["Subnet"]["SubnetId"] for each in subnets]}
    create = getattr(lab.client(service), operation)
    create(**{key: "test-main"}, **options)
    create(**{key: "test-ours"}, **options, Tags=tags(kind, "ours"))
    # AWS keeps these names in lower case.
    entry = {"auth_token": False}
    (problem,) = found(cell, kind, Main=entry, ours=entry, new=entry)
    assert problem.startswith(f"Main: there is a {kind.replace('_', ' ')} test-main that is not this cell's")


def test_a_buckets_name_is_taken_unless_a_killed_run_left_it(cell, lab, tags):
    s3 = lab.client("s3")
    for name in ("theirs", "full", "left", "ours"):
        s3.create_bucket(Bucket=f"test-{name}-123456789012")
    s3.put_bucket_tagging(
        Bucket="test-theirs-123456789012", Tagging={"TagSet": [{"Key": "Owner", "Value": "somebody"}]}
    )
    s3.put_object(Bucket="test-full-123456789012", Key="x", Body=b"x")
    s3.put_bucket_tagging(Bucket="test-ours-123456789012", Tagging={"TagSet": tags("bucket", "ours")})
    problems = found(cell, "bucket", theirs={}, full={}, left={}, ours={}, new={})
    assert [problem.split(" that is")[0] for problem in problems] == [
        "theirs: there is a bucket test-theirs-123456789012",
        "full: there is a bucket test-full-123456789012",
    ]


def test_a_bucket_without_tags_is_nobodys_whatever_it_is_called(cell, lab):
    """It may be of the cell test-eu, or of a person; as an orphan it would be removed with its objects."""
    lab.client("s3").create_bucket(Bucket="test-eu-logs-123456789012")
    assert cell().observed("bucket") == {}


def test_a_keys_alias_is_taken_but_not_by_one_that_is_had_back(cell, lab, tags):
    kms = lab.client("kms")
    made = {}
    for name, own in (("theirs", []), ("back", tags("kms_key", "back"))):
        own = [{"TagKey": each["Key"], "TagValue": each["Value"]} for each in own]
        made[name] = kms.create_key(Tags=own)["KeyMetadata"]["KeyId"]
        kms.create_alias(AliasName=f"alias/test-{name}", TargetKeyId=made[name])
    kms.schedule_key_deletion(KeyId=made["back"], PendingWindowInDays=7)
    (problem,) = found(cell, "kms_key", theirs={}, back={}, new={})
    assert problem.startswith(
        f"theirs: there is a kms key alias/test-theirs ({made['theirs']}) that is not this cell's"
    )


def test_a_vpcs_name_and_network_are_taken_together(cell, ec2):
    def make(name, cidr):
        made = ec2.create_vpc(CidrBlock=cidr, TagSpecifications=spec("vpc", [{"Key": "Name", "Value": name}]))
        return made["Vpc"]["VpcId"]

    ident = make("test-main", "10.0.0.0/16")
    make("test-other", "10.9.0.0/16")
    entries = {name: {"cidr": "10.0.0.0/16"} for name in ("main", "other", "new")}
    (problem,) = found(cell, "vpc", **entries)
    assert problem.startswith(f"main: there is a vpc test-main ({ident}) that is not this cell's")


def test_an_instance_profile_of_another_role_is_not_taken_over(cell, lab):
    iam = lab.client("iam")
    iam.create_role(RoleName="theirs", AssumeRolePolicyDocument="{}")
    iam.create_instance_profile(InstanceProfileName="test-web")
    iam.add_role_to_instance_profile(InstanceProfileName="test-web", RoleName="theirs")
    iam.create_instance_profile(InstanceProfileName="test-left")
    (problem,) = found(cell, "iam_role", web={}, left={})
    assert problem.startswith("web: there is an instance profile test-web, of the role theirs")


@pytest.mark.parametrize(
    ("kind", "entry"),
    [("iam_role", {}), ("queue", {"fifo": False}), ("bucket", {}), ("secret", {"content": {"x": {}}})],
)
def test_the_name_a_renamed_resource_keeps_is_taken(cell, lab, tags, kind, entry):
    """Its tags say the new name, AWS the old one; the published modules would find it by that and overwrite it."""
    every, named = tags(kind, "old"), {each["Key"]: each["Value"] for each in tags(kind, "old")}
    if kind == "iam_role":
        lab.client("iam").create_role(RoleName="test-x", AssumeRolePolicyDocument="{}", Tags=every)
    elif kind == "queue":
        lab.client("sqs").create_queue(QueueName="test-x", tags=named)
    elif kind == "secret":
        lab.client("secretsmanager").create_secret(Name="test-x", SecretString="{}", Tags=every)
    else:
        lab.client("s3").create_bucket(Bucket="test-x-123456789012")
        lab.client("s3").put_bucket_tagging(Bucket="test-x-123456789012", Tagging={"TagSet": every})
    (problem,) = found(cell, kind, x=entry, new=entry)
    assert problem.startswith("x: AWS knows old as test-x")
