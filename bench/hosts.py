# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What configuring hosts costs: `python -m bench.hosts --hosts 1 5 20` (root, the lab's image).

Boxes of the lab are configured with the role host_baseline from nothing and again, with this repository's Ansible
settings and with Ansible's own. A box is asked how many SSH connections it accepted. Prints a table; --json FILE keeps the
figures.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import tempfile
import time
from pathlib import Path

from lab.machines import box

ROOT = Path(__file__).resolve().parent.parent
PLAY = """\
- hosts: boxes
  become: true
  gather_facts: false
  roles: [terrace.aws.host_baseline]
"""
#: Ansible's own defaults but for where the collection is and which Python it uses.
STOCK = """\
[defaults]
collections_path = {root}/collections
interpreter_python = /usr/bin/python3
"""


def inventory(names: list[str], ours: bool) -> dict:
    """The boxes, reached with host keys that are known from their disks."""
    hosts = {}
    for name in names:
        command = box.ssh_words(name)
        known = next(word for word in command if word.startswith("UserKnownHostsFile="))
        hosts[name] = {
            "ansible_host": box.address(name),
            "ansible_ssh_common_args": f"-o {known} -o IdentitiesOnly=yes",
        }
    variables = {"ansible_user": "admin", "ansible_ssh_private_key_file": str(box.key())}
    if ours:
        variables["ansible_ssh_args"] = "-o ControlMaster=auto -o ControlPersist=300"
    return {"boxes": {"hosts": hosts, "vars": variables}}


def accepted(name: str) -> int:
    """How many SSH connections a box has accepted so far."""
    machine = box.Machine(f"box-{name}", box.directory(name))
    found = machine.enter("/bin/sh", "-c", "journalctl -q -u ssh -o cat | grep -c '^Accepted' || true")
    return int(found.strip() or 0)


def run(names: list[str], ours: bool, folder: Path) -> dict[str, float]:
    """One run of the play: seconds, processor seconds of the controller, connections a host, hosts that changed."""
    (folder / "hosts.json").write_text(json.dumps(inventory(names, ours)))
    (folder / "play.yml").write_text(f"---\n{PLAY}")
    (folder / "stock.cfg").write_text(STOCK.format(root=ROOT))
    config = ROOT / "ansible.cfg" if ours else folder / "stock.cfg"
    environment = {**os.environ, "ANSIBLE_CONFIG": str(config), "ANSIBLE_NOCOLOR": "1"}
    before, began, spent = accepted(names[0]), time.monotonic(), os.times()
    command = [str(ROOT / ".venv/bin/ansible-playbook"), "-i", str(folder / "hosts.json"), str(folder / "play.yml")]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stdout[-3000:] + done.stderr[-1000:])
    now = os.times()
    processor = now.children_user + now.children_system - spent.children_user - spent.children_system
    took = {"seconds": round(time.monotonic() - began, 1), "processor": round(processor, 1)}
    return {
        **took,
        "connections": accepted(names[0]) - before,
        "changed": len(re.findall(r"changed=[1-9]", done.stdout)),
    }


def measured(count: int, ours: bool) -> dict[str, dict[str, float]]:
    """Fresh boxes configured once and once more; taken away afterwards."""
    names = [f"bench-hosts-{number}" for number in range(1, count + 1)]
    try:
        for name in names:
            box.up(name)
        with tempfile.TemporaryDirectory() as folder:
            return {what: run(names, ours, Path(folder)) for what in ("first run", "second run")}
    finally:
        for name in names:
            box.down(name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, nargs="+", default=[1, 5, 20])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = []
    print(f"load before: {os.getloadavg()[0]:.1f}\n")
    print("| hosts | Ansible settings | run | seconds | controller CPU s | SSH connections a host | hosts changed |")
    print("|---|---|---|---|---|---|---|")
    for count in options.hosts:
        for ours in (True, False):
            for what, found in measured(count, ours).items():
                rows.append({"hosts": count, "settings": "ours" if ours else "stock", "run": what, **found})
                print("|", " | ".join(str(value) for value in rows[-1].values()), "|", flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
