"""A platform that somebody made by API under names of their own is adopted, and written to where it is."""

from __future__ import annotations

import json

import pytest
import yaml

CELL = "adopted"
NETWORK = {
    "network_cidr": "10.0.0.0/16",
    "network_zones": ["a", "b"],
    "network_tiers": {"app": {"number": 1, "route": "none"}},
    "firewall_security_groups": {"web": {"vpc": "main", "description": "Web"}},
}


def tags(kind: str, name: str) -> dict[str, str]:
    return {"Name": f"{CELL}-{name}", "terrace:cell": CELL, "terrace:kind": kind}


def listed(kind: str, name: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags(kind, name).items()]


@pytest.fixture(scope="module")
def client(api):
    return lambda service: api.client(service, "eu-west-1")


@pytest.fixture(scope="module")
def made(client, cells):
    """A network of ours, and in it what somebody made by API: tagged as ours, called otherwise."""
    cells.play("site", {CELL: NETWORK}).ok()
    ec2 = client("ec2")
    mine = [{"Name": "tag:terrace:cell", "Values": [CELL]}]
    subnets = [each["SubnetId"] for each in ec2.describe_subnets(Filters=mine)["Subnets"]]
    [group] = [each["GroupId"] for each in ec2.describe_security_groups(Filters=mine)["SecurityGroups"]]
    image = ec2.register_image(Name="old-image", RootDeviceName="/dev/xvda", Architecture="x86_64")["ImageId"]
    ec2.create_launch_template(
        LaunchTemplateName="old-lt",
        LaunchTemplateData={"ImageId": image, "InstanceType": "t3.micro", "SecurityGroupIds": [group]},
        TagSpecifications=[{"ResourceType": "launch-template", "Tags": listed("launch_template", "web")}],
    )
    client("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName="old-asg",
        LaunchTemplate={"LaunchTemplateName": "old-lt", "Version": "$Latest"},
        MinSize=0,
        MaxSize=2,
        VPCZoneIdentifier=",".join(subnets),
        Tags=[{**each, "PropagateAtLaunch": True} for each in listed("autoscaling_group", "web")],
    )
    client("elbv2").create_load_balancer(
        Name="old-lb",
        Subnets=subnets,
        SecurityGroups=[group],
        Scheme="internal",
        Tags=listed("load_balancer", "front"),
    )
    rds = client("rds")
    rds.create_db_subnet_group(
        DBSubnetGroupName="old-dbsubnets",
        DBSubnetGroupDescription="made by hand",
        SubnetIds=subnets,
        Tags=listed("db_subnet_group", "data"),
    )
    rds.create_db_parameter_group(
        DBParameterGroupName="old-parameters",
        DBParameterGroupFamily="postgres17",
        Description="made by hand",
        Tags=listed("db_parameter_group", "data"),
    )
    s3 = client("s3")
    s3.create_bucket(Bucket="old-bucket-xyz", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_bucket_tagging(Bucket="old-bucket-xyz", Tagging={"TagSet": listed("bucket", "uploads")})
    client("secretsmanager").create_secret(
        Name="old-secret", SecretString=json.dumps({"password": "kept"}), Tags=listed("secret", "database")
    )


def there(client) -> dict[str, list[str]]:
    """Everything of the sorts that were made by API, by AWS's names."""
    ec2, rds = client("ec2"), client("rds")
    return {
        "templates": [each["LaunchTemplateName"] for each in ec2.describe_launch_templates()["LaunchTemplates"]],
        "groups": [
            each["AutoScalingGroupName"]
            for each in client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
        ],
        "balancers": [each["LoadBalancerName"] for each in client("elbv2").describe_load_balancers()["LoadBalancers"]],
        "subnet_groups": [each["DBSubnetGroupName"] for each in rds.describe_db_subnet_groups()["DBSubnetGroups"]],
        "parameter_groups": [
            each["DBParameterGroupName"]
            for each in rds.describe_db_parameter_groups()["DBParameterGroups"]
            if not each["DBParameterGroupName"].startswith("default.")
        ],
        "buckets": [each["Name"] for each in client("s3").list_buckets()["Buckets"]],
        "secrets": [each["Name"] for each in client("secretsmanager").list_secrets()["SecretList"]],
    }


ONE_OF_EACH = {
    "templates": ["old-lt"],
    "groups": ["old-asg"],
    "balancers": ["old-lb"],
    "subnet_groups": ["old-dbsubnets"],
    "parameter_groups": ["old-parameters"],
    "buckets": ["old-bucket-xyz"],
    "secrets": ["old-secret"],
}


@pytest.fixture(scope="module")
def written(made, cells, tmp_path_factory):
    """The inventory that adoption wrote."""
    folder = tmp_path_factory.mktemp("written")
    cells.play("adopt_cell", {CELL: {}}, "-e", f"adopt_dir={folder}").ok()
    return folder


def test_the_plan_with_it_is_empty(operator, written):
    run = operator.play("site", "--check", "--diff", inventory=written / "hosts.yml").ok()
    assert run.planned(CELL) == {"add": 0, "change": 0, "remove": 0, "orphan": 0}, run.output


def test_a_change_is_written_to_the_very_resources(client, operator, written):
    def changed(role, variable, name, **options):
        path = written / "host_vars" / CELL / f"{role}.yml"
        variables = yaml.safe_load(path.read_text())
        variables[variable][name].update(options)
        path.write_text(yaml.safe_dump(variables))

    changed("tier", "tier_autoscaling_groups", "web", max_size=7)
    changed("tier", "tier_launch_templates", "web", instance_type="t3.small")
    changed("load_balancer", "load_balancer_balancers", "front", idle_timeout=77)
    changed("database", "database_parameter_groups", "data", parameters={"log_connections": True})
    changed("storage", "storage_buckets", "uploads", lifecycle={"old": {"expire_after": 400}})
    changed("secrets", "secrets_entries", "database", description="Administrator")
    changed("database", "database_subnet_groups", "data", tags={"Owner": "data"})
    run = operator.play("site", inventory=written / "hosts.yml").ok()
    assert run.planned(CELL)["change"] == 7, run.output
    assert there(client) == ONE_OF_EACH
    [group] = client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    assert group["MaxSize"] == 7
    versions = client("ec2").describe_launch_template_versions(LaunchTemplateName="old-lt", Versions=["$Latest"])
    assert versions["LaunchTemplateVersions"][0]["LaunchTemplateData"]["InstanceType"] == "t3.small"
    elb = client("elbv2")
    [balancer] = elb.describe_load_balancers()["LoadBalancers"]
    attributes = elb.describe_load_balancer_attributes(LoadBalancerArn=balancer["LoadBalancerArn"])["Attributes"]
    assert {"Key": "idle_timeout.timeout_seconds", "Value": "77"} in attributes
    parameters = client("rds").describe_db_parameters(DBParameterGroupName="old-parameters", Source="user")[
        "Parameters"
    ]
    assert [each["ParameterName"] for each in parameters] == ["log_connections"]
    [rule] = client("s3").get_bucket_lifecycle_configuration(Bucket="old-bucket-xyz")["Rules"]
    assert rule["Expiration"]["Days"] == 400
    secret = client("secretsmanager").describe_secret(SecretId="old-secret")
    assert secret["Description"] == "Administrator"
    value = client("secretsmanager").get_secret_value(SecretId="old-secret")["SecretString"]
    assert json.loads(value) == {"password": "kept"}
    again = operator.play("site", inventory=written / "hosts.yml").ok()
    assert f"{CELL}: Done: 0 added, 0 changed, 0 removed" in again.output
    assert "not in the inventory" not in again.output


def test_it_is_destroyed_by_what_it_is_and_not_by_its_name(client, operator, written):
    arguments = ("-e", f"destroy_confirm={CELL}", "-e", '{"terrace_allow_data_loss": ["*"]}')
    operator.play("destroy_cell", *arguments, inventory=written / "hosts.yml").ok()
    assert there(client) == {sort: [] for sort in ONE_OF_EACH}
