# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""DNS records. https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListResourceRecordSets.html

A record is called ``zone/name/TYPE``, one of several weighted or latency records ``zone/name/TYPE/identifier``.
"""

from __future__ import annotations

import ipaddress
import typing as t

from ...engine.cell import Cell
from ...engine.kind import GLOBAL, Kind, Resource
from . import record_sets
from .record_sets import APEX, domain, key

#: The word before a target's name, the kind it is, and the fact that holds its DNS name.
TARGETS = {
    "database": ("db_instance", "endpoint"),
    "cache": ("replication_group", "endpoint"),
    "load_balancer": ("load_balancer", "dns_name"),
}


#: What a record of a type holds an address of.
ADDRESSES: dict[str, tuple[type, str]] = {"A": (ipaddress.IPv4Address, "IPv4"), "AAAA": (ipaddress.IPv6Address, "IPv6")}


class DnsRecord(Kind):
    name = "dns_record"
    role = "dns"
    variable = "dns_records"
    scope = GLOBAL
    taggable = False
    references: t.ClassVar[dict[str, str]] = {
        "zone": "hosted_zone",
        **{f"target.{word}": kind for word, (kind, _fact) in TARGETS.items()},
    }
    # AWS gives an endpoint to what is available; a balancer has its name from the start.
    needs_ready = frozenset({"target.database", "target.cache"})
    # A record is only a name: AWS deletes what it leads to.
    loose = frozenset(f"target.{word}" for word in TARGETS)

    def read(self, cell: Cell) -> dict[str, Resource]:
        zones = cell.observed("hosted_zone")
        targets = {
            host(resource.facts.get(fact)): f"{word}:{name}"
            for word, (kind, fact) in TARGETS.items()
            for name, resource in cell.observed(kind).items()
            if host(resource.facts.get(fact))
        }
        answers = cell.map(
            lambda zone: cell.pages("route53", "list_resource_record_sets", "ResourceRecordSets", HostedZoneId=zone.id),
            zones.values(),
        )
        found = {}
        for (zone, resource), records in zip(zones.items(), answers, strict=True):
            own, mine = resource.attributes["domain"], record_sets.marked(cell.name, records)
            for record in records:
                full = domain(record["Name"])
                name = APEX if full == own else full.removesuffix(f".{own}")
                if (name == APEX and record["Type"] in ("NS", "SOA")) or record_sets.is_mark(record):
                    continue
                identifier = record.get("SetIdentifier", "")
                made = self._resource(resource.id, zone, name, record, targets)
                made.facts["foreign"] = record_sets.mark_name(full, record["Type"], identifier) not in mine
                found[key(zone, name, record["Type"], identifier)] = made
        return found

    @staticmethod
    def _resource(ident: str, zone: str, name: str, record: dict[str, t.Any], targets: dict[str, str]) -> Resource:
        alias, full = record.get("AliasTarget"), domain(record["Name"])
        values = [alias["DNSName"]] if alias else [each["Value"] for each in record.get("ResourceRecords", [])]
        target = targets.get(host(values[0])) if len(values) == 1 else None
        return Resource(
            id=key(ident, full, record["Type"], record.get("SetIdentifier", "")),
            attributes={
                "zone": zone,
                "name": name,
                "type": record["Type"],
                "ttl": record.get("TTL"),
                "values": [] if target else [record_sets.value(each, record["Type"]) for each in values],
                "target": target or "",
                "set_identifier": record.get("SetIdentifier"),
                "weight": record.get("Weight"),
                "region": record.get("Region"),
                "other": {option: value for option, value in record.items() if option not in record_sets.KNOWN},
            },
            facts={
                "name": full,
                "zone_id": ident,
                "record": full,
                "values": values,
                "alias_zone": alias["HostedZoneId"] if alias else "",
                "record_set": record,
                "validation": record_sets.is_validation(record),
            },
        )

    def kept(self, resource: Resource) -> bool:
        """What the cell did not write is no orphan and never pruned; it goes with its zone only."""
        return bool(resource.facts["foreign"])

    def holds_data(self, resource: Resource) -> bool:
        """Records of others cannot be made again from the inventory; those that validate certificates, ACM tells again."""
        return bool(resource.facts["foreign"]) and not resource.facts["validation"]

    def normalise(self, entry: dict[str, t.Any]) -> dict[str, t.Any]:
        aliased = entry["target"].startswith("load_balancer:")
        values = [record_sets.value(each, entry["type"]) for each in entry["values"]]
        return {**entry, "ttl": None if aliased else entry["ttl"], "values": values, "other": {}}

    def names_in(self, option: str, entry: dict[str, t.Any]) -> list[str]:
        if not option.startswith("target."):
            return super().names_in(option, entry)
        word, _colon, name = (entry.get("target") or "").partition(":")
        return [name] if word == option.removeprefix("target.") else []

    def check(self, name: str, entry: dict[str, t.Any], world: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        right = key(entry["zone"], domain(entry["name"]), entry["type"], entry.get("set_identifier") or "")
        if name != right or domain(entry["name"]) != entry["name"]:
            yield f"must be keyed {right}, with name: {domain(entry['name'])}, which is how Route 53 keeps it"
        if bool(entry["values"]) == bool(entry["target"]):
            yield "give either values or a target"
        word, _colon, named = entry["target"].partition(":")
        if entry["target"] and (word not in TARGETS or not named):
            yield f"target: must be one of {', '.join(f'{each}:<name>' for each in TARGETS)}, not {entry['target']}"
        elif entry["target"]:
            types = ("A", "AAAA") if word == "load_balancer" else ("CNAME",)
            if entry["type"] not in types:
                yield f"type: a target {word} needs {' or '.join(types)}, not {entry['type']}"
        yield from (f"values: {problem}" for problem in _wrong_values(entry))
        if entry["name"] == APEX and entry["type"] in ("CNAME", "NS"):
            yield f"type: the zone's own name cannot have a {entry['type']} record of yours"
        yield from _routing(entry)
        yield from _beside(name, entry, world.get(self.name, {}))


def _wrong_values(entry: dict[str, t.Any]) -> t.Iterator[str]:
    """https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/ResourceRecordTypes.html"""
    read, sort = ADDRESSES.get(entry["type"], (str, ""))
    for value in entry["values"]:
        try:
            read(value)
        except ValueError:
            yield f"{value} is not an {sort} address, which a record of type {entry['type']} holds"
    if entry["type"] == "CNAME" and len(entry["values"]) > 1:
        yield f"a CNAME record has one, not {len(entry['values'])}"


def _beside(name: str, entry: dict[str, t.Any], records: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
    """Which records of one name AWS does not take together.

    https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resource-record-sets-choosing-alias-non-alias.html
    """
    same = {
        other: each
        for other, each in records.items()
        if other != name and (each["zone"], each["name"]) == (entry["zone"], entry["name"])
    }
    types = sorted({each["type"] for each in same.values()} - {"CNAME"})
    if entry["type"] == "CNAME" and types:
        yield f"type: a CNAME record must be the only one of its name, which has {', '.join(types)} too"
    for other, each in same.items():
        if each["type"] == entry["type"] and _policy(entry) != _policy(each) and name < other:
            yield (
                f"set_identifier: this record is {_policy(entry)}, {other} is {_policy(each)}; AWS takes one way of routing"
                " a name"
            )


def _policy(entry: dict[str, t.Any]) -> str:
    if not entry.get("set_identifier"):
        return "simple"
    return "weighted" if entry.get("weight") is not None else "by latency"


def _routing(entry: dict[str, t.Any]) -> t.Iterator[str]:
    """https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/routing-policy.html"""
    weight, region = entry.get("weight"), entry.get("region")
    if entry.get("set_identifier") and (weight is None) == (not region):
        yield "set_identifier: needs either weight or region, which says how Route 53 chooses among the records"
    if not entry.get("set_identifier") and (weight is not None or region):
        yield "set_identifier: missing; it tells records of one name apart that have a weight or a region"


def host(endpoint: t.Any) -> str:
    """A DNS name in the form that compares; of a load balancer's also without the prefix AWS's console gives it."""
    return domain(endpoint).removeprefix("dualstack.")
