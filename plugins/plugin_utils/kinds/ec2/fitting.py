# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What only AWS can tell of launch templates and their groups: whether image, instance type, volumes and zones fit.

AWS takes a template and a group that do not fit, and then starts no machine.
"""

from __future__ import annotations

import typing as t

from ...engine.cell import Cell
from ...engine.kind import Kind
from . import images, volumes

Entries = dict[str, dict[str, t.Any]]
World = dict[str, Entries]
#: The kind of the groups that start machines from a kind of template.
GROUPS = {"launch_template": "autoscaling_group", "bastion_template": "bastion_group"}


def template_problems(cell: Cell, kind: Kind, entries: Entries, world: World) -> t.Iterator[str]:
    """What is wrong with launch templates that are to be written.

    :param world: every desired entry; without it the groups are those that exist
    """
    parameters = images.newest(cell, (each["image"] for each in entries.values() if each["image"].startswith("/")))
    used = {name: _image_id(cell, kind, name, entry, parameters) for name, entry in entries.items()}
    known = images.images(cell, used.values())
    types = images.instance_types(cell, (each["instance_type"] for each in entries.values()))
    offered = images.zones_offering(cell, types)
    for name, entry in entries.items():
        image, machine = known.get(used[name]), types.get(entry["instance_type"])
        if not image:
            yield f"{name}.image: {_missing(cell, entry['image'], used[name])}"
        if not machine:
            yield f"{name}.instance_type: there is no instance type {entry['instance_type']} in {cell.region}"
        if image and machine and (problem := images.architecture_problem(image, machine)):
            yield f"{name}.image: {entry['image']} {problem}"
        if image:
            found = images.root_problems(image, volumes.normalised(entry["volumes"]))
            yield from (f"{name}.volumes.{problem}" for problem in found)
        if machine:
            for group, zones in _zones_of_groups(cell, kind, name, world):
                where = f"{name}.instance_type: the group {group} cannot start {entry['instance_type']} machines"
                yield from _not_offered(where, zones, offered.get(entry["instance_type"], set()))


def group_problems(cell: Cell, kind: Kind, entries: Entries, world: World) -> t.Iterator[str]:
    """Zones of groups in which AWS does not offer what their templates, as they are, ask for.

    A template that is written itself has its zones judged with it.
    """
    templates = kind.references["launch_template"]
    there = cell.observed(templates)
    types = {}
    for name, entry in entries.items():
        template = there.get(entry["launch_template"])
        wanted = world.get(templates, {}).get(entry["launch_template"], {}).get("instance_type")
        if template and wanted in (None, template.attributes["instance_type"]):
            types[name] = template.attributes["instance_type"]
    offered = images.zones_offering(cell, types.values())
    for name, machine in types.items():
        where = (
            f"{name}.subnets: the template {entries[name]['launch_template']} asks for {machine}, which cannot start"
        )
        yield from _not_offered(where, _zones(cell, entries[name]["subnets"], world), offered.get(machine, set()))


def _image_id(cell: Cell, kind: Kind, name: str, entry: dict[str, t.Any], parameters: dict[str, str]) -> str:
    """The image an entry is going to use: a template stays with the one it has unless it follows its parameter."""
    if not entry["image"].startswith("/"):
        return entry["image"]
    template = cell.observed(kind.name).get(name)
    if template and template.attributes["image"] == entry["image"] and not entry["image_follow"]:
        return template.facts["image_id"]
    return parameters.get(entry["image"], "")


def _missing(cell: Cell, named: str, ident: str) -> str:
    if not ident:
        return f"there is no public parameter {named} in {cell.region}"
    if named.startswith("/"):
        return f"{ident}, which the template keeps from {named}, is gone; take the newest with image_follow: true"
    return f"there is no image {ident} in {cell.region}"


def _zones_of_groups(cell: Cell, kind: Kind, template: str, world: World) -> t.Iterator[tuple[str, dict[str, str]]]:
    """The groups that use a template and the zones of their subnets, ``{subnet: zone}``."""
    groups = GROUPS[kind.name]
    if groups in world:
        for name, entry in world[groups].items():
            if entry["launch_template"] == template:
                yield name, _zones(cell, entry["subnets"], world)
        return
    for name, group in cell.observed(groups).items():
        if group.attributes["launch_template"] == template:
            yield name, _zones(cell, group.attributes["subnets"], world)


def _zones(cell: Cell, subnets: t.Iterable[str], world: World) -> dict[str, str]:
    desired, there = world.get("subnet", {}), cell.observed("subnet")
    zones = {}
    for name in subnets:
        if name in desired:
            zones[name] = desired[name]["zone"]
        elif name in there:
            zones[name] = there[name].attributes["zone"]
    return zones


def _not_offered(where: str, zones: dict[str, str], offered: set[str]) -> t.Iterator[str]:
    wrong = [f"{zone} (subnet {subnet})" for subnet, zone in zones.items() if zone not in offered]
    if wrong:
        yield f"{where} in {', '.join(wrong)}; AWS offers them in {', '.join(sorted(offered)) or 'no zone'}"
