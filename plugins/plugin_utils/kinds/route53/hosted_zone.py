# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosted zones. https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListHostedZones.html"""

from __future__ import annotations

import re
import typing as t

from ...engine.cell import Cell
from ...engine.kind import CELL_TAG, GLOBAL, KIND_TAG, NAME_TAG, Kind, Resource
from ...shared.partitions import partition
from . import tagging
from .record_sets import domain

LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")


class HostedZone(Kind):
    name = "hosted_zone"
    role = "dns"
    variable = "dns_zones"
    scope = GLOBAL
    immutable = frozenset({"domain"})
    references: t.ClassVar[dict[str, str]] = {"vpcs": "vpc"}
    replacement_reason = "its records and its name servers go with it"
    # Its name servers are registered elsewhere, and others write records in it.
    data = True
    #: The reference it is created with has at most 128 characters: terrace/<cell>/<name>/ and a time of 19 digits.
    #: https://docs.aws.amazon.com/Route53/latest/APIReference/API_CreateHostedZone.html
    longest_name = 100

    def read(self, cell: Cell) -> dict[str, Resource]:
        zones = {_ident(zone["Id"]): zone for zone in cell.pages("route53", "list_hosted_zones", "HostedZones")}
        references = {ident: zone["CallerReference"] for ident, zone in zones.items()}
        sets, untagged = tagging.tag_sets(cell, self.name, "hostedzone", references)
        mine = list(cell.owned(self.name, sets, lambda each: each["Tags"], lambda each: each["ResourceId"]))
        details = cell.map(lambda each: cell.call("route53", "get_hosted_zone", Id=each[1]["ResourceId"]), mine)
        return {
            name: Resource(
                id=each["ResourceId"],
                attributes={
                    "domain": domain(detail["HostedZone"]["Name"]),
                    "vpcs": cell.names_of("vpc", (vpc["VPCId"] for vpc in detail.get("VPCs") or [])),
                    "comment": detail["HostedZone"]["Config"].get("Comment", ""),
                },
                facts={
                    "name": domain(detail["HostedZone"]["Name"]),
                    "arn": f"arn:{partition(cell.region)}:route53:::hostedzone/{each['ResourceId']}",
                    "name_servers": (detail.get("DelegationSet") or {}).get("NameServers", []),
                    "vpcs": [{"id": vpc["VPCId"], "region": vpc["VPCRegion"]} for vpc in detail.get("VPCs") or []],
                    "untagged": each["ResourceId"] in untagged,
                },
                tags=tags,
            )
            for (name, each, tags), detail in zip(mine, details, strict=True)
        }

    def condition(self, name: str, entry: dict[str, t.Any], resource: Resource) -> dict[str, dict[str, t.Any]]:
        return {"tagged": {"before": False, "after": True}} if resource.facts["untagged"] else {}

    def precreate_errors(self, cell: Cell, entries: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        there = cell.pages("route53", "list_hosted_zones", "HostedZones")
        for name, entry in entries.items():
            for zone in there:
                private = bool(zone["Config"].get("PrivateZone"))
                if domain(zone["Name"]) != domain(entry["domain"]) or private != bool(entry["vpcs"]):
                    continue
                if private and not self._same_network(cell, zone, entry):
                    continue
                tags = f"{NAME_TAG}={cell.aws_name(name)}, {CELL_TAG}={cell.name}, {KIND_TAG}={self.name}"
                sort, records = "private" if private else "public", zone.get("ResourceRecordSetCount", 0)
                yield (
                    f"{name}.domain: there is a {sort} zone {domain(zone['Name'])} already ({_ident(zone['Id'])}, {records}"
                    f" records), which this cell did not create. Choose another domain, or give that zone the tags {tags}"
                    " to adopt it; its records stay as they are"
                )

    @staticmethod
    def _same_network(cell: Cell, zone: dict[str, t.Any], entry: dict[str, t.Any]) -> bool:
        """Whether a private zone answers in one of the entry's VPCs, where AWS allows only one zone of a name."""
        there = cell.call("route53", "get_hosted_zone", Id=_ident(zone["Id"])).get("VPCs") or []
        return bool(set(entry["vpcs"]) & set(cell.names_of("vpc", (vpc["VPCId"] for vpc in there))))

    def normalise(self, entry: dict[str, t.Any]) -> dict[str, t.Any]:
        return {**entry, "domain": domain(entry["domain"])}

    def refusal(
        self, name: str, fields: dict[str, dict[str, t.Any]], entry: dict[str, t.Any], resource: Resource
    ) -> str:
        if not entry or bool(entry["vpcs"]) == bool(resource.facts["vpcs"]):
            return ""
        before, after = ("private", "public") if resource.facts["vpcs"] else ("public", "private")
        return f"AWS cannot make a {before} zone {after}; give the {after} one an entry of its own beside it"

    def check(self, name: str, entry: dict[str, t.Any], world: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        labels = domain(entry["domain"]).split(".")
        if not all(LABEL.fullmatch(label) for label in labels) or len(domain(entry["domain"])) > 253:
            yield f"domain: {entry['domain']} is not a domain name; for example example.internal"
        for other, each in world.get(self.name, {}).items():
            shared = set(each["vpcs"]) & set(entry["vpcs"]) or not (each["vpcs"] or entry["vpcs"])
            if other < name and shared and domain(each["domain"]) == domain(entry["domain"]):
                yield f"domain: {domain(entry['domain'])} is the domain of {other} as well; one zone holds all its records"


def _ident(path: str) -> str:
    return path.rpartition("/")[2]
