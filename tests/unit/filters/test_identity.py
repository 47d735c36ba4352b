"""Filters of the identity role."""

from __future__ import annotations

import json

from ansible_collections.terrace.aws.plugins.filter.identity import inline_policies, policy_arns, trust_policy

WHERE = {"cell": "test", "region": "us-east-1", "account": "123456789012"}


def test_managed_policies_by_arn():
    own = "arn:aws:iam::123456789012:policy/own"
    assert policy_arns(["service-role/AWSLambdaRole", own], "us-east-1") == [
        "arn:aws:iam::aws:policy/service-role/AWSLambdaRole",
        own,
    ]


def test_trust_is_json():
    assert json.loads(trust_policy(["lambda"], "us-east-1"))["Statement"][0]["Principal"] == {
        "Service": ["lambda.amazonaws.com"]
    }


def test_policies_nobody_wants_are_removed():
    grants = {"Read": {"actions": "s3:GetObject", "resources": "bucket:a/*"}}
    entries = {"web": {"aws_name": "test-web", "action": "update", "policies": {"read": grants}}}
    have = {"web": {"attributes": {"policies": {"read": {}, "backdoor": {}}}}}
    made = inline_policies(entries, have, WHERE)
    assert [(each["name"], each["state"]) for each in made] == [("read", "present"), ("backdoor", "absent")]
    assert "arn:aws:s3:::test-a-123456789012/*" in made[0]["document"]
    entries["web"]["action"] = "create"
    assert len(inline_policies(entries, have, WHERE)) == 1
