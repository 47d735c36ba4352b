# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of the identity role: policies in the inventory's words as IAM takes them."""

from __future__ import annotations

import json
import typing as t

from ..plugin_utils.shared import words
from ..plugin_utils.shared.policies import partition


def trust_policy(assumed_by: list[str], region: str) -> str:
    """Who may take a role on, as a trust policy in JSON."""
    return json.dumps(words.trust(list(assumed_by), region))


def policy_arns(names: list[str], region: str) -> list[str]:
    """Managed policies by ARN; a name is one of AWS's own."""
    return [name if name.startswith("arn:") else f"arn:{partition(region)}:iam::aws:policy/{name}" for name in names]


def inline_policies(
    entries: dict[str, dict[str, t.Any]], resources: dict[str, dict[str, t.Any]], where: dict[str, str]
) -> list[dict[str, str]]:
    """Every inline policy to write or to remove: ``role``, ``name``, ``state`` and ``document`` as JSON.

    :param entries: roles to write, as terrace.aws.plan gives them
    :param resources: roles as they are
    :param where: cell, region and account
    """
    known = words.Words(where["cell"], where["region"], str(where["account"]))
    made = []
    for name, entry in entries.items():
        role = {"role": entry["aws_name"]}
        made += [
            {**role, "name": policy, "state": "present", "document": json.dumps(known.document(grants))}
            for policy, grants in entry["policies"].items()
        ]
        have = resources.get(name, {}).get("attributes", {}).get("policies", {}) if entry["action"] != "create" else {}
        made += [{**role, "name": policy, "state": "absent"} for policy in sorted(set(have) - set(entry["policies"]))]
    return made


class FilterModule:
    """Filters ``terrace.aws.*`` of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"inline_policies": inline_policies, "policy_arns": policy_arns, "trust_policy": trust_policy}
