# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters that compare the machines EC2 has with those of the inventory, of the run, and those that answer."""

from __future__ import annotations

import typing as t
from datetime import UTC, datetime

from ansible.errors import AnsibleFilterError

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


def batch_size(inventory: dict[str, list[str]], group: str, asked: t.Any = "", usual: str = "50%") -> int | list[int]:
    """How many machines are worked on at a time, for C(serial).

    A share is one of the smallest cell's machines, rounded down and at least one: C(serial) counts over all cells, and half of
    all machines can be all of one cell. The whole is all of them.

    :param group: the machines that are meant, ``tier_app``
    :param asked: a number, a share such as ``25%``, or a list of these; where empty, ``usual``
    :raises AnsibleFilterError: where it is none of these
    """
    if isinstance(asked, list):
        return [int(batch_size(inventory, group, each, usual)) for each in asked]
    text = str(usual if asked in ("", None) else asked).strip()
    number = text.removesuffix("%")
    if not number.isdecimal() or int(number) < 1 or (text != number and int(number) > 100):
        raise AnsibleFilterError(f"a batch is a number of machines or a share of them, such as 2 or 25%, not {asked}")
    if text == number:
        return int(number)
    meant = set(inventory.get(group, []))
    if int(number) == 100:
        return max(1, len(meant))
    sizes = [len(meant & set(hosts)) for name, hosts in inventory.items() if name.startswith("cell_")]
    return max(1, min((size for size in sizes if size > 1), default=1) * int(number) // 100)


def not_restarted(
    instances: list[dict[str, t.Any]], machines: list[str], hostvars: t.Mapping[str, t.Any], since: str
) -> list[str]:
    """Which of a tier's running machines may still use credentials that are to be shut out.

    :param instances: the tier's running machines, as ``amazon.aws.ec2_instance_info`` returns them
    :param machines: the cell's machines in the inventory; one that was restarted in this run has ``__restart_done``
    :param since: when the new credentials were there (UTC): a machine that was launched later has read them when it started
    """
    done = [name for name in machines if hostvars[name].get("__restart_done")]
    began = _moment(since)
    return sorted(
        f"{each.get('tags', {}).get('Name', 'machine')}-{each['instance_id']}"
        for each in instances
        if "terrace:isolated" not in each.get("tags", {})
        and not any(name.endswith(each["instance_id"]) for name in done)
        and _moment(each["launch_time"]) < began
    )


def _moment(value: str | datetime) -> datetime:
    found = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _group(cell: str) -> str:
    """The group that the inventory of the machines makes for a cell."""
    return f"cell_{cell.replace('-', '_')}"


def _count(machines: t.Sized) -> str:
    return f"{len(machines)} machine{'' if len(machines) == 1 else 's'}"


class FilterModule:
    """Filters ``terrace.aws.*`` of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        mine = (missing_machines, absent_machines, silent_machines, batch_size, not_restarted)
        return {each.__name__: each for each in mine}
