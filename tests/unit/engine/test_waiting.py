"""What is waited for is told, bounded for each state of its own, and ended by what failed."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleActionFail

from ansible_collections.terrace.aws.plugins.plugin_utils import waiting
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.kind import FAILED, LEAVING, PENDING, READY, Resource


@pytest.fixture
def clock(monkeypatch):
    """The time, to be set; and what is told."""
    now = {"seconds": 0.0, "told": []}
    monkeypatch.setattr(waiting.time, "monotonic", lambda: now["seconds"])
    monkeypatch.setattr(waiting.events.display, "display", now["told"].append)
    return now


def look(wait: waiting.Waiting, state: str, status: str = "creating") -> None:
    wait.look([("box", "a", Resource("1", {}, state=state, status=status))])


def test_it_is_told_when_it_changes_and_now_and_then(clock):
    wait = waiting.Waiting("test", lambda _kind: 1000)
    for seconds in (0, 1, 2, 40):
        clock["seconds"] = seconds
        look(wait, PENDING)
    look(wait, PENDING, "configuring")
    assert clock["told"] == [f"test: waiting for box a ({word})" for word in ("creating", "creating", "configuring")]


def test_what_is_ready_is_not_told(clock):
    look(waiting.Waiting("test", lambda _kind: 0), READY)
    assert clock["told"] == []


def test_whoever_watches_is_told_when_nothing_is_pending_any_more(clock, monkeypatch):
    monkeypatch.setattr(waiting.events.Watching, "on", True)
    wait = waiting.Waiting("test", lambda _kind: 1000)
    for state in (LEAVING, READY, READY):
        look(wait, state, "deleting")
    assert [each.data["resources"] for each in clock["told"]] == [
        [{"kind": "box", "name": "a", "status": "deleting", "leaving": True}],
        [],
    ]


def test_a_failed_resource_ends_it(clock):
    with pytest.raises(AnsibleActionFail, match="box/a is in a failed state"):
        look(waiting.Waiting("test", lambda _kind: 10), FAILED, "no capacity")


def test_it_ends_after_the_kinds_time_and_each_state_has_that_time(clock):
    wait = waiting.Waiting("test", lambda _kind: 100)
    look(wait, LEAVING)
    clock["seconds"] = 90
    look(wait, PENDING)
    clock["seconds"] = 180
    look(wait, PENDING)
    clock["seconds"] = 191
    with pytest.raises(AnsibleActionFail, match="still creating after 101 s"):
        look(wait, PENDING)
