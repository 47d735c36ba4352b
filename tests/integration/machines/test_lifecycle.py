# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Up, killed, up again, down: what is left of the lab on this machine, compared with what was there before."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import machines, process
from lab.api.testing import free_port
from lab.machines import box, hub, image, overview
from lab.machines.machine import Machine, cgroup_root
from lab.machines.util import LabError, owner, read_json
from tests.integration.machines.conftest import World, _network, wait


def traces() -> dict[str, set[str]]:
    """What a lab could leave on this machine: names, without what other programs change meanwhile."""

    def lines(*words: str) -> set[str]:
        return set(subprocess.run(words, capture_output=True, text=True).stdout.splitlines())

    namespaces = Path("/run/netns")
    keepers = {
        path.parent.name
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if b"lab/machines/" in _read(path) or b"lab.machines.daemon" in _read(path)
    }
    return {
        "namespaces": {p.name for p in namespaces.iterdir()} if namespaces.exists() else set(),
        "links": {
            line.split(":")[1].split("@")[0] for line in lines("ip", "-o", "link") if " veth" in line or "tl-" in line
        },
        "routes": lines("ip", "-4", "route"),
        "tables": lines("nft", "list", "tables"),
        "mounts": {
            line for line in Path("/proc/mounts").read_text().splitlines() if "overlay" in line or "/run/netns" in line
        },
        "processes": keepers,
        "cgroups": {str(p) for p in cgroup_root().iterdir() if p.is_dir()} if cgroup_root().exists() else set(),
        "forwarding": {Path("/proc/sys/net/ipv4/ip_forward").read_text().strip()},
        "watchers": {Path("/proc/sys/fs/inotify/max_user_instances").read_text().strip()},
        "files": {p.name for p in Path("/run").glob("terrace-lab*")},
    }


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state directory on a machine without a lab."""
    if os.geteuid() != 0:
        pytest.skip("the lab's machines need root")
    if owner():
        pytest.skip(f"another lab runs on this machine (state in {owner()})")
    image.ensure()  # with the commands that `traces` asks, on a machine where no lab was yet
    monkeypatch.setenv("LAB_STATE_DIR", str(tmp_path))
    yield tmp_path
    machines.down(tmp_path)
    process.stop(tmp_path)


def _world(state: Path, port: int) -> World:
    key = state / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    world = World(state, port, key)
    _network(world)
    return world


def test_a_killed_lab_is_cleaned_by_up_and_down_leaves_nothing(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = traces()
    api, _ = process.start(free_port(), directory=place)
    machines.up(api["port"], place)
    world = _world(place, api["port"])
    web = world.machine("web")
    wait("the web machine", lambda: web.pid(), 20)
    wait(
        "its first boot",
        lambda: world.shell("web", "test -e /var/tmp/user-data && echo yes", False).strip() == "yes",
        60,
    )

    daemon = dict(read_json(place / "machines.json"))  # type: ignore[call-overload]
    os.kill(daemon["pid"], signal.SIGKILL)
    wait("the daemon is dead", lambda: owner() is None, 5)
    assert web.running(), "machines outlive the daemon; the next up cleans them"
    machines.up(api["port"], place)
    fresh = Machine(world.ids["web"], place / "machines" / world.ids["web"])
    wait("the machine runs again", lambda: fresh.pid(), 20)
    assert fresh.enter("cat", "/var/tmp/user-data").strip() == "ran", "with its disk"

    machines.status(place, as_json=True)
    shown = {row["details"]: row for row in json.loads(capsys.readouterr().out)["machines"]}
    assert shown["bastion"]["public"] == world.address["bastion-public"]
    assert shown["web"]["state"] == "running"

    machines.up(api["port"], place)
    machines.down(place)
    process.stop(place)
    after = traces()
    assert {kind: after[kind] - before[kind] for kind in after} == {kind: set() for kind in after}
    assert after["routes"] == before["routes"]
    machines.down(place)


def test_up_refuses_to_cover_the_hosts_networks(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "resolvers", lambda: ["198.18.5.5"])
    with pytest.raises(LabError, match=r"198\.18\.0\.0/16 covers the resolver 198\.18\.5\.5"):
        machines.up(5999, place)
    assert not (place / "machines.json").exists()


def test_box_comes_and_goes(place: Path) -> None:
    before = traces()
    address = box.up("trial")
    try:
        words = box.ssh_words("trial")
        done = subprocess.run(
            [*words, "sudo", "systemctl", "is-system-running", "--wait"], capture_output=True, text=True
        )
        assert done.stdout.strip() == "running", done.stderr
        assert box.up("trial") == address
    finally:
        box.down("trial")
    after = traces()
    assert {kind: after[kind] - before[kind] for kind in after} == {kind: set() for kind in after}
    box.down("trial")
    assert overview.collect(place)["boxes"] == []
