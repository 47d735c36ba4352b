"""One cell's life, from an empty account and back: the tests follow one another."""

from __future__ import annotations

import json

import pytest

CELL = "development-use1"
#: Where a published module reports a change for ever by its own fault; docs/modules.md says why.
RESTLESS: set[str] = set()


@pytest.fixture(scope="module")
def ec2(api):
    return api.client("ec2")


def mine(api) -> list[str]:
    """Everything of the cell that AWS lists by tag, by other means than the kinds."""
    paginator = api.client("resourcegroupstaggingapi").get_paginator("get_resources")
    pages = paginator.paginate(TagFilters=[{"Key": "terrace:cell", "Values": [CELL]}])
    return [each["ResourceARN"] for page in pages for each in page["ResourceTagMappingList"]]


def test_the_plan_of_an_empty_account_writes_nothing(api, operator):
    api.reset_calls()
    run = operator.play("site", "--check", "--diff").ok()
    assert run.planned(CELL)["add"] > 60
    assert run.planned(CELL)["change"] == run.planned(CELL)["remove"] == 0
    assert "(known after apply)" in run.output
    for address in ("vpc main", "security_group web", "db_instance main"):
        assert run.output.count(f"+ {address}\n") == 1, address
    assert f"{CELL}: Plan: {run.planned(CELL)['add']} to add, 0 to change, 0 to remove" in run.output
    looked = ("Describe", "List", "Get", "BatchGet")
    called = api.calls()["by_operation"]
    assert not [each for each in called if not each.split(".")[1].startswith(looked)], called


def test_converge(api, operator, ec2):
    planned = operator.play("site", "--check").ok().planned(CELL)
    run = operator.play("site").ok()
    assert f"{CELL}: Done: {planned['add']} added, 0 changed, 0 removed" in run.output
    subnets = ec2.describe_subnets(Filters=[{"Name": "tag:terrace:cell", "Values": [CELL]}])["Subnets"]
    assert len(subnets) == 12
    assert {each["AvailabilityZone"] for each in subnets} == {"us-east-1a", "us-east-1b", "us-east-1c"}
    [database] = api.client("rds").describe_db_instances()["DBInstances"]
    assert database["StorageEncrypted"]
    assert not database["PubliclyAccessible"]


def test_the_second_run_writes_nothing_and_calls_no_module(api, operator):
    api.reset_calls()
    run = operator.play("site").ok()
    assert "changed=0" in run.output
    assert api.calls()["writes"] == 0
    # Bulk calls, and one or more a bucket, key and balancer, of which AWS tells no more at once.
    assert api.calls()["total"] <= 82, api.calls()


def test_the_published_modules_agree(operator):
    run = operator.play("site", "-e", "terrace_trust_plan=false").ok()
    changed = {line.strip() for line in run.output.splitlines() if line.startswith("changed:")}
    assert changed == RESTLESS, "\n".join(sorted(changed))


DRIFT: dict[str, tuple[str, object]] = {}


def drift(address: str):
    """Something done by hand, and the address of the resource a plan must then name."""

    def register(function):
        DRIFT[function.__name__] = (address, function)
        return function

    return register


def one(items, name):
    """The one whose Name tag is the cell's ``name``."""
    [found] = [each for each in items if {"Key": "Name", "Value": f"{CELL}-{name}"} in each.get("Tags", [])]
    return found


@drift("security_group/database")
def opens_the_database(api):
    ec2 = api.client("ec2")
    group = one(ec2.describe_security_groups()["SecurityGroups"], "database")["GroupId"]
    rule = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])


@drift("security_group/app")
def closes_the_application(api):
    ec2 = api.client("ec2")
    group = one(ec2.describe_security_groups()["SecurityGroups"], "app")
    ec2.revoke_security_group_ingress(GroupId=group["GroupId"], IpPermissions=group["IpPermissions"])


@drift("subnet/web-a")
def retags_a_subnet(api):
    ec2 = api.client("ec2")
    subnet = one(ec2.describe_subnets()["Subnets"], "web-a")["SubnetId"]
    ec2.create_tags(Resources=[subnet], Tags=[{"Key": "Environment", "Value": "production"}])


@drift("route_table/app")
def cuts_a_route(api):
    ec2 = api.client("ec2")
    table = one(ec2.describe_route_tables()["RouteTables"], "app")["RouteTableId"]
    ec2.delete_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0")


@drift("network_acl/data")
def opens_the_acl(api):
    ec2 = api.client("ec2")
    acl = one(ec2.describe_network_acls()["NetworkAcls"], "data")["NetworkAclId"]
    ec2.create_network_acl_entry(
        NetworkAclId=acl, RuleNumber=90, Protocol="-1", RuleAction="allow", Egress=False, CidrBlock="0.0.0.0/0"
    )


@drift("bucket/uploads")
def suspends_versioning(api):
    s3 = api.client("s3")
    bucket = next(each["Name"] for each in s3.list_buckets()["Buckets"] if each["Name"].startswith(f"{CELL}-uploads"))
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})


@drift("kms_key/data")
def stops_key_rotation(api):
    kms = api.client("kms")
    key = next(each for each in kms.list_aliases()["Aliases"] if each["AliasName"] == f"alias/{CELL}-data")
    kms.disable_key_rotation(KeyId=key["TargetKeyId"])


@drift("db_instance/main")
def shortens_the_backups(api):
    api.client("rds").modify_db_instance(
        DBInstanceIdentifier=f"{CELL}-main", BackupRetentionPeriod=1, ApplyImmediately=True
    )


@drift("autoscaling_group/web")
def lets_a_tier_grow(api):
    api.client("autoscaling").update_auto_scaling_group(AutoScalingGroupName=f"{CELL}-web", MaxSize=40)


@drift("target_group/app")
def loosens_a_health_check(api):
    elb = api.client("elbv2")
    [group] = elb.describe_target_groups(Names=[f"{CELL}-app"])["TargetGroups"]
    elb.modify_target_group(TargetGroupArn=group["TargetGroupArn"], HealthCheckPath="/")


@drift("iam_role/app")
def widens_a_role(api):
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    api.client("iam").put_role_policy(RoleName=f"{CELL}-app", PolicyName="by-hand", PolicyDocument=policy)


def test_drift_of_many_sorts_is_found_and_mended(api, operator, tmp_path):
    assert operator.play("check_drift").ok().output.count("is as its inventory says") == 1
    for _address, cause in DRIFT.values():
        cause(api)
    report = tmp_path / "drift.json"
    run = operator.play("check_drift", "-e", f"drift_report={report}")
    assert run.status == 2
    found = json.loads(report.read_text())
    assert set(found["changed"]) == {address for address, _cause in DRIFT.values()}
    assert found["changed"]["db_instance/main"]["backup_retention_period"] == {"before": 1, "after": 7}
    assert not found["missing"]
    assert not found["orphaned"]
    operator.play("site").ok()
    operator.play("check_drift").ok()


def test_what_is_deleted_by_hand_is_missing_and_comes_back(api, operator, tmp_path):
    api.client("elbv2")
    autoscaling = api.client("autoscaling")
    autoscaling.delete_policy(
        AutoScalingGroupName=f"{CELL}-web",
        PolicyName=autoscaling.describe_policies(AutoScalingGroupName=f"{CELL}-web")["ScalingPolicies"][0][
            "PolicyName"
        ],
    )
    report = tmp_path / "drift.json"
    assert operator.play("check_drift", "-e", f"drift_report={report}").status == 2
    assert [each.split("/")[0] for each in json.loads(report.read_text())["missing"]] == ["scaling_policy"]
    operator.play("site").ok()
    operator.play("check_drift").ok()


def test_an_orphan_is_listed_and_removed_only_when_asked(api, operator, ec2):
    vpc = one(ec2.describe_vpcs()["Vpcs"], "main")["VpcId"]
    tags = {"Name": f"{CELL}-forgotten", "terrace:cell": CELL, "terrace:kind": "security_group"}
    made = ec2.create_security_group(
        VpcId=vpc,
        GroupName=f"{CELL}-forgotten",
        Description="made by hand",
        TagSpecifications=[
            {"ResourceType": "security-group", "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
        ],
    )["GroupId"]
    run = operator.play("site").ok()
    assert run.planned(CELL)["orphan"] == 1
    assert ec2.describe_security_groups(GroupIds=[made])["SecurityGroups"]
    operator.play("site", "-e", "terrace_prune=true").ok()
    assert made not in {each["GroupId"] for each in ec2.describe_security_groups()["SecurityGroups"]}


def test_adoption_is_a_plan_without_a_change(operator, tmp_path):
    operator.play("adopt_cell", "-e", f"adopt_dir={tmp_path}").ok()
    run = operator.play("site", "--check", "--diff", inventory=tmp_path / "hosts.yml")
    assert run.ok().planned(CELL) == {"add": 0, "change": 0, "remove": 0, "orphan": 0}, run.output


def test_destroying_asks_for_the_name_and_for_the_data(api, operator):
    before = len(mine(api))
    api.reset_calls()
    assert "-e destroy_confirm=development-use1" in operator.play("destroy_cell").output
    assert operator.play("destroy_cell", "-e", "destroy_confirm=other").status == 2
    run = operator.play("destroy_cell", "-e", f"destroy_confirm={CELL}")
    assert run.status == 2
    assert "db_instance/main" in run.output
    assert "terrace_allow_data_loss" in run.output
    assert api.calls()["writes"] == 0
    assert len(mine(api)) == before


def test_destroyed_to_nothing_twice(api, operator):
    arguments = ("-e", f"destroy_confirm={CELL}", "-e", '{"terrace_allow_data_loss": ["*"]}')
    operator.play("destroy_cell", *arguments).ok()
    ec2 = api.client("ec2")
    live = ["pending", "running", "stopping", "stopped"]
    assert not ec2.describe_instances(Filters=[{"Name": "instance-state-name", "Values": live}])["Reservations"]
    assert [each for each in ec2.describe_vpcs()["Vpcs"] if not each["IsDefault"]] == []
    assert api.client("rds").describe_db_instances()["DBInstances"] == []
    assert api.client("elbv2").describe_load_balancers()["LoadBalancers"] == []
    assert api.client("s3").list_buckets()["Buckets"] == []
    assert ec2.describe_addresses()["Addresses"] == []
    assert api.client("elasticache").describe_replication_groups()["ReplicationGroups"] == []
    assert api.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"] == []
    assert api.client("route53").list_hosted_zones()["HostedZones"] == []
    assert not [each for each in api.client("iam").list_roles()["Roles"] if each["RoleName"].startswith(CELL)]
    assert operator.play("destroy_cell", *arguments).ok().planned(CELL)["remove"] == 0
