# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters over roles of the database and the secrets they sign in with."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError


def next_in_turn(secrets: dict[str, str], secret: str, now: str) -> str:
    """The role that takes its turn in a secret after the one it names now.

    :param secrets: ``{role: secret}``, as database_content_secrets
    :raises AnsibleFilterError: when there are not two to take turns, or the secret names neither
    """
    turns = sorted(role for role, each in secrets.items() if each == secret)
    if len(turns) < 2 or now not in turns:
        raise AnsibleFilterError(
            f"database_content_secrets must name two roles that take turns in {secret}, {now} among them; it names "
            f"{', '.join(turns) or 'none'}"
        )
    return turns[(turns.index(now) + 1) % len(turns)]


def used_by_one(secrets: dict[str, str]) -> list[str]:
    """The secrets that one role alone signs in with; no other takes its turn there.

    :param secrets: ``{role: secret}``, as database_content_secrets
    """
    names = list(secrets.values())
    return sorted(name for name in set(names) if names.count(name) == 1)


def taking_turns(secrets: dict[str, str]) -> list[str]:
    """The roles that take turns in a secret: which of them may sign in is for the rotation to say.

    :param secrets: ``{role: secret}``, as database_content_secrets
    """
    alone = used_by_one(secrets)
    return sorted(role for role, secret in secrets.items() if secret not in alone)


def rotation_pair(
    found: dict[str, dict[str, t.Any]],
    names: list[str],
    described: dict[str, dict[str, t.Any]],
    cell: str,
    cells: list[str],
    used: bool,
    source: str | None = None,
) -> dict[str, t.Any]:
    """Where secrets that two cells share are written, and what forbids to change them in this run.

    :param found: the cell's secrets, as ``resources.secret`` of terrace.aws.cell_info
    :param names: the secrets that are to be changed
    :param described: how they are replicated, as terrace.aws.secret_version tells it (described)
    :param cell: the cell
    :param cells: the cells of this run
    :param used: whether machines use them, so that those of both cells must be restarted
    :param source: what the cell's database follows, empty where it writes; none where no database is changed
    :return: ``follows``, the cell in which they are written, empty where it is this one; ``problems``
    """
    if missing := [name for name in names if name not in found]:
        return {"follows": "", "problems": [f"the secret {name} does not exist; site.yml makes it" for name in missing]}
    other = {name: str(found[name]["attributes"].get("counterpart") or "").partition("/")[0] for name in names}
    replicas = [name for name in names if found[name]["facts"].get("replica_of")]
    primaries = [name for name in names if described.get(name, {}).get("replicas") and name not in replicas]
    follows = other[replicas[0]] if replicas else ""
    problems = []
    if replicas and len(replicas) < len(names):
        alone = ", ".join(name for name in names if name not in replicas)
        problems.append(f"{', '.join(replicas)} are replicas and {alone} not; finish the failover first")
    elif source is not None and bool(source) != bool(replicas):
        database = f"the database follows {source}" if source else "the database writes"
        secrets = f"{', '.join(names)} {'are replicas' if replicas else 'are written here'}"
        problems.append(f"{database} and {secrets}; finish the failover first")
    if follows and follows not in cells:
        problems.append(
            f"{', '.join(replicas)} are replicas, which are written in {follows} alone; run this {_on_both(cell, follows)}"
        )
    for name in primaries:
        if failed := sorted(region for region, state in described[name]["replicas"].items() if state == "Failed"):
            problems.append(f"the replication of {name} to {', '.join(failed)} failed; site.yml asks for it anew")
    others = sorted({other[name] for name in primaries} - {"", *cells})
    if used and others:
        problems.append(
            f"machines of {', '.join(others)} use {', '.join(primaries)} as well and would be shut out; run this"
            f" {_on_both(cell, *others)}"
        )
    return {"follows": follows, "problems": problems}


def _on_both(*cells: str) -> str:
    """How a run is limited to cells and their machines."""
    words = sorted({*cells, *(f"cell_{cell.replace('-', '_')}" for cell in cells)})
    return f"on both: --limit '{','.join(words)}'"


class FilterModule:
    """Filters ``terrace.aws.*`` of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        names = (next_in_turn, used_by_one, taking_turns, rotation_pair)
        return {each.__name__: each for each in names}
