"""Secrets, read from resources made with boto3: which fields have a value, never the values."""

from __future__ import annotations

import json

import pytest

from ansible_collections.terrace.aws.plugins.plugin_utils import specs
from ansible_collections.terrace.aws.plugins.plugin_utils.engine import registry


@pytest.fixture
def manager(lab):
    return lab.client("secretsmanager")


def entry(**content):
    made, problems = specs.validated(registry.kind("secret"), "database", {"content": content})
    assert problems == []
    return {"database": made}


def test_values_are_not_kept(cell, manager, tags):
    text = json.dumps({"username": "terrace", "password": "do-not-show", "empty": ""})
    manager.create_secret(Name="test-database", SecretString=text, Tags=tags("secret", "database"))
    found = cell().observed("secret")["database"]
    assert found.facts["fields"] == ["password", "username"]
    assert "do-not-show" not in repr(found)


def test_a_missing_value_is_a_notice(cell, manager, tags):
    text = json.dumps({"username": "terrace"})
    manager.create_secret(Name="test-database", SecretString=text, Tags=tags("secret", "database"))
    kind, observed = registry.kind("secret"), cell().observed("secret")
    assert list(kind.warnings(entry(username="terrace"), observed)) == []
    wanted = entry(username="terrace", password={"generate": {}})
    assert list(kind.warnings(wanted, observed)) == ["database: no value for password"]
    assert list(kind.warnings(wanted, {})) == []


def test_a_secret_without_any_value_hides_no_other(cell, manager, tags):
    manager.create_secret(Name="test-bare", Tags=tags("secret", "bare"))
    manager.create_secret(Name="test-database", SecretString='{"password": "x"}', Tags=tags("secret", "database"))
    found = cell().observed("secret")
    assert {name: resource.facts["fields"] for name, resource in found.items()} == {
        "bare": [],
        "database": ["password"],
    }
