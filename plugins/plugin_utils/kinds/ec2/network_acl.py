# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Network ACLs. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkAcls.html"""

from __future__ import annotations

import typing as t

from ...engine.cell import Cell
from ...engine.kind import Kind, Resource
from . import cidrs

#: AWS's number of the closing "deny all", which is always there and cannot be changed.
CLOSING_RULE = 32767
PROTOCOLS = {"-1": "all", "6": "tcp", "17": "udp", "1": "icmp"}


class NetworkAcl(Kind):
    name = "network_acl"
    role = "network"
    variable = "network_acls"
    resource_type = "ec2:network-acl"
    shapes: t.ClassVar[dict[str, str]] = dict.fromkeys(("ingress", "egress"), "network_acl_entry")
    immutable = frozenset({"vpc"})
    #: A subnet has one ACL: the one that gets it is written before the one that had it is removed.
    exclusive = frozenset({"subnets"})
    replacement_reason = "its subnets use one network ACL each"
    references: t.ClassVar[dict[str, str]] = {"vpc": "vpc", "subnets": "subnet"}

    def read(self, cell: Cell) -> dict[str, Resource]:
        acls = cell.ec2("describe_network_acls", "NetworkAcls")
        return {
            name: Resource(
                id=acl["NetworkAclId"],
                attributes={
                    "vpc": cell.name_of("vpc", acl["VpcId"]),
                    "subnets": cell.names_of("subnet", (each["SubnetId"] for each in acl["Associations"])),
                    "ingress": self._rules(acl["Entries"], egress=False),
                    "egress": self._rules(acl["Entries"], egress=True),
                },
                facts={
                    "subnet_ids": sorted(each["SubnetId"] for each in acl["Associations"]),
                    "default": acl["IsDefault"],
                },
                tags=tags,
            )
            for name, acl, tags in cell.owned(self.name, acls, lambda a: a["Tags"], lambda a: a["NetworkAclId"])
        }

    @staticmethod
    def _rules(entries: list[dict[str, t.Any]], egress: bool) -> dict[str, t.Any]:
        return {
            str(entry["RuleNumber"]): {
                "action": entry["RuleAction"],
                "protocol": PROTOCOLS.get(str(entry["Protocol"]), str(entry["Protocol"])),
                "cidr": entry.get("CidrBlock") or entry.get("Ipv6CidrBlock"),
                "ports": _ports(entry.get("PortRange")),
            }
            for entry in entries
            if entry["Egress"] == egress and entry["RuleNumber"] != CLOSING_RULE
        }

    def normalise(self, entry: dict[str, t.Any]) -> dict[str, t.Any]:
        ways = {
            way: {number: {**rule, "cidr": cidrs.normalised(rule["cidr"])} for number, rule in entry[way].items()}
            for way in ("ingress", "egress")
        }
        return {**entry, **ways}

    def check(self, name: str, entry: dict[str, t.Any], world: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        for way in ("ingress", "egress"):
            for number, rule in entry[way].items():
                yield from (f"{way}.{number}: {problem}" for problem in _wrong(number, rule))


def _ports(found: dict[str, int] | None) -> str:
    if not found or (found["From"], found["To"]) == (0, 65535):
        return "all"
    return str(found["From"]) if found["From"] == found["To"] else f"{found['From']}-{found['To']}"


def _wrong(number: str, rule: dict[str, t.Any]) -> t.Iterator[str]:
    if not number.isdigit() or not 1 <= int(number) < CLOSING_RULE:
        yield f"a rule is keyed by its number, 1 to {CLOSING_RULE - 1}"
    if problem := cidrs.problem(rule["cidr"]):
        yield f"cidr: {problem}"
    first, _dash, last = rule["ports"].partition("-")
    if rule["ports"] != "all" and not (
        first.isdigit() and (last or first).isdigit() and int(first) <= int(last or first) <= 65535
    ):
        yield f"ports: must be all, a port or a range such as 1024-65535, not {rule['ports']}"
    # AWS ignores the ports of other protocols, and reports none.
    elif rule["ports"] != "all" and rule["protocol"] not in ("tcp", "udp"):
        yield f"ports: only tcp and udp have them, not {rule['protocol']}; leave them out"
