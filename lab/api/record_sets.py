"""A batch of changes to the record sets of a hosted zone, as Route 53 judges it: all of it or nothing.

https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html and
https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DomainNameFormat.html
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Container, Iterator
from typing import Any

ROUTING = (
    "Weight",
    "Region",
    "Failover",
    "GeoLocation",
    "MultiValueAnswer",
    "CidrRoutingConfig",
    "GeoProximityLocation",
)
COMPARED = ("weight", "region", "failover", "geo_location", "multi_value_answer", "health_check_id")
_PLAIN = re.compile(r"[a-z0-9_.-]")
_OCTAL = re.compile(r"\\([0-3][0-7]{2})")


class BatchError(Exception):
    """A batch that is refused: AWS's error code and message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def listed(name: str) -> str:
    """A domain name as Route 53 lists it: lower case, with a final dot, unusual characters as octal codes."""
    # re.split gives text and octal codes by turns.
    text = "".join(
        _escaped(chr(int(part, 8)), from_code=True) if number % 2 else "".join(_escaped(char) for char in part)
        for number, part in enumerate(_OCTAL.split(name.strip().rstrip(".")))
    )
    return f"{text}."


def _escaped(char: str, from_code: bool = False) -> str:
    char = char.lower()
    if _PLAIN.match(char) and not (from_code and char == "."):
        return char
    return "".join(f"\\{byte:03o}" for byte in char.encode())


def order(record: Any) -> tuple[str, str, str]:
    """Where a record set stands in the list: by its labels from the right, its type, its identifier."""
    labels = ".".join(reversed(record.name.rstrip(".").split(".")))
    return labels, str(record.type), str(record.set_identifier or "")


def changed(zone: Any, changes: list[dict[str, Any]], make: Any, health_checks: Container[str] = ()) -> list[Any]:
    """Return the zone's record sets after a batch of changes; ``make`` builds one. Raises :class:`BatchError`.

    :param health_checks: the ids of the account's health checks
    """
    records, errors = list(zone.rrsets), []
    for change in changes:
        _check_input(change)
        check = change["ResourceRecordSet"].get("HealthCheckId")
        if check and change["Action"] != "DELETE" and check not in health_checks:
            raise BatchError("NoSuchHealthCheck", f"A health check with id {check} does not exist.")
    for change in changes:
        wanted = dict(change["ResourceRecordSet"], Name=listed(change["ResourceRecordSet"]["Name"]))
        if "ResourceRecords" in wanted:
            wanted["ResourceRecords"] = [each["Value"] for each in wanted["ResourceRecords"]]
        if wanted.get("AliasTarget"):
            wanted["AliasTarget"] = dict(wanted["AliasTarget"], DNSName=listed(wanted["AliasTarget"]["DNSName"]))
        record = make(wanted)
        if found := next(_errors(zone, records, change["Action"], record), ""):
            errors.append(found)
            continue
        kept = [each for each in records if _key(each) != _key(record)]
        records = kept if change["Action"] == "DELETE" else [*kept, record]
    if errors:
        raise BatchError("InvalidChangeBatch", f"[{', '.join(errors)}]")
    return records


def _key(record: Any) -> tuple[str, str, str | None]:
    return record.name, str(record.type), record.set_identifier


def _check_input(change: dict[str, Any]) -> None:
    """What is wrong with a change whatever the zone holds."""
    record, action = change["ResourceRecordSet"], change["Action"]
    where = (
        f"in Change with [Action={action}, Name={record['Name']}, Type={record['Type']},"
        f" SetIdentifier={record.get('SetIdentifier', 'null')}]"
    )
    if action not in ("CREATE", "UPSERT", "DELETE"):
        message = (
            f"Invalid XML ; cvc-enumeration-valid: Value '{action}' is not facet-valid with respect to enumeration"
            " '[CREATE, DELETE, UPSERT]'. It must be a value from the enumeration."
        )
        raise BatchError("InvalidInput", message)
    plain, alias = record.get("ResourceRecords") or record.get("TTL") is not None, bool(record.get("AliasTarget"))
    if bool(plain) == alias:
        many = "found more than one" if alias else "found none"
        message = "Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId]"
        raise BatchError("InvalidInput", f"Invalid request: {message}, but {many} {where}")
    if not alias and (record.get("TTL") is None or not record.get("ResourceRecords")):
        missing = "TTL" if record.get("TTL") is None else "ResourceRecords"
        raise BatchError("InvalidInput", f"Invalid request: Missing field '{missing}' {where}")
    routed = [name for name in ROUTING if record.get(name) is not None]
    if routed and not record.get("SetIdentifier"):
        raise BatchError("InvalidInput", f"Invalid request: Missing field 'SetIdentifier' {where}")
    if len(routed) != 1 and record.get("SetIdentifier"):
        found = "more than one" if routed else "none"
        message = f"Expected exactly one of [{', '.join(ROUTING)}], but found {found}"
        raise BatchError("InvalidInput", f"Invalid request: {message} {where}")


def _errors(zone: Any, records: list[Any], action: str, record: Any) -> Iterator[str]:
    """What Route 53 has against a change, given the record sets so far."""
    name, sort, base = record.name, str(record.type), listed(zone.name)
    shown = f"[name='{name}', type='{sort}'" + (
        f", set identifier='{record.set_identifier}']" if record.set_identifier else "]"
    )
    if name != base and not name.endswith(f".{base}"):
        yield f"RRSet with DNS name {name} is not permitted in zone {base}"
    for label in name[:-1].split("."):
        if not 1 <= len(_OCTAL.sub("?", label)) <= 63:
            code, what = ("DomainLabelEmpty", "empty") if not label else ("DomainLabelTooLong", "too long")
            yield f"FATAL problem: {code} (Domain label is {what}) encountered with '{name}'"
    there = next((each for each in records if _key(each) == _key(record)), None)
    if action == "DELETE":
        if there is None:
            yield f"Tried to delete resource record set {shown} but it was not found"
        elif not _same(there, record):
            yield (
                f"Tried to delete resource record set {shown} but the values provided do not match the current values"
            )
        if name == base and sort in ("SOA", "NS"):
            yield f"A HostedZone must contain at least one {sort} record for the zone itself."
        return
    if action == "CREATE" and there is not None:
        yield f"Tried to create resource record set {shown} but it already exists"
    same_type = [each for each in records if each.name == name and str(each.type) == sort and each is not there]
    if any(bool(each.set_identifier) != bool(record.set_identifier) for each in same_type):
        yield f"RRSet with DNS name {name}, type {sort}, cannot be created as other RRSets exist with the same name and type."
    if any(_policy(each) != _policy(record) for each in same_type if each.set_identifier and record.set_identifier):
        yield f"RRSet with DNS name {name}, type {sort}, cannot have another routing policy than its siblings."
    if record.failover == "PRIMARY" and not record.alias_target and not record.health_check_id:
        yield "A non-alias primary ResourceRecordSet must have an associated health check"
    if record.failover and any(each.failover == record.failover for each in same_type if _key(each) != _key(record)):
        yield f"RRSet with DNS name {name}, type {sort} cannot be {record.failover}, as another RRSet of that name is"
    if sort == "CNAME" and name == base:
        yield f"RRSet of type CNAME with DNS name {name} is not permitted at apex in zone {base}"
    others = {str(each.type) for each in records if each.name == name and str(each.type) != sort}
    if (sort == "CNAME" and others) or "CNAME" in others:
        yield (
            f"RRSet of type {sort} with DNS name {name} is not permitted as it conflicts with other records with the same"
            f" DNS name in zone {base}"
        )
    if sort == "CNAME" and len(record.records or []) > 1:
        yield f"InvalidChangeBatch: CNAME record set with DNS name {name} has more than one value"
    yield from _bad_values(sort, record.records or [])


def _policy(record: Any) -> str:
    names = ("weight", "region", "failover", "geo_location", "multi_value_answer")
    return next((name for name in names if getattr(record, name, None) is not None), "")


def _same(there: Any, record: Any) -> bool:
    """Whether a deletion names the record set with the values it has."""
    alias = [
        {**each, "EvaluateTargetHealth": str(each.get("EvaluateTargetHealth")).lower()} if each else None
        for each in (there.alias_target, record.alias_target)
    ]
    ttl = [int(each) if each is not None else None for each in (there.ttl, record.ttl)]
    values = [sorted(each or []) for each in (there.records, record.records)]
    rest = [[str(getattr(each, name, None)) for name in COMPARED] for each in (there, record)]
    return all(first == second for first, second in (alias, ttl, values, rest))


def _bad_values(sort: str, values: list[str]) -> Iterator[str]:
    for value in values:
        if sort in ("A", "AAAA"):
            version = 4 if sort == "A" else 6
            try:
                right = ipaddress.ip_address(value).version == version
            except ValueError:
                right = False
            if not right:
                yield (
                    f"Invalid Resource Record: 'FATAL problem: ARRDATAIllegalIPv{version}Address"
                    f" (Value is not a valid IPv{version} address) encountered with '{value}''"
                )
        elif sort in ("TXT", "SPF") and not (len(value) > 1 and value[0] == value[-1] == '"'):
            yield (
                "Invalid Resource Record: 'FATAL problem: InvalidCharacterString (Value should be enclosed in quotation"
                f" marks) encountered with '{value}''"
            )
