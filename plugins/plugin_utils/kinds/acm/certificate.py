# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates of ACM. https://docs.aws.amazon.com/acm/latest/APIReference/API_DescribeCertificate.html"""

from __future__ import annotations

import typing as t
from datetime import UTC, datetime, timedelta

from ...engine.cell import Cell, tags_of
from ...engine.kind import CREATE_FIRST, FAILED, PENDING, READY, REMAKE, Kind, Resource
from ..route53.record_sets import domain

STATES = {"ISSUED": READY, "INACTIVE": READY, "PENDING_VALIDATION": PENDING}
#: ACM lists RSA 2048 certificates only, unless the key types are named.
EVERY_TYPE = ["RSA_1024", "RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1", "EC_secp521r1"]
#: The tagging API may lag behind: the tags of what is younger than this are asked for one by one.
YOUNG = timedelta(hours=1)
#: A self-signed certificate is made again when it lasts less than this.
RENEWED = timedelta(days=30)
#: What is to be mended before another request can succeed, by ACM's reason.
#: https://docs.aws.amazon.com/acm/latest/userguide/troubleshooting-failed.html
CAUSES = {
    "CAA_ERROR": "a CAA record of the domain has to allow amazon.com",
    "ADDITIONAL_VERIFICATION_REQUIRED": "AWS wants to verify the domain: open a case with AWS Support",
    "DOMAIN_NOT_ALLOWED": "the domain is on a list of unsafe ones: have it taken off there, or choose another",
    "INVALID_PUBLIC_DOMAIN": "a name does not end in a public top-level domain: correct it, or give self_signed: true",
}


class Certificate(Kind):
    name = "certificate"
    role = "certificate"
    variable = "certificate_entries"
    resource_type = "acm:certificate"
    immutable = frozenset({"domain", "alternative_names", "self_signed"})
    references: t.ClassVar[dict[str, str]] = {"zone": "hosted_zone"}
    # A certificate in use cannot be deleted (ResourceInUseException): listeners get the new one first.
    replacement = CREATE_FIRST
    # The module waits until ACM tells the records that validate a request.
    sleeps = True

    def read(self, cell: Cell) -> dict[str, Resource]:
        listed = cell.pages("acm", "list_certificates", "CertificateSummaryList", Includes={"keyTypes": EVERY_TYPE})
        summaries = {each["CertificateArn"]: each for each in listed}
        known = cell.tagged() if listed else {}
        tags = cell.map(lambda each: self._tags(cell, each, known), listed)
        found = list(
            cell.owned(
                self.name,
                zip((each["CertificateArn"] for each in listed), tags, strict=True),
                lambda each: each[1],
                lambda each: each[0],
            )
        )
        details = cell.map(lambda each: self._detail(cell, summaries[each[1][0]]), found)
        return {
            name: self._resource(arn, detail, own)
            for (name, (arn, _tags), own), detail in zip(found, details, strict=True)
        }

    @staticmethod
    def _detail(cell: Cell, summary: dict[str, t.Any]) -> dict[str, t.Any]:
        """All there is to know; of an imported certificate the list tells it, of an issued one only the call for one."""
        if summary.get("Type") == "IMPORTED" and summary.get("HasAdditionalSubjectAlternativeNames") is False:
            return {**summary, "SubjectAlternativeNames": summary["SubjectAlternativeNameSummaries"]}
        return cell.call("acm", "describe_certificate", CertificateArn=summary["CertificateArn"])["Certificate"]

    @staticmethod
    def _resource(arn: str, detail: dict[str, t.Any], tags: dict[str, str]) -> Resource:
        reason = detail.get("FailureReason", "")
        imported, until = detail["Type"] == "IMPORTED", detail.get("NotAfter")
        names = {domain(each) for each in detail.get("SubjectAlternativeNames", [])} - {domain(detail["DomainName"])}
        return Resource(
            id=arn,
            attributes={
                "domain": domain(detail["DomainName"]),
                "alternative_names": sorted(names),
                "self_signed": imported,
                "expiring": bool(imported and until and until - datetime.now(UTC) < RENEWED),
            },
            facts={
                "name": arn,
                "not_after": str(until or ""),
                "validation": [
                    option["ResourceRecord"]
                    for option in detail.get("DomainValidationOptions", [])
                    if option.get("ResourceRecord")
                ],
                "failure": ": ".join(filter(None, (reason, CAUSES.get(reason, "")))),
            },
            tags=tags,
            state=READY if imported and detail["Status"] == "EXPIRED" else STATES.get(detail["Status"], FAILED),
            status=detail["Status"],
        )

    @staticmethod
    def _tags(cell: Cell, listed: dict[str, t.Any], known: dict[str, dict[str, str]]) -> dict[str, str]:
        arn = listed["CertificateArn"]
        made = listed.get("CreatedAt") or listed.get("ImportedAt")
        if arn in known or (made and datetime.now(UTC) - made > YOUNG and not cell.claims("certificate", arn)):
            return known.get(arn, {})
        return tags_of(cell.call("acm", "list_tags_for_certificate", CertificateArn=arn)["Tags"])

    def normalise(self, entry: dict[str, t.Any]) -> dict[str, t.Any]:
        # Where the role writes the validating records is nothing a certificate keeps. ACM renews what it issued itself.
        kept = {option: value for option, value in entry.items() if option not in ("validation_zone", "zone")}
        first = domain(entry["domain"])
        kept |= {
            "domain": first,
            "alternative_names": sorted({domain(each) for each in entry["alternative_names"]} - {first}),
        }
        return {**kept, "expiring": False} if entry["self_signed"] else kept

    def condition(self, name: str, entry: dict[str, t.Any], resource: Resource) -> dict[str, dict[str, t.Any]]:
        """A request that waits for records this role writes: a killed run may not have written them."""
        if resource.state == PENDING and (entry.get("zone") or entry.get("validation_zone")):
            return {"validation": {"before": resource.status, "after": "ISSUED"}}
        return {}

    def remedy(self, name: str, entry: dict[str, t.Any], resource: Resource) -> str:
        """ACM never tries again, so that a new request follows once its cause is mended."""
        return REMAKE

    def check(self, name: str, entry: dict[str, t.Any], world: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        for option in ("domain", "alternative_names"):
            for each in [entry[option]] if isinstance(entry[option], str) else entry[option]:
                if "." not in domain(each) or " " in each or len(domain(each)) > 253:
                    yield f"{option}: {each!r} is not a domain name"
        for option in ("validation_zone", "zone"):
            if entry.get(option) and entry["self_signed"]:
                yield f"{option}: a self-signed certificate is not validated; leave one of the two out"
        if entry.get("validation_zone") and entry.get("zone"):
            yield "zone: give either zone (a zone of this cell) or validation_zone (a domain), not both"
        yield from self._zone_problems(entry, world.get("hosted_zone", {}).get(entry.get("zone") or ""))

    @staticmethod
    def _zone_problems(entry: dict[str, t.Any], zone: dict[str, t.Any] | None) -> t.Iterator[str]:
        if not zone:
            return
        if zone["vpcs"]:
            yield f"zone: {entry['zone']} is a private zone; ACM validates by public DNS only"
        own = domain(zone["domain"])
        for each in [entry["domain"], *entry["alternative_names"]]:
            plain = domain(each).removeprefix("*.")
            if plain != own and not plain.endswith(f".{own}"):
                yield f"zone: {domain(each)} is not in {entry['zone']} ({own}); its validating record has to be"
