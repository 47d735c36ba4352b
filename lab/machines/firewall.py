# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Security groups and network ACLs as nftables rules of a VPC's router, where a machine cannot reach them.

Every packet between two addresses of a VPC, and in and out of it, passes the router's `forward` hook:
network ACLs first, stateless, for each subnet it leaves and enters; then security groups, stateful, at the sender and
at the receiver. https://docs.aws.amazon.com/vpc/latest/userguide/infrastructure-security.html
"""

from __future__ import annotations

import ipaddress
from typing import Any

from lab.machines.plan import Endpoint, Plan, Vpc

#: Where instances find metadata, names and the AWS API; not subject to security groups, as on AWS.
METADATA = "169.254.169.254"
RESOLVER = "169.254.169.253"
API = "169.254.169.250"
_PROTOCOLS = {"6": "tcp", "17": "udp", "1": "icmp", "tcp": "tcp", "udp": "udp", "icmp": "icmp"}


def rules(vpc: Vpc, plan: Plan, links: dict[str, str], peer_links: dict[str, str]) -> str:
    """The whole rule set of a VPC's router for `nft -f`; `links` maps endpoint names to router links."""
    used = sorted({group for endpoint in vpc.endpoints.values() for group in endpoint.groups})
    groups = {key: vpc.part["groups"].get(key, OPEN if key == "open" else CLOSED) for key in used}
    referred = sorted({r[4] for g in groups.values() for r in g["in"] + g["out"] if r[3] == "group" and r[4]})
    lines = ["table ip lab {}", "delete table ip lab", "table ip lab {"]
    lines += [f"  set g_{key} {{ type ipv4_addr; {_elements(plan.members.get(key, []))} }}" for key in referred]
    owned = [f'"{links[e.name]}" . {address}' for e in vpc.endpoints.values() for address in e.addresses]
    lines.append(f"  set owned {{ type ifname . ipv4_addr; {_elements(owned)} }}")
    lines.append(f"  set leave {{ type ipv4_addr; {_elements(sorted(vpc.leave))} }}")
    for key, group in groups.items():
        lines += _chain(f"{key}_in", [r for p in group["in"] for r in _permission(p, "saddr", "accept", plan, vpc)])
        lines += _chain(
            f"{key}_out", [r for p in group["out"] for r in _permission(p, "daddr", "goto ingress", plan, vpc)]
        )
    for endpoint in vpc.endpoints.values():
        chain = _chain_name(endpoint)
        for way in ("in", "out"):
            lines += _chain(f"{chain}_{way}", [*(f"jump {group}_{way}" for group in endpoint.groups), "drop"])
    lines += _acls(vpc)
    lines += _hooks(vpc, peer_links)
    return "\n".join(lines) + "\n}\n"


OPEN: dict[str, list[Any]] = {
    "in": [["-1", None, None, "cidr", "0.0.0.0/0"]],
    "out": [["-1", None, None, "cidr", "0.0.0.0/0"]],
}
CLOSED: dict[str, list[Any]] = {"in": [], "out": []}


def _elements(items: list[str]) -> str:
    return f"elements = {{ {', '.join(dict.fromkeys(items))} }};" if items else ""


def _chain(name: str, body: list[str], hook: str = "") -> list[str]:
    return [f"  chain {name} {{", *([f"    {hook}"] if hook else []), *(f"    {line}" for line in body), "  }"]


def _chain_name(endpoint: Endpoint) -> str:
    return f"e_{endpoint.name}"


def _ports(protocol: str, first: int | None, last: int | None) -> str:
    """The match of a protocol and its ports (for ICMP: type and code)."""
    if protocol == "-1":
        return ""
    name = _PROTOCOLS.get(protocol.lower())
    if name == "icmp":
        kind = "" if first in (None, -1) else f" icmp type {first}"
        return "meta l4proto icmp" + kind + ("" if last in (None, -1) or not kind else f" icmp code {last}")
    if name in ("tcp", "udp"):
        if first in (None, -1) or (first == 0 and last == 65535):
            return f"meta l4proto {name}"
        return f"{name} dport {first}" if first == last else f"{name} dport {first}-{last}"
    return f"meta l4proto {protocol}"


def _cidr(text: str, plan: Plan) -> str:
    """A range as packets show it: a public address in its form inside the lab."""
    net = ipaddress.ip_network(text, strict=False)
    if net.prefixlen == 32 and str(net.network_address) in plan.public:
        return plan.public[str(net.network_address)]
    return str(net)


def _permission(rule: list[Any], side: str, verdict: str, plan: Plan, vpc: Vpc) -> list[str]:
    """One permission of a security group as rules."""
    protocol, first, last, kind, what = rule
    match = _ports(protocol, first, last)
    if kind == "group":
        sources = [f"@g_{what}"] if what else []
    elif kind == "list":
        sources = [_cidr(c, plan) for c in vpc.part["prefix_lists"].get(what, []) if ":" not in c]
    else:
        sources = [_cidr(what, plan)] if what and ":" not in what else []
    found = []
    for source in sources:
        place = "" if source == "0.0.0.0/0" else f"ip {side} {source} "
        found.append(f"{place}{match} {verdict}".strip())
    return found


def _acls(vpc: Vpc) -> list[str]:
    """Two chains a subnet that endpoints are in; inside one subnet network ACLs do not count."""
    present = sorted({subnet for e in vpc.endpoints.values() for subnet in e.addresses.values()})
    acls = [acl for acl in vpc.part["acls"].values() if acl["vpc"] == vpc.id]
    lines = []
    maps: dict[str, list[str]] = {"in": [], "out": []}
    for subnet in present:
        cidr = vpc.subnets[subnet]["cidr"]
        acl = next((a for a in acls if subnet in a["subnets"]), None) or next((a for a in acls if a["default"]), None)
        for way, own, side in (("in", "saddr", "saddr"), ("out", "daddr", "daddr")):
            body = [f"ip {own} {cidr} return"]
            entries = sorted(
                (e for e in (acl or {"entries": []})["entries"] if e[0] == (way == "out")), key=lambda e: e[1]
            )
            for _, _, protocol, action, block, first, last in entries:
                match = _ports(protocol, first, last)
                place = "" if block == "0.0.0.0/0" else f"ip {side} {block} "
                body.append(f"{place}{match} {'return' if action == 'allow' else 'drop'}".strip())
            lines += _chain(f"{subnet}_{way}", [*body, "drop"])
            maps[way].append(f"{cidr} : jump {subnet}_{way}")
    for way, elements in maps.items():
        lines.append(f"  map acl_{way} {{ type ipv4_addr : verdict; flags interval; {_elements(elements)} }}")
    return lines


def _hooks(vpc: Vpc, peer_links: dict[str, str]) -> list[str]:
    out = [f"{a} : goto {_chain_name(e)}_out" for e in vpc.endpoints.values() for a in e.addresses]
    come = [f"{a} : goto {_chain_name(e)}_in" for e in vpc.endpoints.values() for a in e.addresses]
    foreign = ", ".join(f'"{name}"' for name in ["internet", "lo", *peer_links.values()])
    lines = [
        f"  map egress {{ type ipv4_addr : verdict; {_elements(out)} }}",
        f"  map arrive {{ type ipv4_addr : verdict; {_elements(come)} }}",
        f"  map enter {{ type ipv4_addr : ipv4_addr; {_elements([f'{a} : {b}' for a, b in vpc.enter.items()])} }}",
        f"  map source {{ type ipv4_addr : ipv4_addr; {_elements([f'{a} : {b}' for a, b in vpc.leave.items()])} }}",
    ]
    peers = [f'oifname "{link}" accept' for link in peer_links.values()]
    arriving = [
        *peers,
        'oifname "internet" ip saddr @leave accept',
        'oifname "internet" reject with icmp type net-unreachable',
    ]
    lines += _chain("ingress", [*arriving, "ip daddr vmap @arrive", "drop"])
    passing = [
        "ip saddr vmap @acl_out",
        "ip daddr vmap @acl_in",
        "ct state established,related accept",
        "ct state invalid drop",
    ]
    outside = ", ".join(f'"{name}"' for name in ["internet", *peer_links.values()])
    passing += [f"iifname {{ {outside} }} goto ingress", "ip saddr vmap @egress", "drop"]
    lines += _chain("forward", passing, "type filter hook forward priority 0; policy drop;")
    services = [
        "ct state established,related accept",
        'iifname "lo" accept',
        f"ip daddr {{ {vpc.resolver}, {RESOLVER} }} meta l4proto {{ tcp, udp }} th dport 53 accept",
        f"ip daddr {METADATA} tcp dport 80 accept",
        f"ip daddr {API} tcp dport {{ 80, 443 }} accept",
        "drop",
    ]
    lines += _chain("input", services, "type filter hook input priority 0; policy drop;")
    lines += _chain(
        "spoofed",
        [f"iifname {{ {foreign} }} return", "iifname . ip saddr @owned return", "drop"],
        "type filter hook prerouting priority -250; policy accept;",
    )
    lines += _chain(
        "entering", ['iifname "internet" dnat to ip daddr map @enter'], "type nat hook prerouting priority -100;"
    )
    lines += _chain(
        "leaving", ['oifname "internet" snat to ip saddr map @source'], "type nat hook postrouting priority 100;"
    )
    return lines
