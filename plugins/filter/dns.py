# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of the dns role."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ..plugin_utils import specs
from ..plugin_utils.engine import registry
from ..plugin_utils.kinds.route53 import health_check, record_sets
from ..plugin_utils.kinds.route53.dns_record import TARGETS
from ..plugin_utils.shapes import Shape

DEFAULT_TYPES = {"database": "CNAME", "cache": "CNAME", "load_balancer": "A"}


def dns_records(names: dict[str, dict[str, dict[str, t.Any]]]) -> dict[str, dict[str, t.Any]]:
    """``{zone: {name: {target, type, ttl, values}}}`` as entries of dns_records; the type follows from the target.

    Names are spelled as Route 53 keeps them. One of several records of a name says its ``name``, and is keyed by any word.

    :raises AnsibleFilterError: naming everything that is wrong
    """
    shape = specs.shape_of("dns_record").without("zone").optional("name")
    _filled, problems = specs.named(Shape({}, each=shape), names, "dns_names")
    if problems:
        raise AnsibleFilterError("\n  ".join(problems))
    made = {}
    for zone, entries in (names or {}).items():
        for word, entry in entries.items():
            target = str(entry.get("target") or "").partition(":")[0]
            kind = entry.get("type") or DEFAULT_TYPES.get(target, "A")
            name = record_sets.domain(entry.get("name") or word)
            key = record_sets.key(zone, name, kind, str(entry.get("set_identifier") or ""))
            made[key] = {**entry, "zone": zone, "name": name, "type": kind}
    return made


def name_in_zone(domain: str, zone: str, others: str = "") -> str:
    """What a domain is called in a zone, ``@`` where it is the zone's own.

    :param others: the domain that another cell has for the same, which has to be the same one
    :raises AnsibleFilterError: where the domain does not lie in the zone, or the cells differ
    """
    full, own = record_sets.domain(domain), record_sets.domain(zone)
    if others and record_sets.domain(others) != full:
        raise AnsibleFilterError(f"{domain}: the other cell of the pair has {others}; both are reached by one name")
    if full != own and not full.endswith(f".{own}"):
        raise AnsibleFilterError(f"{domain} does not lie in the zone {zone}")
    return record_sets.APEX if full == own else full.removesuffix(f".{own}")


def dns_record_sets(
    entries: dict[str, dict[str, t.Any]], resources: dict[str, dict[str, dict[str, t.Any]]], cell: str
) -> dict[str, list[dict[str, t.Any]]]:
    """Entries to write as terrace.aws.route53_records takes them, by zone id, or by ``domain:<domain>`` of another's zone.

    :param resources: hosted zones and the kinds targets name, as they are
    :raises AnsibleFilterError: where a target does not exist or has no DNS name as yet
    """
    made: dict[str, list[dict[str, t.Any]]] = {}
    for entry in entries.values():
        if entry["zone"].startswith(record_sets.SHARED):
            ident, domain = entry["zone"], entry["zone"].removeprefix(record_sets.SHARED)
        else:
            zone = resources["hosted_zone"][entry["zone"]]
            ident, domain = zone["id"], zone["attributes"]["domain"]
        record = _record_set(entry, domain, resources)
        made.setdefault(ident, []).append(
            {"record_set": record, "mark": record_sets.mark(cell, record), "create": entry.get("action") == "create"}
        )
    return made


def dns_gone(resources: dict[str, dict[str, t.Any]], cell: str) -> dict[str, list[dict[str, t.Any]]]:
    """Records to remove as terrace.aws.route53_records takes them, by zone id."""
    made: dict[str, list[dict[str, t.Any]]] = {}
    for resource in resources.values():
        record = resource["facts"]["record_set"]
        made.setdefault(resource["facts"]["zone_id"], []).append(
            {"record_set": record, "mark": record_sets.mark(cell, record)}
        )
    return made


def _record_set(
    entry: dict[str, t.Any], zone: str, resources: dict[str, dict[str, dict[str, t.Any]]]
) -> dict[str, t.Any]:
    """https://docs.aws.amazon.com/Route53/latest/APIReference/API_ResourceRecordSet.html"""
    wanted = registry.kind("dns_record").normalise(entry)
    made = {"Name": record_sets.full_name(entry["name"], zone), "Type": entry["type"]}
    for option, word in (("set_identifier", "SetIdentifier"), ("weight", "Weight"), ("region", "Region")):
        if wanted.get(option) not in (None, ""):
            made[word] = wanted[option]
    if wanted.get("failover"):
        made["Failover"] = wanted["failover"].upper()
    if wanted["health_check"]:
        made["HealthCheckId"] = resources["health_check"][wanted["health_check"]]["id"]
    if not entry["target"]:
        return {**made, "TTL": entry["ttl"], "ResourceRecords": [{"Value": each} for each in wanted["values"]]}
    word, _colon, name = entry["target"].partition(":")
    kind, fact = TARGETS[word]
    facts = resources[kind].get(name, {}).get("facts", {})
    if not facts.get(fact):
        raise AnsibleFilterError(f"{made['Name']}: {entry['target']} has no DNS name yet; provision it first")
    if word != "load_balancer":
        return {**made, "TTL": entry["ttl"], "ResourceRecords": [{"Value": facts[fact]}]}
    alias = {
        "HostedZoneId": facts["hosted_zone"],
        "DNSName": facts[fact],
        "EvaluateTargetHealth": wanted["evaluate_target_health"],
    }
    return {**made, "AliasTarget": alias}


def dns_health_check(entry: dict[str, t.Any], ids: dict[str, str]) -> dict[str, t.Any]:
    """An entry of dns_health_checks as CreateHealthCheck takes it, a HealthCheckConfig.

    :param ids: ids of health checks by logical name
    """
    return health_check.configuration(entry, ids)


def dns_vpcs(names: list[str], ids: dict[str, str], region: str) -> list[dict[str, str]]:
    """VPCs by name as amazon.aws.route53_zone takes them."""
    return [{"id": ids[name], "region": region} for name in names]


class FilterModule:
    """Filters ``terrace.aws.*`` of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {
            "dns_gone": dns_gone,
            "dns_health_check": dns_health_check,
            "dns_record_sets": dns_record_sets,
            "dns_records": dns_records,
            "dns_vpcs": dns_vpcs,
            "name_in_zone": name_in_zone,
        }
