# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A deployment is killed, or two are begun: whatever is run next knows it, and ends in what was asked for."""

from __future__ import annotations

import json
import threading

import pytest

from tests.integration.hosts.cell import CELL, Cell, recorded, wait
from tests.integration.hosts.releases import DEADLY, HARMLESS, Releases

LOCK = f"/terrace/locks/application/notes/{CELL}"


def locked(cell: Cell) -> bool:
    """Whether somebody deploys."""
    ssm = cell.client("ssm")
    return bool(ssm.get_parameters(Names=[LOCK])["Parameters"])


def other(cell: Cell, releases: Releases) -> str:
    """A release that is not the one that is served."""
    [now] = cell.served()
    return next(releases[name] for name in ("first", "second") if releases[name] != now)


def test_one_that_was_killed_before_the_restart_is_finished_by_the_next(serving: Cell, releases: Releases) -> None:
    """The link leads to the new one already; the process is asked, and it is the old one."""
    version = other(serving, releases)
    for machine in serving.machines("app"):
        serving.shell(machine, HARMLESS)
    serving.killed("Point to the new one in one step", "deploy_app", "-e", f"app_release_version={version}")
    assert version not in serving.served()
    links = {serving.shell(each, "readlink /opt/notes/current") for each in serving.machines("app")}
    assert any(version in link for link in links)
    wait("the lock is given back", lambda: not locked(serving), 300)
    told = serving.must("deploy_app", "-e", f"app_release_version={version}")
    assert f"the deployment of notes {version}, begun by" in told
    assert told.index("is not finished:") < told.index("PLAY [Choose the release]"), "it is said first"
    assert serving.served() == {version}
    assert recorded(serving)["state"] == "accepted"
    assert {each["serves"] for each in recorded(serving)["machines"].values()} == {version}


@pytest.mark.slow
def test_one_that_was_killed_between_two_batches_is_undone_by_a_rollback(serving: Cell, releases: Releases) -> None:
    before, version = serving.served(), other(serving, releases)
    arguments = ("-e", f"app_release_version={version}", "-e", "deploy_app_batch=1")
    serving.killed("Note what it serves now", "deploy_app", *arguments)
    assert serving.served() == before | {version}
    told = serving.must("rollback_app")
    assert "is not finished:" in told
    assert serving.served() == before
    assert "is not finished:" not in serving.must("rotate_credentials")


@pytest.mark.slow
def test_one_that_fails_on_top_of_one_that_was_killed_is_not_called_undone(serving: Cell, releases: Releases) -> None:
    """And a rollback brings back what served before both, not what served before that."""
    before, version = serving.served(), releases["dies later"]
    first, second = sorted(serving.machines("app"))
    serving.shell(first, HARMLESS)
    serving.shell(second, DEADLY)
    arguments = ("-e", f"app_release_version={version}", "-e", "deploy_app_batch=1")
    serving.killed("Note what it serves now", "deploy_app", *arguments)
    assert serving.served() == before | {version}
    told = serving.refused("deploy_app", *arguments)
    assert f"an earlier run had switched {CELL}-app-{first}" in told
    assert serving.served() == before | {version}
    assert recorded(serving)["state"] == "switching"
    assert "is not finished:" in serving.must("rollback_app")
    assert serving.served() == before
    assert recorded(serving)["state"] == "accepted"


@pytest.mark.slow
def test_of_two_at_once_the_second_is_told_who_deploys(serving: Cell, releases: Releases) -> None:
    before, version = serving.served(), other(serving, releases)
    first = threading.Thread(target=serving.must, args=("deploy_app", "-e", f"app_release_version={version}"))
    first.start()
    try:
        wait("the first holds the lock", lambda: locked(serving), 300)
        told = serving.refused("deploy_app", "-e", f"app_release_version={version}")
    finally:
        first.join()
    assert "nothing was changed" in told
    assert "has been working on it since" in told
    assert serving.served() == {version} != before
    assert not locked(serving)


@pytest.mark.slow
def test_a_machine_that_was_left_out_by_name_is_named_at_the_end(serving: Cell, releases: Releases) -> None:
    """And the next deployment brings it along."""
    before, version = serving.served(), other(serving, releases)
    out = max(serving.machines("app"))
    told = serving.must("deploy_app", "-e", f"app_release_version={version}", "--limit", f"all,!{CELL}-app-{out}")
    assert f"{CELL}-app-{out}: was left out" in told
    assert serving.served() == before | {version}
    told = serving.must("deploy_app", "-e", json.dumps({"app_release_version": version}))
    assert serving.served() == {version}
    assert told.count("(already)") == 1
