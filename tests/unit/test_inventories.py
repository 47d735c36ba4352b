"""What the inventories make of an operator's environment, read as ansible-playbook reads them."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest
import yaml

ROOT = pathlib.Path(__file__).parents[2]
BIN = pathlib.Path(sys.executable).parent
INVENTORIES = ("inventories/three_tier/development", "inventories/lab")
#: A job's environment in AWX, and what a credential of AWS adds to it (awx/main/models/credential).
JOB = {"AWX_PRIVATE_DATA_DIR": "/runner"}
CREDENTIAL = {"AWS_ACCESS_KEY_ID": "AKIAJOB", "AWS_SECRET_ACCESS_KEY": "secret"}


def variable(name: str, *words: str, host: str = "development-use1", inventories=INVENTORIES, **environment: str):
    """A variable of a host, by default of the development cell at the lab."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "AWX_"))}
    command = [BIN / "ansible", host, *(word for each in inventories for word in ("-i", str(each))), *words]
    command += ["-m", "ansible.builtin.debug", "-a", f"var={name}"]
    done = subprocess.run(
        command, cwd=ROOT, env={**kept, **environment, "ANSIBLE_NOCOLOR": "1"}, capture_output=True, text=True, timeout=60,
        check=True,
    )  # fmt: skip
    return yaml.safe_load(done.stdout.partition("=>")[2])[name]


@pytest.mark.parametrize(
    ("environment", "key"),
    [({}, "lab"), (CREDENTIAL, "lab"), (JOB, "lab"), (JOB | CREDENTIAL, "")],
    ids=["a shell", "a shell with credentials", "a job", "a job with a credential"],
)
def test_a_jobs_credential_counts_at_the_lab(environment: dict[str, str], key: str) -> None:
    assert variable("cell_access_key", **environment) == key


def test_no_run_prints_that_tags_are_deprecated(lab) -> None:
    """amazon.aws says so whenever it reads an inventory, also where nothing uses the variable, as here."""
    command = [BIN / "ansible-inventory", "-i", "inventories/three_tier/development.aws_ec2.yml", "--list"]
    environment = {name: value for name, value in os.environ.items() if name != "ANSIBLE_DEPRECATION_WARNINGS"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert "deprecat" not in (done.stdout + done.stderr).lower()
    assert "_meta" in json.loads(done.stdout)


@pytest.mark.parametrize("path", sorted(ROOT.glob("inventories/*/*.aws_ec2.yml")), ids=lambda path: path.name)
def test_machines_are_sorted_by_ec2_tags(path: pathlib.Path) -> None:
    text = path.read_text()
    assert "aws_ec2_tags" in text
    assert "aws_tags" not in text


@pytest.mark.parametrize(("cell", "region"), [("use1", "us-east-1"), ("usw2", "us-west-2")])
def test_machines_are_found_while_the_other_region_is_lost(cell: str, region: str) -> None:
    """One source that asks two regions fails where one of them does: each has a file of its own beside it."""
    folder = ROOT / "inventories/three_tier"
    both, one = (yaml.safe_load((folder / f"production{each}.aws_ec2.yml").read_text()) for each in ("", f"-{cell}"))
    assert region in both["regions"]
    assert one == {
        **both,
        "regions": [region],
        "filters": {**both["filters"], "tag:terrace:cell": [f"production-{cell}"]},
    }


def test_two_cells_of_production_hold_one_database() -> None:
    given = (
        "-e",
        json.dumps({"three_tier_applications": {"wiki": {"wsgi": "w:app", "port": 8001, "generated": ["KEY"]}}}),
    )
    where = {"inventories": ("inventories/three_tier/production", "inventories/lab")}
    for host, other, created_as in (
        ("production-use1", "production-usw2", "primary"),
        ("production-usw2", "production-use1", "replica"),
    ):
        entries = variable("secrets_entries", *given, host=host, **where)
        shared = {name for name, entry in entries.items() if "counterpart" in entry}
        assert shared == {"app-database", "app-wiki", "database", "database-owner"}
        assert set(entries) - shared == {"cache"}
        databases = variable("database_instances", host=host, **where)
        for name, entry in {"main": databases["main"], **{name: entries[name] for name in shared}}.items():
            assert (entry["counterpart"], entry["created_as"]) == (f"{other}/{name}", created_as)
        assert "counterpart" not in databases["replica-1"]


def test_a_cell_without_a_counterpart_is_alone() -> None:
    entries = {**variable("secrets_entries"), **variable("database_instances")}
    assert not any({"counterpart", "created_as"} & set(entry) for entry in entries.values())


MONITORING = ["10.9.0.0/16", "192.0.2.0/24"]
PORTS = {"bastion": [9100, 9256], "web": [9100, 9113, 9256], "app": [9100, 9115, 9256]}


def test_a_monitoring_network_passes_the_security_groups() -> None:
    given = ("-e", json.dumps({"three_tier_monitoring_cidrs": MONITORING}))
    before, after = variable("firewall_security_groups"), variable("firewall_security_groups", *given)
    assert not any("metrics" in group.get("ingress", {}) for group in before.values())
    found = {
        name: group["ingress"].pop("metrics") for name, group in after.items() if "metrics" in group.get("ingress", {})
    }
    assert found == {name: {"ports": ports, "from": MONITORING} for name, ports in PORTS.items()}
    # Nothing else is let in.
    assert after == before


@pytest.mark.parametrize("networks", [None, [], MONITORING])
def test_a_monitoring_network_passes_the_machines_packet_filter(
    tmp_path: pathlib.Path, networks: list[str] | None
) -> None:
    shutil.copytree(ROOT / "inventories/three_tier/group_vars", tmp_path / "group_vars")
    cell = {"three_tier_cidr": "10.0.0.0/16"} | ({} if networks is None else {"three_tier_monitoring_cidrs": networks})
    groups = {"bastion": "bastion", "web": "tier_web", "app": "tier_app"}
    inventory = {"cells": {"hosts": {"probe": cell}}, "machines": {"children": dict.fromkeys(groups.values())}}
    inventory |= {group: {"hosts": {name: {"cell_name": "probe"}}} for name, group in groups.items()}
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump(inventory))
    for name, ports in PORTS.items():
        rules = variable("host_baseline_firewall", host=name, inventories=[tmp_path / "hosts.yml"])
        metrics = rules.pop("metrics", None)
        if networks:
            assert (sorted(metrics["ports"]), metrics["from"]) == (ports, networks)
        else:
            assert metrics is None
        assert "ssh" in rules
        # A rule without networks lets everybody in: of these, only that of SSH on the bastion.
        assert [rule for rule in rules.values() if not rule.get("from")] == (
            [{"ports": [22]}] if name == "bastion" else []
        )


def test_what_exporters_listen_at_is_let_in() -> None:
    """The ports are the exporters' own, in both places."""
    known = yaml.safe_load((ROOT / "roles/monitoring_agent/vars/main.yml").read_text())["__monitoring_agent_known"]
    defaults = yaml.safe_load((ROOT / "roles/monitoring_agent/defaults/main.yml").read_text())[
        "monitoring_agent_exporters"
    ]
    for name, group in {"bastion": "bastion", "web": "tier_web", "app": "tier_app"}.items():
        variables = yaml.safe_load((ROOT / f"inventories/three_tier/group_vars/{group}.yml").read_text())
        exporters = variables.get("monitoring_agent_exporters", defaults)
        assert PORTS[name] == sorted(known[each]["port"] for each in exporters)
