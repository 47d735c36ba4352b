"""The applications of the three-tier blueprint, and what the layers make of them."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.terrace.aws.plugins.filter import applications as filters

MAIN = {"name": "notes", "wsgi": "terrace_notes:create_app()", "alive": "/healthz"}
WIKI = {"wsgi": "wiki:app", "port": 8001, "interface": "asgi", "generated": ["SECRET_KEY"], "health": "/up"}


def served(others=None, **main):
    return filters.applications({**MAIN, **main}, others or {})


def test_one_application_is_what_it_was():
    found = served()
    assert filters.application_target_groups(found, 10) == {
        "app": {
            "port": 8000,
            "health_check": {"path": "/healthz", "interval": 5, "timeout": 4, "healthy": 2},
            "deregistration_delay": 10,
        }
    }
    assert filters.application_rules(found, "example.com") == {}
    assert filters.application_ports(found) == [8000]
    assert filters.application_secrets(found) == {}
    assert found["notes"]["data"] is True
    assert found["notes"]["release_packages"] == ["gunicorn==27.0.1"]


def test_a_second_one_has_a_port_a_rule_a_secret_and_a_health_path_of_its_own():
    found = served({"wiki": WIKI})
    groups = filters.application_target_groups(found, 10)
    assert (groups["app-wiki"]["port"], groups["app-wiki"]["health_check"]["path"]) == (8001, "/up")
    rule = {"priority": 8001, "hosts": ["wiki.example.com"], "target_group": "app-wiki"}
    assert filters.application_rules(found, "example.com") == {"wiki": rule}
    assert filters.application_ports(found) == [8000, 8001]
    assert list(filters.application_secrets(found)["app-wiki"]["content"]) == ["SECRET_KEY"]
    there = {"app-wiki": {"id": "first-app-wiki"}}
    assert filters.generated_secrets(there, "wiki", ["SECRET_KEY"]) == {
        "SECRET_KEY": {"secret": "first-app-wiki", "field": "SECRET_KEY"}
    }
    assert filters.generated_secrets({}, "wiki", ["SECRET_KEY"]) == {
        "SECRET_KEY": {"secret": "", "field": "SECRET_KEY"}
    }
    assert found["wiki"]["data"] is False
    assert found["wiki"]["release_packages"] == ["gunicorn==27.0.1", "uvicorn-worker==0.4.0"]


def test_entries_of_a_pair_name_each_other():
    entries = {"main": {"multi_az": True}}
    assert filters.paired(entries, "", "primary") == entries
    assert filters.paired(entries, "west", "replica") == {
        "main": {"multi_az": True, "counterpart": "west/main", "created_as": "replica"}
    }


def test_one_that_the_inventory_does_not_name_has_the_defaults():
    found = served({"wiki": WIKI})
    assert filters.application(found, "wiki") == found["wiki"]
    gone = filters.application(found, "gone")
    assert set(gone) == set(found["wiki"])
    assert (gone["wsgi"], gone["environment"], gone["port"]) == ("", {}, 8000)


def test_names_that_are_given_count():
    found = served({"wiki": {**WIKI, "names": ["wiki.example.org"]}}, names=["www.example.org"])
    rules = filters.application_rules(found, "example.com")
    assert {name: rule["hosts"] for name, rule in rules.items()} == {
        "notes": ["www.example.org"],
        "wiki": ["wiki.example.org"],
    }


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ({"wiki": {"port": 8001}}, r"three_tier_applications.wiki.wsgi: is required"),
        (
            {"wiki": {**WIKI, "prot": 1}},
            r"three_tier_applications.wiki.prot: there is no option prot; did you mean port",
        ),
        ({"wiki": {**WIKI, "port": 8000}}, r"wiki.port: 8000 is notes's; give it another"),
        ({"wiki": {**WIKI, "interface": "cgi"}}, r"three_tier_applications.wiki: value of interface must be one of"),
        ({"Wiki": WIKI}, r"'Wiki' must be called by lower-case letters"),
        ({"notes": WIKI}, r"three_tier_applications.notes: is three_tier_application already"),
        (
            {"wiki": {**WIKI, "environment": {"SECRET_KEY": "x"}}},
            r"wiki.generated: SECRET_KEY is in environment or secrets",
        ),
        ([], None),
        (["wiki"], r"three_tier_applications: must be a dict"),
    ],
)
def test_what_is_wrong_is_named(others, said):
    if said is None:
        assert list(served(others)) == ["notes"]
        return
    with pytest.raises(AnsibleFilterError, match=said):
        served(others)
