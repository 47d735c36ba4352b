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


class FilterModule:
    """Filters ``terrace.aws.*`` of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"secret_values": secret_values}
