"""Host keys from consoles, and the files the host_access role makes of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ansible_collections.terrace.aws.plugins.filter.host_access import (
    boot_patience,
    key_trouble,
    known_hosts,
    known_keys,
    reachable_machines,
    ssh_trouble,
)
from ansible_collections.terrace.aws.plugins.module_utils import host_keys

ED = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ4Xk3yZyI2v1bZr7DRTqRmbSpZpJ0M1s0dVtbSAnlyW"
EC = "ecdsa-sha2-nistp256 " + "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTY" + "B" * 90 + "="


def console(*keys, before="", begin="-----BEGIN SSH HOST KEY KEYS-----\r\n", end="-----END SSH HOST KEY KEYS-----\r\n"):
    return "[ 1.0] Linux\r\n" + begin + "".join(f"{before}{key} root@ip\r\n" for key in keys) + end + "login: "


def test_keys_are_read_between_the_markers():
    assert host_keys.on_console(console(EC, ED)) == sorted([EC, ED])
    assert host_keys.on_console(console(ED, before="[   12.345678] cloud-init[512]: ")) == [ED]


def test_a_key_outside_the_markers_and_a_cut_block_are_not_believed():
    assert host_keys.on_console(f"{ED} root@ip\r\n") == []
    assert host_keys.on_console(console(ED, end="")) == []
    assert host_keys.on_console("") == []


def test_the_last_block_counts():
    assert host_keys.on_console(console(EC) + console(ED)) == [ED]


def test_machines_are_reached_by_their_private_address_and_the_bastion_by_its_public_one():
    found = reachable_machines(
        [
            {"instance_id": "i-2", "private_ip_address": "10.0.0.2", "public_ip_address": "192.0.2.9",
             "tags": {"Name": "c-web", "role": "web"}},
            {"instance_id": "i-4", "private_ip_address": "10.0.0.4", "tags": {"Name": "c-web", "terrace:isolated": "x"}},
            {"instance_id": "i-3", "private_ip_address": "10.0.0.3", "public_ip_address": "192.0.2.1",
             "tags": {"Name": "c-bastion", "role": "bastion"}, "launch_time": "2026-11-29T14:00:00+00:00"},
        ]
    )  # fmt: skip
    assert list(found) == ["i-3", "i-2"]
    assert found["i-2"] == {"name": "c-web-i-2", "address": "10.0.0.2", "bastion": False, "launched": ""}
    assert found["i-3"] == {
        "name": "c-bastion-i-3",
        "address": "192.0.2.1",
        "bastion": True,
        "launched": "2026-11-29T14:00:00+00:00",
    }


def test_keys_of_machines_that_are_gone_are_forgotten_and_the_file_is_stable():
    text = known_hosts({"i-2": [ED], "i-1": [EC, ED]})
    assert text.splitlines()[0] == f"i-1 {EC}"
    assert known_keys(text, ["i-1", "i-9"]) == {"i-1": [EC, ED]}
    assert known_hosts(known_keys(text, ["i-1", "i-2"])) == text


def test_ssh_is_put_into_plain_words():
    refused = "Warning: x\nadmin@192.0.2.1: Permission denied (publickey).\n"
    assert ssh_trouble(refused, "/k", "/f").startswith("it refuses the key: /k.")
    assert "admin@192.0.2.1" in ssh_trouble(refused, "/k", "/f")
    assert "agent" in ssh_trouble(refused, "", "/f")
    assert "/f" in ssh_trouble("Host key verification failed.\n", "", "/f")
    assert ssh_trouble("", "", "/f") == "ssh said nothing"


def test_only_a_machine_that_may_be_booting_is_waited_for():
    now = datetime(2026, 11, 29, 14, 0, 0, tzinfo=UTC)
    assert boot_patience("2026-11-29T13:59:00+00:00", 300, now) == 240
    assert boot_patience(now - timedelta(seconds=60), 300, now) == 240
    assert boot_patience("2026-11-28T14:00:00+00:00", 300, now) == 0
    assert boot_patience("", 300, now) == 300


LOCKED = {
    "rc": 255,
    "stderr": 'Load key "/k": incorrect passphrase supplied to decrypt private key',
    "fingerprint": "256 SHA256:x me (ED25519)",
}
NO_AGENT = {"rc": 2, "stdout": ""}
EMPTY = {"rc": 1, "stdout": "The agent has no identities."}


@pytest.mark.parametrize(
    ("tried", "agent", "said"),
    [
        ({"rc": 0}, NO_AGENT, ""),
        (LOCKED, {"rc": 0, "stdout": "256 SHA256:y o (ED25519)\n256 SHA256:x me (ED25519)"}, ""),
        (LOCKED, NO_AGENT, "/k (host_access_private_key) has a passphrase, and no SSH agent runs; add it: ssh-add /k"),
        (LOCKED, EMPTY, "has a passphrase, and the SSH agent does not hold it; add it: ssh-add /k"),
        (LOCKED | {"fingerprint": ""}, EMPTY, "has a passphrase"),
        ({"rc": 255, "stderr": 'x\nLoad key "/k": bad permissions\n'}, EMPTY, "ssh ignores it: chmod 600"),
        ({"rc": 255, "stderr": "/k: No such file or directory"}, EMPTY, "there is no private key /k"),
        ({"rc": 255, "stderr": 'Load key "/k": error in libcrypto'}, EMPTY, "is not a private key that ssh-keygen can read"),
    ],
)  # fmt: skip
def test_a_key_that_cannot_be_used(tried, agent, said):
    found = key_trouble("/k", tried, agent, ED)
    assert said in found
    assert bool(said) == bool(found)


def test_a_key_of_the_agent():
    fingerprint = "SHA256:" + "x" * 43
    assert key_trouble("", {}, NO_AGENT) == ""
    assert "no SSH agent runs" in key_trouble("", {}, NO_AGENT, ED)
    assert "does not hold it" in key_trouble("", {}, {"rc": 0, "stdout": f"256 {fingerprint} o (ED25519)"}, ED)
    assert "does not hold it" in key_trouble("", {}, EMPTY, "no key")


def test_networks_without_a_way_are_put_into_plain_words():
    said = "ssh: connect to host 192.0.2.1 port 22: "
    assert "three_tier_ssh_cidrs" in ssh_trouble(f"{said}Connection timed out", "", "/f")
    assert "no way to that address" in ssh_trouble(f"{said}Network is unreachable", "", "/f")
