"""Values of secrets, and what is wrong with where they come from."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.terrace.aws.plugins.filter.secrets import secret_values
from ansible_collections.terrace.aws.plugins.plugin_utils import specs
from ansible_collections.terrace.aws.plugins.plugin_utils.engine import registry

KIND = registry.kind("secret")


def test_a_plain_value_is_short_for_value():
    assert secret_values({"username": "admin", "port": 5432, "host": {"value": "db"}}) == {
        "username": "admin",
        "port": "5432",
        "host": "db",
    }


def test_values_are_generated_as_the_argument_specs_say():
    made = secret_values({"a": {"generate": {}}, "b": {"generate": {"length": 40, "punctuation": False}}})
    assert (len(made["a"]), len(made["b"])) == (32, 40)
    assert made["b"].isalnum()
    assert not set(made["a"]) & set("/@\"'\\ `$%:#?&")


def test_values_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("TOKEN", "from-outside")
    assert secret_values({"token": {"environment": "TOKEN"}}) == {"token": "from-outside"}
    monkeypatch.delenv("TOKEN")
    with pytest.raises(
        AnsibleFilterError, match="secret api: token comes from the environment, where TOKEN is not set"
    ):
        secret_values({"token": {"environment": "TOKEN"}}, "api")


@pytest.mark.parametrize(
    ("field", "said"),
    [
        (
            {"genrate": {}},
            "secrets_entries.db.content.password.genrate: there is no option genrate; did you mean generate?",
        ),
        (
            {"generate": {"lenght": 9}},
            "content.password.generate.lenght: there is no option lenght; did you mean length?",
        ),
        ({"generate": {"length": 8}}, "content.password.generate.length: 8 is out of range; right is 16 to 4096"),
        ({"generate": {}, "value": "x"}, "content.password: needs one of value, generate, environment, has value and"),
        ({}, "content.password: needs one of value, generate, environment, has none"),
        ("", "content.password: needs one of"),
        (["x"], "content.password: must be a dict of options, not a list"),
        (1.10, "content.password: is read as a number; write it in quotes"),
        (True, "content.password: is read as a boolean; write it in quotes"),
    ],
)
def test_what_is_wrong_with_a_field_is_named(field, said):
    entry, problems = specs.validated(KIND, "db", {"content": {"password": field}})
    problems = problems or list(KIND.check("db", entry, {}))
    assert any(said in problem for problem in problems), problems
