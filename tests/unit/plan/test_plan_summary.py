"""What the end of a run says it did."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.terrace.aws.plugins.callback.plan_summary import CallbackModule


class Run:
    """A run of which the callback is told, and what it says at the end."""

    def __init__(self, check: bool = False) -> None:
        self.callback = CallbackModule()
        self.callback._plugin_options = {"json_file": None}
        self.lines: list[str] = []
        self.callback._display = SimpleNamespace(banner=self.lines.append, display=self.lines.append)
        self.callback.v2_playbook_on_play_start(SimpleNamespace(check_mode=check))

    def plan(self, role: str, done: tuple[str, ...] = (), writes: bool = True, **changes: str) -> Run:
        """A plan of a role, kind=action; ``done`` names the kinds whose change was made, unless it only lists."""
        found = [{"kind": kind, "name": "main", "action": action} for kind, action in changes.items()]
        told = {"cell": "test", "role": role, "changes": found, "done": [f"{kind}/main" for kind in done]}
        told["writes"] = writes
        self.callback.v2_runner_on_ok(SimpleNamespace(result={"terrace_plan": told}))
        return self

    def said(self) -> str:
        self.callback.v2_playbook_on_stats(None)
        return next(line for line in self.lines if line.startswith("test: "))


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (Run().plan("network", ("vpc",), vpc="create"), "Done: 1 added, 0 changed, 0 removed"),
        (Run().plan("network", vpc="create"), "1 planned and not finished"),
        (
            Run().plan("network", ("vpc",), vpc="create", subnet="update"),
            "Done: 1 added, 0 changed, 0 removed; 1 planned and not finished",
        ),
        (
            Run().plan("", writes=False, vpc="create", subnet="orphan"),
            "Found: 1 to add, 0 to change, 0 to remove; 1 not in the inventory; nothing was written",
        ),
        (Run().plan("", writes=False, vpc="remove").plan("", vpc="remove"), "1 planned and not finished"),
        (Run(check=True).plan("network", vpc="replace"), "Plan: 1 to add, 0 to change, 1 to remove"),
    ],
    ids=["done", "not done", "partly done", "listed", "listed and refused", "check mode"],
)
def test_only_what_was_made_is_done(run: Run, said: str):
    assert said in run.said()


def test_what_is_refused_is_counted():
    """A plan that ends like any other would be taken for one that can be applied."""
    refused = {"kind": "vpc", "name": "main", "action": "replace", "refused": "name it in terrace_allow_replace"}
    told = {"cell": "test", "role": "", "changes": [refused], "done": [], "writes": False}
    run = Run(check=True)
    run.callback.v2_runner_on_ok(SimpleNamespace(result={"terrace_plan": told}))
    assert run.said().endswith("1 to remove; 1 refused, so nothing would be written")


def test_what_is_listed_and_then_made_is_counted_once():
    run = (
        Run().plan("", vpc="create", subnet="create").plan("network", ("vpc", "subnet"), vpc="create", subnet="create")
    )
    assert "Done: 2 added, 0 changed, 0 removed" in run.said()
    assert "not finished" not in run.said()


def test_what_two_tasks_plan_is_planned_once():
    run = Run(check=True).plan("", vpc="create", subnet="create")
    assert "2 to add" in run.plan("network", vpc="create", subnet="create").said()


def test_a_role_that_runs_twice_and_writes_twice_is_counted_twice():
    run = Run().plan("network", ("vpc",), vpc="create").plan("network", ("vpc",), vpc="update")
    assert "1 added, 1 changed" in run.said()


def test_orphans_are_named():
    run = Run().plan("network", subnet="orphan")
    assert "1 not in the inventory" in run.said()
    assert any("subnet main is not in the inventory" in line for line in run.lines)
