# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose turn it is."""

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.terrace.aws.plugins.filter.rotation import (
    next_in_turn,
    rotation_pair,
    taking_turns,
    used_by_one,
)

SECRETS = {"owner": "o", "app_a": "app", "app_b": "app"}


def test_two_take_turns():
    assert next_in_turn(SECRETS, "app", "app_a") == "app_b"
    assert next_in_turn(SECRETS, "app", "app_b") == "app_a"


@pytest.mark.parametrize(("secret", "now"), [("o", "owner"), ("app", "somebody"), ("none", "app_a")])
def test_one_alone_or_a_stranger_is_refused(secret, now):
    with pytest.raises(AnsibleFilterError, match="take turns"):
        next_in_turn(SECRETS, secret, now)


def test_a_secret_in_which_nobody_takes_turns():
    assert used_by_one(SECRETS) == ["o"]


def test_who_takes_turns():
    assert taking_turns(SECRETS) == ["app_a", "app_b"]


def shared(name: str, other: str, replica: bool = False):
    return {
        name: {"attributes": {"counterpart": f"{other}/{name}"}, "facts": {"replica_of": "east" if replica else ""}}
    }


LEADS = {"app": {"replicas": {"us-west-2": "InSync"}}}
ALONE = {"app": {"replicas": {}}}


def pair(found, described, cell="east", cells=("east", "west"), used=True, source=None):
    return rotation_pair(found, ["app"], described, cell, list(cells), used, source)


def test_a_shared_secret_is_written_in_the_primarys_cell():
    assert pair(shared("app", "west"), LEADS) == {"follows": "", "problems": []}
    assert pair(shared("app", "east", replica=True), ALONE, "west") == {"follows": "east", "problems": []}
    assert pair(shared("app", "east", replica=True), ALONE, "west", source="east/main")["problems"] == []


def test_a_secret_of_one_cell_is_written_there():
    own = {"app": {"attributes": {"counterpart": ""}, "facts": {"replica_of": ""}}}
    assert pair(own, ALONE, cells=["east"], source="") == {"follows": "", "problems": []}


def test_a_promoted_secret_needs_no_other_cell():
    assert pair(shared("app", "east"), ALONE, "west", ["west"], source="") == {"follows": "", "problems": []}


@pytest.mark.parametrize(
    ("found", "described", "more", "said"),
    [
        ({}, {}, {}, "the secret app does not exist"),
        (shared("app", "east", replica=True), ALONE, {"cell": "west", "cells": ["west"]}, "written in east alone"),
        (shared("app", "west"), LEADS, {"cells": ["east"]}, "machines of west use app as well"),
        (shared("app", "west"), {"app": {"replicas": {"us-west-2": "Failed"}}}, {}, "to us-west-2 failed"),
        (
            shared("app", "west"),
            LEADS,
            {"source": "west/main"},
            "the database follows west/main and app are written here",
        ),
        (
            shared("app", "east", replica=True),
            ALONE,
            {"cell": "west", "source": ""},
            "the database writes and app are rep",
        ),
    ],
)
def test_what_forbids_a_rotation_of_a_pair_is_said(found, described, more, said):
    (problem,) = pair(found, described, **more)["problems"]
    assert said in problem


def test_the_limit_that_is_right_is_named():
    (problem,) = pair(shared("app", "west"), LEADS, cells=["east"])["problems"]
    assert "--limit 'cell_east,cell_west,east,west'" in problem
    assert pair(shared("app", "west"), LEADS, cells=["east"], used=False)["problems"] == []


def test_a_failover_that_is_half_done_is_finished_first():
    found = {**shared("app", "east", replica=True), **shared("owner", "east")}
    told = rotation_pair(found, ["app", "owner"], {}, "west", ["east", "west"], False)
    assert told["problems"] == ["app are replicas and owner not; finish the failover first"]
