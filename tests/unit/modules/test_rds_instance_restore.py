"""A copy of a database at a second: made with its tags and its own network, and only once."""

from __future__ import annotations

import time

import pytest

TAGS = {"terrace:restored-for": "shop/main", "Name": "shop-main"}


@pytest.fixture
def source(lab):
    """An instance with backups, and what its copy is to be made with."""
    ec2, rds = lab.client("ec2"), lab.client("rds")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    zones = [each["ZoneName"] for each in ec2.describe_availability_zones()["AvailabilityZones"]][:2]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=zone)["Subnet"]["SubnetId"]
        for number, zone in enumerate(zones)
    ]
    rds.create_db_subnet_group(DBSubnetGroupName="data", DBSubnetGroupDescription="data", SubnetIds=subnets)
    group = ec2.create_security_group(VpcId=vpc, GroupName="database", Description="database")["GroupId"]
    rds.create_db_parameter_group(DBParameterGroupName="shop", DBParameterGroupFamily="postgres17", Description="shop")
    rds.create_db_instance(
        DBInstanceIdentifier="shop-main",
        Engine="postgres",
        EngineVersion="17",
        DBInstanceClass="db.t4g.medium",
        AllocatedStorage=20,
        MasterUsername="terrace",
        MasterUserPassword="only-for-the-test",
        DBSubnetGroupName="data",
        VpcSecurityGroupIds=[group],
        BackupRetentionPeriod=3,
    )
    until = time.monotonic() + 10
    while not (latest := rds.describe_db_instances()["DBInstances"][0].get("LatestRestorableTime")):
        assert time.monotonic() < until, "it has no backup"
        time.sleep(0.1)
    return {
        "db_instance_identifier": "shop-main-restored",
        "source_db_instance_identifier": "shop-main",
        "restore_time": latest.isoformat(),
        "db_subnet_group_name": "data",
        "vpc_security_group_ids": [group],
        "db_parameter_group_name": "shop",
        "tags": TAGS,
    }


def copies(lab) -> list[dict]:
    found = lab.client("rds").describe_db_instances()["DBInstances"]
    return [each for each in found if each["DBInstanceIdentifier"] == "shop-main-restored"]


def test_it_is_made_with_what_is_said_and_left_alone_afterwards(lab, run, source):
    assert run("rds_instance_restore", check=True, **source)["changed"] is True
    assert copies(lab) == []
    made = run("rds_instance_restore", **source)
    assert made.get("changed") is True, made
    [made] = copies(lab)
    assert {tag["Key"]: tag["Value"] for tag in made["TagList"]} == TAGS
    assert made["DBSubnetGroup"]["DBSubnetGroupName"] == "data"
    assert [group["VpcSecurityGroupId"] for group in made["VpcSecurityGroups"]] == source["vpc_security_group_ids"]
    assert [group["DBParameterGroupName"] for group in made["DBParameterGroups"]] == ["shop"]
    assert (made.get("PubliclyAccessible", False), made["MultiAZ"], made["DeletionProtection"]) == (False, False, False)
    again = run("rds_instance_restore", **source, multi_az=True)
    assert (again["changed"], again["status"]) == (False, "available")
    assert copies(lab)[0]["MultiAZ"] is False


def test_what_aws_refuses_is_said(lab, run, source):
    refused = run("rds_instance_restore", **source | {"source_db_instance_identifier": "elsewhere"})
    assert refused["failed"] is True
    assert "Could not restore elsewhere to" in refused["msg"]
    assert copies(lab) == []
