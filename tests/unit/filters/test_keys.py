"""Filters of the keys role."""

from __future__ import annotations

import json

from ansible_collections.terrace.aws.plugins.filter.keys import key_policy, made_multi_region, new_multi_region


def test_the_account_always_decides():
    made = json.loads(key_policy("123456789012", "eu-west-1", [], []))
    assert [each["Sid"] for each in made["Statement"]] == ["Account"]
    assert made["Statement"][0]["Principal"] == {"AWS": "arn:aws:iam::123456789012:root"}


def test_services_are_held_to_the_account():
    made = json.loads(key_policy("123456789012", "cn-north-1", ["logs", "sns"], ["arn:aws-cn:iam::1:root"]))
    by_sid = {each["Sid"]: each for each in made["Statement"]}
    assert by_sid["ServiceSns"]["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}
    arn = by_sid["ServiceLogs"]["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
    assert arn == "arn:aws-cn:logs:cn-north-1:123456789012:*"
    assert by_sid["Principals"]["Principal"] == {"AWS": ["arn:aws-cn:iam::1:root"]}


def test_a_multi_region_key_awaiting_deletion_is_not_made_again():
    entries = {
        "a": {"multi_region": True, "action": "create"},
        "b": {"multi_region": True, "action": "update"},
        "c": {"multi_region": False, "action": "create"},
    }
    assert list(new_multi_region(entries)) == ["a"]
    looked = [{"__keys_wanted": {"key": "a"}, "kms_keys": [{"key_id": "1"}]}]
    assert not made_multi_region(entries["a"], "a", looked)
    assert made_multi_region(entries["a"], "a", [])
    assert not made_multi_region(entries["b"], "b", [])
