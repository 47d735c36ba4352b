# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers names, as Route 53 does: in every VPC at its base address plus two, and on loopback for this machine.

In a VPC private zones win over public ones, AWS's own names (databases, caches, balancers) have private addresses, the
names of the AWS API lead to the lab's, and the package registries' are asked of this machine's name server. Everything
else does not exist. https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resolver.html
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from typing import TYPE_CHECKING, Any

from lab.machines import dnswire, firewall, hub, mirrors
from lab.machines.dnswire import Question, Record
from lab.machines.network import vpc_namespace
from lab.machines.util import inside, run

if TYPE_CHECKING:
    from lab.machines.daemon import Lab

#: Seconds that the answer of an alias of a load balancer may be kept, and of the other names AWS gives.
#: https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resource-record-sets-values-alias-common.html
ALIAS_TTL, OWN_TTL = 60, 5
#: The lab's name server on this machine: `dig @127.0.0.153 -p 53 name`.
HOST_ADDRESS = "127.0.0.153"


class Resolver:
    """One name server: of a VPC, or (without one) of this machine."""

    def __init__(self, lab: Lab, vpc: str | None) -> None:
        self.lab, self.vpc = lab, vpc
        self.sockets: list[socket.socket] = []
        if vpc is None:
            self._bind(HOST_ADDRESS)
        else:
            with inside(vpc_namespace(vpc)):
                for address in (lab.plan.vpcs[vpc].resolver, firewall.RESOLVER):
                    self._bind(address)
        # A thread stays in the namespace it is started in, and these ask this machine's name server: not in there.
        for each in self.sockets:
            work = self._datagrams if each.type == socket.SOCK_DGRAM else self._streams
            threading.Thread(target=work, args=(each,), daemon=True).start()

    def _bind(self, address: str) -> None:
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        datagrams.bind((address, 53))
        stream = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stream.bind((address, 53))
        stream.listen(16)
        self.sockets += [datagrams, stream]

    def close(self) -> None:
        """Stop answering."""
        for each in self.sockets:
            each.close()

    def _datagrams(self, server: socket.socket) -> None:
        while True:
            try:
                query, client = server.recvfrom(4096)
            except OSError:
                return
            # Asking upstream may take a while; nobody else has to wait for it.
            threading.Thread(target=self._reply, args=(server, query, client), daemon=True).start()

    def _reply(self, server: socket.socket, query: bytes, client: Any) -> None:
        answer = self.answer(query, 1232)
        if answer:
            server.sendto(answer, client)

    def _streams(self, server: socket.socket) -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=self._stream, args=(connection,), daemon=True).start()

    def _stream(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(5)
            try:
                while size := connection.recv(2):
                    query = connection.recv(int.from_bytes(size, "big"))
                    answer = self.answer(query, 65535)
                    connection.sendall(len(answer).to_bytes(2, "big") + answer)
            except OSError:
                return

    def answer(self, query: bytes, limit: int) -> bytes:
        """The answer to a query in wire form; empty for what is not one."""
        try:
            question = dnswire.parse(query)
        except (ValueError, IndexError):
            return b""
        try:
            records, known = self.resolve(question.name, question.type)
            if not known and (upstream := self._upstream(query, question)):
                return upstream
            return dnswire.build(question, records, dnswire.NOERROR if known else dnswire.NXDOMAIN, limit)
        except Exception as error:  # a wrong record must not silence the name server
            self.lab.log(f"dns {question.name}: {type(error).__name__}: {error}")
            return dnswire.build(question, [], dnswire.SERVFAIL, limit)

    def resolve(self, name: str, kind: str, depth: int = 0) -> tuple[list[Record], bool]:
        """The records of a name and type, aliases followed; and whether the name exists at all."""
        if depth > 8:
            return [], True
        name = name.lower().rstrip(".")
        for zone in self._zones(name):
            found = self._in_zone(zone, name, kind, depth)
            if found is not None:
                return found, True
            if zone["private"]:
                return [], True
        address = self._own(name)
        if address:
            return ([Record(name, "A", OWN_TTL, a) for a in address] if kind == "A" else []), True
        return [], False

    def _zones(self, name: str) -> list[dict[str, Any]]:
        """The zones a name is in: private before public, the longest first."""
        fitting = []
        for zone in self.lab.plan.zones:
            base = zone["name"].lower().rstrip(".")
            visible = not zone["private"] or self.vpc in zone["vpcs"]
            if visible and (name == base or name.endswith("." + base)):
                fitting.append((zone["private"], len(base), zone))
        return [zone for _, _, zone in sorted(fitting, key=lambda item: item[:2], reverse=True)]

    def _in_zone(self, zone: dict[str, Any], name: str, kind: str, depth: int) -> list[Record] | None:
        """The records of a name in a zone; None when the zone has nothing of that name."""
        wild = "\\052." + name.partition(".")[2]
        star = "*." + name.partition(".")[2]
        named: dict[str, list[dict[str, Any]]] = {}
        for record in zone["records"]:
            named.setdefault(record["name"].lower().rstrip("."), []).append(record)
        here = named.get(name) or named.get(wild) or named.get(star)
        if here is None:
            return None
        records = [r for r in here if r["type"] == kind]
        if not records and (aliases := [r for r in here if r["type"] == "CNAME"]):
            target = (aliases[0]["values"] or [""])[0]
            return [Record(name, "CNAME", aliases[0]["ttl"], target), *self.resolve(target, kind, depth + 1)[0]]
        found: list[Record] = []
        for record in self.lab.health.choose(records):
            if record["alias"]:
                followed, _ = self.resolve(record["alias"], kind, depth + 1)
                own = bool(self._own(record["alias"].lower().rstrip(".")))
                found += [
                    Record(name, r.type, ALIAS_TTL if own else r.ttl, r.value) for r in followed if r.type == kind
                ]
            else:
                found += [Record(name, kind, record["ttl"], value) for value in record["values"]]
        return found

    def _own(self, name: str) -> list[str]:
        """Addresses of the names AWS gives: of databases, caches, balancers, instances and of its API."""
        if name in self.lab.names:
            private, public = self.lab.names[name]
            if self.vpc is None:
                return public
            return [self.lab.plan.public.get(a, a) for a in public] if public else private
        if self.vpc is None:
            return []
        words = name.split(".")
        if words[0].startswith("ip-") and name.endswith((".ec2.internal", ".compute.internal")):
            try:
                return [str(ipaddress.IPv4Address(words[0][3:].replace("-", ".")))]
            except ValueError:
                return []
        # A database that is gone, or has another name, has none; RDS publishes its authorities below its own domain.
        database = name.endswith(".rds.amazonaws.com") and not name.endswith(".pki.rds.amazonaws.com")
        if name.endswith((".amazonaws.com", ".api.aws")) and not database:
            return [firewall.API]
        return []

    def _upstream(self, query: bytes, question: Question) -> bytes | None:
        """Ask this machine's name server about a package registry, and let its addresses through."""
        name = question.name.lower().rstrip(".")
        if self.vpc is None or not any(name == r or name.endswith("." + r) for r in ALLOWED):
            return None
        for server in hub.resolvers() or loopback_resolvers():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
                asking.settimeout(3)
                try:
                    asking.sendto(query, (server, 53))
                    answer = asking.recv(4096)
                except OSError:
                    continue
            addresses = dnswire.addresses(answer) - self.lab.registries
            if addresses:
                self.lab.registries |= addresses
                run(
                    "nft", "add", "element", "ip", hub.TABLE, "registries", f"{{ {', '.join(addresses)} }}", check=False
                )
            return answer
        return None


ALLOWED = mirrors.DOMAINS


def loopback_resolvers() -> list[str]:
    """A name server on loopback (systemd-resolved): this process can ask it, a namespace could not."""
    try:
        with open("/etc/resolv.conf") as file:
            return [line.split()[1] for line in file if line.startswith("nameserver 127.")]
    except OSError:
        return []
