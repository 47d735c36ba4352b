# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of the tier role: from one entry a tier to what AWS is asked for."""

from __future__ import annotations

import json
import typing as t

from ansible.errors import AnsibleFilterError

from ..plugin_utils import specs
from ..plugin_utils.engine.kind import KIND_TAG
from ..plugin_utils.kinds.autoscaling.autoscaling_group import REFRESHING, behind, protected_in_refresh
from ..plugin_utils.kinds.ec2 import volumes
from ..plugin_utils.shapes import Shape
from ..plugin_utils.shared import aws_names

#: The part of the first boot script that is replaced by what it is to do.
SETTINGS = "SETTINGS: dict = {}"


def tier_shape(own: Shape) -> Shape:
    """An entry that is a launch template and an auto scaling group at once, with options of its ``own`` beside theirs."""
    group = specs.shape_of("autoscaling_group").optional("launch_template", "min_size", "max_size")
    return specs.shape_of("launch_template").beside(group, own)


def tier_layout(groups: dict[str, t.Any], cell: str) -> dict[str, dict[str, t.Any]]:
    """Launch templates, groups, policies and hooks of tiers described by one entry each.

    An entry takes the options of ``launch_template`` and ``autoscaling_group`` side by side, and those of the entry
    point ``group``.

    :raises AnsibleFilterError: naming everything that is wrong
    """
    policies = {
        option: specs.shape_of(kind).without("group")
        for option, kind in (("policies", "scaling_policy"), ("hooks", "lifecycle_hook"))
    }
    refuse(tier_shape(Shape(specs.entry_point("tier", "group"), policies)), groups, "tier_groups")
    return layout(specs.plain(groups) or {}, cell)


def refuse(shape: Shape, entries: dict[str, t.Any], where: str) -> None:
    """Refuse entries that are a launch template and an auto scaling group at once, by the names an operator wrote.

    :param where: the variable that holds them
    :raises AnsibleFilterError: naming everything that is wrong
    """
    filled, problems = specs.named(shape, entries, where)
    given = {str(name): tier for name, tier in specs.plain(entries).items()} if filled else {}
    for name, tier in filled.items():
        problems += aws_names.problems_in(where, "launch_template", name)
        for option, kind in (("policies", "scaling_policy"), ("hooks", "lifecycle_hook")):
            for each in tier.get(option) or {}:
                problems += aws_names.problems_in(f"{where}.{name}.{option}", kind, each)
        if "size" in shape.options:
            problems += _without_size(f"{where}.{name}", given[name])
    if problems:
        raise AnsibleFilterError("\n  ".join(dict.fromkeys(problems)))


def _without_size(where: str, tier: t.Any) -> list[str]:
    """Which of the two numbers is missing that a group needs; what is wrong with one that is given is said of that."""
    size = (tier.get("size") or {}) if isinstance(tier, dict) else None
    if not isinstance(size, dict):
        return []
    return [
        f"{where}.size.{word}: is required"
        for word, option in (("min", "min_size"), ("max", "max_size"))
        if size.get(word) is None and tier.get(option) is None
    ]


def layout(tiers: dict[str, dict[str, t.Any]], cell: str) -> dict[str, dict[str, t.Any]]:
    """The same of entries that nothing is wrong with."""
    made: dict[str, dict[str, t.Any]] = {"templates": {}, "groups": {}, "policies": {}, "hooks": {}}
    for name, tier in tiers.items():
        size, policies, hooks = (tier.get(option) or {} for option in ("size", "policies", "hooks"))
        tags = {"tier": name, "role": name, **(tier.get("tags") or {})}
        template = {option: tier[option] for option in specs.of_kind("launch_template") if option in tier}
        if not template.get("user_data"):
            template["user_data"] = first_boot(
                cell, name, hooks=[*_launching(hooks)], configuration=tier.get("configuration") or ""
            )
        sizes = {"min_size": size.get("min"), "max_size": size.get("max"), "desired_capacity": size.get("desired")}
        made["templates"][name] = {**template, "tags": tags}
        made["groups"][name] = {
            "launch_template": name,
            "scaled": bool(policies),
            **{option: value for option, value in sizes.items() if value is not None},
            **{option: tier[option] for option in specs.of_kind("autoscaling_group") if option in tier},
            "tags": tags,
        }
        made["policies"] |= {f"{name}-{policy}": {"group": name, **options} for policy, options in policies.items()}
        made["hooks"] |= {f"{name}-{hook}": {"group": name, **options} for hook, options in hooks.items()}
    return made


def _launching(hooks: dict[str, t.Any]) -> t.Iterator[str]:
    return (name for name, hook in hooks.items() if (hook or {}).get("transition", "launching") == "launching")


def first_boot(cell: str, group: str, hooks: t.Iterable[str] = (), address: str = "", configuration: str = "") -> str:
    """User data that takes an Elastic IP and completes launching hooks; empty where there is nothing to do.

    :param group: logical name of the auto scaling group
    :param hooks: names of its hooks, without the group's in front
    :param address: logical name of the Elastic IP
    :param configuration: logical name of the bucket with the configuration machines give themselves
    """
    names = [f"{cell}-{group}-{hook}" for hook in hooks]
    if not names and not address and not configuration:
        return ""
    settings = {
        "group": f"{cell}-{group}",
        "tier": group,
        "hooks": names,
        "address": f"{cell}-{address}" if address else "",
        "configuration": f"{cell}-{configuration}" if configuration else "",
    }
    script = (specs.ROLES / "tier" / "files" / "first_boot.py").read_text(encoding="utf-8")
    if SETTINGS not in script:
        raise AnsibleFilterError("roles/tier/files/first_boot.py has no place for its settings")
    # Any change of this text is new user data, so that every cell gets new templates and new machines: the line for pylint, which
    # no machine needs, stays out.
    text = script.partition("\n")[2].replace(SETTINGS, f"SETTINGS: dict = {json.dumps(settings)}")
    return f"#!/usr/bin/python3\n{text}"


def parameters_needed(templates: dict[str, dict[str, t.Any]]) -> list[str]:
    """The SSM parameters whose images are to be looked up for the entries of a plan."""
    return sorted({entry["image"] for entry in templates.values() if _looked_up(entry)})


def image_of(entry: dict[str, t.Any], parameters: dict[str, str]) -> str:
    """The image an entry of a plan gets: its own, the one it has, or the newest behind its parameter."""
    if _looked_up(entry):
        return parameters[entry["image"]]
    return entry["facts"]["image_id"] if entry["image"].startswith("/") else entry["image"]


def _looked_up(entry: dict[str, t.Any]) -> bool:
    new = not entry["id"] or {"image", "image_follow"} & set(entry["fields"])
    return entry["image"].startswith("/") and bool(new)


def images_of(templates: dict[str, dict[str, t.Any]], parameters: dict[str, str]) -> list[str]:
    """The ids of the images that the entries of a plan get."""
    return sorted({image_of(entry, parameters) for entry in templates.values()})


def root_device(image: str, images: list[dict[str, t.Any]]) -> str:
    """The device of an image's root volume.

    :param images: as amazon.aws.ec2_ami_info returns them
    :raises AnsibleFilterError: where the image is not among them
    """
    found = next((each["root_device_name"] for each in images if each["image_id"] == image), "")
    if not found:
        raise AnsibleFilterError(f"there is no image {image} with a root device in this region")
    return found


def block_devices(wanted: dict[str, dict[str, t.Any]], keys: dict[str, str], root: str) -> list[dict[str, t.Any]]:
    """Volumes as amazon.aws.ec2_launch_template takes them.

    :param keys: ids of KMS keys by name
    :param root: the image's root device
    """
    words = {"size": "volume_size", "type": "volume_type", "kms_key": "kms_key_id"}
    made = []
    for device, volume in sorted(volumes.normalised(wanted).items()):
        volume = {**volume, "kms_key": keys[volume["kms_key"]]} if volume.get("kms_key") else volume
        device = root if device == volumes.ROOT else device
        made.append({"device_name": device, "ebs": {words.get(key, key): value for key, value in volume.items()}})
    return made


def desired_capacity(entry: dict[str, t.Any]) -> int:
    """How many machines to ask for: what the entry says, else as many as there are, within its limits.

    The module repeats the number there is, and a new group has none until its hooks are there; AWS refuses a number that is
    outside the limits written with it.
    """
    least, most = entry["min_size"], entry["max_size"]
    there = (entry["facts"] or {}).get("desired_capacity")
    if entry["desired_capacity"] is not None and not (entry["scaled"] and there is not None):
        return entry["desired_capacity"]
    return max(least, min(most, there or 0))


def launch_tags(tags: dict[str, str]) -> list[dict[str, t.Any]]:
    """A group's tags as amazon.aws.autoscaling_group takes them; all but its kind are its machines' too.

    Sorted, for the module sorts what it finds and then holds that against what AWS answers.
    """
    return [{key: value, "propagate_at_launch": key != KIND_TAG} for key, value in sorted(tags.items())]


def groups_to_refresh(
    wanted: dict[str, dict[str, t.Any]], found: dict[str, dict[str, t.Any]]
) -> dict[str, dict[str, t.Any]]:
    """Groups with machines behind their template and no refresh under way: ``{name: {id, preferences}}``.

    The preferences are those of terrace.aws.autoscaling_instance_refresh.
    """
    made = {}
    for name, entry in wanted.items():
        group = found.get(name)
        if group and group["facts"]["refresh"] not in REFRESHING and behind(entry, group["facts"]):
            made[name] = {"id": group["id"], "preferences": _preferences(entry)}
    return made


def _preferences(entry: dict[str, t.Any]) -> dict[str, t.Any]:
    refresh = entry["refresh"]
    made = {
        "min_healthy_percentage": refresh["min_healthy"],
        "instance_warmup": refresh["warmup"],
        "skip_matching": True,
        "scale_in_protected_instances": protected_in_refresh(entry).capitalize(),
        "standby_instances": refresh["standby"].capitalize(),
    }
    return {**made, **({} if refresh["max_healthy"] is None else {"max_healthy_percentage": refresh["max_healthy"]})}


def request_count_label(balancer: str, target_group: str) -> str:
    """The resource label of ALBRequestCountPerTarget, from the two ARNs."""
    return f"{balancer.split(':loadbalancer/')[-1]}/{target_group.split(':')[-1]}"


class FilterModule:
    """Filters ``terrace.aws.*`` of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        names = (tier_layout, first_boot, parameters_needed, image_of, block_devices, launch_tags, desired_capacity)
        more = (groups_to_refresh, request_count_label, images_of, root_device)
        return {each.__name__: each for each in (*names, *more)}
