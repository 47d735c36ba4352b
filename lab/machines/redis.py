# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ElastiCache nodes as real Redis servers: TLS in transit, the auth token, replicas."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from lab.machines import authority, image
from lab.machines.bridge import tokens_digest
from lab.machines.network import namespace
from lab.machines.plan import Endpoint
from lab.machines.service import Servers, account, folder, place
from lab.machines.util import LabError

if TYPE_CHECKING:
    from lab.machines.daemon import Lab
    from lab.machines.machine import Machine

HOME = "var/lib/redis"


class Caches(Servers):
    """The driver of cache nodes."""

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        self.user = account("redis")
        self.marks: dict[str, str] = {}
        self.tokens: dict[str, list[str]] = {}

    def step(self, endpoint: Endpoint) -> None:
        """Bring one node to what the API says; a changed setting restarts it with its data, changed tokens do not."""
        machine = self.server(endpoint.name)
        text, tokens = self._configuration(endpoint), endpoint.want["tokens"]
        mark = hashlib.sha256(text.encode()).hexdigest()
        if machine.running() and self.marks.get(endpoint.name) == mark:
            if tokens != self.tokens[endpoint.name]:
                self._change_tokens(machine, endpoint)
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
        place(home / "redis.conf", text + _admission(tokens), self.user, 0o600)
        machine.start(
            [self.lab.host_layer, image.services(), image.base()],
            namespace(endpoint.name),
            argv=["/usr/bin/redis-server", f"/{HOME}/redis.conf"],
            user="redis",
        )
        self.marks[endpoint.name], self.tokens[endpoint.name] = mark, tokens
        self._tell(endpoint)
        self.lab.log(f"{endpoint.name} starts at {endpoint.address}")

    def _change_tokens(self, machine: Machine, endpoint: Endpoint) -> None:
        """Let the tokens count from now on; who has signed in stays."""
        want, known = endpoint.want, self.tokens[endpoint.name]
        place(
            machine.upper / HOME / "redis.conf",
            self._configuration(endpoint) + _admission(want["tokens"]),
            self.user,
            0o600,
        )
        commands = [f"AUTH {known[-1]}"] if known else []
        commands.append("ACL SETUSER default on resetpass " + (_passwords(want["tokens"]) or "nopass"))
        commands.append(f"CONFIG SET masterauth {want['tokens'][-1] if want['tokens'] else chr(34) * 2}")
        words = [
            "redis-cli",
            "-p",
            str(want["port"]),
            *(["--tls", "--cacert", f"/{HOME}/ca.pem"] if want["tls"] else []),
        ]
        said = machine.enter(*words, "-h", endpoint.address, stdin="\n".join(commands) + "\n")
        if said.split() != ["OK"] * len(commands):
            raise LabError(f"{endpoint.name} does not take its tokens: {said}")
        self.tokens[endpoint.name] = want["tokens"]
        self._tell(endpoint)
        self.lab.log(f"{endpoint.name} takes {len(want['tokens'])} tokens")

    def _tell(self, endpoint: Endpoint) -> None:
        """The API calls the cache available again once each of its nodes takes its tokens."""
        want = endpoint.want
        told = {"arn": want["arn"], "node": want["node"]["id"], "tokens": tokens_digest(want["tokens"])}
        self.lab.api.post("/lab/machines/tokens", told)

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
        if want["primary"]:
            lines.append(f"replicaof {want['primary']} {want['port']}")
        return "\n".join(lines) + "\n"


def _admission(tokens: list[str]) -> str:
    """Who is let in: whoever has one of the tokens. Replicas sign in with the newest."""
    return f"user default on {_passwords(tokens)} ~* &* +@all\nmasterauth {tokens[-1]}\n" if tokens else ""


def _passwords(tokens: list[str]) -> str:
    """As Redis takes passwords nobody is to read."""
    return " ".join(f"#{hashlib.sha256(each.encode()).hexdigest()}" for each in tokens)
