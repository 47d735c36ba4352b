"""ARNs and service principals in every part of AWS that botocore knows."""

from __future__ import annotations

import pytest

from ansible_collections.terrace.aws.plugins.filter.identity import policy_arns
from ansible_collections.terrace.aws.plugins.plugin_utils.shared import partitions, policies, words


@pytest.mark.parametrize(
    ("region", "partition", "suffix"),
    [
        ("us-east-1", "aws", "amazonaws.com"),
        ("mx-central-1", "aws", "amazonaws.com"),
        ("xx-nowhere-1", "aws", "amazonaws.com"),
        ("eu-new-9", "aws", "amazonaws.com"),
        ("cn-north-1", "aws-cn", "amazonaws.com.cn"),
        ("us-gov-west-1", "aws-us-gov", "amazonaws.com"),
        ("us-iso-east-1", "aws-iso", "c2s.ic.gov"),
        ("us-isob-east-1", "aws-iso-b", "sc2s.sgov.gov"),
        ("eu-isoe-west-1", "aws-iso-e", "cloud.adc-e.uk"),
        ("eusc-de-east-1", "aws-eusc", "amazonaws.eu"),
    ],
)
def test_partitions(region, partition, suffix):
    assert partitions.partition(region) == policies.partition(region) == partition
    assert partitions.dns_suffix(region) == suffix
    assert partitions.service_principal("ec2", region) == f"ec2.{suffix}"
    assert partitions.service_principal("logs", region) == f"logs.{region}.{suffix}"
    assert partitions.service_principal("lambda", region) == "lambda.amazonaws.com"
    assert policy_arns(["ReadOnlyAccess"], region) == [f"arn:{partition}:iam::aws:policy/ReadOnlyAccess"]


@pytest.mark.parametrize("region", ["us-east-1", "cn-north-1", "us-iso-east-1", "eusc-de-east-1"])
def test_a_trust_policy_there_and_back(region):
    given = ["ec2", "lambda", "account:111122223333", "ssm.us-east-1.amazonaws.com"]
    made = words.trust(given, region)
    assert f"ec2.{partitions.dns_suffix(region)}" in made["Statement"][0]["Principal"]["Service"]
    assert words.trusted(made, region) == sorted(given)


def test_a_principal_of_another_partition_is_no_word():
    made = words.trust(["ec2.amazonaws.com"], "cn-north-1")
    assert words.trusted(made, "cn-north-1") == ["ec2.amazonaws.com"]


def test_keys_in_china():
    statement = policies.key_statement("logs", "111122223333", "cn-north-1")
    assert statement["Principal"] == {"Service": "logs.cn-north-1.amazonaws.com.cn"}
    assert policies.key_statement("delivery", "1", "us-east-1")["Principal"] == {
        "Service": "delivery.logs.amazonaws.com"
    }
    assert policies.key_statement("sns", "1", "us-east-1")["Principal"] == {"Service": "sns.amazonaws.com"}
