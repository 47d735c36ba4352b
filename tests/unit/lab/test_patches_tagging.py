"""The tagging API lists what carries tags."""

from __future__ import annotations

from probes import both_ways, network, probe

from lab.api.testing import Lab

TAGS = [{"Key": "probe", "Value": "1"}]


def listed(lab: Lab, sort: str) -> list[str]:
    client = lab.client("resourcegroupstaggingapi")
    found = client.get_resources(TagFilters=[{"Key": "probe"}], ResourceTypeFilters=[sort])["ResourceTagMappingList"]
    return [each["ResourceARN"] for each in found]


@probe("tagging.rds_groups")
def lists_groups_of_rds(lab: Lab) -> None:
    rds = lab.client("rds")
    subnets = network(lab)["subnets"]
    rds.create_db_subnet_group(
        DBSubnetGroupName="probe", DBSubnetGroupDescription="probe", SubnetIds=subnets, Tags=TAGS
    )
    rds.create_db_parameter_group(
        DBParameterGroupName="probe", DBParameterGroupFamily="postgres16", Description="probe", Tags=TAGS
    )
    assert {arn.split(":")[5] for arn in listed(lab, "rds")} == {"subgrp", "pg"}


@probe("tagging.cache_parameter_groups")
def lists_parameter_groups_of_elasticache(lab: Lab) -> None:
    lab.client("elasticache").create_cache_parameter_group(
        CacheParameterGroupName="probe", CacheParameterGroupFamily="redis7", Description="probe", Tags=TAGS
    )
    assert {arn.split(":")[5] for arn in listed(lab, "elasticache")} == {"parametergroup"}


test_as_aws_does, test_moto_still_differs = both_ways(__name__)
