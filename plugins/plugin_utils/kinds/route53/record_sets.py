# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Record sets between Route 53's spelling and the inventory's, and the marks that say which of them are the cell's.

Route 53 keeps no tags on records, and others write records too: mail, validation, delegations. So next to each record the
cell writes a TXT record, in the same change batch, that names the cell as its owner. What has no such mark is somebody
else's, unless the inventory names it.
https://docs.aws.amazon.com/Route53/latest/APIReference/API_ResourceRecordSet.html
"""

from __future__ import annotations

import hashlib
import re
import typing as t

APEX = "@"
#: Types whose values are domain names, so that case and a final dot mean nothing.
NAMES = ("CNAME", "MX", "NS", "PTR", "SRV")
#: A string of a TXT record has at most so many characters; a longer text is several strings.
LONGEST_STRING = 255
#: ACM looks for its validation records below this domain.
VALIDATION = "acm-validations.aws"
MARK_TTL = 300
#: What a record set may hold that an entry can say.
KNOWN = frozenset(
    {
        "Name",
        "Type",
        "TTL",
        "ResourceRecords",
        "AliasTarget",
        "SetIdentifier",
        "Weight",
        "Region",
        "Failover",
        "HealthCheckId",
    }
)
#: How an entry names a zone that is not the cell's: by its domain.
SHARED = "domain:"


def domain(name: t.Any) -> str:
    """A domain name as Route 53 lists it: lower case, without the final dot, escapes (``\\052``) as characters."""
    plain = re.sub(r"\\(\d{3})", lambda match: chr(int(match[1], 8)), str(name or ""))
    return plain.rstrip(".").lower()


def value(text: t.Any, kind: str) -> str:
    """A record's value in the form that compares and that Route 53 accepts: names in lower case, texts quoted."""
    plain = str(text).strip()
    if kind in NAMES:
        return plain.rstrip(".").lower()
    if kind == "TXT" and not plain.startswith('"'):
        parts = [plain[at : at + LONGEST_STRING] for at in range(0, len(plain) or 1, LONGEST_STRING)]
        return " ".join('"' + part.replace("\\", "\\\\").replace('"', '\\"') + '"' for part in parts)
    return plain


def full_name(name: str, zone: str) -> str:
    """The whole name of an entry's record in its zone."""
    return zone if name == APEX else f"{name}.{zone}"


def key(zone: str, name: str, kind: str, identifier: str = "") -> str:
    """What an entry is called: ``zone/name/TYPE``, and the identifier of one of several records of that name."""
    return "/".join(part for part in (zone, name, kind, identifier) if part)


def owner(cell: str) -> str:
    """The value of the marks of a cell."""
    return f'"heritage=terrace,cell={cell}"'


def mark(cell: str, record: dict[str, t.Any]) -> dict[str, t.Any]:
    """The record set that marks another one as the cell's."""
    return {
        "Name": mark_name(domain(record["Name"]), record["Type"], record.get("SetIdentifier", "")),
        "Type": "TXT",
        "TTL": MARK_TTL,
        "ResourceRecords": [{"Value": owner(cell)}],
    }


def mark_name(full: str, kind: str, identifier: str = "") -> str:
    """Where the mark of a record stands: beneath it, so that it is possible beside a CNAME and says of what it is."""
    label = f"_terrace-{kind.lower()}"
    if identifier:
        label += f"-{hashlib.sha256(identifier.encode()).hexdigest()[:8]}"
    return f"{label}.{'_any' + full[1:] if full.startswith('*') else full}"


def is_mark(record: dict[str, t.Any]) -> bool:
    """Whether a record set is a mark, whichever cell's."""
    return record["Type"] == "TXT" and str(record["Name"]).startswith("_terrace-")


def marked(cell: str, records: list[dict[str, t.Any]]) -> set[str]:
    """The names of a zone's marks that are this cell's."""
    mine = [{"Value": owner(cell)}]
    return {domain(each["Name"]) for each in records if is_mark(each) and each.get("ResourceRecords") == mine}


def is_validation(record: dict[str, t.Any]) -> bool:
    """Whether a record set validates a certificate of ACM."""
    values = [domain(each["Value"]) for each in record.get("ResourceRecords", [])]
    return record["Type"] == "CNAME" and all(each.endswith(VALIDATION) for each in values) and bool(values)
