# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policies made of a few words, and the words found again in a policy.

A resource's policy is a set of statements, each made by a word of the inventory. Reading compares statement by statement
with what the words make, so that whatever somebody else wrote shows as such.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
"""

from __future__ import annotations

import json
import typing as t

from .partitions import partition, service_principal

Statement = dict[str, t.Any]

USE_KEY = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]

#: Services that may use a key by themselves, by word; IAM is asked for everything else.
KEY_SERVICES = ("autoscaling", "cloudtrail", "cloudwatch", "delivery", "events", "logs", "s3", "sns", "sqs")
#: Services that may write logs to a bucket, by word.
LOG_SERVICES = ("elb", "s3", "vpc_flow_logs")
#: Where Route 53's health checks come from, of the partition aws: GetCheckerIpRanges, ROUTE53_HEALTHCHECKS of ip-ranges.json.
#: https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/route-53-ip-addresses.html
HEALTH_CHECKERS = (
    "107.23.255.0/26",
    "15.177.0.0/18",
    "176.34.159.192/26",
    "177.71.207.128/26",
    "54.183.255.128/26",
    "54.228.16.0/26",
    "54.232.40.64/26",
    "54.241.32.64/26",
    "54.243.31.192/26",
    "54.244.52.192/26",
    "54.245.168.0/26",
    "54.248.220.0/26",
    "54.250.253.192/26",
    "54.251.31.128/26",
    "54.252.254.192/26",
    "54.252.79.128/26",
    "54.255.254.192/26",
)


def key_statement(word: str, account: str, region: str) -> Statement:
    """What lets a service use a key for this account's resources. https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-services.html"""
    arn = f"arn:{partition(region)}"
    principal = {"Service": service_principal("delivery.logs" if word == "delivery" else word, region)}
    actions: list[str] = USE_KEY
    condition: dict[str, t.Any] = {"StringEquals": {"aws:SourceAccount": account}}
    if word == "logs":
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
        condition = {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": f"{arn}:logs:{region}:{account}:*"}}
    if word == "autoscaling":
        # https://docs.aws.amazon.com/autoscaling/ec2/userguide/key-policy-requirements-EBS-encryption.html
        role = "role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
        principal = {"AWS": f"{arn}:iam::{account}:{role}"}
        actions = [*USE_KEY, "kms:CreateGrant"]
        condition = {}
    made: Statement = {"Sid": f"Service{word.title()}", "Effect": "Allow", "Principal": principal}
    made |= {"Action": actions, "Resource": "*"}
    return {**made, "Condition": condition} if condition else made


def key_policy(account: str, region: str, services: list[str], principals: list[str]) -> dict[str, t.Any]:
    """A key's policy: the account decides by IAM, and some services and principals use the key."""
    root = f"arn:{partition(region)}:iam::{account}:root"
    made: list[Statement] = [
        {"Sid": "Account", "Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*"}
    ]
    made += [key_statement(word, account, region) for word in sorted(services)]
    if principals:
        users = {"AWS": sorted(principals)}
        made.append({"Sid": "Principals", "Effect": "Allow", "Principal": users, "Action": USE_KEY, "Resource": "*"})
    return {"Version": "2012-10-17", "Statement": made}


def bucket_statement(word: str, bucket: str, account: str, region: str) -> list[Statement]:
    """What lets a service write its logs to a bucket; under AWSLogs/<account>/ where the service does so."""
    arn = f"arn:{partition(region)}:s3:::{bucket}"
    account_only = {"aws:SourceAccount": account}
    put = {"Effect": "Allow", "Action": "s3:PutObject"}
    if word == "elb":
        # https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html
        principal = {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"}
        own = f"{arn}/*/AWSLogs/{account}/*"
        return [{"Sid": "LogsElb", **put, "Principal": principal, "Resource": [f"{arn}/AWSLogs/{account}/*", own]}]
    if word == "vpc_flow_logs":
        # https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-permissions.html
        principal = {"Service": "delivery.logs.amazonaws.com"}
        handed = {"StringEquals": {**account_only, "s3:x-amz-acl": "bucket-owner-full-control"}}
        look = {"Effect": "Allow", "Principal": principal, "Action": ["s3:GetBucketAcl", "s3:ListBucket"]}
        return [
            {"Sid": "LogsVpcFlowLogs", **put, "Principal": principal, "Resource": f"{arn}/*", "Condition": handed},
            {"Sid": "LogsVpcFlowLogsCheck", **look, "Resource": arn, "Condition": {"StringEquals": account_only}},
        ]
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
    principal = {"Service": "logging.s3.amazonaws.com"}
    only = {"StringEquals": account_only}
    return [{"Sid": "LogsS3", **put, "Principal": principal, "Resource": f"{arn}/*", "Condition": only}]


def tls_statement(bucket: str, region: str) -> Statement:
    """Nobody reads or writes a bucket without TLS."""
    arn = f"arn:{partition(region)}:s3:::{bucket}"
    return {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def health_check_statement(keys: list[str], bucket: str, region: str) -> Statement:
    """What lets Route 53's health checks read some objects. S3 does not take such a policy for a public one.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
    """
    arn = f"arn:{partition(region)}:s3:::{bucket}"
    return {
        "Sid": "HealthChecks",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": "s3:GetObject",
        "Resource": [f"{arn}/{key}" for key in sorted(keys)],
        "Condition": {"IpAddress": {"aws:SourceIp": list(HEALTH_CHECKERS)}},
    }


def health_check_keys(found: list[Statement], bucket: str, region: str) -> list[str]:
    """The objects that a policy lets Route 53's health checks read."""
    arn = f"arn:{partition(region)}:s3:::{bucket}/"
    for each in found:
        if each.get("Sid") == "HealthChecks":
            resources = each.get("Resource") or []
            listed = resources if isinstance(resources, list) else [resources]
            return sorted(str(resource).removeprefix(arn) for resource in listed)
    return []


def bucket_policy(
    bucket: str, account: str, region: str, *, tls_only: bool, log_delivery: list[str], health_check_objects: list[str]
) -> dict[str, t.Any]:
    """A bucket's policy; empty where there is nothing to say."""
    made = [tls_statement(bucket, region)] if tls_only else []
    for word in sorted(log_delivery):
        made += bucket_statement(word, bucket, account, region)
    if health_check_objects:
        made.append(health_check_statement(health_check_objects, bucket, region))
    return {"Version": "2012-10-17", "Statement": made} if made else {}


def statements(document: str | dict[str, t.Any] | None) -> list[Statement]:
    """A policy's statements, whichever way it was given."""
    full = json.loads(document) if isinstance(document, str) else document or {}
    found = full.get("Statement") or []
    return found if isinstance(found, list) else [found]


def comparable(value: t.Any) -> t.Any:
    """A statement in a form that compares: AWS gives a list of one as its element, and lists in any order."""
    if isinstance(value, dict):
        # Everybody is "*" or {"AWS": "*"}, whichever was written.
        if value.get("Principal") == "*":
            value = {**value, "Principal": {"AWS": "*"}}
        return {key: comparable(item) if key not in ("Sid", "Effect") else item for key, item in value.items()}
    items = value if isinstance(value, list) else [value]
    return sorted(str(item).lower() if isinstance(item, bool) else str(item) for item in items)


def without(found: list[Statement], wanted: list[Statement]) -> list[Statement] | None:
    """What is left of ``found`` when ``wanted`` is taken away; None where that is not wholly in it."""
    left = list(found)
    for one in wanted:
        match = next((each for each in left if comparable(each) == comparable(one)), None)
        if match is None:
            return None
        left.remove(match)
    return left


def text(found: list[Statement]) -> list[str]:
    """Statements as people compare them, one line each."""
    return sorted(json.dumps(each, sort_keys=True) for each in found)
