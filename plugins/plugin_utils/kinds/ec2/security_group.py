# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Security groups. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroups.html

That one paginated call carries every rule with its description. DescribeSecurityGroupRules tells the same again, and
can be narrowed to a cell only by naming its groups 200 at a time.
"""

from __future__ import annotations

import typing as t

from ...engine.cell import Cell
from ...engine.kind import Kind, Resource
from . import security_rules, taken

PERMISSIONS = {"ingress": "IpPermissions", "egress": "IpPermissionsEgress"}


class SecurityGroup(Kind):
    name = "security_group"
    role = "firewall"
    variable = "firewall_security_groups"
    resource_type = "ec2:security-group"
    shapes: t.ClassVar[dict[str, str]] = {"ingress": "ingress_rule", "egress": "egress_rule"}
    immutable = frozenset({"vpc", "description"})
    #: Groups name each other in rules, and the task that removes one removes the rules that name it.
    created_empty = True
    loose = frozenset({"ingress.from", "egress.to"})
    #: amazon.aws.ec2_security_group sleeps for seconds after it has created a group.
    sleeps = True
    references: t.ClassVar[dict[str, str]] = {
        "vpc": "vpc",
        "ingress.from": "security_group",
        "egress.to": "security_group",
    }
    longest_name = 255

    def read(self, cell: Cell) -> dict[str, Resource]:
        found = list(
            cell.owned(
                self.name,
                cell.ec2("describe_security_groups", "SecurityGroups"),
                lambda group: group.get("Tags"),
                lambda group: group["GroupId"],
            )
        )
        names = {group["GroupId"]: name for name, group, _tags in found}
        return {
            name: Resource(
                id=group["GroupId"],
                attributes={
                    "vpc": cell.name_of("vpc", group.get("VpcId")),
                    "description": group["Description"],
                    **{way: self._rules(group, way, names) for way in PERMISSIONS},
                },
                facts={"name": group["GroupName"]},
                tags=tags,
            )
            for name, group, tags in found
        }

    @staticmethod
    def _rules(group: dict[str, t.Any], way: str, names: dict[str, str]) -> dict[str, dict[str, t.Any]]:
        def end(ident: str) -> str:
            return security_rules.SELF if ident == group["GroupId"] else names.get(ident, ident)

        flat = (each for one in group.get(PERMISSIONS[way]) or () for each in security_rules.read(one, end))
        return security_rules.folded(flat, way)

    def precreate_errors(self, cell: Cell, entries: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        yield from taken.security_groups(cell, entries)

    def normalise(self, entry: dict[str, t.Any]) -> dict[str, t.Any]:
        ways = {
            way: {name: security_rules.normalised(rule, way) for name, rule in entry[way].items()}
            for way in PERMISSIONS
        }
        return {**entry, **ways}

    def names_in(self, option: str, entry: dict[str, t.Any]) -> list[str]:
        way, dot, _end = option.partition(".")
        if not dot:
            return super().names_in(option, entry)
        named = (name for rule in (entry.get(way) or {}).values() for name in security_rules.groups(rule, way))
        return list(dict.fromkeys(named))

    def check(self, name: str, entry: dict[str, t.Any], world: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        if name == security_rules.SELF:
            yield "no group can be called self; in a rule that means the group itself"
        elif not security_rules.groups({"from": [name]}, "ingress"):
            yield f"no group can be called {name}; in a rule that would be an address or the id of a group or a prefix list"
        if not security_rules.DESCRIPTION.fullmatch(entry["description"]):
            yield f"description: must be {security_rules.ALLOWED}"
        for way in PERMISSIONS:
            problems = [
                f"{way}.{rule}: {problem}"
                for rule, options in entry[way].items()
                for problem in security_rules.wrong(rule, options, way)
            ]
            yield from problems or self._twice(name, entry, way)

    @staticmethod
    def _twice(name: str, entry: dict[str, t.Any], way: str) -> t.Iterator[str]:
        """AWS keeps a permission once a group, so two rules cannot both hold it."""
        holders: dict[security_rules.Permission, str] = {}
        for rule, options in entry[way].items():
            for one in security_rules.permissions(security_rules.normalised(options, way), way):
                one = one._replace(end=security_rules.SELF if one.end == name else one.end)
                other = holders.setdefault(one, rule)
                if other != rule:
                    what = f"{one.protocol} {one.ports} {security_rules.ENDS[way]} {one.end}"
                    yield f"{way}.{rule}: {what} stands in {other} already"
