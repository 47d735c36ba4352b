# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of the playbooks that take machines out of their balancers and put them back."""

from __future__ import annotations

import typing as t


def target_groups_of(
    resources: dict[str, dict[str, t.Any]], tags: dict[str, str], port: int = 0
) -> list[dict[str, t.Any]]:
    """The target groups a machine belongs in: those of the auto scaling group of its tier, also while it is out of them.

    :param resources: target_group and autoscaling_group by name, as M(terrace.aws.cell_info) returns them
    :param tags: the machine's tags; without ``tier`` (a bastion) there are none
    :param port: the port of the one application that is meant; 0 for all
    """
    group = resources["autoscaling_group"].get(tags.get("tier", ""))
    wanted = group["attributes"]["target_groups"] if group else []
    return [
        resource
        for name, resource in resources["target_group"].items()
        if name in wanted and (not port or int(resource["attributes"]["port"]) == int(port))
    ]


def unhealthy_in(states: list[dict[str, t.Any]]) -> list[str]:
    """The target groups in which a machine is not healthy although it belongs to them, as where nothing is deployed yet.

    :param states: ``instance_target_groups``, as M(community.aws.elb_target_info) returns them for one machine
    """
    return [
        group["target_group_arn"]
        for group in states
        if any(target["target_health"]["state"] == "unhealthy" for target in group["targets"])
    ]


def healthy_in_all(states: list[dict[str, t.Any]], groups: list[str]) -> bool:
    """Whether a machine is registered and healthy in each of these target groups.

    :param states: ``instance_target_groups``, as M(community.aws.elb_target_info) returns them for one machine
    :param groups: their ARNs
    """
    found = {
        group["target_group_arn"]: [each["target_health"]["state"] for each in group["targets"]] for group in states
    }
    return all(set(found.get(group, [])) == {"healthy"} for group in groups)


def draining_in(states: list[dict[str, t.Any]], groups: list[str]) -> list[str]:
    """Those of the target groups from which a machine is still being taken out.

    :param states: ``instance_target_groups``, as M(community.aws.elb_target_info) returns them for one machine
    :param groups: their ARNs
    """
    return [
        group["target_group_arn"]
        for group in states
        if group["target_group_arn"] in groups
        and any(target["target_health"]["state"] == "draining" for target in group["targets"])
    ]


def unhealthy_because(groups: list[dict[str, t.Any]], states: list[dict[str, t.Any]]) -> str:
    """Why a machine is not healthy, in AWS's words, with what it is asked for; empty where it is in none or healthy in all.

    :param groups: the target groups that are meant, as :func:`target_groups_of` returns them
    :param states: ``instance_target_groups``, as M(community.aws.elb_target_info) returns them for one machine
    """
    found = {group["target_group_arn"]: group["targets"] for group in states}
    told = []
    for group in groups:
        asked, port = group["attributes"].get("health_check", {}), group["attributes"]["port"]
        for target in found.get(group["id"], []):
            health = target["target_health"]
            if health["state"] != "healthy":
                why = health.get("description") or health.get("reason") or "no reason is given"
                asks = f", which asks for {asked['path']} at port {port}" if asked.get("path") else f", at port {port}"
                told.append(f"it is {health['state']} in {group['facts']['name']}{asks}: {why}")
    return "; ".join(told)


class FilterModule:
    """Filters ``terrace.aws.*`` of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        mine = (target_groups_of, unhealthy_in, healthy_in_all, draining_in, unhealthy_because)
        return {each.__name__: each for each in mine}
