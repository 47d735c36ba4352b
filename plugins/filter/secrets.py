# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of the secrets role."""

from __future__ import annotations

import os
import secrets
import string
import typing as t

from ansible.errors import AnsibleFilterError

from ..plugin_utils import specs

PUNCTUATION = "!*+-.,;<=>[]^_{|}~()"


def generated(length: int, exclude: str, punctuation: bool) -> str:
    """A random value with at least one character of each class that is not excluded."""
    classes = [string.ascii_lowercase, string.ascii_uppercase, string.digits, *([PUNCTUATION] if punctuation else [])]
    kept = [left for left in ("".join(c for c in each if c not in exclude) for each in classes) if left]
    if not kept:
        raise AnsibleFilterError("generate.exclude leaves no character to make a value of")
    chosen = [secrets.choice(each) for each in kept]
    chosen += [secrets.choice("".join(kept)) for _more in range(length - len(chosen))]
    secrets.SystemRandom().shuffle(chosen)
    return "".join(chosen[:length])


def secret_values(fields: dict[str, t.Any], name: str = "") -> dict[str, str]:
    """The values a new secret is made with: fixed ones, generated ones, and those of the operator's environment.

    :param fields: as in the entry point ``secret_field`` of the role's argument specs
    :raises AnsibleFilterError: naming what is wrong with a field, or the variable of the environment that is not set
    """
    filled, problems = specs.named(specs.shape("secrets", "secret_field"), fields, f"secret {name}")
    if problems:
        raise AnsibleFilterError("\n  ".join(problems))
    values = {}
    for field, how in filled.items():
        if how["value"] is not None:
            values[field] = how["value"]
        elif how["environment"]:
            values[field] = os.environ.get(how["environment"], "")
            if not values[field]:
                variable = how["environment"]
                raise AnsibleFilterError(
                    f"secret {name}: {field} comes from the environment, where {variable} is not set"
                )
        else:
            values[field] = generated(**how["generate"])
    return values


def missing_fields(
    resources: dict[str, dict[str, t.Any]], entries: dict[str, dict[str, t.Any]], required: dict[str, list[str]]
) -> list[str]:
    """What existing secrets lack, one sentence each.

    :param resources: secrets as they are
    :param entries: secrets as the inventory describes them
    :param required: fields by secret that have to have a value; without an entry, all the inventory describes
    """
    found = []
    for name, resource in resources.items():
        wanted = required.get(name, list((entries.get(name) or {}).get("content") or {}))
        lacking = sorted(set(wanted) - set(resource["facts"]["fields"]))
        if lacking:
            found.append(f"secret {name} ({resource['id']}) has no value for {', '.join(lacking)}")
    return found


def without_secret(entries: dict[str, dict[str, t.Any]], required: dict[str, list[str]]) -> list[str]:
    """Required fields of secrets the inventory does not describe, or not with that field."""
    return [
        f"secrets_required.{name}: {field} is not in the content of secrets_entries.{name}"
        for name, fields in required.items()
        for field in fields
        if field not in ((entries.get(name) or {}).get("content") or {})
    ]


class FilterModule:
    """Filters ``terrace.aws.*`` of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"missing_fields": missing_fields, "secret_values": secret_values, "without_secret": without_secret}
