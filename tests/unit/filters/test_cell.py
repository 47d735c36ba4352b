"""Filters for a cell's connection to AWS and the switches of a run."""

from __future__ import annotations

import pathlib

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.terrace.aws.plugins.filter.cell import cell_environment, present_cells, run_switch


def test_the_operator_s_retries_stay(monkeypatch):
    for name in ("AWS_MAX_ATTEMPTS", "AWS_RETRY_MODE"):
        monkeypatch.delenv(name, raising=False)
    assert cell_environment("us-east-1")["AWS_MAX_ATTEMPTS"] == "10"
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "3")
    monkeypatch.setenv("AWS_RETRY_MODE", "adaptive")
    made = cell_environment("us-east-1")
    assert (made["AWS_MAX_ATTEMPTS"], made["AWS_RETRY_MODE"]) == ("3", "adaptive")


def test_switches():
    assert run_switch(None, "terrace_trust_plan") is True
    assert run_switch("false", "terrace_trust_plan") is False
    assert run_switch("", "isolate_instance_snapshots") is False
    with pytest.raises(AnsibleFilterError, match="terrace_trust_plan: maybe is not a boolean"):
        run_switch("maybe", "terrace_trust_plan")


def test_an_inventory_without_cells_is_refused():
    assert present_cells({"cells": ["a"], "all": ["a"]}) == "cells"
    for groups in ({}, {"cells": []}):
        with pytest.raises(AnsibleFilterError, match="no host in the group cells"):
            present_cells(groups)


def test_no_playbook_passes_over_an_inventory_without_cells():
    folder = pathlib.Path(__file__).parents[3] / "playbooks"
    assert [path.name for path in folder.glob("*.yml") if "hosts: cells\n" in path.read_text()] == []
