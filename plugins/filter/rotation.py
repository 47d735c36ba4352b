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


class FilterModule:
    """Filters ``terrace.aws.*`` of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"next_in_turn": next_in_turn, "used_by_one": used_by_one, "taking_turns": taking_turns}
