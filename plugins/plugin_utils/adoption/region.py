# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A region as a cell that owns everything in it: every resource under its id, whoever made it."""

from __future__ import annotations

import re
import typing as t

from ..engine import registry
from ..engine.cell import Cell, tags_of
from ..engine.kind import CELL_TAG, KIND_TAG, Kind, Resource

#: How the ids of EC2's kinds begin.
PREFIXES = {
    "vpc": "vpc",
    "subnet": "subnet",
    "sg": "security_group",
    "rtb": "route_table",
    "acl": "network_acl",
    "igw": "internet_gateway",
    "nat": "nat_gateway",
    "eipalloc": "elastic_ip",
    "lt": "launch_template",
    "vpce": "vpc_endpoint",
    "fl": "flow_log",
}
#: Service and type of an ARN -> kind. https://docs.aws.amazon.com/service-authorization/latest/reference/
ARNS = {
    ("acm", "certificate"): "certificate",
    ("autoscaling", "autoScalingGroup"): "autoscaling_group",
    ("elasticache", "parametergroup"): "cache_parameter_group",
    ("elasticache", "replicationgroup"): "replication_group",
    ("elasticache", "subnetgroup"): "cache_subnet_group",
    ("elasticloadbalancing", "loadbalancer"): "load_balancer",
    ("elasticloadbalancing", "targetgroup"): "target_group",
    ("iam", "role"): "iam_role",
    ("kms", "key"): "kms_key",
    ("rds", "db"): "db_instance",
    ("rds", "pg"): "db_parameter_group",
    ("rds", "subgrp"): "db_subnet_group",
    ("route53", "healthcheck"): "health_check",
    ("route53", "hostedzone"): "hosted_zone",
    ("s3", ""): "bucket",
    ("secretsmanager", "secret"): "secret",
}
#: Kinds whose resources are known by their whole ARN.
BY_ARN = frozenset({"certificate", "load_balancer", "target_group", "secret"})
#: Read whole although nothing in them leads to a VPC: it takes one call, and a template names a role by its instance profile.
IN_BULK = frozenset({"iam_role"})

#: A resource: ``(kind, id)``.
Address = tuple[str, str]


def address(text: str) -> Address:
    """The kind and id behind an id of EC2 or an ARN.

    :raises ValueError: where it is neither, or of no kind of Terrace
    """
    if match := re.fullmatch(r"([a-z]+)-[0-9a-f]{8,17}", text):
        if match[1] in PREFIXES:
            return PREFIXES[match[1]], text
        raise ValueError(
            f"{text} is of no kind of Terrace; EC2 ids begin with {', '.join(f'{each}-' for each in PREFIXES)}"
        )
    parts = text.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn":
        raise ValueError(f"{text} is neither an id of EC2, such as vpc-0123456789abcdef0, nor an ARN")
    sort = re.split(r"[:/]", parts[5])[0] if re.search(r"[:/]", parts[5]) else ""
    last = re.split(r"[:/]", parts[5])[-1]
    if parts[2] == "ec2":
        return address(last)
    kind = ARNS.get((parts[2], sort))
    if not kind:
        raise ValueError(f"{text} is of no kind of Terrace")
    return kind, text if kind in BY_ARN else last


def basic_kinds() -> dict[str, Kind]:
    """The kinds without those that are a special use of another (a bastion's group is an auto scaling group)."""
    kinds = registry.all_kinds()
    classes = {type(kind) for kind in kinds.values()}
    return {name: kind for name, kind in kinds.items() if not classes & set(type(kind).__mro__[1:])}


def kinds_within_vpcs() -> set[str]:
    """Kinds whose references lead to a VPC, over whatever they refer to."""
    kinds = basic_kinds()
    within = {"vpc"}
    while more := {
        name for name, kind in kinds.items() if name not in within and within & set(kind.references.values())
    }:
        within |= more
    return within


class Region(Cell):
    """Every resource of the kinds within VPCs, and those of other kinds that are wanted, each under its id.

    :ivar whole: kinds that are read as a whole
    :ivar wanted: ids of other kinds, ``{kind: {id}}``
    :ivar carried: the tags of what was found
    :ivar others: the cell that owns what was found and is another's
    """

    def __init__(self, name: str, region: str, **arguments: t.Any) -> None:
        super().__init__(name, region, registry.all_kinds(), exact=True, **arguments)
        self.whole = kinds_within_vpcs() | IN_BULK
        self.wanted: dict[str, set[str]] = {}
        self.carried: dict[Address, dict[str, str]] = {}
        self.others: dict[Address, str] = {}

    def another_look(self, known: dict[str, dict[str, Resource]]) -> Region:
        """The same region with what was found, to read again all but the kinds that are known."""
        other = Region(self.name, self.region, known=known, settings=self._settings)
        other.wanted, other.carried, other.others = self.wanted, self.carried, self.others
        return other

    def mine(self) -> list[dict[str, t.Any]]:
        return []

    def claims(self, kind: str, ident: str) -> bool:
        return kind in self.whole or ident in self.wanted.get(kind, ())

    def claimed(self, kind: str) -> list[str]:
        return sorted(self.wanted.get(kind, ()))

    def owned(
        self, kind: str, items: t.Iterable[t.Any], tags: t.Callable[[t.Any], t.Any], ident: t.Callable[[t.Any], str]
    ) -> t.Iterator[tuple[str, t.Any, dict[str, str]]]:
        for item in items:
            every, name = tags_of(tags(item)), ident(item)
            owner = every.get(CELL_TAG, self.name)
            if not self.claims(kind, name) or (owner == self.name and every.get(KIND_TAG, kind) != kind):
                continue
            if owner != self.name:
                self.others[kind, name] = owner
                continue
            self.carried[kind, name] = every
            yield name, item, {key: value for key, value in every.items() if not self._is_mark(key)}
