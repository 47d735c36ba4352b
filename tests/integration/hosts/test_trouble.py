# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine is lost; the bastion cannot be reached, or refuses the key. Meanwhile the machines' hardness is measured."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.integration.hosts.cell import CELL, Cell, changed, wait

LYNIS = "nice lynis audit system --quick --quiet --no-colors >/dev/null 2>&1; grep ^hardening_index= /var/log/lynis-report.dat"

PAUSE_SSHD = """
pid=$(systemctl show -P MainPID ssh)
kill -STOP "$pid"
systemd-run --quiet --on-active=12 --timer-property=AccuracySec=100ms kill -CONT "$pid"
"""


@pytest.fixture(scope="module")
def lost(serving: Cell) -> tuple[str, float]:
    """An application machine that is terminated, and when; no request fails that is safe to repeat."""
    machines = {each["InstanceId"] for each in serving.group("app")}
    wait("the application tier is healthy", lambda: serving.healthy("app") >= machines, 300)
    with serving.load("/version", "/notes", "/notes/1"):
        began = time.monotonic()
        serving.client("ec2").terminate_instances(InstanceIds=[min(machines)])
        wait("nothing is sent to it any more", lambda: min(machines) not in serving.healthy("app"), 300)
        time.sleep(3)
    return min(machines), began


@pytest.fixture(scope="module")
def hardness(serving: Cell, lost: tuple[str, float]) -> Iterator[dict[str, Future[str]]]:
    """What lynis says of one machine of each sort, once it has; it takes a minute, and other things go on."""
    machines = {tier: max(serving.machines(tier)) for tier in ("bastion", "web", "app")}
    with ThreadPoolExecutor(1) as pool:
        yield {tier: pool.submit(serving.shell, each, LYNIS) for tier, each in machines.items()}


@pytest.mark.usefixtures("lost")
def test_a_wrong_key_is_told_in_one_message(serving: Cell, tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    serving.hang_up()
    told = serving.refused("configure_hosts", "-e", f"host_access_private_key={key}")
    assert f"it refuses the key: {key}" in told
    assert told.count("fatal:") == 1


def answers(address: str) -> bool:
    """Whether SSH opens from outside."""
    try:
        socket.create_connection((address, 22), timeout=2).close()
    except OSError:
        return False
    return True


@pytest.mark.usefixtures("lost")
def test_an_unreachable_bastion_is_told_in_one_message(serving: Cell) -> None:
    ec2 = serving.client("ec2")
    named = [{"Name": "group-name", "Values": [f"{CELL}-bastion"]}]
    [group] = ec2.describe_security_groups(Filters=named)["SecurityGroups"]
    rules = {"GroupId": group["GroupId"], "IpPermissions": group["IpPermissions"]}
    serving.hang_up()
    ec2.revoke_security_group_ingress(**rules)
    try:
        wait("it lets nobody in", lambda: not answers(serving.bastion()), 120)
        told = serving.refused("configure_hosts", "-e", "host_access_timeout=10")
    finally:
        ec2.authorize_security_group_ingress(**rules)
    assert "cannot be reached over SSH: no answer" in told
    assert told.count("fatal:") == 1


@pytest.mark.slow
@pytest.mark.usefixtures("lost")
def test_a_bastion_that_answers_slowly_is_waited_for(serving: Cell) -> None:
    [bastion] = serving.machines("bastion")
    serving.hang_up()
    # The kernel takes the connection; sshd sends nothing yet.
    serving.shell(bastion, PAUSE_SSHD)
    serving.must("open_hosts", "-e", "host_access_timeout=10")


@pytest.mark.slow
def test_ssh_audit_finds_no_failure_on_the_bastion(serving: Cell) -> None:
    command = [sys.executable, "-m", "ssh_audit", "--json", serving.bastion()]
    found = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    assert "ssh-ed25519" in found
    assert '"fail"' not in found, found


@pytest.mark.slow
def test_lynis_gives_each_sort_of_machine_eighty_points(hardness: dict[str, Future[str]]) -> None:
    points = {tier: int(each.result().strip().split("=")[1]) for tier, each in hardness.items()}
    assert set(points) == {"bastion", "web", "app"}
    assert min(points.values()) >= 80, points


def test_a_machine_that_is_lost_is_replaced_and_serves_with_no_operator(serving: Cell, lost: tuple[str, float]) -> None:
    machine, began = lost
    wait("another serves", lambda: len(serving.healthy("app") - {machine}) == 2, 900)
    print(f"terminated to serving, found after {time.monotonic() - began:.0f} s")
    members = {each["InstanceId"]: each["LifecycleState"] for each in serving.group("app")}
    assert machine not in members
    assert list(members.values()) == ["InService"] * 2
    assert len(serving.served()) == 1
    configured = "journalctl -u terrace-configure -o cat | grep -c 'configured with status 0'"
    assert "1" in [serving.shell(each, configured, check=False).strip() for each in members]


def test_the_next_run_recovers_and_passes_over_what_is_as_it_was_left(serving: Cell) -> None:
    """After all of the above. What the new machine did by itself is what is done from outside; its host key is learned."""
    found = changed(serving.must("configure_hosts"))
    assert len(found) == len(serving.machines()) + 1
    assert not {host: count for host, count in found.items() if count and host != CELL}


BY_HAND = """
echo '# by hand' >>/etc/nginx/nginx.conf
chmod 0666 /etc/ssh/sshd_config.d/10-terrace.conf
systemctl stop nginx
nft flush ruleset
echo 'ALL ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/evil
echo '* * * * * root true' >/etc/cron.d/evil
printf '[Service]\nExecStart=/bin/sleep 999\n[Install]\nWantedBy=multi-user.target\n' >/etc/systemd/system/evil.service
systemctl enable --now evil
useradd --create-home --shell /bin/bash evil
install -d -o evil -m 0700 /home/evil/.ssh
echo 'ssh-ed25519 AAAA evil' >/home/evil/.ssh/authorized_keys
nft add table ip evil
"""
LEFT_BY_HAND = """
ls -d /etc/sudoers.d/evil /etc/cron.d/evil /etc/systemd/system/evil.service /home/evil/.ssh/authorized_keys 2>/dev/null
systemctl is-active evil
id evil 2>/dev/null
nft list tables | grep evil
"""


def test_what_was_done_by_hand_is_named_and_mended_there_alone(serving: Cell) -> None:
    machine = min(serving.machines("web"))
    serving.shell(machine, BY_HAND)
    told = serving.refused("check_hosts")
    assert told.count("fatal:") == 1
    for each in (
        "file /etc/nginx/nginx.conf: content",
        "file /etc/ssh/sshd_config.d/10-terrace.conf: mode 666, was 600",
        "unit nginx.service: does not run",
        "table inet terrace_host: is gone",
        "file /etc/sudoers.d/evil was added: mode",
        "file /etc/cron.d/evil was added: mode",
        "file /etc/systemd/system/evil.service was added: mode",
        "file /home/evil/.ssh/authorized_keys was added: mode",
        "user evil was added: number",
        "table ip evil was added",
    ):
        assert each in told, told[-3000:]
    found = changed(serving.must("configure_hosts", "-e", "configure_hosts_added=remove"))
    assert [host for host, count in found.items() if count] == [f"{CELL}-web-{machine}"]
    assert serving.shell(machine, LEFT_BY_HAND, check=False).split() == ["inactive"]
    assert "policy drop" in serving.shell(machine, "nft list table inet terrace_host")
    assert "etc/sudoers.d/evil" in serving.shell(machine, "tar --list --gzip --file /var/lib/terrace/removed/*.tar.gz")
    serving.must("check_hosts")


def test_every_task_run_again_changes_nothing(serving: Cell) -> None:
    found = changed(serving.must("configure_hosts", "-e", "terrace_trust_plan=false"))
    assert len(found) == len(serving.machines()) + 1
    assert not {host: count for host, count in found.items() if count}


def test_the_released_configuration_stays_what_it_is(serving: Cell) -> None:
    assert changed(serving.must("release_configuration"))[CELL] == 0
