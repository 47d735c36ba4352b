"""Which machine serves what, as a record, as counts and as closing lines."""

from __future__ import annotations

from ansible_collections.terrace.aws.plugins.filter import deployment as filters

HOSTVARS = {
    "a": {
        "__deploy_serves": {"serves": "1.1-0123abcd", "batch": "1 to 1 of 2", "by": "ops@x"},
        "__deploy_undone": True,
    },
    "b": {
        "__deploy_serves": {"serves": "1.0-4567abcd", "batch": "2 to 2 of 2", "by": "ops@x"},
        "__deploy_undone": False,
    },
    "c": {"__deploy_serves": {"serves": "1.1"}},
    "d": {},
    "e": {"__deploy_serves": {"serves": "", "batch": "1 to 1 of 2", "by": "ops@x"}},
}


def test_the_record_says_what_each_machine_serves_and_who_put_it_there():
    found = filters.deployed_machines(["c", "b", "a", "d"], HOSTVARS)
    assert found == {
        "a": {"serves": "1.1", "batch": "1 to 1 of 2", "by": "ops@x"},
        "b": {"serves": "1.0", "batch": "2 to 2 of 2", "by": "ops@x"},
        "c": {"serves": "1.1"},
    }
    assert filters.deployment_counts(found) == "2 machines serve 1.1, 1 machine serves 1.0"
    assert filters.deployment_counts({}) == "no machine was switched"


def test_a_closing_line_a_machine():
    assert filters.deployed_lines(list("edcba"), HOSTVARS) == [
        "a: serves 1.1 (machines 1 to 1 of 2)",
        "b: serves 1.0 (machines 2 to 2 of 2)",
        "c: serves 1.1 (already)",
        "d: was left out; the next deployment brings it along",
        "e: serves nothing (machines 1 to 1 of 2)",
    ]


def test_what_could_not_be_brought_back_is_named():
    """Also what dropped out of the run before that was tried."""
    touched = {name: {**facts, "__deploy_touched": name in "abe"} for name, facts in HOSTVARS.items()}
    assert filters.stuck_machines(list("edcba"), touched) == ["b", "e"]
