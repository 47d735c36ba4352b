"""Lifecycle rules of buckets: validated by their own entry point, written and read alike."""

from __future__ import annotations

import pytest

from ansible_collections.terrace.aws.plugins.filter.storage import lifecycle_rules
from ansible_collections.terrace.aws.plugins.plugin_utils import specs
from ansible_collections.terrace.aws.plugins.plugin_utils.engine import plan, registry
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.kind import Resource
from ansible_collections.terrace.aws.plugins.plugin_utils.kinds.s3 import bucket_lifecycle

KIND = registry.kind("bucket")


def validated(**rule):
    entry, problems = specs.validated(KIND, "logs", {"lifecycle": {"old": rule}})
    return entry, problems or list(KIND.check("logs", entry, {}))


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"expire_after": 30}, ""),
        ({"transitions": {"GLACIER": 0}}, ""),
        ({}, "lifecycle.old: does nothing"),
        ({"transitions": {}}, "lifecycle.old: does nothing"),
        (
            {"expire_aftr": 30},
            "logs.lifecycle.old.expire_aftr: there is no option expire_aftr; did you mean expire_after?",
        ),
        ({"transitions": {"GLACER": 9}}, "old.transitions.GLACER: there is no option GLACER; did you mean GLACIER"),
        ({"transitions": {"GLACIER": -1}}, "old.transitions.GLACIER: -1 is out of range; right is 0 at least"),
        ({"expire_after": 0}, "lifecycle.old.expire_after: 0 is out of range; right is 1 at least"),
        ({"expire_after": "soon"}, "lifecycle.old.expire_after: must be a whole number, not soon"),
        ({"expire_after": True}, "lifecycle.old.expire_after: must be a whole number, not true"),
        ({"noncurrent_keep": 3}, "noncurrent_keep: needs noncurrent_expire_after"),
        (
            {"noncurrent_keep": 101, "noncurrent_expire_after": 1},
            "old.noncurrent_keep: 101 is out of range; right is 1 to 100",
        ),
        ({"transitions": {"STANDARD_IA": 29}}, "old.transitions.STANDARD_IA: 29 is out of range; right is 30 at least"),
        (
            {"noncurrent_transitions": {"ONEZONE_IA": 7}},
            "old.noncurrent_transitions.ONEZONE_IA: 7 is out of range; right is 30 at least",
        ),
        ({"transitions": {"GLACIER": 30, "STANDARD_IA": 60}}, "does not move objects from GLACIER to STANDARD_IA"),
        ({"transitions": {"STANDARD_IA": 30, "GLACIER": 45}}, "so 60 at the earliest, not 45"),
        ({"transitions": {"STANDARD_IA": 30, "GLACIER": 60, "DEEP_ARCHIVE": 61}, "expire_after": 62}, ""),
        ({"transitions": {"GLACIER": 30, "DEEP_ARCHIVE": 30}}, "the same age as GLACIER"),
        ({"transitions": {"GLACIER": 30}, "expire_after": 30}, "which must be more than 30"),
        (
            {"noncurrent_transitions": {"GLACIER": 9}, "noncurrent_expire_after": 5},
            "noncurrent_expire_after), which must",
        ),
        ({"expire_after": 30, "expire_delete_markers": True}, "does not allow it together with expire_after"),
    ],
)
def test_what_is_wrong_with_a_rule(rule, said):
    found = "; ".join(validated(**rule)[1])
    assert said in found
    assert bool(found) == bool(said), found


def test_a_rule_is_written_and_read_alike():
    entry, problems = validated(prefix="a/", transitions={"GLACIER": 90, "STANDARD_IA": 30}, expire_after=365)
    assert problems == []
    (written,) = lifecycle_rules({"logs": {**entry, "aws_name": "test-logs"}}, {}, "123456789012")
    assert written["arguments"] == {
        "prefix": "a/",
        "status": "enabled",
        "expiration_days": 365,
        "transitions": [
            {"storage_class": "standard_ia", "transition_days": 30},
            {"storage_class": "glacier", "transition_days": 90},
        ],
    }
    answered = {
        "ID": "old",
        "Status": "Enabled",
        "Filter": {"Prefix": "a/"},
        "Expiration": {"Days": 365},
        "Transitions": [{"StorageClass": "STANDARD_IA", "Days": 30}, {"StorageClass": "GLACIER", "Days": 90}],
    }
    attributes = {**KIND.normalise(entry), "lifecycle": bucket_lifecycle.rules([answered])}
    assert plan.compare(KIND, entry, Resource("test-logs", attributes)) == {}
    attributes["lifecycle"]["old"]["transitions"]["DEEP_ARCHIVE"] = 200
    assert list(plan.compare(KIND, entry, Resource("test-logs", attributes))) == [
        "lifecycle.old.transitions.DEEP_ARCHIVE"
    ]


def test_a_bucket_is_found_by_its_tags_whatever_it_is_called(lab, cell, tags):
    s3 = lab.client("s3")
    for name, logical in (("legacy-logs", "logs"), ("test-data-123456789012", "data")):
        s3.create_bucket(Bucket=name)
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags("bucket", logical)})
    s3.create_bucket(Bucket="somebody-elses")
    target = {"LoggingEnabled": {"TargetBucket": "legacy-logs", "TargetPrefix": ""}}
    owner = {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/s3/LogDelivery"}
    grants = [{"Grantee": owner, "Permission": each} for each in ("WRITE", "READ_ACP")]
    policy = {"Grants": grants, "Owner": {"ID": s3.get_bucket_acl(Bucket="legacy-logs")["Owner"]["ID"]}}
    s3.put_bucket_acl(Bucket="legacy-logs", AccessControlPolicy=policy)
    s3.put_bucket_logging(Bucket="test-data-123456789012", BucketLoggingStatus=target)
    found = cell().observed("bucket")
    assert {name: each.facts["name"] for name, each in found.items()} == {
        "data": "test-data-123456789012",
        "logs": "legacy-logs",
    }
    assert found["data"].attributes["access_logs_bucket"] == "logs"


def test_a_bucket_with_object_lock_is_not_removed(lab, cell, tags):
    s3 = lab.client("s3")
    for logical, lock in (("kept", True), ("free", False)):
        s3.create_bucket(Bucket=f"test-{logical}-123456789012", ObjectLockEnabledForBucket=lock)
        tagging = {"TagSet": tags("bucket", logical)}
        s3.put_bucket_tagging(Bucket=f"test-{logical}-123456789012", Tagging=tagging)
    looked = cell()
    (problem,) = KIND.removal_errors(looked, looked.observed("bucket"))
    assert problem.startswith("kept: test-kept-123456789012 has S3 Object Lock")
