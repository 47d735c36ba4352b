"""SSH key pairs as they are read and judged."""

from __future__ import annotations

import pytest

from ansible_collections.terrace.aws.plugins.plugin_utils import specs
from ansible_collections.terrace.aws.plugins.plugin_utils.engine import plan, registry
from ansible_collections.terrace.aws.plugins.plugin_utils.kinds.ec2.key_pair import KeyPair

PUBLIC = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ4Xk3yZyI2v1bZr7DRTqRmbSpZpJ0M1s0dVtbSAnlyW"
OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPKSUTyz1HwHReFVvD5obVsALAgJRNarH4TRpNePnAS"


@pytest.fixture
def ec2(lab):
    return lab.client("ec2")


def imported(ec2, tags, key=PUBLIC, name="main", cell="test"):
    own = [{**tag, "Value": tag["Value"].replace("test", cell)} for tag in tags("key_pair", name, Own="1")]
    ec2.import_key_pair(
        KeyName=f"{cell}-{name}",
        PublicKeyMaterial=f"{key} somebody@somewhere",
        TagSpecifications=[{"ResourceType": "key-pair", "Tags": own}],
    )


def differences(cell, key):
    entry, problems = specs.validated(registry.kind("key_pair"), "main", {"public_key": key})
    assert problems == []
    return plan.compare(registry.kind("key_pair"), entry, cell().observed("key_pair")["main"])


def test_a_key_is_the_same_whatever_its_comment(lab, cell, ec2, tags):
    imported(ec2, tags)
    found = KeyPair().read(cell())["main"]
    assert (found.id, found.attributes, found.tags) == ("test-main", {"public_key": PUBLIC}, {"Own": "1"})
    assert "public_key" not in differences(cell, f"{PUBLIC} other comment\n")
    assert differences(cell, OTHER)["public_key"] == {"before": PUBLIC, "after": OTHER}


def test_leaves_out_other_cells_and_costs_one_call(lab, cell, ec2, tags):
    imported(ec2, tags)
    imported(ec2, tags, OTHER, cell="other")
    lab.reset_calls()
    assert set(KeyPair().read(cell())) == {"main"}
    assert lab.calls()["total"] == 1


def test_a_template_names_the_pair_by_its_logical_name(lab, cell, ec2, tags):
    imported(ec2, tags)
    for name, pair in (("web", "test-main"), ("app", "somebody-elses")):
        ec2.create_launch_template(
            LaunchTemplateName=f"test-{name}",
            LaunchTemplateData={"KeyName": pair},
            TagSpecifications=[{"ResourceType": "launch-template", "Tags": tags("launch_template", name)}],
        )
    found = cell().observed("launch_template")
    assert {name: each.attributes["key_pair"] for name, each in found.items()} == {
        "web": "main",
        "app": "somebody-elses",
    }


@pytest.mark.parametrize("key", ["", "AAAAC3Nza", "ecdsa-sha2-nistp256 AAAA", "-----BEGIN OPENSSH PRIVATE KEY-----"])
def test_refuses_what_ec2_does_not_import(key):
    assert next(KeyPair().check("main", {"public_key": key}, {})).startswith("public_key: the line of a .pub file")
