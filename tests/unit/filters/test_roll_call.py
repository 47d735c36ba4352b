"""Machines that EC2 has and the inventory, the run or SSH does not."""

from __future__ import annotations

import pathlib
from datetime import UTC, datetime

import jinja2
import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.terrace.aws.plugins.filter.roll_call import (
    absent_machines,
    batch_size,
    missing_machines,
    not_restarted,
    silent_machines,
)

ROOT = pathlib.Path(__file__).parents[3]
CELL = "probe-use1"


def machine(one, **tags):
    return {"instance_id": one, "tags": tags}


BASTION = machine("i-1", role="bastion", tier="bastion")
WEB = machine("i-2", role="web", tier="web")
APP = machine("i-3", role="app", tier="app")
ALL = {"cell_probe_use1": ["probe-use1-bastion-i-1", "probe-use1-web-i-2", "probe-use1-app-i-3"]}


def test_everything_there():
    assert missing_machines([BASTION, WEB, APP], ALL, CELL) == []


def test_an_inventory_of_another_account():
    (said,) = missing_machines([BASTION, WEB, APP], {"cells": [CELL]}, CELL)
    assert said.startswith("EC2 has 3 machines of the cell, the inventory none")
    assert "assume_role_arn" in said


def test_a_whole_tier_is_missing():
    (said,) = missing_machines([BASTION, WEB, APP], {"cell_probe_use1": ALL["cell_probe_use1"][:2]}, CELL)
    assert said.startswith("EC2 has 1 machine of tier_app, the inventory none")


def test_a_machine_that_just_started_is_for_the_next_run():
    assert missing_machines([BASTION, WEB, APP, machine("i-4", role="app", tier="app")], ALL, CELL) == []


def test_no_machine():
    assert "provision it first: site.yml" in missing_machines([], ALL, CELL)[0]
    left = [machine("i-8"), machine("i-9", **{"role": "web", "terrace:isolated": "now"})]
    assert "(2 without the tag role, or isolated)" in missing_machines(left, ALL, CELL)[0]


def test_no_bastion():
    (said,) = missing_machines([WEB, APP], ALL, CELL)
    assert "no running machine with the tag role=bastion" in said


def test_a_machine_without_a_role_breaks_nothing():
    assert missing_machines([BASTION, WEB, APP, machine("i-5")], ALL, CELL) == []


RUN = {**ALL, "tier_app": ["probe-use1-app-i-3"], "machines": ALL["cell_probe_use1"]}


def test_a_limit_without_machines():
    (said,) = absent_machines(RUN, ["tier_app"], CELL)
    assert said == "the limit leaves out all of tier_app (1 machine); add them: --limit 'probe-use1,cell_probe_use1'"


def test_an_empty_group():
    assert absent_machines({**RUN, "tier_app": ["other-app-i-9"]}, "tier_app", CELL) == [
        "the inventory has no machine of tier_app in this cell"
    ]


def test_machines_that_do_not_answer():
    run = {**RUN, "called": ALL["cell_probe_use1"], "opened": [CELL, *ALL["cell_probe_use1"][:2]]}
    (said,) = silent_machines(run, CELL)
    assert said.startswith("did not answer over SSH: probe-use1-app-i-3; repair or terminate")
    assert silent_machines({**run, "opened": ALL["cell_probe_use1"]}, CELL) == []
    assert absent_machines(run, ["tier_app"], CELL) == []


TWO_CELLS = {
    "tier_app": ["a1", "a2", "a3", "b1", "b2", "b3"],
    "cell_a": ["a1", "a2", "a3", "a9"],
    "cell_b": ["b1", "b2", "b3"],
    "cell_c": ["c9"],
}


@pytest.mark.parametrize(
    ("asked", "batch"),
    [("", 1), (None, 1), ("50%", 1), ("67%", 2), ("100%", 6), ("4", 4), (4, 4), ([1, "100%"], [1, 6]), ("1%", 1)],
)
def test_a_share_of_the_machines_is_never_all_of_one_cell(asked, batch):
    """Half of six is three, and three may be all that a cell has."""
    assert batch_size(TWO_CELLS, "tier_app", asked) == batch


def test_a_cell_of_one_machine_makes_no_other_wait():
    groups = {"tier_app": [*"0123456789"], "cell_a": [*"012345678"], "cell_b": ["9"]}
    assert batch_size(groups, "tier_app") == 4
    assert batch_size({"tier_app": ["0"], "cell_a": ["0"]}, "tier_app") == 1


@pytest.mark.parametrize("asked", ["half", "0", "0%", "101%", "-1", "1.5", {}])
def test_what_is_no_batch_is_refused(asked):
    with pytest.raises(AnsibleFilterError, match="a batch is a number of machines or a share"):
        batch_size(TWO_CELLS, "tier_app", asked)


def test_who_may_still_use_old_credentials_is_named():
    """What was restarted, what started later and what was taken out for forensics may not."""
    launched = {"i-1": 8, "i-2": 8, "i-3": 12, "i-4": 8}
    instances = [
        {"instance_id": one, "launch_time": datetime(2026, 1, 1, hour, tzinfo=UTC), "tags": {"Name": "app"}}
        for one, hour in launched.items()
    ]
    instances[3]["tags"]["terrace:isolated"] = "2026"
    hostvars = {"app-i-1": {"__restart_done": True}, "app-i-2": {}}
    since = "2026-01-01T10:00:00.123"
    assert not_restarted(instances, list(hostvars), hostvars, since) == ["app-i-2"]
    hostvars["app-i-2"]["__restart_done"] = True
    assert not_restarted(instances, list(hostvars), hostvars, since) == []


@pytest.mark.parametrize("path", sorted(ROOT.glob("inventories/*/*.aws_ec2.yml")), ids=lambda path: path.name)
@pytest.mark.parametrize(
    ("tags", "groups", "address"),
    [
        ({"role": "bastion", "tier": "bastion"}, ["bastion", "machines"], "198.51.100.1"),
        ({"role": "web", "tier": "web"}, ["machines"], "10.0.0.1"),
        ({}, ["machines_without_role"], "10.0.0.1"),
    ],
)
def test_inventories_group_a_machine_without_a_role(path, tags, groups, address):
    """Expressions are strict: an undefined tag of one machine would fail the inventory of all."""
    described = yaml.safe_load(path.read_text())
    assert described["strict"] is True
    host = {
        "aws_ec2_tags": {"terrace:cell": CELL, **tags},
        "aws_public_ip_address": "198.51.100.1",
        "aws_private_ip_address": "10.0.0.1",
    }
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined)

    def value(expression):
        return environment.compile_expression(str(expression), undefined_to_none=False)(**host)

    assert [name for name, condition in sorted(described["groups"].items()) if value(condition)] == groups
    assert value(described["compose"]["ansible_host"]) == address
    assert [value(each["key"]) for each in described["keyed_groups"]] == [[tags["tier"]] if tags else [], CELL]
