"""The variables that steer a run are typed, whichever way they are given."""

from __future__ import annotations

from datetime import date

import pytest

from ansible_collections.terrace.aws.plugins.plugin_utils import switches
from ansible_collections.terrace.aws.plugins.plugin_utils.engine import plan


def value(name, given):
    values, problems = switches.read({name: given})
    assert problems == []
    return values[name]


def problem(name, given):
    values, problems = switches.read({name: given})
    assert len(problems) == 1
    assert problems[0].startswith(f"{name}: ")
    assert values[name] == switches.SWITCHES[name].default
    return problems[0]


@pytest.mark.parametrize("text", ["false", "False", "no", "off", "0", "n", False, 0])
def test_false_as_text_does_not_prune(text):
    assert value("terrace_prune", text) is False
    assert switches.rules(switches.read({"terrace_prune": text})[0]).prune is False


@pytest.mark.parametrize("text", ["true", "Yes", "on", "1", True, 1])
def test_true_as_text(text):
    assert value("terrace_prune", text) is True


@pytest.mark.parametrize("text", ["maybe", "truee", 2, 1.0, [], ["true"], date(2026, 11, 29)])
def test_what_is_not_a_boolean_is_refused(text):
    assert problem("terrace_prune", text) == f"terrace_prune: {text} is not a boolean; right is true or false"


@pytest.mark.parametrize("name", sorted(switches.SWITCHES))
@pytest.mark.parametrize("nothing", [None, "", "  "])
def test_an_unanswered_question_is_unset(name, nothing):
    assert value(name, nothing) == switches.SWITCHES[name].default


def test_a_text_is_one_pattern():
    """A tuple of its letters held a lone ``*``, which allowed everything."""
    patterns = value("terrace_allow_data_loss", "secret/old-*")
    assert patterns == ("secret/old-*",)
    assert not plan.matches("secret/database", patterns)
    assert not plan.matches("kms_key/main", patterns)
    assert plan.matches("secret/old-one", patterns)
    assert value("terrace_allow_data_loss", "secret/database") == ("secret/database",)


def test_a_survey_s_answer_that_matches_nothing_allows_nothing():
    patterns = value("terrace_allow_data_loss", "bucket/none-*")
    assert not any(plan.matches(f"{kind}/main", patterns) for kind in ("bucket", "db_instance", "secret"))


def test_lists_of_patterns():
    assert value("terrace_allow_replace", ["vpc/*", "subnet/a"]) == ("vpc/*", "subnet/a")
    assert value("terrace_allow_replace", '["vpc/*", "subnet/a"]') == ("vpc/*", "subnet/a")
    assert value("terrace_allow_data_loss", ["*"]) == ("*",)
    assert value("terrace_allow_data_loss", "db_*/main") == ("db_*/main",)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("secret/a,secret/b", '-e \'{"terrace_allow_data_loss": ["secret/a", "secret/b"]}\''),
        ("secret/a secret/b", '["secret/a", "secret/b"]'),
        ("secret/a\nsecret/b\n", '["secret/a", "secret/b"]'),
        ("[secret/a]", "is not JSON"),
        ('{"secret": 1}', "must be a list, not a dict"),
        ("database", "is not a pattern of kind/name"),
        ("secrets/database", "there is no kind secrets; did you mean secret?"),
        (["secret/"], "is not a pattern of kind/name"),
        ([["secret/a"]], "is not a text"),
        (True, "must be a list, not a boolean"),
        (5, "must be a list, not a number"),
        ({"secret": "a"}, "must be a list, not a dict"),
    ],
)
def test_what_is_no_list_of_patterns_is_refused(given, words):
    assert words in problem("terrace_allow_data_loss", given)


def test_texts_that_yaml_made_something_else_of():
    assert "1.1 is a number and not a text (YAML reads 1.10 as 1.1)" in problem("destroy_confirm", 1.1)
    assert "is a boolean and not a text" in problem("destroy_confirm", True)
    assert 'is a date and not a text; write it in quotes, for example "2026-11-29"' in problem(
        "terrace_take_lock", date(2026, 11, 29)
    )
    assert "must be a text, not a list" in problem("destroy_confirm", ["a"])


def test_other_types():
    assert "must be one of current, previous" in problem("deploy_app_release", "last")
    assert "is not an instance id" in problem("isolate_instance", "web-1")
    assert value("isolate_instance", "i-0123456789abcdef0") == "i-0123456789abcdef0"
    assert value("deploy_app_batch", "25%") == "25%"
    assert value("deploy_app_batch", [1, "50%"]) == [1, "50%"]
    for wrong in ("0", "half", "-1", "150%", True):
        assert "is not a number of machines" in problem("patch_hosts_batch", wrong)
    assert value("terrace_cells", "production-use1") == ("production-use1",)
    assert value("terrace_foreign_variables", ["change_*"]) == ("change_*",)


def test_everything_wrong_is_told_at_once_and_templates_are_resolved():
    raw = {"terrace_prune": "{{ x }}", "terrace_trust_plan": "{{ y }}"}
    values, problems = switches.read(raw, lambda text: {"{{ x }}": "maybe", "{{ y }}": "off"}.get(text, text))
    assert len(problems) == 1
    assert values["terrace_trust_plan"] is False
    assert len(switches.read({"terrace_prune": "x", "terrace_wait": "z", "terrace_cells": 1})[1]) == 3


def test_rules():
    values, _ = switches.read({"terrace_prune": "yes", "terrace_allow_replace": "vpc/main"})
    assert switches.rules(values) == plan.Rules(prune=True, replace=("vpc/main",))
    assert switches.rules(values, absent=True).absent is True


@pytest.mark.parametrize("text", ["many", "-1", "true", "1.5"])
def test_a_number_of_removals_is_a_number(text):
    assert "terrace_remove_at_most" in switches.read({"terrace_remove_at_most": text})[1][0]


def test_a_number_as_text():
    assert switches.read({"terrace_remove_at_most": "34"})[0]["terrace_remove_at_most"] == 34
