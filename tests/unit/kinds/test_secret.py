"""Secrets, read from resources made with boto3: which fields have a value, never the values."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from ansible_collections.terrace.aws.plugins.plugin_utils import specs
from ansible_collections.terrace.aws.plugins.plugin_utils.engine import registry
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.cell import Cell
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.kind import (
    CELL_TAG,
    COUNTERPART_TAG,
    WRITER_TAG,
    Resource,
    every_tag,
)


@pytest.fixture
def manager(lab):
    return lab.client("secretsmanager")


def entry(required=None, **content):
    made, problems = specs.validated(registry.kind("secret"), "database", {"content": content, "required": required})
    assert problems == []
    return {"database": made}


def test_values_are_not_kept(cell, manager, tags):
    text = json.dumps({"username": "terrace", "password": "do-not-show", "empty": ""})
    manager.create_secret(Name="test-database", SecretString=text, Tags=tags("secret", "database"))
    found = cell().observed("secret")["database"]
    assert found.facts["fields"] == ["password", "username"]
    assert "do-not-show" not in repr(found)


def test_a_missing_value_is_refused(cell, manager, tags):
    text = json.dumps({"username": "terrace"})
    manager.create_secret(Name="test-database", SecretString=text, Tags=tags("secret", "database"))
    kind, observed = registry.kind("secret"), cell().observed("secret")
    assert list(kind.state_errors(entry(username="terrace"), observed)) == []
    wanted = entry(username="terrace", password={"generate": {}})
    (problem,) = kind.state_errors(wanted, observed)
    assert problem.startswith("database: secret test-database has no value for password: add it")
    assert list(kind.state_errors(wanted, {})) == []


def test_the_fields_that_must_have_a_value_can_be_listed(cell, manager, tags):
    text = json.dumps({"username": "terrace"})
    manager.create_secret(Name="test-database", SecretString=text, Tags=tags("secret", "database"))
    kind, observed = registry.kind("secret"), cell().observed("secret")
    fields = {"username": "terrace", "password": {"generate": {}}}
    assert list(kind.state_errors(entry(required=["username"], **fields), observed)) == []
    assert list(kind.state_errors(entry(required=[], **fields), observed)) == []
    (problem,) = kind.state_errors(entry(required=["token", "password"]), observed)
    assert "no value for password, token" in problem
    wrong = entry(required=["token"], **fields)["database"]
    assert list(kind.check("database", wrong, {})) == ["required: token is not in content; fields: password, username"]


def test_a_secret_without_any_value_hides_no_other(cell, manager, tags):
    manager.create_secret(Name="test-bare", Tags=tags("secret", "bare"))
    manager.create_secret(Name="test-database", SecretString='{"password": "x"}', Tags=tags("secret", "database"))
    found = cell().observed("secret")
    assert {name: resource.facts["fields"] for name, resource in found.items()} == {
        "bare": [],
        "database": ["password"],
    }


def test_all_pages_of_values_are_read(lab, cell, manager, tags):
    for number in range(45):
        name = f"s{number:02}"
        manager.create_secret(Name=f"test-{name}", SecretString='{"password": "x"}', Tags=tags("secret", name))
    lab.reset_calls()
    found = cell().observed("secret")
    assert len(found) == 45
    assert all(each.facts["fields"] == ["password"] for each in found.values())
    assert lab.calls()["by_operation"]["secretsmanager.BatchGetSecretValue"] == 3, "twenty values a call"


@pytest.mark.parametrize(("name", "refused"), [("test-database", True), ("test-two-database", False)])
def test_a_value_that_cannot_be_read_is_an_error_unless_it_is_another_cells(
    cell, manager, tags, monkeypatch, name, refused
):
    manager.create_secret(Name="test-database", SecretString='{"password": "x"}', Tags=tags("secret", "database"))
    other = [{"Key": "Name", "Value": "test-two-database"}, {"Key": "terrace:cell", "Value": "test-two"}]
    manager.create_secret(Name="test-two-database", SecretString="{}", Tags=other)
    arn = manager.describe_secret(SecretId=name)["ARN"]
    looked = cell()
    error = {"SecretId": arn, "ErrorCode": "AccessDeniedException", "Message": "no access to the key"}
    answer = {"SecretValues": [], "Errors": [error]}
    monkeypatch.setattr(looked.client("secretsmanager"), "batch_get_secret_value", lambda **_arguments: answer)
    if refused:
        with pytest.raises(ClientError, match=r"AccessDeniedException.*no access to the key"):
            looked.observed("secret")
    else:
        assert list(looked.observed("secret")) == ["database"]


def test_a_secret_is_found_by_its_tags_whatever_it_is_called(cell, manager, tags):
    manager.create_secret(Name="legacy/db", SecretString='{"password": "x"}', Tags=tags("secret", "database"))
    found = cell().observed("secret")["database"]
    assert (found.id, found.facts["name"], found.facts["fields"]) == ("legacy/db", "legacy/db", ["password"])


def paired(created_as, **more):
    made, problems = specs.validated(
        registry.kind("secret"),
        "database",
        {"content": {"username": "terrace"}, "counterpart": "west/database", "created_as": created_as, **more},
    )
    assert problems == []
    return made


def there(replica_of="", since=""):
    return Resource("x", {}, facts={"replica_of": replica_of}, marks={WRITER_TAG: since} if since else {})


@pytest.mark.parametrize(
    ("mine", "other", "created_as", "right"),
    [
        (None, None, "primary", "written"),
        (None, None, "replica", "replicated"),
        (None, there(), "primary", "replicated"),
        (there(), there("us-east-1"), "replica", "written"),
        (there("us-west-2"), there(), "primary", "replicated"),
        (there(), there(since="2026-12-01T00:00:00Z"), "primary", "left"),
        (there(since="2026-12-01T00:00:00Z"), there(), "replica", "written"),
    ],
)
def test_which_of_two_secrets_is_replicated_is_read_from_aws(mine, other, created_as, right):
    kind = registry.kind("secret")
    found = kind.settled("database", paired(created_as), mine, {"west/database": other} if other else {})
    assert found.problem == ""
    if right == "left":
        assert found.entry is None
        return
    assert bool(found.entry.get("source")) == (right == "replicated")
    assert (found.entry["tags"] is None) == (right == "replicated"), "a replica's tags are its primary's"


def test_a_replica_belongs_to_the_other_cell_too(lab, tags):
    own = [*tags("secret", "database"), {"Key": "terrace:counterpart", "Value": "west"}]
    lab.client("secretsmanager").create_secret(Name="test-database", SecretString='{"password": "x"}', Tags=own)
    lab.client("secretsmanager").replicate_secret_to_regions(
        SecretId="test-database", AddReplicaRegions=[{"Region": "us-west-2"}]
    )
    near = Cell("test", "us-east-1", registry.all_kinds()).observed("secret")["database"]
    far = Cell("west", "us-west-2", registry.all_kinds()).observed("secret")["database"]
    assert (near.id, far.id) == ("test-database", "test-database")
    assert (near.facts["replica_of"], far.facts["replica_of"]) == ("", "us-east-1")
    assert (near.attributes["counterpart"], far.attributes["counterpart"]) == ("west/database", "test/database")
    assert (near.attributes["created_as"], far.attributes["created_as"]) == ("primary", "replica"), (
        "as adoption says it"
    )
    assert far.facts["fields"] == ["password"]
    assert Cell("other", "us-west-2", registry.all_kinds()).observed("secret") == {}


@pytest.mark.parametrize(
    ("cell", "counterpart", "marks", "right"),
    [
        ("east", "west", {}, ("east", "west")),
        ("east", "", {}, ("east", None)),
        # What was made in the other cell and promoted here stays called as it is.
        ("west", "east", {CELL_TAG: "east", COUNTERPART_TAG: "west"}, ("east", "west")),
        # A pair that is dissolved.
        ("west", "", {CELL_TAG: "east", COUNTERPART_TAG: "west"}, ("west", None)),
        ("east", "", {CELL_TAG: "east", COUNTERPART_TAG: "west"}, ("east", None)),
        # A pair with another cell.
        ("east", "south", {CELL_TAG: "east", COUNTERPART_TAG: "west"}, ("east", "south")),
    ],
)
def test_the_tags_of_a_pair(cell, counterpart, marks, right):
    found = every_tag(cell, "secret", "database", {}, marks, counterpart)
    assert (found[CELL_TAG], found.get(COUNTERPART_TAG)) == right
    assert found["Name"] == f"{right[0]}-database"


def test_a_replica_is_called_as_its_primary():
    wrong = paired("replica", counterpart="west/other")
    assert "has another name" in " ".join(registry.kind("secret").check("database", wrong, {}))


def test_a_replica_takes_no_strangers_place(cell, manager):
    manager.create_secret(Name="west-database", SecretString="a stranger's")
    entry = {**paired("replica"), "source": "west/database"}
    (problem,) = registry.kind("secret").precreate_errors(cell(), {"database": entry})
    assert "there is a secret west-database in us-east-1 already" in problem
    manager.delete_secret(SecretId="west-database", RecoveryWindowInDays=30)
    (problem,) = registry.kind("secret").precreate_errors(cell(), {"database": entry})
    assert "is scheduled for deletion" in problem
    assert "--region us-east-1 --secret-id west-database" in problem


def test_a_counterpart_is_not_taken_out_while_there_is_a_replica(lab, cell, tags):
    own = [*tags("secret", "database"), {"Key": "terrace:counterpart", "Value": "west"}]
    manager = lab.client("secretsmanager")
    manager.create_secret(Name="test-database", SecretString='{"password": "x"}', Tags=own)
    alone = {"database": {**paired("primary"), "counterpart": "", "created_as": None}}
    manager.replicate_secret_to_regions(SecretId="test-database", AddReplicaRegions=[{"Region": "us-west-2"}])
    (problem,) = registry.kind("secret").prechange_errors(cell(), alone, {})
    assert "it is replicated to us-west-2" in problem
    manager.remove_regions_from_replication(SecretId="test-database", RemoveReplicaRegions=["us-west-2"])
    assert list(registry.kind("secret").prechange_errors(cell(), alone, {})) == []


def test_a_primary_is_never_taken_for_the_other_cells(lab, tags):
    """As where an inventory says a wrong region: what is destroyed there must not be the only copy."""
    own = [*tags("secret", "database"), {"Key": "terrace:counterpart", "Value": "west"}]
    manager = lab.client("secretsmanager")
    manager.create_secret(Name="test-database", SecretString='{"password": "x"}', Tags=own)
    assert Cell("west", "us-east-1", registry.all_kinds()).observed("secret") == {}
    manager.tag_resource(
        SecretId="test-database", Tags=[{"Key": "terrace:writer-since", "Value": "2026-12-01T00:00:00Z"}]
    )
    assert list(Cell("west", "us-east-1", registry.all_kinds()).observed("secret")) == ["database"], "it was promoted"


def test_a_replica_that_is_no_counterpart_any_more_is_not_written():
    kind, replica = registry.kind("secret"), there("us-east-1")
    alone = {**paired("replica"), "counterpart": "", "created_as": None}
    fields = {"counterpart": {"before": "west/database", "after": ""}}
    assert "it is a replica of the secret in us-east-1" in kind.refusal("database", fields, alone, replica)
    follower = kind.settled("database", paired("replica"), replica, {"west/database": there()}).entry
    assert kind.refusal("database", fields, follower, replica) == ""
    assert kind.refusal("database", {}, {}, replica) == "", "it may be removed"
