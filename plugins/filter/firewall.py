# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of the firewall role: from named rules to what amazon.aws.ec2_security_group takes."""

from __future__ import annotations

import ipaddress
import typing as t

from ..plugin_utils.kinds.ec2 import security_rules


def security_group_rules(
    rules: dict[str, dict[str, t.Any]], direction: str, ids: dict[str, str], own: str, without: t.Iterable[str] = ()
) -> list[dict[str, t.Any]]:
    """Rules as the module takes them, the rule's name as description.

    :param rules: by name, with defaults filled in
    :param direction: ingress or egress
    :param ids: ids of security groups by name
    :param own: the id of the group itself
    :param without: groups that rules must not name any more
    """
    gone = set(without)
    made = []
    for name, rule in rules.items():
        full = security_rules.normalised(rule, direction)
        ends = _ends([end for end in full[security_rules.ENDS[direction]] if end not in gone], ids, own)
        if ends:
            made += [{"rule_desc": name, "proto": full["protocol"], **ends, **ports} for ports in _ports(full)]
    return made


def _ends(ends: list[str], ids: dict[str, str], own: str) -> dict[str, list[str]]:
    sorted_out: dict[str, list[str]] = {}
    for end in ends:
        if end == security_rules.SELF or end in ids:
            sorted_out.setdefault("group_id", []).append(own if end == security_rules.SELF else ids[end])
        elif security_rules.FOREIGN.fullmatch(end):
            sorted_out.setdefault("ip_prefix" if end.startswith("pl-") else "group_id", []).append(end)
        else:
            key = "cidr_ip" if ipaddress.ip_network(end).version == 4 else "cidr_ipv6"
            sorted_out.setdefault(key, []).append(end)
    return sorted_out


def _ports(rule: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    if rule["protocol"] in security_rules.PORTED:
        return [{"ports": ["0-65535" if ports == "all" else ports for ports in rule["ports"]]}]
    if rule["protocol"] not in security_rules.TYPED:
        return [{}]
    types = [("-1" if ports == "all" else ports).partition("/") for ports in rule["ports"]]
    return [{"icmp_type": int(kind), "icmp_code": int(code or -1)} for kind, _slash, code in types]


def security_groups_naming(
    resources: dict[str, dict[str, t.Any]], gone: t.Iterable[str]
) -> dict[str, dict[str, t.Any]]:
    """The groups, as they were read, whose rules name another group that is to go."""
    leaving = set(gone)

    def names(group: dict[str, t.Any]) -> set[str]:
        return {
            end
            for way in security_rules.ENDS
            for rule in group["attributes"][way].values()
            for end in security_rules.groups(rule, way)
        }

    return {name: group for name, group in resources.items() if (names(group) - {name}) & leaving}


class FilterModule:
    """Filters ``terrace.aws.*`` of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"security_group_rules": security_group_rules, "security_groups_naming": security_groups_naming}
