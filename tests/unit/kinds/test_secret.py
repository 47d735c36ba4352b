"""Secrets, read from resources made with boto3: which fields have a value, never the values."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from ansible_collections.terrace.aws.plugins.plugin_utils import specs
from ansible_collections.terrace.aws.plugins.plugin_utils.engine import registry


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
