"""Who may write to a cell, and runs that are told to stop."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import time
from datetime import UTC, datetime, timedelta

import pytest
import yaml

from .conftest import ROOT, SMALL, Run

CELL = "guarded"
LOCK = f"/terrace/locks/cell/{CELL}"
#: Made in some seconds: the NAT gateway is awaited, the route to it is written after that.
PLATFORM = {
    CELL: {
        "network_cidr": "10.0.0.0/16",
        "network_zones": ["a"],
        "network_nat": "single",
        "network_tiers": {"public": {"number": 0, "route": "internet"}, "app": {"number": 1, "route": "nat"}},
        "firewall_security_groups": {"web": {"vpc": "main", "description": "Web"}},
    }
}


@pytest.fixture
def empty(api):
    """An empty account."""
    api.reset()
    return api


@pytest.fixture
def slow(empty):
    """The same, where NAT gateways take their time."""
    empty.delays(nat_gateway=20)
    return empty


def locks(api) -> list[str]:
    return [each["Name"] for each in api.client("ssm", "eu-west-1").describe_parameters()["Parameters"]]


def until(happened, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, f"it did not happen in {seconds} s"
        time.sleep(0.2)


def gateways(api) -> list[dict]:
    found = api.client("ec2", "eu-west-1").describe_nat_gateways()["NatGateways"]
    return [each for each in found if each["State"] in ("pending", "available")]


def nothing_twice(api) -> None:
    """One of each, by plain describe calls."""
    ec2 = api.client("ec2", "eu-west-1")
    [vpc] = [each for each in ec2.describe_vpcs()["Vpcs"] if not each["IsDefault"]]
    inside = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
    assert len(ec2.describe_subnets(Filters=inside)["Subnets"]) == 2
    assert len(ec2.describe_addresses()["Addresses"]) == 1
    assert len(gateways(api)) == 1
    assert len(ec2.describe_internet_gateways()["InternetGateways"]) == 1
    groups = ec2.describe_security_groups(Filters=inside)["SecurityGroups"]
    assert sorted(each["GroupName"] for each in groups) == ["default", f"{CELL}-web"]


def test_of_two_runs_at_once_one_works_and_the_other_is_refused(slow, operator, cells):
    inventory = cells.inventory(PLATFORM)
    with operator.started("site", inventory=inventory) as one, operator.started("site", inventory=inventory) as other:
        runs = [one.ended(), other.ended()]
    assert sorted(run.status for run in runs) == [0, 2], "\n".join(run.output for run in runs)
    [refused] = [" ".join(run.output.split()) for run in runs if run.status]
    assert "nothing was written" in refused
    assert "has been working on it since" in refused
    assert "terrace_take_lock=" in refused
    nothing_twice(slow)
    assert locks(slow) == []
    cells.operator.play("site", inventory=inventory).ok()


def test_a_lock_is_taken_only_where_something_is_written(empty, cells):
    cells.play("site", PLATFORM).ok()
    empty.reset_calls()
    cells.play("site", PLATFORM).ok()
    cells.play("site", {CELL: PLATFORM[CELL] | {"firewall_security_groups": {}}}, "--check").ok()
    assert not [each for each in empty.calls()["by_operation"] if each.startswith("ssm.")]


@pytest.mark.slow
def test_the_lock_of_somebody_else_is_taken_over_by_name_only(empty, cells):
    owner = {
        "name": "ann@elsewhere",
        "since": "2026-11-29T08:00:00+00:00",
        "expires": (datetime.now(UTC) + timedelta(minutes=10)).isoformat(),
        "token": "0123456789abcdef",
    }
    ssm = empty.client("ssm", "eu-west-1")
    ssm.put_parameter(Name=LOCK, Value=json.dumps(owner), Type="String")
    empty.reset_calls()
    run = cells.play("site", PLATFORM)
    assert run.status == 2
    said = " ".join(run.output.split())
    assert "ann@elsewhere has been working on it since 2026-11-29T08:00:00" in said
    assert set(empty.calls()["writes_by_operation"]) <= {"ssm.PutParameter"}, "which AWS refused"
    assert cells.play("site", PLATFORM, "-e", "terrace_take_lock=bob@elsewhere").status == 2
    run = cells.play("site", PLATFORM, "-e", "terrace_take_lock=ann@elsewhere").ok()
    assert "the lock of ann@elsewhere" in " ".join(run.output.split())
    nothing_twice(empty)
    assert locks(empty) == []


def test_the_lock_of_a_killed_run_is_taken_over(slow, operator, cells):
    inventory = cells.inventory(PLATFORM)
    with operator.started("site", inventory=inventory) as run:
        run.until(lambda: gateways(slow))
    assert LOCK in locks(slow), "a killed run releases nothing"
    run = operator.play("site", inventory=inventory).ok()
    assert "was taken over" in " ".join(run.output.split())
    nothing_twice(slow)
    assert locks(slow) == []


def untagged(api) -> list[str]:
    """What a run of the cell has made that does not say so."""
    ec2 = api.client("ec2", "eu-west-1")
    vpcs = [each for each in ec2.describe_vpcs()["Vpcs"] if not each["IsDefault"]]
    inside = [{"Name": "vpc-id", "Values": [each["VpcId"] for each in vpcs] or ["none"]}]
    found = {each["VpcId"]: each for each in vpcs}
    found |= {each["SubnetId"]: each for each in ec2.describe_subnets(Filters=inside)["Subnets"]}
    found |= {
        each["GroupId"]: each
        for each in ec2.describe_security_groups(Filters=inside)["SecurityGroups"]
        if each["GroupName"] != "default"
    }
    found |= {each["InternetGatewayId"]: each for each in ec2.describe_internet_gateways()["InternetGateways"]}
    found |= {each["NatGatewayId"]: each for each in gateways(api)}
    found |= {each["AllocationId"]: each for each in ec2.describe_addresses()["Addresses"]}
    found |= {
        each["RouteTableId"]: each
        for each in ec2.describe_route_tables(Filters=inside)["RouteTables"]
        if not any(association.get("Main") for association in each["Associations"])
    }
    return [name for name, each in found.items() if {"Key": "terrace:cell", "Value": CELL} not in each.get("Tags", [])]


@pytest.mark.parametrize("told", ["group", pytest.param("process", marks=pytest.mark.slow)])
def test_a_run_that_is_told_to_stop_ends_in_order(slow, operator, cells, told):
    """As a cancelled job or a shell's Ctrl-C does: the step that runs is finished, the rest is for the next run."""
    inventory = cells.inventory(PLATFORM)
    with operator.started("site", inventory=inventory) as run:
        run.until(lambda: gateways(slow))
        tell = os.killpg if told == "group" else os.kill
        tell(run.process.pid, signal.SIGTERM)
        ended = run.ended(60)
        assert ended.status not in (0, None), ended.output
        # ansible-playbook does not wait for the processes it told to end; each finishes its step and releases the lock.
        until(lambda: not locks(slow), 60)
    assert untagged(slow) == []
    operator.play("site", inventory=inventory).ok()
    nothing_twice(slow)
    assert operator.play("site", "--check", inventory=inventory).ok().planned(CELL)["add"] == 0


#: As the playbooks that work batch by batch do it: the first batch is switched, then AWS or somebody else comes between.
BATCHES = [
    {
        "hosts": "cells",
        "gather_facts": False,
        "environment": "{{ cell_environment }}",
        "roles": ["terrace.aws.cell"],
        "tasks": [
            {"terrace.aws.lock": {"name": "application/notes"}},
            {
                "ansible.builtin.set_fact": {
                    "__deploy_locked": ["notes"],
                    "__deploy_environment": "{{ cell_environment | combine({'AWS_MAX_ATTEMPTS': '1'}) }}",
                }
            },
        ],
    },
    {
        "hosts": "machines",
        "gather_facts": False,
        "serial": 1,
        "ignore_unreachable": True,
        "tasks": [
            {
                "ansible.builtin.include_tasks": {
                    "file": "{{ playbook_tasks }}/hold_lock.yml",
                    "apply": {"any_errors_fatal": True},
                }
            },
            {
                "ansible.builtin.shell": "{{ between if inventory_hostname == 'machine-a' else 'true' }}",
                "when": "hostvars[cell_name].__deploy_failure is not defined",
                "register": "switched",
            },
        ],
    },
    {
        "hosts": "machines",
        "gather_facts": False,
        "tasks": [
            {
                "ansible.builtin.debug": {"msg": "{{ inventory_hostname }}: undone"},
                "when": "hostvars[cell_name].__deploy_failure is defined and switched is not skipped",
            }
        ],
    },
    {
        "hosts": "cells",
        "gather_facts": False,
        "tasks": [
            {
                "ansible.builtin.fail": {"msg": "it ended with {{ __deploy_failure }}"},
                "when": "__deploy_failure is defined",
            }
        ],
    },
]


@pytest.fixture
def batches(empty, operator, tmp_path):
    """Runs BATCHES, of two machines, with a shell command that is run when the first one has been switched."""
    playbook, inventory = tmp_path / "batches.yml", tmp_path / "hosts.yml"
    playbook.write_text(yaml.safe_dump(BATCHES))
    here = {name: SMALL[name] for name in ("ansible_connection", "ansible_python_interpreter")}
    machine = {**here, "cell_name": CELL}
    hosts = {"cells": {"hosts": {CELL: SMALL}}, "machines": {"hosts": {f"machine-{each}": machine for each in "ab"}}}
    inventory.write_text(yaml.safe_dump(hosts))

    def run(between: str) -> Run:
        known = {"between": between, "playbook_tasks": str(ROOT / "playbooks/tasks")}
        command = [str(ROOT / ".venv/bin/ansible-playbook"), "-i", str(inventory), "-i", "inventories/lab"]
        command += [str(playbook), "-e", json.dumps(known)]
        done = subprocess.run(
            command, cwd=ROOT, env=operator.environment(), capture_output=True, text=True, timeout=240, check=False
        )
        return Run(done.returncode, done.stdout + done.stderr, {})

    return run


def fault(api, **spec) -> str:
    """The command that makes reading of the lock fail from now on."""
    spec = {"rate": 1, "kinds": ["throttle"], "services": ["ssm"], "operations": ["GetParameter"], **spec}
    return f"curl -sf -X POST -d '{json.dumps(spec)}' {api.url}/lab/faults"


def test_a_batch_tries_again_when_aws_does_not_say_who_holds_the_lock(empty, batches):
    run = batches(fault(empty, limit=2)).ok()
    assert "could not be checked" in " ".join(run.output.split())
    assert ": undone" not in run.output


def test_a_batch_whose_lock_cannot_be_checked_has_failed_and_is_undone(empty, batches):
    run = batches(fault(empty))
    assert run.status == 2, run.output
    said = " ".join(run.output.split())
    assert "machine-a: undone" in said, run.output
    assert "machine-b: undone" not in said
    assert f"it ended with {CELL}: the lock /terrace/locks/application/notes/{CELL} could not be checked" in said


def test_a_batch_whose_lock_was_taken_over_stops_and_nothing_is_undone(empty, batches):
    owner = {"name": "bob@elsewhere", "since": "2026-11-29T08:00:00+00:00", "expires": "2099-01-01T00:00:00+00:00"}
    spec = {"Name": f"/terrace/locks/application/notes/{CELL}", "Value": json.dumps(owner | {"token": "other"})}
    code = f"from lab.api.testing import Lab; Lab('{empty.url}', 0, 0).client('ssm', 'eu-west-1')"
    code += f".put_parameter(Overwrite=True, Type='String', **{spec!r})"
    run = batches(f"cd {ROOT} && .venv/bin/python -c {shlex.quote(code)}")
    assert run.status == 2, run.output
    said = " ".join(run.output.split())
    assert "was taken over by bob@elsewhere" in said
    assert ": undone" not in said
    assert "it ended with" not in said
