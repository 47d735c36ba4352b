# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""New credentials, a new SSH key, patches with a restart, a machine to be looked into."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.integration.hosts.cell import CELL, Cell, wait

BOOTED = "cat /proc/sys/kernel/random/boot_id"
#: Version 1 of a package is installed; an archive on the machine has version 2, which needs a new package, as a kernel does.
NEEDS_A_NEW_ONE = r"""
set -e
mkdir -p /srv/archive && cd /srv/archive
make() {
  mkdir -p "$1-$2/DEBIAN"
  printf '%s\n' "Package: $1" "Version: $2" "Architecture: all" "Maintainer: x <x@x>" "Description: x" ${3:+"Depends: $3"} \
    >"$1-$2/DEBIAN/control"
  dpkg-deb --build "$1-$2" "$1-$2.deb" >/dev/null
}
make probe 1
make probe 2 probe-new
make probe-new 1
dpkg --install probe-1.deb >/dev/null
for file in probe-2 probe-new-1; do
  cat "$file/DEBIAN/control"
  printf '%s\n' "Filename: ./$file.deb" "Size: $(stat -c %s "$file.deb")" "SHA256: $(sha256sum "$file.deb" | cut -d' ' -f1)" ""
done >Packages
echo 'deb [trusted=yes] file:/srv/archive ./' >/etc/apt/sources.list.d/archive.list
"""
INSTALLED = "dpkg-query --show --showformat='${Package} ${Version}\\n' probe probe-new"


LOGIN = (
    "PGPASSWORD='{password}' psql 'host={host} user={username} dbname=application sslmode=require' -Atc 'SELECT 1' 2>&1"
)


def test_the_applications_credentials_change_and_no_request_fails(serving: Cell) -> None:
    manager = serving.client("secretsmanager")

    def credentials() -> dict[str, str]:
        return dict(json.loads(manager.get_secret_value(SecretId=f"{CELL}-app-database")["SecretString"]))

    before = credentials()
    with serving.load():
        serving.must("rotate_credentials")
    after = credentials()
    assert {before["username"], after["username"]} == {"application_a", "application_b"}
    assert before["password"] != after["password"]
    assert serving.get("/health")["database"] == "ok"
    database = serving.client("rds").describe_db_instances(DBInstanceIdentifier=f"{CELL}-main")["DBInstances"][0]
    app, host = min(serving.machines("app")), database["Endpoint"]["Address"]
    assert serving.shell(app, LOGIN.format(host=host, **after)).strip() == "1"
    assert "not permitted to log in" in serving.shell(app, LOGIN.format(host=host, **before), check=False)


@pytest.mark.slow
def test_old_credentials_are_let_in_as_long_as_a_machine_that_was_left_out_may_use_them(serving: Cell) -> None:
    """Also when the database is configured meanwhile; the next run restarts that machine too, and ends it."""
    manager = serving.client("secretsmanager")
    database = serving.client("rds").describe_db_instances(DBInstanceIdentifier=f"{CELL}-main")["DBInstances"][0]
    app, out = sorted(serving.machines("app"))

    def credentials() -> dict[str, str]:
        return dict(json.loads(manager.get_secret_value(SecretId=f"{CELL}-app-database")["SecretString"]))

    def let_in(who: dict[str, str]) -> bool:
        said = serving.shell(app, LOGIN.format(host=database["Endpoint"]["Address"], **who), check=False)
        assert said.strip() == "1" or "not permitted to log in" in said
        return said.strip() == "1"

    before = credentials()
    told = serving.refused("rotate_credentials", "--limit", f"all,!{CELL}-app-{out}")
    assert f"still using the old credentials perhaps: {CELL}-app-{out}." in told
    between = credentials()
    assert between["username"] != before["username"]
    assert (let_in(before), let_in(between)) == (True, True)
    serving.must("configure_database")
    assert (let_in(before), let_in(between)) == (True, True)
    serving.must("rotate_credentials")
    assert credentials() == between, "no new turn begins before the old one ended"
    assert (let_in(before), let_in(between)) == (False, True)


def test_the_owner_and_the_administrator_get_new_passwords(serving: Cell) -> None:
    """Also where the machine is left out from which this is usually done."""
    manager = serving.client("secretsmanager")
    names = [f"{CELL}-database", f"{CELL}-database-owner"]

    def held() -> dict[str, dict[str, str]]:
        return {name: json.loads(manager.get_secret_value(SecretId=name)["SecretString"]) for name in names}

    before = held()
    serving.must("rotate_database_passwords", "--limit", f"all,!{CELL}-app-{min(serving.machines('app'))}")
    after = held()
    database = serving.client("rds").describe_db_instances(DBInstanceIdentifier=f"{CELL}-main")["DBInstances"][0]
    app, host = min(serving.machines("app")), database["Endpoint"]["Address"]
    for name in names:
        assert after[name]["username"] == before[name]["username"]
        assert serving.shell(app, LOGIN.format(host=host, **after[name])).strip() == "1"
        assert "authentication failed" in serving.shell(app, LOGIN.format(host=host, **before[name]), check=False)


TAKES = "REDISCLI_AUTH='{token}' redis-cli --tls -h {host} PING 2>&1"


def test_the_cache_gets_a_new_token_and_no_request_fails(serving: Cell) -> None:
    """The run is killed once the cache takes both tokens and the application is to be restarted; the next one ends it."""
    manager = serving.client("secretsmanager")

    def token() -> str:
        return str(json.loads(manager.get_secret_value(SecretId=f"{CELL}-cache")["SecretString"])["password"])

    group = serving.client("elasticache").describe_replication_groups(ReplicationGroupId=f"{CELL}-main")
    host = group["ReplicationGroups"][0]["NodeGroups"][0]["PrimaryEndpoint"]["Address"]
    app, before = min(serving.machines("app")), token()

    def taken(each: str) -> bool:
        return serving.shell(app, TAKES.format(token=each, host=host), check=False).strip() == "PONG"

    with serving.load():
        serving.killed("add_token | Make it current", "rotate_cache_token")
        between = token()
        assert between != before
        assert (taken(before), taken(between)) == (True, True)
        serving.must("rotate_cache_token")
    assert token() == between, "the next run ended what was begun, and began nothing"
    assert (taken(before), taken(between)) == (False, True)
    assert serving.get("/health")["redis"] == "ok"


@pytest.mark.slow
def test_a_cache_that_two_applications_use_keeps_its_token(serving: Cell) -> None:
    """Only one of them would be restarted with the new one."""
    manager = serving.client("secretsmanager")
    before = manager.get_secret_value(SecretId=f"{CELL}-cache")["SecretString"]
    other = {"other": {"wsgi": "other:app", "port": 8001, "data": True}}
    told = serving.refused("rotate_cache_token", "-e", json.dumps({"three_tier_applications": other}))
    assert "other use the cache as well (data), and only notes would be restarted" in " ".join(told.split())
    assert manager.get_secret_value(SecretId=f"{CELL}-cache")["SecretString"] == before
    assert serving.get("/health")["redis"] == "ok"


def test_patches_restart_machines_one_by_one_and_no_request_fails(serving: Cell) -> None:
    """One application machine and the bastion are to restart; the other tier is left out to save the time."""
    app, [bastion] = min(serving.machines("app")), serving.machines("bastion")
    before = {each: serving.shell(each, BOOTED) for each in (app, bastion)}
    for each in before:
        serving.shell(each, "touch /run/reboot-required")
    with serving.load():
        serving.must("patch_hosts", "--limit", f"{CELL},{CELL}-app-{app},bastion")
    for each, boot in before.items():
        assert serving.shell(each, BOOTED) != boot
        assert serving.shell(each, "apt-get -qq --just-print upgrade | grep -c ^Inst", check=False).strip() == "0"
    assert app in serving.healthy("app")


@pytest.mark.slow
def test_an_update_that_needs_a_new_package_is_one(serving: Cell) -> None:
    """Alone: nothing else is to be done on the machine, and a restart is not."""
    [bastion] = serving.machines("bastion")
    serving.shell(bastion, NEEDS_A_NEW_ONE)
    booted = serving.shell(bastion, BOOTED)
    serving.must("patch_hosts", "--limit", f"{CELL},bastion")
    assert serving.shell(bastion, INSTALLED).split("\n") == ["probe 2", "probe-new 1", ""]
    assert serving.shell(bastion, BOOTED) == booted


@pytest.mark.slow
def test_a_new_ssh_key_takes_the_place_of_the_old_one(serving: Cell, tmp_path: Path) -> None:
    old, new = serving.state / "operator", tmp_path / "new"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(new)], check=True)
    [bastion] = serving.machines("bastion")

    def admitted(key: Path) -> bool:
        known = f"UserKnownHostsFile={serving.state}/ssh/{CELL}/known_hosts"
        options = [known, f"HostKeyAlias={bastion}", "IdentitiesOnly=yes", "BatchMode=yes", "ControlPath=none"]
        command = ["ssh", "-F", "none", "-i", str(key), *(word for each in options for word in ("-o", each))]
        command += ["-W", "127.0.0.1:22", f"admin@{serving.bastion()}"]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=False
        )
        assert "Host key verification failed" not in done.stderr, done.stderr
        return "Permission denied" not in done.stderr

    assert (admitted(old), admitted(new)) == (True, False)
    serving.must("rotate_ssh_key", "-e", f"rotate_ssh_private_key={new}")
    assert (admitted(old), admitted(new)) == (False, True)
    # And back, as an operator whose inventory says the new one now.
    serving.hang_up()
    serving.must("open_hosts", "-e", f"host_access_private_key={new}")
    serving.must("rotate_ssh_key", "-e", f"rotate_ssh_private_key={old}")
    assert (admitted(old), admitted(new)) == (True, False)
    serving.hang_up()
    serving.must("open_hosts")


def test_a_machine_that_is_looked_into_is_cut_off_and_replaced(serving: Cell) -> None:
    machine, ec2 = min(serving.machines("app")), serving.client("ec2")
    isolate = ("isolate_instance", "-e", f"isolate_instance={machine}", "-e", "isolate_instance_snapshots=true")
    serving.must(*isolate)
    [seen] = ec2.describe_instances(InstanceIds=[machine])["Reservations"][0]["Instances"]
    assert [group["GroupName"] for group in seen["SecurityGroups"]] == [f"{CELL}-quarantine"]
    assert seen["State"]["Name"] == "running"
    assert machine not in {each["InstanceId"] for each in serving.group("app")}
    [bastion] = serving.machines("bastion")
    wait("it is cut off", lambda: not serving.opens(bastion, seen["PrivateIpAddress"], 22), 120)
    wait("another takes its place", lambda: len(serving.group("app")) == 2, 600)
    serving.must(*isolate)
    taken = ec2.describe_snapshots(Filters=[{"Name": "tag:terrace:isolated", "Values": [machine]}])["Snapshots"]
    assert len(taken) == len(seen["BlockDeviceMappings"]), "a second run takes no more of them"
    ec2.modify_instance_attribute(InstanceId=machine, DisableApiTermination={"Value": False})
    ec2.terminate_instances(InstanceIds=[machine])
