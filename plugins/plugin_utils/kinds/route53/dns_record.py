# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""DNS records. https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListResourceRecordSets.html

A record is called ``zone/name/TYPE``, one of several failover, weighted or latency records ``zone/name/TYPE/identifier``. The
zone of a cell that has records in somebody else's is ``domain:<domain>``.
"""

from __future__ import annotations

import ipaddress
import typing as t

from ...engine.cell import Cell
from ...engine.kind import GLOBAL, Kind, Resource
from . import record_sets, routing
from .record_sets import APEX, SHARED, domain, key

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
        "health_check": "health_check",
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
        places = {zone: (resource.id, resource.attributes["domain"]) for zone, resource in zones.items()}
        places |= {f"{SHARED}{own}": (idents[0], own) for own, idents in _shared(cell).items() if len(idents) == 1}
        answers = cell.map(lambda place: _records(cell, place[0]), places.values())
        found = {}
        for (zone, (ident, own)), records in zip(places.items(), answers, strict=True):
            mine = record_sets.marked(cell.name, records)
            for record in records:
                full = domain(record["Name"])
                name = APEX if full == own else full.removesuffix(f".{own}")
                if (name == APEX and record["Type"] in ("NS", "SOA")) or record_sets.is_mark(record):
                    continue
                identifier = record.get("SetIdentifier", "")
                foreign = record_sets.mark_name(full, record["Type"], identifier) not in mine
                if foreign and zone.startswith(SHARED):
                    continue
                made = self._resource(ident, zone, name, record, targets)
                made.attributes["health_check"] = cell.name_of("health_check", record.get("HealthCheckId"))
                made.facts["foreign"] = foreign
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
                "failover": record.get("Failover", "").lower() or None,
                "evaluate_target_health": bool(alias and alias["EvaluateTargetHealth"]),
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
        watched = {"health_check": entry.get("health_check") or "", "evaluate_target_health": False}
        if aliased:
            watched["evaluate_target_health"] = bool(entry.get("evaluate_target_health"))
        return {**entry, **watched, "ttl": None if aliased else entry["ttl"], "values": values, "other": {}}

    def names_in(self, option: str, entry: dict[str, t.Any]) -> list[str]:
        if option == "zone" and str(entry.get("zone") or "").startswith(SHARED):
            return []
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
        if not entry["zone"].startswith(SHARED) and "/" in entry["zone"]:
            yield f"zone: a zone of another cell is named by its domain, {SHARED}example.com, which dns_shared_zones lists"
        elif entry["zone"] != entry["zone"].lower().rstrip(".") and entry["zone"].startswith(SHARED):
            yield f"zone: write {entry['zone'].lower().rstrip('.')}, which is how Route 53 keeps it"
        yield from routing.problems(entry)
        yield from routing.beside(name, entry, world.get(self.name, {}))

    def prechange_errors(
        self, cell: Cell, entries: dict[str, dict[str, t.Any]], world: dict[str, dict[str, dict[str, t.Any]]]
    ) -> t.Iterator[str]:
        own = {name: (zone.id, zone.attributes["domain"]) for name, zone in cell.observed("hosted_zone").items()}
        shared = _shared(cell)
        yours = {place: name for name, (_ident, place) in own.items()}
        for name, entry in entries.items():
            label = entry["zone"].removeprefix(SHARED)
            if label == entry["zone"]:
                place = own.get(label)  # None where it is made in this run
            elif label not in cell.shared_zones:
                yield f"{name}.zone: {label} is not in dns_shared_zones, which lists others' zones with records of this cell"
                continue
            elif label in yours and len(shared[label]) == 1:
                yield f"{name}.zone: {label} is {yours[label]} of dns_zones, the cell's own zone; name it so"
                continue
            elif len(shared[label]) != 1:
                how = "several public zones" if shared[label] else "no public zone"
                yield f"{name}.zone: this account has {how} of the domain {label}; there must be one, made before"
                continue
            else:
                place = (shared[label][0], label)
            if place:
                yield from (f"{name}.{each}" for each in _conflicts(cell, entry, place, world.get(self.name, {})))

    def warnings(self, entries: dict[str, dict[str, t.Any]], observed: dict[str, Resource]) -> t.Iterator[str]:
        for name, entry in entries.items():
            watched = entry.get("health_check") or entry.get("evaluate_target_health")
            if entry.get("failover") == "primary" and not watched:
                yield (
                    f"{name} is a primary record that nothing checks, so that its secondary never answers; give it a"
                    " health_check or evaluate_target_health"
                )


def _records(cell: Cell, zone: str) -> list[dict[str, t.Any]]:
    return cell.pages("route53", "list_resource_record_sets", "ResourceRecordSets", HostedZoneId=zone)


def _shared(cell: Cell) -> dict[str, list[str]]:
    """Ids of the account's public zones by domain, of the zones of others in which the cell has records."""
    if not cell.shared_zones:
        return {}
    found: dict[str, list[str]] = {domain(each): [] for each in cell.shared_zones}
    for zone in cell.pages("route53", "list_hosted_zones", "HostedZones"):
        if not zone["Config"].get("PrivateZone") and domain(zone["Name"]) in found:
            found[domain(zone["Name"])].append(zone["Id"].rpartition("/")[2])
    return found


def _conflicts(
    cell: Cell, entry: dict[str, t.Any], place: tuple[str, str], world: dict[str, dict[str, t.Any]]
) -> t.Iterator[str]:
    """What is wrong with an entry beside the records of others in its zone; in the cell's own, those are not others' that
    the inventory names."""
    ident, own = place
    records = _records(cell, ident)
    # In somebody else's zone a record is the cell's by its mark alone.
    wanted = {
        record_sets.mark_name(record_sets.full_name(each["name"], own), each["type"], each.get("set_identifier") or "")
        for each in world.values()
        if each["zone"] == entry["zone"] and not entry["zone"].startswith(SHARED)
    }
    full = record_sets.full_name(entry["name"], own)
    yield from routing.conflicts(entry, full, records, record_sets.marked(cell.name, records), wanted)


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


def host(endpoint: t.Any) -> str:
    """A DNS name in the form that compares; of a load balancer's also without the prefix AWS's console gives it."""
    return domain(endpoint).removeprefix("dualstack.")
