# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Load balancers as real HAProxies: configured from listeners and rules, reloaded without losing a connection.

What their health checks say is reported as target health. The configuration itself is written by haproxy_config.py.
"""

from __future__ import annotations

import csv
import hashlib
import signal
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.machines import authority, haproxy_config, image
from lab.machines.machine import Machine
from lab.machines.network import namespace
from lab.machines.plan import Endpoint
from lab.machines.service import Servers, account, folder, place
from lab.machines.util import LabError

if TYPE_CHECKING:
    from lab.machines.daemon import Lab

HOME = haproxy_config.HOME
#: How often the health checks' results are read, in seconds.
POLL = 1.0
#: srv_op_state of a server that takes requests.
RUNNING = "2"


class Balancers(Servers):
    """The driver of load balancers."""

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        self.user = account("haproxy")
        self.marks: dict[str, str] = {}
        self.polled: dict[str, float] = {}
        self.signalled: dict[str, float] = {}
        self.states: dict[str, str] = {}
        # The servers that a process has, by backend and name.
        self.placed: dict[str, set[tuple[str, str]]] = {}
        # Both by target group, target, port and registration.
        self.healthy_once: set[tuple[str, str, int, int]] = set()
        self.reported: dict[tuple[str, str, int, int], tuple[str, str | None]] = {}

    def step(self, endpoint: Endpoint) -> None:
        """Bring one balancer to what the API says, and report its targets' health."""
        machine = self.server(endpoint.name)
        home = folder(machine.disk / HOME, self.user, 0o755)
        certificates = self._certificates(endpoint, home, machine)
        text = haproxy_config.write(endpoint, certificates)
        frame = haproxy_config.frame(text)
        mark = hashlib.sha256((frame + repr(sorted(certificates.items()))).encode()).hexdigest()[:16]
        wanted = {(backend, server.name): server for backend, server in haproxy_config.servers(endpoint)}
        text = text.replace("global\n", f"global\n  description {mark}\n", 1)
        if not machine.running():
            machine.kill()
            place(home / "haproxy.cfg", text, self.user)
            self._save_state(machine, endpoint, home)
            machine.start(
                [self.lab.host_layer, image.services(), image.base()],
                namespace(endpoint.name),
                argv=["/usr/sbin/haproxy", "-W", "-f", f"/{HOME}/haproxy.cfg"],
                nofile=4096,
            )
            self.placed[endpoint.name] = set(wanted)
            self.lab.log(f"{endpoint.name} starts at {', '.join(endpoint.addresses)}")
        elif self.marks.get(endpoint.name) != mark or self._lost(machine, endpoint.name, mark):
            self._save_state(machine, endpoint, home)
            place(home / "haproxy.cfg", text, self.user)
            machine.signal(signal.SIGUSR2)
            # The one that goes is not to be asked any more.
            self.signalled[endpoint.name] = self.polled[endpoint.name] = time.monotonic()
            self.placed[endpoint.name] = set(wanted)
        elif self.placed[endpoint.name] != set(wanted):
            place(home / "haproxy.cfg", text, self.user)
            self._move(machine, endpoint.name, wanted)
        self.marks[endpoint.name] = mark
        if time.monotonic() - self.polled.get(endpoint.name, 0) >= POLL:
            self.polled[endpoint.name] = time.monotonic()
            self._report(machine, endpoint)

    def remove(self, name: str) -> None:
        """The balancer is deleted."""
        super().remove(name)
        self.marks.pop(name, None)
        self.placed.pop(name, None)

    def _move(self, machine: Machine, name: str, wanted: dict[tuple[str, str], haproxy_config.Server]) -> None:
        """Add and remove servers of the process that runs: one that ends would go on sending requests to what it knows.

        A server that leaves gets no new request, and is removed once it has answered those it has; until then each step tries.
        """
        placed = self.placed[name]
        for (backend, own), server in wanted.items():
            if (backend, own) in placed:
                continue
            said = self.ask(machine, f"add server {backend}/{own} {haproxy_config.address(server)}")
            if "New server registered" not in said:
                raise LabError(f"{name} does not take the server {own}: {said.strip()}")
            # One that comes out of maintenance counts as up; AWS sends nothing to a target before a check has passed.
            checked = server.group["check"]["enabled"]
            commands = [f"enable health {backend}/{own}"] if checked else []
            commands.append(f"set server {backend}/{own} state ready")
            commands += [f"set server {backend}/{own} health down"] if checked else []
            self.ask(machine, ";".join(commands))
            placed.add((backend, own))
        for backend, own in sorted(placed - set(wanted)):
            self.ask(machine, f"set server {backend}/{own} state maint")
            if "Server deleted" in self.ask(machine, f"del server {backend}/{own}"):
                placed.discard((backend, own))

    def _lost(self, machine: Machine, name: str, mark: str) -> bool:
        """Whether a reload did not take: a signal that arrives during another reload is forgotten."""
        since = time.monotonic() - self.signalled.get(name, 0)
        if not 1.5 < since < 10:
            return False
        info = self.ask(machine, "show info")
        return bool(info) and f"description: {mark}" not in info

    def _certificates(self, endpoint: Endpoint, home: Path, machine: Machine) -> dict[str, str]:
        """Write the listeners' certificates; return {ARN: path inside}. Those ACM would issue the lab's authority signs."""
        found = {}
        for listener in endpoint.want["listeners"]:
            for certificate in filter(None, listener["certificates"]):
                name = hashlib.sha256((certificate["arn"] + certificate["pem"]).encode()).hexdigest()[:16]
                path = home / f"{name}.pem"
                if not path.exists():
                    if certificate["issued"]:
                        pem, key = authority.issue(self.lab.state, certificate["names"], machine.directory / name)
                        text = pem.read_text() + key.read_text()
                    else:
                        text = "\n".join(
                            (certificate["pem"].strip(), certificate["chain"].strip(), certificate["key"].strip(), "")
                        )
                    place(path, text, self.user, 0o600)
                found[certificate["arn"]] = f"/{HOME}/{name}.pem"
        return found

    def _save_state(self, machine: Machine, endpoint: Endpoint, home: Path) -> None:
        """Hand the servers' state over to the next configuration: known ones keep theirs, new ones start as down.

        HAProxy takes a new server for healthy until a check fails; AWS until a check passes sends it nothing.
        """
        known = {}
        servers = list(haproxy_config.servers(endpoint))
        text = ""
        for _ in range(20):
            # The socket changes hands during a reload.
            text = self.ask(machine, "show servers state")
            if text or not machine.running():
                break
            time.sleep(0.1)
        self.states[endpoint.name] = text or self.states.get(endpoint.name, "")
        for line in self.states[endpoint.name].splitlines():
            fields = line.split()
            if len(fields) > 20 and fields[0].isdigit():
                known[(fields[1], fields[3])] = line
        self._part(machine, known, {(backend, server.name) for backend, server in servers})
        lines = ["1", haproxy_config.STATE_FIELDS]
        for number, (backend, server) in enumerate(servers, 1):
            lines.append(known.get((backend, server.name)) or haproxy_config.new_state(number, backend, server))
        place(home / "servers.state", "\n".join(lines) + "\n", self.user)

    def _part(self, machine: Machine, known: dict[tuple[str, str], str], wanted: set[tuple[str, str]]) -> None:
        """Leave the process of this configuration as it is to end: it lives while clients keep connections to it.

        Each of these may bring another request, and the process checks nothing any more (nor takes a command). No new request
        goes to targets that leave, where others stay; what they have begun goes on. Where none of those it is left with
        is healthy, it sends requests to all of them, as AWS does, for they may be well by then.
        """
        for backend in sorted({backend for backend, _ in known}):
            servers = {server for name, server in known if name == backend}
            staying = {server for server in servers if (backend, server) in wanted}
            for server in sorted(servers - staying) if staying else ():
                self.ask(machine, f"set server {backend}/{server} state maint")
            left = staying or servers
            if not any(known[backend, server].split()[5] == RUNNING for server in left):
                for server in sorted(left):
                    self.ask(machine, f"set server {backend}/{server} health up")

    def ask(self, machine: Machine, command: str) -> str:
        """Ask HAProxy over its socket; empty when it does not run."""
        pid = machine.pid()
        if pid is None:
            return ""
        # A path on an overlay is another one outside: the socket is reached through the machine's own root.
        try:
            with socket.socket(socket.AF_UNIX) as link:
                link.settimeout(2)
                link.connect(f"/proc/{pid}/root/{HOME}/admin.sock")
                link.sendall(command.encode() + b"\n")
                text = b""
                while piece := link.recv(65536):
                    text += piece
                return text.decode()
        except OSError:
            return ""

    def _report(self, machine: Machine, endpoint: Endpoint) -> None:
        """Tell the API what the checks of each target say."""
        text = self.ask(machine, "show stat").removeprefix("# ")
        rows = {(row["pxname"], row["svname"]): row for row in csv.DictReader(text.splitlines())}
        for backend, server in haproxy_config.servers(endpoint):
            row = rows.get((backend, server.name))
            if row is None:
                continue
            key = (server.arn, server.target, server.port, server.registration)
            passed = row["check_status"].lstrip("* ") in ("L4OK", "L6OK", "L7OK", "L7OKC")
            if row["status"].startswith("DOWN") and passed and key not in self.healthy_once:
                # The first check that passes makes a new target healthy; the threshold is for those that failed.
                self.ask(machine, f"set server {backend}/{server.name} health up")
                self.healthy_once.add(key)
                continue
            state, reason = health(row, server.group, key in self.healthy_once)
            # While HAProxy asks once more it tells no status code.
            if reason == "Target.ResponseCodeMismatch" and not int(row["check_code"] or 0):
                continue
            if state == "healthy":
                self.healthy_once.add(key)
            if self.reported.get(key) != (state, reason):
                data: dict[str, Any] = {
                    "target_group_arn": server.arn,
                    "instance_id": server.target,
                    "port": server.port,
                    "registration": server.registration,
                }
                data |= {"state": state, "reason": reason, "description": described(reason, row.get("check_code", ""))}
                self.lab.api.post("/lab/target-health", data)
                self.reported[key] = (state, reason)
                self.lab.log(
                    f"{server.target}:{server.port} in {server.group['name']} is {state} ({row['check_status']})"
                )
        present = {(s.arn, s.target, s.port, s.registration) for _, s in haproxy_config.servers(endpoint)}
        arns = set(endpoint.want["target_groups"])
        for key in [key for key in self.reported if key[0] in arns and key not in present]:
            del self.reported[key]
            self.healthy_once.discard(key)


DESCRIPTIONS = {
    "Elb.InitialHealthChecking": "Initial health checks in progress",
    "Target.ResponseCodeMismatch": "Health checks failed with an unexpected response code",
    "Target.Timeout": "Request timed out",
    "Target.FailedHealthChecks": "Health checks failed",
}


def described(reason: str | None, code: str) -> str | None:
    """What DescribeTargetHealth says beside a reason code; of an answer with another status, which it was."""
    if reason == "Target.ResponseCodeMismatch" and code:
        return f"Health checks failed with these codes: [{code}]"
    return DESCRIPTIONS.get(reason or "")


def health(row: dict[str, str], group: dict[str, Any], before: bool) -> tuple[str, str | None]:
    """Target health and reason code, as DescribeTargetHealth words them, from a line of HAProxy's statistics.

    `before` tells whether the target was healthy once; one that was not is `initial` until the threshold is reached.
    """
    if not group["check"]["enabled"]:
        return "healthy", None
    checked = row["check_status"].lstrip("* ")
    if row["status"].startswith("UP") and checked not in ("INI", ""):
        return "healthy", None
    # HAProxy counts failed checks only of what was up; so many checks take so long.
    patience = group["check"]["interval"] * group["check"]["fall"]
    if checked in ("INI", "") or (not before and int(row["lastchg"] or 0) < patience):
        return "initial", "Elb.InitialHealthChecking"
    reasons = {"L7STS": "Target.ResponseCodeMismatch", "L4TOUT": "Target.Timeout", "L7TOUT": "Target.Timeout"}
    return "unhealthy", reasons.get(checked, "Target.FailedHealthChecks")
