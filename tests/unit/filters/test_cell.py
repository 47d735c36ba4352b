"""Filters for a cell's connection to AWS and the switches of a run."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.terrace.aws.plugins.filter.cell import cell_environment, run_switch


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
