# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates of ACM. https://docs.aws.amazon.com/acm/latest/APIReference/API_DescribeCertificate.html"""

from __future__ import annotations

import typing as t
from datetime import UTC, datetime, timedelta

from ...engine.cell import Cell, tags_of
from ...engine.kind import FAILED, PENDING, READY, Kind, Resource

STATES = {"ISSUED": READY, "PENDING_VALIDATION": PENDING}
#: ACM lists RSA 2048 certificates only, unless the key types are named.
EVERY_TYPE = ["RSA_1024", "RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1", "EC_secp521r1"]
#: The tagging API may lag behind: the tags of what is younger than this are asked for one by one.
YOUNG = timedelta(hours=1)
#: A self-signed certificate is made again when it lasts less than this.
RENEWED = timedelta(days=30)


class Certificate(Kind):
    name = "certificate"
    role = "certificate"
    variable = "certificate_entries"
    immutable = frozenset({"domain", "alternative_names", "self_signed"})

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
        imported, until = detail["Type"] == "IMPORTED", detail.get("NotAfter")
        names = set(detail.get("SubjectAlternativeNames", [])) - {detail["DomainName"]}
        return Resource(
            id=arn,
            attributes={
                "domain": detail["DomainName"],
                "alternative_names": sorted(names),
                "self_signed": imported,
                "expiring": bool(imported and until and until - datetime.now(UTC) < RENEWED),
            },
            facts={
                "not_after": str(until or ""),
                "validation": [
                    option["ResourceRecord"]
                    for option in detail.get("DomainValidationOptions", [])
                    if option.get("ResourceRecord")
                ],
                "failure": detail.get("FailureReason", ""),
            },
            tags=tags,
            state=READY if imported and detail["Status"] == "EXPIRED" else STATES.get(detail["Status"], FAILED),
            status=detail["Status"],
        )

    @staticmethod
    def _tags(cell: Cell, listed: dict[str, t.Any], known: dict[str, dict[str, str]]) -> dict[str, str]:
        arn = listed["CertificateArn"]
        made = listed.get("CreatedAt") or listed.get("ImportedAt")
        if arn in known or (made and datetime.now(UTC) - made > YOUNG):
            return known.get(arn, {})
        return tags_of(cell.call("acm", "list_tags_for_certificate", CertificateArn=arn)["Tags"])

    def normalise(self, entry: dict[str, t.Any]) -> dict[str, t.Any]:
        # Where the role writes the validating records is nothing a certificate keeps. ACM renews what it issued itself.
        kept = {option: value for option, value in entry.items() if option != "validation_zone"}
        return {**kept, "expiring": False} if entry["self_signed"] else kept

    def check(self, name: str, entry: dict[str, t.Any], world: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        for option in ("domain", *(["alternative_names"] if entry["alternative_names"] else [])):
            for domain in [entry[option]] if isinstance(entry[option], str) else entry[option]:
                if "." not in domain or " " in domain or len(domain) > 253:
                    yield f"{option}: {domain!r} is no domain name"
        if entry["validation_zone"] and entry["self_signed"]:
            yield "validation_zone: a self-signed certificate is validated by nobody; leave one of the two out"
