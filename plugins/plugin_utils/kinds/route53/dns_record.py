# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""DNS records. https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListResourceRecordSets.html

AWS keeps no tags on a record: every record of a zone of the cell is the cell's, and is called ``zone/name/TYPE``.
"""

from __future__ import annotations

import typing as t

from ...engine.cell import Cell
from ...engine.kind import Kind, Resource

#: The word before a target's name, the kind it is, and the fact that holds its DNS name.
TARGETS = {
    "database": ("db_instance", "endpoint"),
    "cache": ("replication_group", "endpoint"),
    "load_balancer": ("load_balancer", "dns_name"),
}
APEX = "@"


class DnsRecord(Kind):
    name = "dns_record"
    role = "dns"
    variable = "dns_records"
    taggable = False
    references: t.ClassVar[dict[str, str]] = {
        "zone": "hosted_zone",
        **{f"target.{word}": kind for word, (kind, _fact) in TARGETS.items()},
    }

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
            domain = resource.attributes["domain"]
            for record in records:
                full = record["Name"].rstrip(".").replace("\\052", "*")
                name = APEX if full == domain else full.removesuffix(f".{domain}")
                if name == APEX and record["Type"] in ("NS", "SOA"):
                    continue
                key = f"{zone}/{name}/{record['Type']}"
                found[key] = self._resource(resource.id, zone, name, full, record, targets)
        return found

    @staticmethod
    def _resource(ident, zone, name, full, record, targets) -> Resource:
        alias = record.get("AliasTarget")
        values = [alias["DNSName"]] if alias else [each["Value"] for each in record.get("ResourceRecords", [])]
        target = targets.get(host(values[0])) if len(values) == 1 else None
        return Resource(
            id=f"{ident}/{full}/{record['Type']}",
            attributes={
                "zone": zone,
                "name": name,
                "type": record["Type"],
                "ttl": record.get("TTL"),
                "values": [] if target else values,
                "target": target or "",
            },
            facts={
                "zone_id": ident,
                "record": full,
                "values": values,
                "alias_zone": alias["HostedZoneId"] if alias else "",
            },
        )

    def normalise(self, entry: dict[str, t.Any]) -> dict[str, t.Any]:
        aliased = entry["target"].startswith("load_balancer:")
        return {**entry, "ttl": None if aliased else entry["ttl"]}

    def names_in(self, option: str, entry: dict[str, t.Any]) -> list[str]:
        if not option.startswith("target."):
            return super().names_in(option, entry)
        word, _, name = (entry.get("target") or "").partition(":")
        return [name] if word == option.removeprefix("target.") else []

    def check(self, name: str, entry: dict[str, t.Any], world: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        if name != f"{entry['zone']}/{entry['name']}/{entry['type']}":
            yield f"must be keyed {entry['zone']}/{entry['name']}/{entry['type']}, for AWS keeps no other name of it"
        if bool(entry["values"]) == bool(entry["target"]):
            yield "give either values or a target"
        word, _, named = entry["target"].partition(":")
        if entry["target"] and (word not in TARGETS or not named):
            yield f"target: must be one of {', '.join(f'{each}:<name>' for each in TARGETS)}, not {entry['target']}"
        elif entry["target"]:
            right = ("A", "AAAA") if word == "load_balancer" else ("CNAME",)
            if entry["type"] not in right:
                yield f"type: a target {word} needs {' or '.join(right)}, not {entry['type']}"


def host(endpoint: t.Any) -> str:
    """A DNS name in the form that compares; of a load balancer's also without the prefix AWS's console gives it."""
    return str(endpoint or "").rstrip(".").lower().removeprefix("dualstack.")
