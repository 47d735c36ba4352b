"""Two cells in one run: where nothing is to be done nothing is called; what either refuses is refused before the first write."""

from __future__ import annotations

import json

import pytest

#: The tasks of a whole cell: check the inventory, sign in, apply.
TASKS = 3
CELL = {
    "network_cidr": "10.0.0.0/16",
    "network_zones": ["a"],
    "network_tiers": {"public": {"number": 0, "route": "internet"}},
    "firewall_security_groups": {"web": {"vpc": "main", "description": "Web"}},
    "secrets_entries": {"database": {"content": {"username": "terrace", "password": {"generate": {}}}}},
}


@pytest.fixture(scope="module")
def inventory(cells):
    """Two small cells: a network, a group, a secret. Call it with what differs and get the path."""
    return lambda **changes: cells.inventory({name: CELL | changes.get(name, {}) for name in ("first", "second")})


def test_cells_in_sync_are_only_read(api, operator, inventory):
    operator.play("site", inventory=inventory()).ok()
    api.reset_calls()
    run = operator.play("site", inventory=inventory()).ok()
    assert api.calls()["writes"] == 0
    assert run.tasks() == {"first": TASKS, "second": TASKS}, run.output
    assert "first: Done: 0 added, 0 changed, 0 removed" in run.output
    assert (
        "first: Plan: 0 to add, 0 to change, 0 to remove" in operator.play("site", "-C", inventory=inventory()).output
    )


def test_only_the_cell_that_differs_is_worked_on(api, operator, inventory):
    groups = {"web": {"vpc": "main", "description": "Web"}, "app": {"vpc": "main", "description": "App"}}
    changed = inventory(second={"firewall_security_groups": groups})
    run = operator.play("site", inventory=changed).ok()
    assert "first: Done: 0 added, 0 changed, 0 removed" in run.output
    assert "second: Done: 1 added, 0 changed, 0 removed" in run.output
    run = operator.play("site", inventory=inventory()).ok()
    assert "second: Done: 0 added, 0 changed, 0 removed; 1 not in the inventory" in run.output
    assert "? security_group app is not in the inventory; terrace_prune=true removes it" in run.output
    operator.play("site", "-e", "terrace_prune=true", inventory=inventory()).ok()


def test_a_late_layer_refuses_before_an_early_one_writes(api, operator, inventory):
    broken = {
        "network_tiers": {"public": {"number": 0, "route": "internet"}, "web": {"number": 1, "route": "none"}},
        "firewall_security_groups": {"web": {"vpc": "main", "description": "A description cannot be changed"}},
    }
    api.reset_calls()
    run = operator.play("site", inventory=inventory(second=broken))
    assert run.status == 2
    assert "security_group/web: AWS cannot change description" in run.output
    assert api.calls()["writes"] == 0
    run = operator.play("site", "-C", inventory=inventory(second=broken)).ok()
    assert run.planned("second")["add"] > 0, "check mode shows what would be refused, and everything else"


def test_a_role_that_is_absent_in_the_inventory(api, operator, inventory):
    gone = inventory(first={"firewall_state": "absent"})
    run = operator.play("site", inventory=gone).ok()
    assert "first: Done: 0 added, 0 changed, 1 removed" in run.output
    assert "first: Done: 0 added, 0 changed, 0 removed" in operator.play("site", inventory=gone).ok().output
    assert operator.play("check_drift", inventory=gone).status == 0
    operator.play("site", inventory=inventory()).ok()


def test_a_secret_that_lost_its_value_is_an_error_although_nothing_differs(api, operator, inventory):
    manager = api.client("secretsmanager", "eu-west-1")
    manager.put_secret_value(SecretId="first-database", SecretString=json.dumps({"username": "terrace"}))
    run = operator.play("site", inventory=inventory())
    assert run.status == 2
    assert "secrets_entries.database: secret first-database has no value for password" in " ".join(run.output.split())
