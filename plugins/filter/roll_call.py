# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters that compare the machines EC2 has with those of the inventory, of the run, and those that answer."""

from __future__ import annotations

import typing as t

#: How many names a message lists.
SHOWN = 5


def missing_machines(instances: list[dict[str, t.Any]], inventory: dict[str, list[str]], cell: str) -> list[str]:
    """What is wrong with the inventory of a cell's machines, compared with EC2; empty where nothing is.

    What isolate_instance.yml took out and what has no tag ``role`` (neither a tier nor a bastion started it) is left alone.

    :param instances: the cell's running machines, as ``amazon.aws.ec2_instance_info`` returns them
    :param inventory: the groups of the inventory, names of hosts by group
    """
    tags = {each["instance_id"]: each.get("tags") or {} for each in instances}
    ours = {one: own for one, own in tags.items() if own.get("role") and "terrace:isolated" not in own}
    if not ours:
        others = f" ({len(tags)} without the tag role, or isolated)" if tags else ""
        return [f"EC2 has no running machine of the cell{others}; provision it first: site.yml"]
    known = {host[-len(one) :] for host in inventory.get(_group(cell), []) for one in ours}
    sorts: dict[str, list[str]] = {}
    for one, own in ours.items():
        sort = "bastion" if own["role"] == "bastion" else f"tier_{own.get('tier') or own['role']}"
        sorts.setdefault(sort, []).append(one)
    if known.isdisjoint(ours):
        return [
            f"EC2 has {_count(ours)} of the cell, the inventory none; give the inventory of the machines as well "
            "(-i inventories/<blueprint>/<environment>.aws_ec2.yml), and see its regions, its filter tag:terrace:cell and, "
            "where the cell is in another account, its assume_role_arn (docs/hosts.md)"
        ]
    problems = [
        f"EC2 has {_count(ids)} of {sort}, the inventory none; see the filters of its .aws_ec2.yml"
        for sort, ids in sorts.items()
        if known.isdisjoint(ids)
    ]
    if "bastion" not in sorts:
        problems.append(
            "EC2 has no running machine with the tag role=bastion, through which all others are reached; "
            "provision_bastion.yml starts one, or wait until its group has replaced it"
        )
    return problems


def absent_machines(inventory: dict[str, list[str]], needs: str | list[str], cell: str) -> list[str]:
    """Why a play on machines of a cell would do nothing; empty where it would not.

    :param inventory: the groups of the inventory; ``called`` has the machines of this run
    :param needs: the groups of which the run needs at least one machine
    """
    here = set(inventory.get(_group(cell), []))
    called = here & set(inventory.get("called", []))
    problems = []
    for group in [needs] if isinstance(needs, str) else needs:
        every = here & set(inventory.get(group, []))
        if not every:
            problems.append(f"the inventory has no machine of {group} in this cell")
        elif not every & called:
            problems.append(
                f"the limit leaves out all of {group} ({_count(every)}); add them: --limit '{cell},{_group(cell)}'"
            )
    return problems


def silent_machines(inventory: dict[str, list[str]], cell: str) -> list[str]:
    """The machines of this run that did not answer, as a problem; empty where all did.

    :param inventory: ``called`` has the machines of this run, ``opened`` those that answered
    """
    here = set(inventory.get(_group(cell), [])) & set(inventory.get("called", []))
    silent = sorted(here - set(inventory.get("opened", [])))
    if not silent:
        return []
    shown = ", ".join(silent[:SHOWN]) + (f" and {len(silent) - SHOWN} more" if len(silent) > SHOWN else "")
    return [
        f"did not answer over SSH: {shown}; repair or terminate what does not answer, or leave it out by name: "
        f"--limit 'all,!{silent[0]}'"
    ]


def _group(cell: str) -> str:
    """The group that the inventory of the machines makes for a cell."""
    return f"cell_{cell.replace('-', '_')}"


def _count(machines: t.Sized) -> str:
    return f"{len(machines)} machine{'' if len(machines) == 1 else 's'}"


class FilterModule:
    """Filters ``terrace.aws.*`` of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {each.__name__: each for each in (missing_machines, absent_machines, silent_machines)}
