# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""EC2 instances as machines: booted, stopped, rebooted and removed as the API says; cloud-init does the first boot."""

from __future__ import annotations

import shutil
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

from lab.machines.machine import POWER_OFF, Machine
from lab.machines.network import namespace
from lab.machines.plan import Endpoint
from lab.machines.util import read_json, write_json

if TYPE_CHECKING:
    from lab.machines.daemon import Lab

REBOOT = signal.SIGRTMIN + 5


def host_name(address: str) -> str:
    """The name AWS gives an instance inside, from its address."""
    return "ip-" + address.replace(".", "-")


class Instances:
    """The driver of instances; `step` is called again and again and does what is to be done now."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.machines: dict[str, Machine] = {}
        self.console_sizes: dict[str, int] = {}

    def machine(self, name: str) -> Machine:
        """The machine of an instance id."""
        if name not in self.machines:
            self.machines[name] = Machine(name, self.lab.state / "machines" / name)
        return self.machines[name]

    def step(self, endpoint: Endpoint) -> None:
        """Bring one instance to the state the API reports."""
        machine = self.machine(endpoint.name)
        record = machine.directory / "instance.json"
        known = dict(read_json(record, {}))  # type: ignore[call-overload]
        running = machine.running()
        if not endpoint.running:
            if running or known.get("booted"):
                self._stop(machine)
                write_json(record, known | {"booted": False})
            return
        if not running and known.get("booted") and machine.result() is not None:
            # It ended by itself: AWS's instance stops or terminates, as its shutdown behaviour says.
            state = "terminated" if endpoint.want["shutdown"] == "terminate" else "stopped"
            write_json(record, known | {"booted": False})
            self.lab.api.post("/lab/machines/state", {"instance": endpoint.name, "state": state})
            return
        if not running:
            self._boot(machine, endpoint)
            write_json(record, {"booted": True, "reboots": endpoint.want["reboots"], "since": time.time()})
        elif known.get("reboots") != endpoint.want["reboots"]:
            write_json(record, known | {"reboots": endpoint.want["reboots"]})
            machine.signal(REBOOT)
        self._report_console(machine)

    def _boot(self, machine: Machine, endpoint: Endpoint) -> None:
        machine.kill()
        region = endpoint.want["region"]
        domain = "ec2.internal" if region == "us-east-1" else f"{region}.compute.internal"
        first = not machine.upper.exists()
        if first:
            resolver = self.lab.plan.vpcs[endpoint.vpc].resolver
            files = {
                "etc/resolv.conf": f"nameserver {resolver}\nsearch {domain}\noptions timeout:2 attempts:2\n",
                "etc/hostname": f"{host_name(endpoint.address)}\n",
                "etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
            }
            for path, text in files.items():
                target = machine.upper / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text)
        machine.start(
            self.lab.layers(),
            namespace(endpoint.name),
            hostname=host_name(endpoint.address),
            systemd=True,
            env={"container": "terrace"},
        )
        self.lab.log(f"{endpoint.name} boots at {endpoint.address}")

    def _stop(self, machine: Machine) -> None:
        self.lab.log(f"{machine.name} stops")
        machine.stop(POWER_OFF, 6)

    def _report_console(self, machine: Machine) -> None:
        """Hand a grown console to the API: GetConsoleOutput is where host keys are learned from."""
        size = machine.console.stat().st_size if machine.console.exists() else 0
        if size != self.console_sizes.get(machine.name, 0):
            self.console_sizes[machine.name] = size
            text = machine.console.read_text(errors="replace")[-65536:]
            self.lab.api.post("/lab/machines/console", {"instance": machine.name, "text": text})

    def remove(self, name: str) -> None:
        """A terminated instance: its machine and its disk go."""
        self.machine(name).remove()
        self.machines.pop(name, None)
        self.console_sizes.pop(name, None)
        self.lab.log(f"{name} is gone")

    def sweep(self, keep: set[str]) -> None:
        """Delete the disks of instances that ended while no lab looked."""
        for path in Path(self.lab.state / "machines").glob("i-*"):
            if path.name not in keep:
                shutil.rmtree(path, ignore_errors=True)
