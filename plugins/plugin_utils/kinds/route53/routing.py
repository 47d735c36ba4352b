# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How Route 53 chooses among several records of a name: failover, weights, latency; and which records it takes together.

https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/routing-policy.html
"""

from __future__ import annotations

import typing as t

from . import record_sets
from .record_sets import domain

#: Option -> Route 53's member and the policy's name.
POLICIES = {"failover": ("Failover", "failover"), "weight": ("Weight", "weighted"), "region": ("Region", "by latency")}
#: Members of policies that entries cannot say.
OTHERS = ("GeoLocation", "GeoProximityLocation", "MultiValueAnswer", "CidrRoutingConfig")
ROLES = ("primary", "secondary")
Records = t.Iterable[dict[str, t.Any]]


def given(entry: dict[str, t.Any]) -> list[str]:
    """The options of an entry that say how Route 53 chooses."""
    return [option for option in POLICIES if entry.get(option) not in (None, "")]


def policy(entry: dict[str, t.Any]) -> str:
    """The routing policy of an entry, for people."""
    options = given(entry) if entry.get("set_identifier") else []
    return POLICIES[options[0]][1] if options else "simple"


def policy_of(record: dict[str, t.Any]) -> str:
    """The same of a record set."""
    words = [
        *(f"{word}" for member, word in POLICIES.values() if member in record),
        *(m for m in OTHERS if m in record),
    ]
    return words[0] if words else "simple"


def problems(entry: dict[str, t.Any]) -> t.Iterator[str]:
    """What is wrong with an entry's routing, whatever else there is."""
    options = given(entry)
    if entry.get("set_identifier") and len(options) != 1:
        yield "set_identifier: needs one of failover, weight and region, which says how Route 53 chooses among the records"
    if not entry.get("set_identifier") and options:
        yield "set_identifier: missing; it tells records of one name apart that have failover, a weight or a region"
    aliased = entry["target"].startswith("load_balancer:")
    if entry.get("health_check") and not entry.get("set_identifier"):
        yield "health_check: only a record with a set_identifier has one; there is no other record to answer instead"
    if entry.get("evaluate_target_health") and not aliased:
        yield "evaluate_target_health: only an alias has it, a target load_balancer; give another record a health_check"
    # InvalidChangeBatch: A non-alias primary ResourceRecordSet must have an associated health check.
    if entry.get("failover") == "primary" and not aliased and not entry.get("health_check"):
        yield "health_check: missing; AWS takes no primary record without one that is not an alias"


def beside(name: str, entry: dict[str, t.Any], records: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
    """Which entries of one name AWS does not take together.

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
        if each["type"] != entry["type"] or name > other:
            continue
        if policy(entry) != policy(each):
            yield (
                f"set_identifier: this record is {policy(entry)}, {other} is {policy(each)}; AWS takes one way of routing"
                " a name"
            )
        elif entry.get("failover") and entry["failover"] == each.get("failover"):
            yield f"failover: {other} is {each['failover']} as well; a name has one primary and one secondary record"


def conflicts(
    entry: dict[str, t.Any], full: str, records: Records, mine: t.Container[str], wanted: t.Container[str]
) -> t.Iterator[str]:
    """Which records of others in a zone AWS does not take an entry beside.

    :param full: the entry's whole name
    :param records: the zone's record sets
    :param mine: the names of the marks that are this cell's
    :param wanted: names of marks of records that the inventory names, whoever wrote them
    """
    owners = {
        domain(each["Name"]): each["ResourceRecords"][0]["Value"].strip('"').rpartition("cell=")[2]
        for each in records
        if record_sets.is_mark(each)
    }
    for record in records:
        sort, identifier = record["Type"], record.get("SetIdentifier", "")
        marked = record_sets.mark_name(domain(record["Name"]), sort, identifier)
        if domain(record["Name"]) != full or record_sets.is_mark(record) or marked in mine or marked in wanted:
            continue
        whose = f"cell {owners[marked]}" if marked in owners else "somebody else"
        if (sort, identifier) == (entry["type"], entry.get("set_identifier") or ""):
            which = f"{sort} record{f' {identifier}' if identifier else ''}"
            yield f"name: there is a {which} of {full} already, which {whose} wrote; give this one another set_identifier"
        elif sort == entry["type"] and policy_of(record) != policy(entry):
            yield (
                f"set_identifier: this record is {policy(entry)}, that of {whose} is {policy_of(record)}; AWS takes one way"
                " of routing a name"
            )
        elif (
            sort == entry["type"] and entry.get("failover") and record.get("Failover", "").lower() == entry["failover"]
        ):
            yield f"failover: the record {identifier} of {whose} is {entry['failover']} already; a name has one of each"
        elif "CNAME" in (sort, entry["type"]) and sort != entry["type"]:
            yield f"type: a CNAME record must be the only one of its name, which has a {sort} record of {whose}"
