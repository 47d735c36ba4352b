"""IAM roles as they are read, and the words their policies are made of."""

from __future__ import annotations

import json

import pytest

from ansible_collections.terrace.aws.plugins.plugin_utils import specs
from ansible_collections.terrace.aws.plugins.plugin_utils.engine import registry
from ansible_collections.terrace.aws.plugins.plugin_utils.kinds.iam.iam_role import IamRole
from ansible_collections.terrace.aws.plugins.plugin_utils.shared import words

KNOWN = words.Words("test", "us-east-1", "123456789012")
GRANTS = {
    "Read": {
        "effect": "allow",
        "actions": ["s3:GetObject"],
        "resources": ["bucket:releases/*", "bucket:releases"],
        "conditions": {},
    },
    "Secrets": {
        "effect": "deny",
        "actions": ["secretsmanager:GetSecretValue"],
        "resources": ["secret:database", "secret:app-*", "parameter:app/one", "queue:jobs", "log_group:app"],
        "conditions": {"StringEquals": {"aws:RequestedRegion": ["us-east-1"]}},
    },
    "Keys": {
        "effect": "allow",
        "actions": ["kms:Decrypt"],
        "resources": ["kms_key:data", "kms_key:storage"],
        "conditions": {},
    },
    "Address": {
        "effect": "allow",
        "actions": ["ec2:AssociateAddress"],
        "resources": ["elastic_ip:bastion"],
        "conditions": {"StringEquals": {"aws:ResourceTag/terrace:cell": ["test"]}},
    },
    "Replicas": {
        "effect": "allow",
        "actions": ["secretsmanager:GetSecretValue"],
        "resources": ["replicated_secret:east-app-*", "replicated_secret:east-database"],
        "conditions": {},
    },
    "Group": {
        "effect": "allow",
        "actions": ["autoscaling:CompleteLifecycleAction"],
        "resources": ["autoscaling_group:web", "network_interface:*", "*", "arn:aws:s3:::elsewhere"],
        "conditions": {},
    },
}


def sorted_resources(grants):
    return {sid: {**each, "resources": sorted(each["resources"])} for sid, each in grants.items()}


def test_words_survive_the_way_to_aws_and_back():
    document = json.loads(json.dumps(KNOWN.document(GRANTS)))
    assert sorted_resources(KNOWN.grants(document)) == sorted_resources(GRANTS)


def test_words_are_these_arns():
    by_sid = {each["Sid"]: each for each in KNOWN.document(GRANTS)["Statement"]}
    assert by_sid["Replicas"]["Condition"] == {
        "StringLike": {"secretsmanager:ResourceTag/Name": ["east-app-*", "east-database"]}
    }
    assert by_sid["Read"]["Resource"] == [
        "arn:aws:s3:::test-releases-123456789012",
        "arn:aws:s3:::test-releases-123456789012/*",
    ]
    assert "arn:aws:secretsmanager:us-east-1:123456789012:secret:test-database-??????" in by_sid["Secrets"]["Resource"]
    assert by_sid["Keys"]["Resource"] == ["arn:aws:kms:us-east-1:123456789012:key/*"]
    assert by_sid["Keys"]["Condition"] == {
        "ForAnyValue:StringLike": {"kms:ResourceAliases": ["alias/test-data", "alias/test-storage"]}
    }


@pytest.mark.parametrize(
    "statement",
    [
        {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"},
        {"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::a"},
    ],
)
def test_what_has_no_word_shows_as_it_is(statement):
    found = KNOWN.grants({"Statement": statement})
    assert json.loads(found["Statement0"]["statement"]) == statement


def test_a_condition_of_one_value_is_the_same_with_and_without_a_list():
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    conditions = ({"Bool": {"aws:SecureTransport": value}} for value in ("true", ["true"]))
    for found in (KNOWN.grants({"Statement": {**statement, "Condition": each}}) for each in conditions):
        assert found["Statement0"]["conditions"] == {"Bool": {"aws:SecureTransport": ["true"]}}


def test_trust_in_words_and_back():
    assumed_by = ["account:222222222222", "arn:aws:iam::1:role/x", "ec2", "ssm.us-east-1.amazonaws.com"]
    assert words.trusted(json.dumps(words.trust(assumed_by, "us-east-1")), "us-east-1") == sorted(assumed_by)
    anyone = {"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}}
    assert words.trusted(anyone, "us-east-1") == [json.dumps(anyone["Statement"], sort_keys=True)]


def test_what_a_trust_policy_calls_its_statements_and_how_it_lists_makes_no_difference():
    ec2 = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}
    for each in (ec2, {**ec2, "Sid": ""}, {**ec2, "Principal": {"Service": ["ec2.amazonaws.com"]}}):
        assert words.trusted({"Statement": [each]}, "us-east-1") == ["ec2"]
    two = [ec2, {**ec2, "Principal": {"AWS": "arn:aws:iam::222222222222:root"}}]
    assert words.trusted({"Statement": two}, "us-east-1") == ["account:222222222222", "ec2"]


def test_a_statement_that_words_cannot_say_stays_as_it_is_beside_the_others():
    """Adoption writes it so; a later change of the role writes it back."""
    own = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "backup.amazonaws.com"}}
    own["Condition"] = {"StringEquals": {"aws:SourceAccount": "123456789012"}}
    text = json.dumps(own, sort_keys=True)
    assert words.trusted({"Statement": [own]}, "us-east-1") == [text]
    assert words.trust([text], "us-east-1")["Statement"] == [own]
    both = words.trust(["ec2", text], "us-east-1")
    assert words.trusted(both, "us-east-1") == sorted(["ec2", text])
    spaced = json.dumps(own, indent=1)
    made, problems = specs.validated(IamRole(), "web", {"assumed_by": [spaced]})
    assert problems == []
    assert list(IamRole().check("web", made, {})) == []
    assert IamRole().normalise(made)["assumed_by"] == [text]
    for wrong, said in (("{not json}", "is not JSON"), ('{"Effect": "Allow"}', "has no Principal and no Action")):
        made, problems = specs.validated(IamRole(), "web", {"assumed_by": [wrong]})
        assert problems == []
        assert said in next(IamRole().check("web", made, {}))


def test_reads_roles_in_two_calls(lab, cell, tags):
    iam = lab.client("iam")
    for name in ("web", "app"):
        iam.create_role(
            RoleName=f"test-{name}",
            AssumeRolePolicyDocument=json.dumps(words.trust(["ec2"], "us-east-1")),
            Description="D",
            MaxSessionDuration=7200,
            Tags=tags("iam_role", name, Own="1"),
        )
    iam.create_role(RoleName="test-other", AssumeRolePolicyDocument=json.dumps(words.trust(["ec2"], "us-east-1")))
    iam.create_instance_profile(InstanceProfileName="test-web")
    iam.add_role_to_instance_profile(InstanceProfileName="test-web", RoleName="test-web")
    iam.put_role_policy(
        RoleName="test-web",
        PolicyName="read",
        PolicyDocument=json.dumps({"Version": "2012-10-17", **KNOWN.document({"Keys": GRANTS["Keys"]})}),
    )
    lab.reset_calls()
    found = IamRole().read(cell())
    assert lab.calls()["total"] == 2
    assert set(found) == {"web", "app"}
    assert found["web"].id == "test-web"
    assert found["web"].tags == {"Own": "1"}
    assert found["web"].attributes == {
        "description": "D",
        "path": "/",
        "max_session_duration": 7200,
        "boundary": "",
        "assumed_by": ["ec2"],
        "managed_policies": [],
        "policies": {"read": {"Keys": GRANTS["Keys"]}},
        "instance_profile": True,
    }
    assert found["web"].facts["instance_profile_arn"].endswith("instance-profile/test-web")
    assert not found["app"].attributes["instance_profile"]


def test_refuses_grants_that_mean_nothing():
    def wrong(grant, sid="Read", world=None):
        made, problems = specs.validated(registry.kind("iam_role"), "web", {"policies": {"p": {sid: grant}}})
        return problems or list(IamRole().check("web", made, world or {}))

    assert not wrong({"actions": "s3:GetObject", "resources": "*"})
    assert "letters and digits" in wrong({"actions": "s3:GetObject", "resources": "*"}, sid="a-b")[0]
    assert "no action" in wrong({"actions": "read", "resources": "*"})[0]
    assert "neither an ARN" in wrong({"actions": "s3:GetObject", "resources": "bukket:x"})[0]
    assert "of its own" in wrong({"actions": "s3:GetObject", "resources": ["bucket:x", "kms_key:y"]})[0]
    misspelt = wrong({"actions": "s3:GetObject", "resources": "*", "action": "x"})[0]
    assert misspelt == "identity_roles.web.policies.p.Read.action: there is no option action; did you mean actions?"
    assert (
        "Read: value of effect must be one of"
        in wrong({"actions": "s3:GetObject", "resources": "*", "effect": False})[0]
    )
    missing = wrong({"actions": "s3:GetObject", "resources": "bucket:logz/*"}, world={"bucket": {"logs": {}}})
    assert missing == ["policies.p.Read.resources: there is no bucket logz; known: logs"]
