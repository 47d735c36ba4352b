# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of the dns role."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ..plugin_utils.kinds.route53.dns_record import APEX, TARGETS

DEFAULT_TYPES = {"database": "CNAME", "cache": "CNAME", "load_balancer": "A"}


def dns_records(names: dict[str, dict[str, dict[str, t.Any]]]) -> dict[str, dict[str, t.Any]]:
    """``{zone: {name: {target, type, ttl, values}}}`` as entries of dns_records; the type follows from the target."""
    made = {}
    for zone, entries in (names or {}).items():
        for name, entry in entries.items():
            word = str(entry.get("target", "")).partition(":")[0]
            kind = entry.get("type", DEFAULT_TYPES.get(word, "A"))
            made[f"{zone}/{name}/{kind}"] = {**entry, "zone": zone, "name": name, "type": kind}
    return made


def dns_record_arguments(
    entry: dict[str, t.Any], resources: dict[str, dict[str, dict[str, t.Any]]]
) -> dict[str, t.Any]:
    """What amazon.aws.route53 takes for an entry.

    :param resources: hosted zones and the kinds targets name, as cell_info returns them
    :raises AnsibleFilterError: where a target does not exist or has no DNS name as yet
    """
    zone = resources["hosted_zone"][entry["zone"]]
    domain = zone["attributes"]["domain"]
    record = domain if entry["name"] == APEX else f"{entry['name']}.{domain}"
    made = {"hosted_zone_id": zone["id"], "record": record, "type": entry["type"]}
    if not entry["target"]:
        return {**made, "value": entry["values"], "ttl": entry["ttl"]}
    word, _, name = entry["target"].partition(":")
    kind, fact = TARGETS[word]
    facts = resources[kind].get(name, {}).get("facts", {})
    if not facts.get(fact):
        raise AnsibleFilterError(f"{record}: {entry['target']} has no DNS name yet; provision it first")
    if word != "load_balancer":
        return {**made, "value": [facts[fact]], "ttl": entry["ttl"]}
    return {**made, "value": [facts[fact]], "alias": True, "alias_hosted_zone_id": facts["hosted_zone"]}


def dns_vpcs(names: list[str], ids: dict[str, str], region: str) -> list[dict[str, str]]:
    """VPCs by name as amazon.aws.route53_zone takes them."""
    return [{"id": ids[name], "region": region} for name in names]


class FilterModule:
    """Filters ``terrace.aws.*`` of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"dns_records": dns_records, "dns_record_arguments": dns_record_arguments, "dns_vpcs": dns_vpcs}
