# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of the keys role."""

from __future__ import annotations

import json
import typing as t

from ..plugin_utils.shared import policies


def key_policy(account: str, region: str, services: list[str], principals: list[str]) -> str:
    """A key's policy as JSON: the account's IAM decides, and the services and principals named use the key."""
    return json.dumps(policies.key_policy(str(account), region, list(services), list(principals)))


def replacing(entries: dict[str, dict[str, t.Any]], known: dict[str, dict[str, t.Any]]) -> dict[str, dict[str, t.Any]]:
    """The keys that are to be created while the one they replace still has the alias.

    :param known: keys as they are; one that is being replaced carries the tag terrace:outgoing
    """
    held = {res["facts"].get("alias") for res in known.values() if "terrace:outgoing" in res["marks"]}
    return {name: entry for name, entry in entries.items() if not entry["id"] and f"alias/{entry['aws_name']}" in held}


def new_multi_region(entries: dict[str, dict[str, t.Any]]) -> dict[str, dict[str, t.Any]]:
    """The multi-region keys that are to be made."""
    return {name: entry for name, entry in entries.items() if entry["multi_region"] and entry["action"] == "create"}


def made_multi_region(entry: dict[str, t.Any], name: str, looked: list[dict[str, t.Any]]) -> bool:
    """Whether amazon.aws.kms_key is to make a multi-region key: not where there is one, if only awaiting its deletion.

    :param looked: results of amazon.aws.kms_key_info, one a key
    """
    if not entry["multi_region"] or entry["action"] != "create":
        return False
    return not any(each["__keys_wanted"]["key"] == name and each["kms_keys"] for each in looked)


class FilterModule:
    """Filters ``terrace.aws.*`` of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {each.__name__: each for each in (key_policy, made_multi_region, new_multi_region, replacing)}
