# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m lab.machines.box NAME up|down|address|ssh|run`: a machine of the lab's image alone, without any API.

It has systemd and sshd, reaches the package registries, and knows nothing of AWS. Roles for hosts are tried on it.
"""

from __future__ import annotations

import argparse
import fcntl
import ipaddress
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from lab.machines import authority, hub, image, trust
from lab.machines.machine import Machine, cgroup_root, remove_cgroup
from lab.machines.util import (
    PREFIX,
    LabError,
    ip,
    ip_batch,
    need_root,
    owner,
    read_json,
    run,
    short,
    state_dir,
    sysctl,
    write_json,
)

#: Boxes are neighbours of the VPCs on the lab's internet.
ADDRESSES = ipaddress.ip_network("198.18.240.0/20")


def directory(name: str) -> Path:
    """Where a box lives."""
    return state_dir() / "boxes" / name


def namespace(name: str) -> str:
    """The box's network namespace."""
    return f"tl-box-{name}"


def key() -> Path:
    """The private key that opens every box; made when there is none."""
    path = state_dir() / "boxes" / "id_ed25519"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "terrace-lab-box", "-f", path)
    return path


def address(name: str) -> str:
    """The box's address; raises LabError when there is no such box."""
    known = read_json(directory(name) / "box.json")
    if not isinstance(known, dict):
        raise LabError(f"there is no box {name}; start it with: python -m lab.machines.box {name} up")
    return str(known["address"])


def boxes() -> list[str]:
    """The names of the boxes there are."""
    return sorted(path.parent.name for path in (state_dir() / "boxes").glob("*/box.json"))


def up(name: str) -> str:
    """Start a box (or leave a running one alone) and return its address once sshd answers."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,30}", name):
        raise LabError(f"a box's name is lower-case letters, digits and hyphens, at most 31; not {name!r}")
    need_root()
    image.ensure()
    state = state_dir()
    place = directory(name)
    place.mkdir(parents=True, exist_ok=True)
    with (state / "boxes" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        hub.ensure()
        machine = Machine(f"box-{name}", place)
        if machine.running():
            return address(name)
        machine.kill()
        layer = trust.layer(state, authority.ensure(state))
        chosen = _network(name)
        write_json(place / "box.json", {"address": chosen})
    secret = key()
    _prepare(machine.upper, name, chosen, secret.with_suffix(".pub").read_text())
    machine.start([layer, image.base()], namespace(name), hostname=name, systemd=True, env={"container": "terrace"})
    _wait(machine, chosen)
    return chosen


def _network(name: str) -> str:
    """Make the box's network namespace and return the address it got."""
    taken = {address(other) for other in boxes()}
    known = read_json(directory(name) / "box.json")
    free = (str(host) for host in ADDRESSES.hosts() if str(host) not in taken)
    chosen = str(known["address"]) if isinstance(known, dict) else next(free)
    if not Path("/run/netns", namespace(name)).exists():
        ip("netns", "add", namespace(name))
        hub.attach(namespace(name), short(f"box-{name}"), [chosen])
        ip_batch(
            [
                "link set lo up",
                "link set internet name eth0",
                f"addr add {chosen}/32 dev eth0",
                "link set eth0 up",
                f"route add default via {hub.GATEWAY} dev eth0 onlink",
            ],
            namespace(name),
        )
        sysctl({"ipv4/ping_group_range": "0 2147483647"}, namespace(name))
    return chosen


def _prepare(upper: Path, name: str, chosen: str, public_key: str) -> None:
    """Write what cloud-init would have: keys, host keys, names."""
    files = {
        "etc/cloud/cloud-init.disabled": "",
        "etc/hosts": f"127.0.0.1 localhost\n{chosen} {name}\n::1 localhost\n",
        "etc/hostname": f"{name}\n",
        "etc/resolv.conf": "".join(f"nameserver {server}\n" for server in hub.resolvers()),
        "home/admin/.ssh/authorized_keys": public_key,
        "root/.ssh/authorized_keys": public_key,
    }
    for path, text in files.items():
        target = upper / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    for home, user in (("home/admin", 1000), ("root", 0)):
        (upper / home / ".ssh").chmod(0o700)
        for path in (upper / home, upper / home / ".ssh", upper / home / ".ssh/authorized_keys"):
            os.chown(path, user, user)
    (upper / "root").chmod(0o700)
    (upper / "home/admin").chmod(0o700)
    for kind in ("ed25519", "ecdsa"):
        path = upper / f"etc/ssh/ssh_host_{kind}_key"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            run("ssh-keygen", "-q", "-t", kind, "-N", "", "-C", name, "-f", path)


def _wait(machine: Machine, chosen: str, seconds: float = 30) -> None:
    """Wait until sshd greets."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            with socket.create_connection((chosen, 22), 1) as connection:
                connection.settimeout(2)
                if connection.recv(4) == b"SSH-":
                    return
        except OSError:
            if not machine.running():
                break
            time.sleep(0.1)
    log = (machine.directory / "keeper.log").read_text()[-2000:]
    raise LabError(f"{machine.name} does not answer on port 22; see {machine.console}. {log}")


def down(name: str) -> None:
    """Take a box away, and the lab's internet with the last one; nothing happens without one."""
    need_root()
    Machine(f"box-{name}", directory(name)).kill()
    if Path("/run/netns", namespace(name)).exists():
        ip("netns", "del", namespace(name))
    shutil.rmtree(directory(name), ignore_errors=True)
    if not owner() and not any(Path("/run/netns").glob(f"{PREFIX}box-*")):
        hub.remove()
        remove_cgroup(cgroup_root())


def ssh_words(name: str) -> list[str]:
    """The ssh command that opens a box, its host key known from its disk."""
    known = directory(name) / "known_hosts"
    public = (directory(name) / "upper/etc/ssh/ssh_host_ed25519_key.pub").read_text().split()[:2]
    known.write_text(f"{address(name)} {' '.join(public)}\n")
    return [
        "ssh",
        "-i",
        str(key()),
        "-o",
        f"UserKnownHostsFile={known}",
        "-o",
        "IdentitiesOnly=yes",
        f"admin@{address(name)}",
    ]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m lab.machines.box", description=__doc__)
    parser.add_argument("name")
    parser.add_argument("command", choices=("up", "down", "address", "ssh", "run"))
    parser.add_argument("words", nargs=argparse.REMAINDER, help="for ssh and run: the command")
    options = parser.parse_args()
    try:
        match options.command:
            case "up":
                print(up(options.name))
            case "down":
                down(options.name)
            case "address":
                print(address(options.name))
            case "ssh":
                return subprocess.run([*ssh_words(options.name), *options.words]).returncode
            case "run":
                print(Machine(f"box-{options.name}", directory(options.name)).enter(*options.words), end="")
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
