"""KMS keys as they are read."""

from __future__ import annotations

import json

import pytest

from ansible_collections.terrace.aws.plugins.plugin_utils import specs
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.kind import every_tag
from ansible_collections.terrace.aws.plugins.plugin_utils.kinds.kms.kms_key import KmsKey
from ansible_collections.terrace.aws.plugins.plugin_utils.shared import policies


@pytest.fixture
def make(lab):
    kms = lab.client("kms")

    def key(logical: str, alias: bool = True, cell: str = "test", **more) -> str:
        tags = [{"TagKey": k, "TagValue": v} for k, v in every_tag(cell, "kms_key", logical, {"Own": "1"}).items()]
        ident = kms.create_key(Tags=tags, **more)["KeyMetadata"]["KeyId"]
        if alias:
            kms.create_alias(AliasName=f"alias/{cell}-{logical}", TargetKeyId=ident)
        return ident

    return key


def test_reads_a_policy_back_as_words(lab, cell, make):
    words = (["delivery", "logs"], ["arn:aws:iam::222222222222:root"])
    ident = make("data", Policy=json.dumps(policies.key_policy("123456789012", "us-east-1", *words)), Description="D")
    lab.client("kms").enable_key_rotation(KeyId=ident)
    key = KmsKey().read(cell())["data"]
    assert key.id == ident
    assert key.tags == {"Own": "1"}
    assert key.attributes == {
        "description": "D",
        "enabled": True,
        "rotation": True,
        "multi_region": False,
        "has_alias": True,
        "services": words[0],
        "principals": words[1],
        "other_statements": [],
    }


def test_shows_what_somebody_else_allowed(lab, cell, make):
    policy = policies.key_policy("123456789012", "us-east-1", ["logs"], [])
    policy["Statement"].append({"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"})
    make("data", Policy=json.dumps(policy))
    attributes = KmsKey().read(cell())["data"].attributes
    assert attributes["services"] == ["logs"]
    assert len(attributes["other_statements"]) == 1
    assert '"Principal": "*"' in attributes["other_statements"][0]


def test_finds_a_key_that_got_no_alias_and_shows_doubles(lab, cell, make):
    named, nameless, double = make("data"), make("storage", alias=False), make("data", alias=False)
    found = KmsKey().read(cell())
    assert found["data"].id == named
    assert found["storage"].id == nameless
    assert not found["storage"].attributes["has_alias"]
    assert found[f"data ({double})"].id == double


def test_leaves_out_other_cells_and_what_is_being_deleted(lab, cell, make):
    make("data", cell="test-two")
    gone = make("storage")
    lab.client("kms").schedule_key_deletion(KeyId=gone, PendingWindowInDays=7)
    assert KmsKey().read(cell()) == {}


def test_costs_three_calls_a_key_and_two(lab, cell, make):
    make("data")
    make("storage")
    lab.reset_calls()
    KmsKey().read(cell())
    assert lab.calls()["total"] == 8


def test_refuses_what_is_no_principal():
    assert specs.validated(KmsKey(), "data", {"principals": ["somebody"]})[1] == [
        "keys_kms.data.principals[0]: somebody is not the ARN of a user, a role or an account, such as "
        "arn:aws:iam::111122223333:root"
    ]


def test_a_key_that_is_replaced_keeps_its_place_until_the_new_one_has_the_alias(lab, cell, make):
    old = make("data")
    kms = lab.client("kms")
    kms.tag_resource(KeyId=old, Tags=[{"TagKey": "terrace:outgoing", "TagValue": "1"}])
    looked = cell()
    (name,) = looked.observed("kms_key")
    assert name == f"data [outgoing {old}]"
    assert looked.observed("kms_key")[name].facts["alias"] == "alias/test-data"
    new = make("data", alias=False)
    kms.update_alias(AliasName="alias/test-data", TargetKeyId=new)
    found = cell().observed("kms_key")
    assert sorted(found) == ["data", name]
    assert (found["data"].id, found["data"].attributes["has_alias"]) == (new, True)
    assert KmsKey.replacement == "create_first"


def test_an_adopted_key_is_found_by_its_tags_and_gets_the_alias_beside_its_own(lab, cell, make):
    ident = make("data", alias=False)
    lab.client("kms").create_alias(AliasName="alias/legacy", TargetKeyId=ident)
    found = KmsKey().read(cell())["data"]
    assert not found.attributes["has_alias"]
    assert found.facts == {
        "arn": found.facts["arn"],
        "alias": "alias/test-data",
        "aliases": ["alias/legacy"],
    }
