"""What the inventory desires is worked out once a run, and again where what it is made of has changed."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.terrace.aws.plugins.plugin_utils import run_files
from ansible_collections.terrace.aws.plugins.plugin_utils.kept_entries import KeptEntries

WORLD = {"vpc": {"main": {"cidr": "10.0.0.0/16", "tags": {}}}}
VARIABLES = {
    "network_vpcs": "{{ {'main': {'cidr': site_cidr}} }}",
    "site_cidr": "{{ site_first }}.0.0.0/16",
    "site_first": 10,
    "other": 1,
}


@pytest.fixture(autouse=True)
def private_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setattr(run_files, "folder", lambda: tmp_path)


def kept(variables: dict[str, Any], template: Any = None, cell: str = "test-use1") -> KeptEntries:
    return KeptEntries(cell, variables, template or (lambda raw: raw))


def test_the_same_variables_find_what_was_kept() -> None:
    kept(VARIABLES).keep(WORLD)
    assert kept(VARIABLES | {"other": 2}).load() == WORLD


@pytest.mark.parametrize("changed", ["network_vpcs", "site_cidr", "site_first"])
def test_a_variable_they_are_made_of_at_any_remove_counts(changed: str) -> None:
    kept(VARIABLES).keep(WORLD)
    assert kept(VARIABLES | {changed: "11"}).load() is None


def test_each_cell_has_its_own() -> None:
    kept(VARIABLES).keep(WORLD)
    assert kept(VARIABLES, cell="test-usw2").load() is None


def test_what_looks_elsewhere_is_looked_up_again() -> None:
    variables = VARIABLES | {"site_first": "{{ lookup('env', 'FIRST') }}"}
    kept(variables, lambda _raw: "10").keep(WORLD)
    assert kept(variables, lambda _raw: "10").load() == WORLD
    assert kept(variables, lambda _raw: "11").load() is None


def test_what_json_would_change_is_not_kept() -> None:
    kept(VARIABLES).keep({"vpc": {"main": {"tags": {1: "one"}}}})
    assert kept(VARIABLES).load() is None


def test_only_the_user_reads_the_file() -> None:
    kept(VARIABLES).keep(WORLD)
    (path,) = run_files.folder().iterdir()
    assert path.stat().st_mode & 0o077 == 0
