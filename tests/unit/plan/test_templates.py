"""Variables are templated once each, however many others mention them."""

from __future__ import annotations

import datetime

import pytest


@pytest.fixture
def count():
    return []


@pytest.fixture
def make(count):
    from ansible.parsing.dataloader import DataLoader
    from ansible.template import Templar, trust_as_template

    from ansible_collections.terrace.aws.plugins.plugin_utils.templates import Templates

    def trusted(value):
        if isinstance(value, str):
            return trust_as_template(value)
        if isinstance(value, dict):
            return {key: trusted(item) for key, item in value.items()}
        return [trusted(item) for item in value] if isinstance(value, list) else value

    def made(raw, names=None):
        variables = {name: trusted(value) for name, value in raw.items()}
        template = Templar(DataLoader(), variables=variables).template

        def counted(value):
            count.append(value)
            return template(value)

        return variables, Templates(variables, counted, raw if names is None else names)

    return made


def test_a_variable_mentioned_by_several_is_templated_once(make, count):
    variables, templates = make({"base": "{{ [1, 2] }}", "one": "{{ base + [3] }}", "two": {"all": "{{ base + one }}"}})
    assert templates(variables["two"]) == {"all": [1, 2, 1, 2, 3]}
    assert templates(variables["one"]) == [1, 2, 3]
    assert templates(variables["base"]) == [1, 2]
    assert len(count) == 3


def test_what_fails_is_told_by_the_template_that_needs_it(make):
    variables, templates = make(
        {"broken": "{{ nowhere }}", "lazy": "{{ 1 if true else broken }}", "eager": "{{ broken }}"}
    )
    assert templates(variables["lazy"]) == 1
    with pytest.raises(Exception, match="nowhere"):
        templates(variables["eager"])


def test_only_declared_variables_are_templated_ahead(make, count):
    variables, templates = make({"other": "{{ 1 }}", "lazy": "{{ 2 if true else other }}"}, names=["lazy"])
    assert templates(variables["lazy"]) == 2
    assert len(count) == 1


def test_variables_that_mention_each_other_end_in_an_error(make):
    variables, templates = make({"one": "{{ two }}", "two": "{{ one }}"})
    with pytest.raises(Exception, match=r"(?i)recursi"):
        templates(variables["one"])


def test_what_a_template_yields_is_no_template(make):
    variables, templates = make({"text": "{{ '{{ other }}' }}", "user": "{{ text }}", "other": "x"})
    assert templates(variables["user"]) == "{{ other }}"
    assert templates(variables["text"]) == "{{ other }}"


def test_values_without_templates_are_not_copied(make, count):
    variables, templates = make({"groups": {"web": {"ports": ["443"], "count": 2}}, "mixed": ["a", "{{ 1 }}"]})
    assert templates(variables["groups"]) is variables["groups"]
    assert count == []
    assert templates(variables["mixed"]) == ["a", 1]


def test_what_only_ansible_can_read_is_left_to_it(make, count):
    variables, templates = make({"secret": {"value": datetime.date(2026, 1, 1)}})
    templates(variables["secret"])
    assert len(count) == 1
