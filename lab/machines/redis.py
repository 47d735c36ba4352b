# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ElastiCache nodes as real Redis servers: TLS in transit, the auth token, replicas."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from lab.machines import authority, image
from lab.machines.network import namespace
from lab.machines.plan import Endpoint
from lab.machines.service import Servers, account, folder, place

if TYPE_CHECKING:
    from lab.machines.daemon import Lab

HOME = "var/lib/redis"


class Caches(Servers):
    """The driver of cache nodes."""

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        self.user = account("redis")
        self.marks: dict[str, str] = {}

    def step(self, endpoint: Endpoint) -> None:
        """Bring one node to what the API says; a changed setting restarts it with its data."""
        machine = self.server(endpoint.name)
        text = self._configuration(endpoint)
        mark = hashlib.sha256(text.encode()).hexdigest()
        if machine.running() and self.marks.get(endpoint.name) == mark:
            return
        if machine.running():
            machine.stop(15, 5)
        machine.kill()
        home = folder(machine.upper / HOME, self.user)
        want = endpoint.want
        if want["tls"] and not (home / "server.pem").exists():
            named = [want["primary_name"], want["reader_name"], want["node"]["name"], endpoint.address]
            certificate, key = authority.issue(
                self.lab.state, [name for name in named if name], machine.directory / "tls"
            )
            place(home / "server.pem", certificate.read_bytes(), self.user)
            place(home / "server.key", key.read_bytes(), self.user, 0o600)
        place(home / "ca.pem", authority.ensure(self.lab.state).read_bytes(), self.user)
        place(home / "redis.conf", text, self.user, 0o600)
        machine.start(
            [self.lab.host_layer, image.services(), image.base()],
            namespace(endpoint.name),
            argv=["/usr/bin/redis-server", f"/{HOME}/redis.conf"],
            user="redis",
        )
        self.marks[endpoint.name] = mark
        self.lab.log(f"{endpoint.name} starts at {endpoint.address}")

    @staticmethod
    def _configuration(endpoint: Endpoint) -> str:
        want = endpoint.want
        lines = ["bind 0.0.0.0", f"dir /{HOME}", "maxmemory 128mb", "protected-mode no", 'logfile ""', "daemonize no"]
        if want["tls"]:
            lines += ["port 0", f"tls-port {want['port']}", f"tls-cert-file /{HOME}/server.pem"]
            lines += [f"tls-key-file /{HOME}/server.key", f"tls-ca-cert-file /{HOME}/ca.pem", "tls-auth-clients no"]
            lines += ["tls-replication yes"]
        else:
            lines.append(f"port {want['port']}")
        if want["token"]:
            lines += [f"requirepass {want['token']}", f"masterauth {want['token']}"]
        if want["primary"]:
            lines.append(f"replicaof {want['primary']} {want['port']}")
        return "\n".join(lines) + "\n"
