# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines configured from outside: nothing changes twice, they are hard, and packets go where they may."""

from __future__ import annotations

import pytest

from tests.integration.hosts.conftest import CELL, Hosts, changed


def test_the_second_run_changes_nothing(hosts: Hosts) -> None:
    """Neither when machines that are as they were left are passed over, nor when every task is run on them."""
    for trust in ("true", "false"):
        output = hosts.ok("configure_hosts", "-e", f"terrace_trust_plan={trust}")
        found = changed(output)
        assert len(found) == len(hosts.machines()) + 1
        assert not {host: count for host, count in found.items() if count}
        assert ("host_baseline" in output) == (trust == "false")


@pytest.mark.parametrize(
    "script",
    [
        "echo '# by hand' >>/etc/nginx/nginx.conf",
        "chmod 0666 /etc/sudoers.d/*",
        "systemctl stop nginx",
    ],
)
def test_what_was_done_by_hand_is_seen_and_mended_there_alone(hosts: Hosts, script: str) -> None:
    machine = min(hosts.machines("web"))
    hosts.shell(machine, script)
    found = changed(hosts.ok("configure_hosts"))
    assert [host for host, count in found.items() if count] == [f"{CELL}-web-{machine}"]
    assert not any(changed(hosts.ok("configure_hosts")).values())


def test_the_released_configuration_stays_what_it_is(hosts: Hosts) -> None:
    assert changed(hosts.ok("release_configuration"))[CELL] == 0


def test_ssh_audit_finds_no_failure_on_the_bastion(hosts: Hosts) -> None:
    [bastion] = hosts.machines("bastion")
    hosts.shell(
        bastion, "apt-get -qq update && apt-get -qq install -y --no-install-recommends ssh-audit >/dev/null 2>&1"
    )
    try:
        found = hosts.shell(bastion, "ssh-audit --json 127.0.0.1", check=False)
    finally:
        hosts.shell(bastion, "apt-get -qq purge -y ssh-audit >/dev/null 2>&1", check=False)
    assert "ssh-ed25519" in found
    assert '"fail"' not in found, found


@pytest.mark.parametrize("tier", ["bastion", "web", "app"])
def test_lynis_gives_eighty_points(hosts: Hosts, tier: str) -> None:
    machine = next(iter(hosts.machines(tier)))
    script = "lynis audit system --quick --quiet --no-colors >/dev/null 2>&1; grep ^hardening_index= /var/log/lynis-report.dat"
    assert int(hosts.shell(machine, script).strip().split("=")[1]) >= 80


#: Between which machines which ports open; between all others, and at all other ports, none does.
ALLOWED = {
    ("bastion", "web", 22), ("bastion", "app", 22), ("bastion", "database", 5432), ("app", "database", 5432),
    ("app", "cache", 6379), ("web", "internal", 80),
}  # fmt: skip
PORTS = {
    "bastion": (22,),
    "web": (22, 80, 9100),
    "app": (22, 8000, 9100),
    "database": (5432,),
    "cache": (6379,),
    "internal": (80,),
}


def addresses(hosts: Hosts) -> dict[str, str]:
    """Where each part of the cell is, inside its network."""
    found = {tier: next(iter(hosts.machines(tier).values()))["PrivateIpAddress"] for tier in ("bastion", "web", "app")}
    database = hosts.client("rds").describe_db_instances()["DBInstances"][0]["Endpoint"]["Address"]
    cache = hosts.client("elasticache").describe_replication_groups()["ReplicationGroups"][0]["NodeGroups"][0]
    names = {"database": database, "cache": cache["PrimaryEndpoint"]["Address"], "internal": f"app.{CELL}.internal"}
    app = next(iter(hosts.machines("app")))
    for part, name in names.items():
        found[part] = hosts.shell(app, f"getent ahostsv4 {name} | head -1 | cut -d' ' -f1").strip()
        assert found[part], f"{name} has no address"
    return found


def test_packets_pass_between_these_tiers_and_no_others(hosts: Hosts) -> None:
    where = addresses(hosts)
    sources = {tier: next(iter(hosts.machines(tier))) for tier in ("bastion", "web", "app")}
    wrong = [
        f"{source} → {target}:{port} {'is refused' if (source, target, port) in ALLOWED else 'opens'}"
        for source, machine in sources.items()
        for target, ports in PORTS.items()
        for port in ports
        if source != target and hosts.opens(machine, where[target], port) != ((source, target, port) in ALLOWED)
    ]
    assert not wrong, "\n".join(wrong)
