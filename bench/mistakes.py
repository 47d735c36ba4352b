# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seconds until a run that cannot reach the machines says why: `python -m bench.mistakes >bench/results/mistakes.md` (root).

In the running lab with machines that LAB_STATE_DIR names, or in one of its own, configure_hosts.yml is run with a key that has a
passphrase, from an address the bastion's security group does not admit, to a bastion whose sshd is stopped, and with a key
that is not the machines'. The bastion is older than host_access_timeout by then: of a younger one it is awaited that it boots.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from lab import process
from lab.api.testing import free_port
from lab.machines.util import owner
from tests.integration.hosts.cell import CELL, Cell, wait

#: host_access_timeout: how long a machine may boot.
BOOTS = 300


@contextlib.contextmanager
def shut_out(cell: Cell) -> Iterator[None]:
    """The bastion's group admits the network of somebody else."""
    ec2 = cell.client("ec2")
    named = [{"Name": "group-name", "Values": [f"{CELL}-bastion"]}]
    [group] = ec2.describe_security_groups(Filters=named)["SecurityGroups"]
    rules = {"GroupId": group["GroupId"], "IpPermissions": group["IpPermissions"]}
    ec2.revoke_security_group_ingress(**rules)
    try:
        time.sleep(5)
        yield
    finally:
        ec2.authorize_security_group_ingress(**rules)
        time.sleep(5)


@contextlib.contextmanager
def stopped(cell: Cell) -> Iterator[None]:
    """The bastion's sshd does not run."""
    [bastion] = cell.machines("bastion")
    cell.shell(bastion, "systemctl stop ssh.socket ssh.service")
    try:
        yield
    finally:
        cell.shell(bastion, "systemctl start ssh.service")


def timed(cell: Cell, *arguments: str) -> tuple[float, str]:
    """The seconds until a run of configure_hosts.yml has failed, and what it says first."""
    cell.hang_up()
    began = time.monotonic()
    told = cell.refused("configure_hosts", *arguments)
    seconds = time.monotonic() - began
    found = re.search(rf"Action failed: {CELL}: (.{{1,400}}?)(?: Origin:|$)", told)
    return seconds, found.group(1) if found else told[-160:]


def measured(cell: Cell) -> Iterator[tuple[str, float, str]]:
    """What is wrong, the seconds, what was said."""
    keys = {name: cell.folder / name for name in ("locked", "other")}
    for name, key in keys.items():
        words = ["-N", "a passphrase" if name == "locked" else "", "-f", str(key)]
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", *words], check=True)
    yield "a key with a passphrase", *timed(cell, "-e", f"host_access_private_key={keys['locked']}")
    yield "a key that is not the machines'", *timed(cell, "-e", f"host_access_private_key={keys['other']}")
    with shut_out(cell):
        yield "the bastion's group does not admit this address", *timed(cell)
    with stopped(cell):
        yield "the bastion's sshd is stopped", *timed(cell)


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="terrace-mistakes-")).resolve()
    running = owner()
    if running:
        state = Path(str(running))
        found = process.running(state)
        if not found or str(state) != os.environ.get("LAB_STATE_DIR"):
            raise SystemExit(f"a lab runs on this machine; LAB_STATE_DIR={state} uses it")
        cell = Cell(state, int(found["port"]), folder)
    else:
        (folder / "lab").mkdir()
        cell = Cell(folder / "lab", free_port(), folder)
    try:
        if not running:
            cell.lab("up")
            cell.must("site")
            cell.must("open_hosts")
        [bastion] = cell.machines("bastion").values()
        old = bastion["LaunchTime"] + datetime.timedelta(seconds=BOOTS)
        wait("the bastion boots no more", lambda: datetime.datetime.now(datetime.UTC) > old, BOOTS + 60)
        rows = list(measured(cell))
    finally:
        if not running:
            cell.lab("down")
    print("# Mistakes that keep a run from the machines\n")
    print(
        f"`python -m bench.mistakes` on {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}, load {os.getloadavg()[0]:.0f}.\n"
    )
    print("| what is wrong | seconds until it is said | what is said |\n|---|---|---|")
    for what, seconds, said in rows:
        print(f"| {what} | {seconds:.1f} | {said.replace(str(folder), '…')} |")
    print(file=sys.stderr)


if __name__ == "__main__":
    main()
