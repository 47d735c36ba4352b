# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory of what is adopted: entries that pass the inventory's own check and differ from AWS in nothing.

What no entry can say is passed over, with the reason; then so is whatever cannot do without it.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace

from .. import desired, render, shapes, specs
from ..engine import plan, registry
from ..engine.cell import Cell
from ..engine.kind import FAILED, Kind, Resource
from .region import Address

#: ``{kind: {id: logical name}}``
Claims = dict[str, dict[str, str]]
#: Options that are written and that no call of AWS's tells again.
NEVER_READ = {
    "db_instance": {"credentials": "AWS does not tell the master password"},
    "replication_group": {"credentials": "AWS does not tell the token"},
    "secret": {"content": "values are never compared"},
}
#: Kinds that are written as a whole: an option that the inventory leaves out would be lost with the next change.
WHOLE = frozenset({"launch_template", "bastion_template"})


@dataclass
class Inventory:
    """What is adopted.

    :ivar resources: as their entries describe them, ``{kind: {logical name: resource}}``
    :ivar claims: those that do not carry the cell's tags yet
    :ivar passed_over: ``kind/name (id)``, and why
    :ivar not_compared: ``kind/name.option``, and why
    """

    resources: dict[str, dict[str, Resource]] = field(default_factory=dict)
    claims: Claims = field(default_factory=dict)
    passed_over: dict[str, str] = field(default_factory=dict)
    not_compared: dict[str, str] = field(default_factory=dict)


def inventory(look: t.Callable[[Claims], Cell], cell_name: str, claims: Claims) -> Inventory:
    """Entries for what is claimed and for what is the cell's already.

    :param look: a fresh view of the cell with claims
    """
    passed_over: dict[str, str] = {}
    left_out: set[Address] = set()
    while True:
        observed = look(claims).observe(registry.all_kinds())
        found = Inventory(claims=claims, passed_over=passed_over)
        for kind, resources in observed.items():
            for name, resource in resources.items():
                if (kind, name) not in left_out:
                    told, notes = _told(registry.kind(kind), name, resource, observed)
                    found.resources.setdefault(kind, {})[name] = told
                    found.not_compared |= notes
        wrong = _wrong(found.resources, observed, cell_name)
        wrong = {each: why for each, why in wrong.items() if _may_go(each, observed[each[0]][each[1]])}
        if not wrong:
            return found
        for (kind, name), why in sorted(wrong.items()):
            passed_over[f"{kind}/{name} ({observed[kind][name].id})"] = why
            left_out.add((kind, name))
        names = {kind: {name for other, name in wrong if other == kind} for kind, _name in wrong}
        claims = {
            kind: {ident: name for ident, name in idents.items() if name not in names.get(kind, ())}
            for kind, idents in claims.items()
        }


def entry(kind: str, resource: Resource) -> dict[str, t.Any]:
    """A resource as the inventory writes it."""
    made = shapes.said(specs.shape_of(kind), resource.attributes)
    return {**made, "tags": resource.tags} if resource.tags else made


def _may_go(each: Address, resource: Resource) -> bool:
    """Whether a resource can be passed over: what carries the cell's tags is the cell's, whatever it says."""
    return bool(resource.claimed_by) or not registry.kind(each[0]).taggable


def _told(
    kind: Kind, name: str, resource: Resource, observed: dict[str, dict[str, Resource]]
) -> tuple[Resource, dict[str, str]]:
    """A resource as its entry is to describe it, and what of it that leaves out."""
    where = f"{kind.name}/{name}"
    notes = {f"{where}.{option}": why for option, why in NEVER_READ.get(kind.name, {}).items()}
    attributes = dict(resource.attributes)
    options = specs.of_kind(kind.name)
    for option, other in kind.references.items():
        value = attributes.get(option)
        spec = options.get(option, {})
        # An option without a default is left as it is where an entry does not say it.
        free = (
            isinstance(value, str)
            and not spec.get("required")
            and spec.get("default") is None
            and kind.name not in WHOLE
        )
        if free and value and value not in observed[other]:
            attributes[option] = None
            notes[f"{where}.{option}"] = f"{value} is not adopted"
    if kind.name == "certificate" and attributes["self_signed"] and resource.claimed_by:
        notes[f"{where}.self_signed"] = (
            "it was imported; import the next one in time, or a self-signed one takes its place"
        )
    if resource.facts.get("outdated"):
        attributes["refresh"] = {"enabled": False}
        notes[f"{where}.refresh"] = f"{len(resource.facts['outdated'])} machines are behind their template and stay so"
    return replace(resource, attributes=attributes), notes


def _wrong(
    resources: dict[str, dict[str, Resource]], observed: dict[str, dict[str, Resource]], cell_name: str
) -> dict[Address, str]:
    """What cannot be said of which resource: what the inventory's check refuses, and what a plan would change."""
    variables = {
        registry.kind(kind).variable: {name: entry(kind, each) for name, each in found.items()}
        for kind, found in resources.items()
    }
    world, problems = desired.of_kinds(registry.all_kinds(), variables, lambda value: value)
    found = _by_resource(resources, problems)
    if not problems:
        found = _by_resource(resources, desired.cross_checked(world, cell_name))
    for kind, entries in world.items():
        for name, each in entries.items():
            alias = kind == "dns_record" and each and observed[kind][name].facts["alias_zone"]
            if alias and not each["target"]:
                found[kind, name] = f"an alias of {each['values'][0]}, which is not adopted"
            elif (kind, name) in found or not each:
                continue
            elif fields := _differs(registry.kind(kind), name, each, observed[kind][name]):
                found[kind, name] = "; ".join(
                    f"the inventory cannot say {path}: {render.value(both['before'])}" for path, both in fields.items()
                )
            elif observed[kind][name].state == FAILED:
                found[kind, name] = f"AWS reports it as {observed[kind][name].status}"
    return found


def _differs(kind: Kind, name: str, each: dict[str, t.Any], resource: Resource) -> dict[str, dict[str, t.Any]]:
    return plan.compare(kind, each, resource) | kind.condition(name, each, resource)


def _by_resource(resources: dict[str, dict[str, Resource]], problems: list[str]) -> dict[Address, str]:
    """Problems of the inventory's check, by the resource whose entry has them."""
    found: dict[Address, str] = {}
    for kind, names in resources.items():
        for name in names:
            where = f"{registry.kind(kind).variable}.{name}"
            told = [
                each.removeprefix(where).lstrip(".: ")
                for each in problems
                if each.startswith((f"{where}.", f"{where}:"))
            ]
            if told:
                found[kind, name] = "; ".join(told)
    return found
