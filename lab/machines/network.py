# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""VPCs and the network namespaces of what is in them.

A VPC is one namespace, its router. Every endpoint has a namespace of its own and a link to the router, which answers
ARP for everybody else (proxy ARP), so that each packet between two machines, of one subnet too, is routed and filtered.
"""

from __future__ import annotations

import hashlib
import ipaddress
from pathlib import Path

from lab.machines import firewall, hub
from lab.machines.plan import Endpoint, Plan, Vpc
from lab.machines.util import PREFIX, ip, ip_batch, run, short, sysctl


def vpc_namespace(vpc_id: str) -> str:
    """The namespace of a VPC's router."""
    return f"{PREFIX}{vpc_id}"


def namespace(endpoint: str) -> str:
    """The namespace of an endpoint."""
    return f"{PREFIX}{endpoint}"


class Networks:
    """Makes namespaces, links and rules follow a plan; remembers what it did, and starts from nothing."""

    def __init__(self) -> None:
        self.vpcs: set[str] = set()
        self.endpoints: dict[str, Endpoint] = {}
        self.rules: dict[str, str] = {}
        self.gateways: set[tuple[str, str]] = set()
        self.hub_routes: dict[str, str] = {}
        self.peerings: set[tuple[str, str]] = set()

    def follow(self, plan: Plan) -> None:
        """Make what is missing, change what differs, and remove networks nobody is in; rules last."""
        for vpc in plan.vpcs.values():
            self._vpc(vpc)
        for endpoint in plan.endpoints.values():
            self._endpoint(plan.vpcs[endpoint.vpc], endpoint)
        self._peer(plan)
        for vpc in plan.vpcs.values():
            self._filter(vpc, plan)
        self._public(plan)

    def forget(self, plan: Plan) -> None:
        """Remove the networks of what the plan no longer has; its machines have ended before."""
        for name in [name for name in self.endpoints if name not in plan.endpoints]:
            ip("netns", "del", namespace(name), check=False)
            del self.endpoints[name]
        for vpc_id in [vpc_id for vpc_id in self.vpcs if vpc_id not in plan.vpcs]:
            ip("netns", "del", vpc_namespace(vpc_id), check=False)
            self.vpcs.discard(vpc_id)
            self.rules.pop(vpc_id, None)
            self.gateways = {pair for pair in self.gateways if pair[0] != vpc_id}
            self.peerings = {pair for pair in self.peerings if vpc_id not in pair}
            self.hub_routes = {a: link for a, link in self.hub_routes.items() if link != short(vpc_id)}

    def _vpc(self, vpc: Vpc) -> None:
        if vpc.id in self.vpcs:
            return
        name = vpc_namespace(vpc.id)
        _fresh(name)
        hub.attach(name, short(vpc.id), [])
        fixed = [firewall.METADATA, firewall.RESOLVER, firewall.API, vpc.resolver]
        ip_batch(
            [
                "link set lo up",
                *(f"addr add {address}/32 dev lo" for address in fixed),
                "link set internet up",
                f"route add default via {hub.GATEWAY} dev internet onlink",
                # What no machine has is nowhere, not on the internet.
                *(f"route add unreachable {cidr}" for cidr in vpc.cidrs),
            ],
            name,
        )
        settings = {"ipv4/ip_forward": 1, "ipv4/conf/all/rp_filter": 0, "ipv4/conf/default/rp_filter": 0}
        settings |= {"ipv6/conf/all/disable_ipv6": 1, "ipv4/conf/all/send_redirects": 0}
        settings |= {"ipv4/conf/default/send_redirects": 0}
        sysctl(settings, name)
        self.vpcs.add(vpc.id)

    def _endpoint(self, vpc: Vpc, endpoint: Endpoint) -> None:
        known = self.endpoints.get(endpoint.name)
        if known is not None:
            if known.addresses != endpoint.addresses:
                self._readdress(vpc, known, endpoint)
            self.endpoints[endpoint.name] = endpoint
            return
        name, router, link = namespace(endpoint.name), vpc_namespace(vpc.id), short(endpoint.name)
        _fresh(name)
        mac = ["address", endpoint.mac] if endpoint.mac else []
        ip("link", "add", "eth0", *mac, "netns", name, "type", "veth", "peer", "name", link, "netns", router)
        self._gateways(vpc, endpoint)
        ip_batch([f"link set {link} up", *(f"route replace {a}/32 dev {link}" for a in endpoint.addresses)], router)
        sysctl({f"ipv4/conf/{link}/proxy_arp": 1, f"ipv4/neigh/{link}/proxy_delay": 0}, router)
        ip_batch(["link set lo up", *self._own(vpc, endpoint)], name)
        sysctl({"ipv6/conf/all/disable_ipv6": 1, "ipv4/ping_group_range": "0 2147483647"}, name)
        if endpoint.replication:
            beside = hub.BESIDE + short(name)[len(PREFIX) :]
            ip("link", "add", "rds0", "netns", name, "type", "veth", "peer", "name", beside, "netns", hub.HUB)
            back = [f"addr add {endpoint.replication}/32 dev rds0", "link set rds0 up"]
            ip_batch(
                [*back, f"route add 198.18.128.0/18 via {hub.GATEWAY} dev rds0 onlink src {endpoint.replication}"], name
            )
            ip_batch([f"link set {beside} up", f"route replace {endpoint.replication}/32 dev {beside}"], hub.HUB)
        self.endpoints[endpoint.name] = endpoint

    def _own(self, vpc: Vpc, endpoint: Endpoint) -> list[str]:
        """The `ip` commands for an endpoint's own side."""
        lines = ["link set eth0 up"]
        first = True
        for address, subnet in endpoint.addresses.items():
            net = ipaddress.ip_network(vpc.subnets[subnet]["cidr"])
            lines.append(f"addr add {address}/{net.prefixlen if first else 32} dev eth0")
            if first:
                lines.append(f"route replace default via {net[1]} dev eth0")
            first = False
        return lines

    def _gateways(self, vpc: Vpc, endpoint: Endpoint) -> None:
        """The router answers at the first address of each subnet in use."""
        for subnet in endpoint.addresses.values():
            gateway = str(ipaddress.ip_network(vpc.subnets[subnet]["cidr"])[1])
            if (vpc.id, gateway) not in self.gateways:
                ip("addr", "replace", f"{gateway}/32", "dev", "lo", namespace=vpc_namespace(vpc.id))
                self.gateways.add((vpc.id, gateway))

    def _readdress(self, vpc: Vpc, known: Endpoint, endpoint: Endpoint) -> None:
        """An interface was attached, detached or given another address."""
        link, router = short(endpoint.name), vpc_namespace(vpc.id)
        self._gateways(vpc, endpoint)
        gone = [a for a in known.addresses if a not in endpoint.addresses]
        ip_batch([f"route del {address}/32 dev {link}" for address in gone], router, force=True)
        ip_batch([f"route replace {address}/32 dev {link}" for address in endpoint.addresses], router)
        ip_batch(["addr flush dev eth0 scope global", *self._own(vpc, endpoint)], namespace(endpoint.name))

    def _peer(self, plan: Plan) -> None:
        """Links between the routers of peered VPCs, for the ranges their route tables lead to."""
        wanted = {tuple(sorted((one.id, other))) for one in plan.vpcs.values() for other in one.peers}
        for pair in wanted - self.peerings:
            link = short("/".join(pair))
            ends = [vpc_namespace(vpc_id) for vpc_id in pair]
            ip("link", "add", link, "netns", ends[0], "type", "veth", "peer", "name", link, "netns", ends[1])
            near, far = _link_addresses(link)
            for end, vpc_id, other, own, via in ((ends[0], *pair, near, far), (ends[1], *pair[::-1], far, near)):
                ranges = plan.vpcs[vpc_id].peers.get(other, [])
                routes = [f"route replace {cidr} via {via} dev {link}" for cidr in ranges]
                ip_batch([f"addr add {own}/31 dev {link}", f"link set {link} up", *routes], end)
            self.peerings.add(pair)  # type: ignore[arg-type]
        for pair in self.peerings - wanted:
            ip("link", "del", short("/".join(pair)), namespace=vpc_namespace(pair[0]), check=False)
            self.peerings.discard(pair)

    def _filter(self, vpc: Vpc, plan: Plan) -> None:
        links = {name: short(name) for name in vpc.endpoints}
        peers = {other: short("/".join(sorted((vpc.id, other)))) for other in vpc.peers}
        text = firewall.rules(vpc, plan, links, peers)
        if self.rules.get(vpc.id) != text:
            run("nsenter", f"--net=/run/netns/{vpc_namespace(vpc.id)}", "nft", "-f", "-", stdin=text)
            self.rules[vpc.id] = text

    def _public(self, plan: Plan) -> None:
        # The router owns none of these: it is asked for by an address that it has, and translates.
        wanted = {address: short(vpc.id) for vpc in plan.vpcs.values() for address in {*vpc.enter, *vpc.leave.values()}}
        lines = [
            f"route replace {address}/32 via {firewall.RESOLVER} dev {link} onlink"
            for address, link in wanted.items()
            if self.hub_routes.get(address) != link
        ]
        lines += [f"route del {address}/32" for address in self.hub_routes if address not in wanted]
        ip_batch(lines, hub.HUB, force=True)
        self.hub_routes = wanted
        hub.set_public(plan.public)


def _link_addresses(link: str) -> tuple[str, str]:
    """Two addresses for the ends of a link between routers: the other ones they have are all the same."""
    number = int(hashlib.sha256(link.encode()).hexdigest(), 16)
    start = f"169.254.{64 + number % 64}.{number // 64 % 128 * 2}"
    first = ipaddress.ip_address(start)
    return str(first), str(first + 1)


def _fresh(name: str) -> None:
    """Make a namespace; what a failed attempt left of it goes first."""
    if Path("/run/netns", name).exists():
        ip("netns", "del", name)
    ip("netns", "add", name)


def remove_all() -> None:
    """Remove every namespace of the lab but the hub and the boxes'."""
    for path in Path("/run/netns").glob(f"{PREFIX}*") if Path("/run/netns").exists() else ():
        if path.name != hub.HUB and not path.name.startswith(f"{PREFIX}box-"):
            ip("netns", "del", path.name, check=False)
