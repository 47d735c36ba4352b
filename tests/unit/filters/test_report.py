"""What exists, written as an inventory: what a default says is left out, and the rest passes its own check."""

from __future__ import annotations

from ansible_collections.terrace.aws.plugins.filter.report import adopted, not_adopted, what_stays
from ansible_collections.terrace.aws.plugins.plugin_utils import specs
from ansible_collections.terrace.aws.plugins.plugin_utils.engine import plan, registry
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.kind import Resource

ENTRIES = {
    "security_group": {
        "vpc": "main",
        "ingress": {
            "https": {"ports": ["443"], "from": ["10.0.0.0/8"]},
            "ping": {"protocol": "icmp", "from": ["self"]},
        },
    },
    "network_acl": {
        "vpc": "main",
        "ingress": {"100": {"cidr": "0.0.0.0/0"}, "200": {"cidr": "10.0.0.0/8", "action": "deny"}},
    },
    "load_balancer": {
        "subnets": ["a", "b"],
        "security_groups": ["x"],
        "listeners": {
            "80": {"redirect": {}},
            "443": {
                "protocol": "HTTPS",
                "certificate": "public",
                "fixed_response": {"body": "none"},
                "rules": {"10": {"priority": 10, "paths": ["/a"], "target_group": "web"}},
            },
        },
    },
    "target_group": {"port": 80, "health_check": {"path": "/healthz"}},
    "bucket": {"bucket_key": False, "lifecycle": {"old": {"transitions": {"GLACIER": 90}}}},
    "iam_role": {"policies": {"read": {"Keys": {"actions": ["s3:GetObject"], "resources": ["*"]}}}},
}


def observed(kind, entry):
    made, problems = specs.validated(registry.kind(kind), "x", entry)
    assert problems == []
    attributes = {option: value for option, value in registry.kind(kind).normalise(made).items() if option != "tags"}
    return Resource("id", attributes).as_dict()


def test_a_nested_default_is_left_out_and_what_is_written_is_what_is_there():
    resources = {kind: {"x": observed(kind, entry)} for kind, entry in ENTRIES.items()}
    files = adopted(resources, {"cell_region": "us-east-1"})
    for name, entry in ENTRIES.items():
        kind = registry.kind(name)
        written = files[kind.role][kind.variable]["x"]
        expected = entry
        if name == "security_group":  # What the entry leaves to its protocol is written out.
            rules = {**entry["ingress"], "ping": {**entry["ingress"]["ping"], "ports": ["all"]}}
            expected = {**entry, "ingress": rules}
        assert written == expected
        again, problems = specs.validated(kind, "x", written)
        assert problems == []
        assert plan.compare(kind, again, Resource(**resources[name]["x"])) == {}
    assert not_adopted(resources) == []


def test_what_the_inventory_has_no_word_for_is_named():
    bucket = observed("bucket", ENTRIES["bucket"])
    bucket["attributes"]["lifecycle"]["old"]["other"] = {"Tag": {"Key": "a", "Value": "b"}}
    bucket["attributes"]["other_statements"] = ['{"Effect": "Deny"}']
    (by_tag, statement) = not_adopted({"bucket": {"logs": bucket}})
    assert by_tag.startswith("bucket/logs.lifecycle.old.other")
    assert statement.startswith("bucket/logs.other_statements: ")
    written = adopted({"bucket": {"logs": bucket}}, {})["storage"]["storage_buckets"]["logs"]
    assert specs.validated(registry.kind("bucket"), "logs", written)[1] == []


def test_what_aws_keeps_of_what_is_removed_is_told_with_the_way_back():
    """A snapshot that is encrypted with a key that goes as well can be read until that is gone."""
    resources = {
        "db_instance": {
            "main": {"id": "m", "attributes": {"kms_key": "data"}},
            "copy": {"id": "c", "attributes": {"source": "main"}},
            "kept": {"id": "k", "attributes": {}},
        },
        "kms_key": {"data": {"id": "1234", "attributes": {}}},
        "secret": {"app": {"id": "cell-app", "attributes": {}}},
    }
    changes = [{"kind": kind, "name": name, "action": plan.REMOVE} for kind in resources for name in resources[kind]]
    changes[2]["action"] = plan.ORPHAN
    found = {"resources": resources, "terrace_plan": {"changes": changes}}
    assert what_stays(found, {"kms_key": 30, "secret": 7}) == [
        "the final snapshot of db_instance main, encrypted with kms_key data: copy it with another key before that one is"
        " deleted",
        "kms_key data, for 30 days; aws kms cancel-key-deletion --key-id 1234 keeps it",
        "secret app, for 7 days; aws secretsmanager restore-secret --secret-id cell-app brings it back",
    ]
    assert what_stays(found, {"kms_key": "30", "secret": "0"}, snapshots=False) == [
        "kms_key data, for 30 days; aws kms cancel-key-deletion --key-id 1234 keeps it"
    ]
