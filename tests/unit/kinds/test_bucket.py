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
        ({"transitions": {"GLACIER": -1}}, "transitions.GLACIER: must be a number of days"),
        ({"expire_after": 0}, "expire_after: must be a whole number from 1, not 0"),
        ({"expire_after": "soon"}, "lifecycle.old: argument 'expire_after' is of type str"),
        ({"expire_after": True}, "lifecycle.old.expire_after: must be a number, not true"),
        ({"noncurrent_keep": 3}, "noncurrent_keep: needs noncurrent_expire_after"),
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
