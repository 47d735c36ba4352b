# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's internet: one namespace between this machine and the VPCs, and the only table of packet rules on the host.

Private addresses of VPCs never appear on this machine, so VPCs may overlap each other and the host's networks. A public
address has two forms: 127.x.y.z, which the API reports and programs on this machine use, and 198.18.x.y, which the
lab's own networks route. Traffic from this machine enters the lab with the operator's address, which lies outside
every VPC: security groups see it as the internet.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from pathlib import Path

from lab.machines import mirrors
from lab.machines.util import PREFIX, LabError, find_command, ip, ip_batch, run, sysctl

HUB = f"{PREFIX}hub"
TABLE = "terrace_lab"
#: Links of servers that replicate beside the VPCs; only they reach each other over these.
BESIDE = "tr-"
PUBLIC = ipaddress.ip_network("198.18.0.0/16")
GATEWAY = "198.18.255.254"
#: Who the lab's machines see when a program on this machine connects to them.
OPERATOR = os.environ.get("LAB_OPERATOR_ADDRESS", "198.51.100.10")
REGISTRIES = mirrors.HOSTS
#: Whether this machine forwarded packets before the lab came.
FORWARDING = Path("/run/terrace-lab-forwarding")
#: Every systemd and every sshd watches files, all on this machine's one account: its usual 128 are enough for a dozen machines.
WATCHERS = Path("/proc/sys/fs/inotify/max_user_instances")
WATCHERS_BEFORE = Path("/run/terrace-lab-watchers")
WATCHERS_NEEDED = 2048
#: Where ip(8) mounts network namespaces; the first of a machine makes it a mount of its own, which ip leaves.
NAMESPACES = Path("/run/netns")
#: Whether that mount is the lab's: its first namespace was this machine's first.
NAMESPACES_MADE = Path("/run/terrace-lab-netns")
RESOLVED = "/run/systemd/resolve/resolv.conf"


BESIDE_RULES = f"""
table ip lab {{
  chain forward {{
    type filter hook forward priority filter; policy accept;
    iifname "{BESIDE}*" oifname "{BESIDE}*" accept
    iifname "{BESIDE}*" drop
    oifname "{BESIDE}*" drop
  }}
  chain output {{
    type filter hook output priority filter; policy accept;
    oifname "{BESIDE}*" meta l4proto tcp drop
  }}
}}
"""


def resolvers() -> list[str]:
    """The name servers of this machine that another network namespace can reach (not the loopback ones)."""
    for path in ("/etc/resolv.conf", RESOLVED):
        text = Path(path).read_text() if Path(path).exists() else ""
        found = [a for a in re.findall(r"^nameserver\s+([\d.]+)\s*$", text, re.MULTILINE) if not a.startswith("127.")]
        if found:
            return found
    return []


def registries() -> set[str]:
    """The addresses packages come from: the registries by name, and this machine's proxies."""
    names = list(REGISTRIES)
    for key, value in os.environ.items():
        if key.lower() in ("http_proxy", "https_proxy", "pip_index_url"):
            names += re.findall(r"//(?:[^@/]*@)?([^/:]+)", value)
    found: set[str] = set()
    for name in names:
        try:
            found |= {str(info[4][0]) for info in socket.getaddrinfo(name, 443, socket.AF_INET, socket.SOCK_STREAM)}
        except OSError:
            continue
    return {address for address in found if not address.startswith("127.")}


def refuse_overlap() -> None:
    """Raise LabError when the lab's addresses would cover a route or the resolver of this machine."""
    ours = [PUBLIC, ipaddress.ip_network(f"{OPERATOR}/32")]
    theirs = {f"the resolver {address}": ipaddress.ip_network(address) for address in resolvers()}
    for line in ip("-4", "route", "show", "table", "main").splitlines():
        words = line.split()
        target = words[1] if words[0] in ("unreachable", "blackhole", "prohibit") else words[0]
        device = words[words.index("dev") + 1] if "dev" in words else ""
        if target != "default" and not device.startswith(PREFIX):
            theirs[f"the route {line.strip()}"] = ipaddress.ip_network(target, strict=False)
    clashes = [f"{own} covers {what}" for own in ours for what, net in theirs.items() if own.overlaps(net)]
    if clashes:
        raise LabError(
            "the lab's networks would cover this machine's own: "
            + "; ".join(clashes)
            + ". The operator's address can be moved with LAB_OPERATOR_ADDRESS; 198.18.0.0/16 (RFC 2544) must be free."
        )


def ensure() -> None:
    """Make the hub and the host's rules; nothing happens when they are there."""
    # The table is written last: with it, everything before it is there.
    if Path("/sys/class/net", HUB).exists() and run("nft", "list", "table", "ip", TABLE, check=False):
        _let_watch()
        refresh()
        return
    remove()
    _let_watch()
    refuse_overlap()
    if not _is_mount(NAMESPACES):
        NAMESPACES_MADE.touch()
    ip("netns", "add", HUB)
    ip("link", "add", HUB, "type", "veth", "peer", "name", "host", "netns", HUB)
    ip_batch([f"addr add {OPERATOR}/32 dev {HUB}", f"link set {HUB} up"])
    ip_batch(
        [
            "link set lo up",
            f"addr add {GATEWAY}/32 dev lo",
            "link set host up",
            f"route add {OPERATOR}/32 dev host",
            f"route add default via {OPERATOR} dev host src {GATEWAY}",
            f"route add unreachable {PUBLIC}",
        ],
        HUB,
    )
    sysctl({"ipv4/ip_forward": 1, "ipv6/conf/all/disable_ipv6": 1}, HUB)
    run("nsenter", f"--net=/run/netns/{HUB}", "nft", "-f", "-", stdin=BESIDE_RULES)
    ip_batch([f"route add {GATEWAY}/32 dev {HUB}", f"route add {PUBLIC} via {GATEWAY} dev {HUB} src {OPERATOR}"])
    # Only on the lab's own link may a packet from 127.0.0.1 leave loopback: it does so with the operator's address.
    sysctl({f"ipv4/conf/{HUB}/route_localnet": 1, f"ipv4/conf/{HUB}/rp_filter": 0})
    # Forwarding is needed for package downloads alone; `remove` puts back what was there.
    forwarding = Path("/proc/sys/net/ipv4/ip_forward")
    if not FORWARDING.exists():
        FORWARDING.write_text(forwarding.read_text())
    forwarding.write_text("1")
    refresh()


def _let_watch() -> None:
    """Let more processes watch files, when that is needed; `remove` puts back what was there."""
    if int(WATCHERS.read_text()) < WATCHERS_NEEDED:
        if not WATCHERS_BEFORE.exists():
            WATCHERS_BEFORE.write_text(WATCHERS.read_text())
        WATCHERS.write_text(str(WATCHERS_NEEDED))


def refresh() -> None:
    """Write the host's table anew, with the registries' present addresses, keeping the public addresses it has."""
    known = public_addresses()
    was_router = FORWARDING.exists() and FORWARDING.read_text().strip() == "1"
    allow = ", ".join(sorted(registries()))
    names = ", ".join(resolvers())
    rules = f"""
table ip {TABLE} {{}}
delete table ip {TABLE}
table ip {TABLE} {{
  map public {{ type ipv4_addr : ipv4_addr; {_elements(known)} }}
  set registries {{ type ipv4_addr; {f"elements = {{ {allow} }};" if allow else ""} }}
  set resolvers {{ type ipv4_addr; {f"elements = {{ {names} }};" if names else ""} }}
  chain to_public {{
    type nat hook output priority -100; policy accept;
    ip daddr 127.0.0.0/8 dnat to ip daddr map @public
  }}
  chain sources {{
    type nat hook postrouting priority 100; policy accept;
    oifname "{HUB}" snat to {OPERATOR}
    ip saddr {PUBLIC} oifname != "{HUB}" masquerade
  }}
  chain input {{
    type filter hook input priority filter; policy accept;
    iifname "{HUB}" ct state established,related accept
    iifname "{HUB}" drop
  }}
  chain forward {{
    type filter hook forward priority filter; policy accept;
    iifname "{HUB}" ip daddr @registries tcp dport {{ 80, 443, 3128, 8080 }} accept
    iifname "{HUB}" ip daddr @resolvers meta l4proto {{ tcp, udp }} th dport 53 accept
    iifname "{HUB}" reject with icmp type admin-prohibited
    oifname "{HUB}" ct state established,related accept
    oifname "{HUB}" drop
    {"" if was_router else "drop"}
  }}
}}
"""
    run("nft", "-f", "-", stdin=rules)


def _elements(known: dict[str, str]) -> str:
    return f"elements = {{ {', '.join(f'{a} : {b}' for a, b in sorted(known.items()))} }};" if known else ""


def public_addresses() -> dict[str, str]:
    """Which 127.x.y.z stands for which 198.18.x.y just now."""
    text = run("nft", "list", "map", "ip", TABLE, "public", check=False)
    return dict(re.findall(r"(127\.[\d.]+) : ([\d.]+)", text))


def set_public(wanted: dict[str, str]) -> None:
    """Make the host's map of public addresses be `wanted`: {127.x.y.z: 198.18.x.y}."""
    present = public_addresses()
    gone = [a for a, b in present.items() if wanted.get(a) != b]
    new = {a: b for a, b in wanted.items() if present.get(a) != b}
    lines = [f"delete element ip {TABLE} public {{ {a} : {present[a]} }}" for a in gone]
    lines += [f"add element ip {TABLE} public {{ {a} : {b} }}" for a, b in new.items()]
    if lines:
        run("nft", "-f", "-", stdin="\n".join(lines) + "\n")


def attach(namespace: str, link: str, addresses: list[str]) -> None:
    """Join a namespace to the hub: its link is called `internet`, the hub's end `link`, and `addresses` lead there."""
    ip("link", "add", "internet", "netns", namespace, "type", "veth", "peer", "name", link, "netns", HUB)
    ip_batch([f"link set {link} up", *(f"route replace {address}/32 dev {link}" for address in addresses)], HUB)


def remove() -> None:
    """Take the hub and the host's rules away and put the host's settings back; nothing happens without them."""
    if find_command("nft"):
        run("nft", "delete", "table", "ip", TABLE, check=False)
    if Path("/run/netns", HUB).exists():
        ip("netns", "del", HUB)
    if Path("/sys/class/net", HUB).exists():
        ip("link", "del", HUB, check=False)
    if FORWARDING.exists():
        Path("/proc/sys/net/ipv4/ip_forward").write_text(FORWARDING.read_text())
        FORWARDING.unlink()
    if WATCHERS_BEFORE.exists():
        WATCHERS.write_text(WATCHERS_BEFORE.read_text())
        WATCHERS_BEFORE.unlink()
    if NAMESPACES_MADE.exists() and not (NAMESPACES.exists() and any(NAMESPACES.iterdir())):
        if _is_mount(NAMESPACES):
            run("umount", str(NAMESPACES))
            NAMESPACES.rmdir()
        NAMESPACES_MADE.unlink()


def _is_mount(path: Path) -> bool:
    """Whether something is mounted there, also a bind mount of a directory to itself."""
    mounts = (line.split(" ") for line in Path("/proc/self/mountinfo").read_text().splitlines())
    return any(fields[4] == str(path) for fields in mounts)
