"""A resource that a cell claims is the cell's before it carries its tags; it gets those, and nothing else of it changes."""

from __future__ import annotations

import pytest

from ansible_collections.terrace.aws.plugins.plugin_utils.engine import registry
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.cell import Cell, Settings
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.graph import ADOPT, PRESENT, Graph
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.kind import every_tag
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.plan import Rules, changes

ENTRY = {"cidr": "10.9.0.0/16", "tenancy": "default", "tags": {"Owner": "Ada"}}


@pytest.fixture
def claimed(lab):
    """Looks at a cell that claims a VPC which somebody called ``legacy``."""
    made = lab.client("ec2").create_vpc(
        CidrBlock="10.9.0.0/16",
        TagSpecifications=[
            {"ResourceType": "vpc", "Tags": [{"Key": "Name", "Value": "legacy"}, {"Key": "Owner", "Value": "Ada"}]}
        ],
    )["Vpc"]["VpcId"]
    claims = {"vpc": {made: "main"}}
    return made, lambda: Cell("test", "us-east-1", registry.all_kinds(), settings=Settings(claims=claims))


def planned(found, entry, **rules):
    return changes(registry.kind("vpc"), {"main": entry} if entry else {}, found, Rules(**rules))


def test_it_is_found_by_its_id_and_keeps_its_name_and_tags(claimed):
    ident, look = claimed
    found = look().observed("vpc")["main"]
    assert (found.id, found.tags, found.claimed_by) == (ident, {"Owner": "Ada"}, "test")
    tags = every_tag("test", "vpc", "main", found.tags, found.marks)
    assert tags["Name"] == "legacy"
    assert tags["terrace:name"] == "main"


def test_the_plan_shows_its_tags_alone_and_the_graph_only_tags_it(claimed):
    _ident, look = claimed
    found = look().observed("vpc")
    (change,) = planned(found, ENTRY)
    assert set(change.fields) == {"tags.terrace:cell", "tags.terrace:kind", "tags.terrace:name"}
    kinds = registry.all_kinds()
    assert set(Graph(kinds, {"vpc": {"main": ENTRY}}, {"vpc": found}, [change]).nodes) == {(ADOPT, "vpc", "main")}
    # What differs besides is written once it is the cell's.
    (change,) = planned(found, {**ENTRY, "tags": {"Owner": "Eve"}})
    nodes = Graph(kinds, {"vpc": {"main": ENTRY}}, {"vpc": found}, [change]).nodes
    assert nodes[PRESENT, "vpc", "main"].after == {(ADOPT, "vpc", "main")}


def test_it_is_never_removed_before_it_carries_the_tags(claimed):
    _ident, look = claimed
    found = look().observed("vpc")
    assert planned(found, None, prune=True) == []
    assert planned(found, None, absent=True) == []


def test_once_it_carries_the_tags_the_claim_means_nothing(claimed, lab):
    ident, look = claimed
    every = {"terrace:cell": "test", "terrace:kind": "vpc", "terrace:name": "other"}
    lab.client("ec2").create_tags(Resources=[ident], Tags=[{"Key": k, "Value": v} for k, v in every.items()])
    found = look().observed("vpc")
    assert list(found) == ["other"]
    assert found["other"].claimed_by == ""


def test_what_another_cell_owns_cannot_be_claimed(claimed, lab):
    ident, look = claimed
    lab.client("ec2").create_tags(Resources=[ident], Tags=[{"Key": "terrace:cell", "Value": "production"}])
    assert look().observed("vpc") == {}


def test_kinds_that_are_found_by_name_or_index_are_found_by_their_claims_too(lab):
    kms, secrets, s3 = lab.client("kms"), lab.client("secretsmanager"), lab.client("s3")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    secret = secrets.create_secret(Name="legacy/db", SecretString='{"password": "x"}')["ARN"]
    secrets.create_secret(Name="somebody/else", SecretString="{}")
    s3.create_bucket(Bucket="legacy-files")
    lab.client("ec2").create_key_pair(KeyName="legacy")
    rds = lab.client("rds")
    rds.create_db_parameter_group(DBParameterGroupName="old", DBParameterGroupFamily="postgres17", Description="old")
    claims = {
        "kms_key": {key: "data"},
        "secret": {secret: "db"},
        "bucket": {"legacy-files": "files"},
        "key_pair": {"legacy": "admin"},
        "db_parameter_group": {"old": "main"},
    }
    cell = Cell("test", "us-east-1", registry.all_kinds(), settings=Settings(claims=claims))
    for kind, names in claims.items():
        found = cell.observed(kind)
        assert list(found) == list(names.values()), kind
        assert all(each.claimed_by == "test" for each in found.values()), kind
    assert cell.observed("secret")["db"].facts["fields"] == ["password"]
    # Its alias is given together with its tags: no difference of its own.
    assert cell.observed("kms_key")["data"].attributes["has_alias"]
