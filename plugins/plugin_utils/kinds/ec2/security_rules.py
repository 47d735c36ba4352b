# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Security group rules: from AWS's permissions to the inventory's named rules and back.

One rule of the inventory, ``{protocol, ports: [..], from: [..]}``, is on AWS one permission a port and source. Each
carries the rule's name as its description, and by that name they are folded together again.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html
"""

from __future__ import annotations

import re
import typing as t

from . import cidrs

#: Which option names the other end, by direction.
ENDS = {"ingress": "from", "egress": "to"}
PORTED, TYPED = ("tcp", "udp"), ("icmp", "icmpv6")
#: Numbers AWS answers with the protocol's name.
NUMBERED = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6"}
SELF = "self"
#: Prefix lists and groups of other cells are named by id.
FOREIGN = re.compile(r"(sg|pl)-[0-9a-f]{8,17}")
#: What AWS takes as a description, and so as a rule's name.
ALLOWED = "1 to 255 of letters, digits, spaces and ._-:/()#,@[]+=&;{}!$*"
DESCRIPTION = re.compile(r"[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]{1,255}")


class Permission(t.NamedTuple):
    """One port (or range, or ICMP type) of one protocol, and one other end."""

    protocol: str
    ports: str
    end: str


def normalised(rule: dict[str, t.Any], direction: str) -> dict[str, t.Any]:
    """A rule as AWS is read: nothing twice, networks in AWS's form, and all ports or types where it names none."""
    end = ENDS[direction]
    return {
        **rule,
        "ports": sorted(set(rule["ports"])) or ["all"],
        end: sorted({cidrs.normalised(each) for each in rule[end]}),
    }


def permissions(rule: dict[str, t.Any], direction: str) -> t.Iterator[Permission]:
    """Every permission a normalised rule expands to."""
    for ports in rule["ports"]:
        for end in rule[ENDS[direction]]:
            yield Permission(rule["protocol"], ports, end)


def folded(found: t.Iterable[tuple[str, Permission]], direction: str) -> dict[str, dict[str, t.Any]]:
    """The rules that descriptions and permissions amount to.

    Permissions of one description that are not every port with every end (somebody took one away) become several rules,
    of which the largest keeps the name. Those without a description are named for their protocol and ports.
    """
    ends: dict[str, dict[tuple[str, str], set[str]]] = {}
    for description, one in found:
        ends.setdefault(description, {}).setdefault((one.protocol, one.ports), set()).add(one.end)
    rules: dict[str, dict[str, t.Any]] = {}
    for description, by_port in sorted(ends.items(), reverse=True):
        blocks: dict[tuple[str, tuple[str, ...]], list[str]] = {}
        for (protocol, ports), sources in by_port.items():
            blocks.setdefault((protocol, tuple(sorted(sources))), []).append(ports)
        largest_first = sorted(blocks.items(), key=lambda block: (-len(block[1]) * len(block[0][1]), block))
        for place, ((protocol, sources), ports) in enumerate(largest_first):
            what = f"{protocol} {','.join(sorted(ports))}"
            name = f"unnamed {what}" if not description else description if place == 0 else f"{description} ({what})"
            while name in rules:
                name += "+"
            rules[name] = {"protocol": protocol, "ports": sorted(ports), ENDS[direction]: list(sources)}
    return rules


def read(permission: dict[str, t.Any], end: t.Callable[[str], str]) -> t.Iterator[tuple[str, Permission]]:
    """Description and permission of each range, prefix list and group in one of AWS's IpPermissions.

    :param end: the inventory's word for a group's id
    """
    protocol = "all" if permission["IpProtocol"] == "-1" else permission["IpProtocol"]
    ports = _ports(protocol, permission.get("FromPort"), permission.get("ToPort"))
    for key, ident in (("IpRanges", "CidrIp"), ("Ipv6Ranges", "CidrIpv6"), ("PrefixListIds", "PrefixListId")):
        for each in permission.get(key) or ():
            yield each.get("Description", ""), Permission(protocol, ports, each[ident])
    for each in permission.get("UserIdGroupPairs") or ():
        yield each.get("Description", ""), Permission(protocol, ports, end(each["GroupId"]))


def _ports(protocol: str, first: int | None, last: int | None) -> str:
    if first is None or (protocol not in PORTED and first == -1) or protocol not in PORTED + TYPED:
        return "all"
    if protocol in TYPED:
        return str(first) if last in (None, -1) else f"{first}/{last}"
    return "all" if (first, last) == (0, 65535) else str(first) if first == last else f"{first}-{last}"


def groups(rule: dict[str, t.Any], direction: str) -> list[str]:
    """The security groups of the inventory that a rule names."""
    return [end for end in rule[ENDS[direction]] if end != SELF and not FOREIGN.fullmatch(end) and not _addressed(end)]


def _addressed(end: str) -> bool:
    """Whether it is meant as an address or network."""
    return "/" in end or ":" in end or bool(re.fullmatch(r"[0-9.]+", end))


def wrong(name: str, rule: dict[str, t.Any], direction: str) -> t.Iterator[str]:
    """What is wrong with a rule of the inventory beyond types, but for groups that do not exist."""
    if not DESCRIPTION.fullmatch(name):
        yield f"a rule's name is its description on AWS: {ALLOWED}"
    protocol = rule["protocol"]
    if protocol not in ("all", *PORTED, *TYPED) and not (protocol.isdigit() and int(protocol) <= 255):
        yield f"protocol: must be tcp, udp, icmp, icmpv6, all or a protocol's number, not {protocol}"
    elif protocol in NUMBERED:
        yield f"protocol: write {NUMBERED[protocol]}, not {protocol}"
    if protocol in PORTED and not rule["ports"]:
        yield "ports: is required; a port, a range such as 8000-8010, a list of them, or all"
    for ports in rule["ports"]:
        yield from (f"ports: {problem}" for problem in _wrong_ports(protocol, ports))
    if not rule[ENDS[direction]]:
        yield f"{ENDS[direction]}: is required; networks, prefix lists, self, or security groups by name"
    for end in rule[ENDS[direction]]:
        if _addressed(end) and (problem := cidrs.problem(end)):
            yield f"{ENDS[direction]}: {problem}"


def _wrong_ports(protocol: str, ports: str) -> t.Iterator[str]:
    first, dash, last = ports.partition("/" if protocol in TYPED else "-")
    top = 255 if protocol in TYPED else 65535
    if ports == "all":
        return
    if protocol not in PORTED + TYPED:
        yield f"protocol {protocol} has none, leave them out, not {ports}"
    elif not first.isdigit() or (dash and not last.isdigit()) or max(int(first), int(last or 0)) > top:
        form = "all, a type such as 8 or a type and code such as 3/4" if protocol in TYPED else "all, 443 or 8000-8010"
        yield f"must be {form}, not {ports}"
    elif protocol in PORTED and dash and int(first) >= int(last):
        yield f"{ports} does not go upwards"
    elif ports == "0-65535":
        yield "write all, not 0-65535"
