# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Health checks. https://docs.aws.amazon.com/Route53/latest/APIReference/API_HealthCheckConfig.html"""

from __future__ import annotations

import ipaddress
import typing as t

from ...engine.cell import Cell
from ...engine.kind import CREATE_FIRST, GLOBAL, Kind, Resource
from ...shared.partitions import partition
from . import tagging
from .record_sets import domain

CALCULATED, ALARM = "CALCULATED", "CLOUDWATCH_METRIC"
#: The port of a type where none is given; of a TCP check it must be.
PORTS = {"HTTP": 80, "HTTP_STR_MATCH": 80, "HTTPS": 443, "HTTPS_STR_MATCH": 443}
#: Options of checks that ask an endpoint, which CloudWatch's and calculated ones have nothing of.
TEXTS = {
    "fqdn": "FullyQualifiedDomainName",
    "ip_address": "IPAddress",
    "resource_path": "ResourcePath",
    "search_string": "SearchString",
}
NUMBERS = {"port": "Port", "request_interval": "RequestInterval", "failure_threshold": "FailureThreshold"}
SWITCHES = {"measure_latency": "MeasureLatency", "enable_sni": "EnableSNI"}
#: Options of every check.
ALWAYS = {"inverted": "Inverted", "disabled": "Disabled"}
#: Route 53 does not check what it cannot reach.
UNREACHABLE = tuple(
    ipaddress.ip_network(each)
    for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)
#: Fewer regions AWS does not accept.
FEWEST_REGIONS = 3


class HealthCheck(Kind):
    name = "health_check"
    role = "dns"
    variable = "dns_health_checks"
    scope = GLOBAL
    # The tagging API knows it in the partition's main region alone; a cell of another region asks Route 53.
    resource_type = "route53:healthcheck"
    # AWS cannot add an address to a check without one, nor take it away.
    immutable = frozenset({"type", "request_interval", "measure_latency", "by_address"})
    references: t.ClassVar[dict[str, str]] = {"children": "health_check"}
    # A record names its check by the id: it gets the new one before the old one goes.
    replacement = CREATE_FIRST
    #: The reference it is created with has at most 64 characters: terrace/<cell>/<name>/ and a time of 11 digits.
    #: https://docs.aws.amazon.com/Route53/latest/APIReference/API_CreateHealthCheck.html
    longest_name = 44

    def read(self, cell: Cell) -> dict[str, Resource]:
        checks = {check["Id"]: check for check in cell.pages("route53", "list_health_checks", "HealthChecks")}
        references = {ident: check["CallerReference"] for ident, check in checks.items()}
        sets, untagged = tagging.tag_sets(cell, self.name, "healthcheck", references)
        found = list(cell.owned(self.name, sets, lambda each: each["Tags"], lambda each: each["ResourceId"]))
        names = {each["ResourceId"]: name for name, each, _tags in found}
        return {
            name: Resource(
                id=each["ResourceId"],
                attributes=attributes(checks[each["ResourceId"]]["HealthCheckConfig"], names),
                facts={
                    "arn": f"arn:{partition(cell.region)}:route53:::healthcheck/{each['ResourceId']}",
                    "version": checks[each["ResourceId"]]["HealthCheckVersion"],
                    "untagged": each["ResourceId"] in untagged,
                },
                tags=tags,
            )
            for name, each, tags in found
        }

    def condition(self, name: str, entry: dict[str, t.Any], resource: Resource) -> dict[str, dict[str, t.Any]]:
        return {"tagged": {"before": False, "after": True}} if resource.facts.get("untagged") else {}

    def normalise(self, entry: dict[str, t.Any]) -> dict[str, t.Any]:
        sort = entry["type"]
        made = {**entry, "alarm": entry["alarm"] or {}, "regions": sorted(entry["regions"])}
        if sort in (CALCULATED, ALARM):
            left = dict.fromkeys((*TEXTS, *NUMBERS, *SWITCHES, "by_address"))
            return {**made, **left, "health_threshold": entry["health_threshold"] if sort == CALCULATED else None}
        return {
            **made,
            "fqdn": domain(entry["fqdn"]),
            "ip_address": _address(entry["ip_address"]),
            "port": entry["port"] or PORTS.get(sort),
            # Only TLS has the name of a server to send.
            "enable_sni": bool(entry["enable_sni"] and sort.startswith("HTTPS") and entry["fqdn"]),
            "by_address": bool(entry["ip_address"]),
            "health_threshold": None,
        }

    def names_in(self, option: str, entry: dict[str, t.Any]) -> list[str]:
        return [str(each) for each in entry.get("children") or []]

    def check(self, name: str, entry: dict[str, t.Any], world: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        sort = entry["type"]
        if sort in (CALCULATED, ALARM):
            given = [option for option in (*TEXTS, "port", "regions") if entry[option]]
            yield from (f"{option}: a check of type {sort} asks no endpoint; leave it out" for option in given)
        else:
            yield from _endpoint_problems(entry)
        if bool(entry["alarm"]) != (sort == ALARM):
            yield f"alarm: {'missing; ' if sort == ALARM else ''}a check of type {ALARM} has one, and no other has"
        if bool(entry["children"]) != (sort == CALCULATED):
            yield f"children: {'missing; ' if sort == CALCULATED else ''}a check of type {CALCULATED} has some, and no other has"
        for child in entry["children"]:
            if world.get(self.name, {}).get(child, {}).get("type") == CALCULATED:
                yield f"children: {child} is of type {CALCULATED}, which cannot be a child of another"


def _endpoint_problems(entry: dict[str, t.Any]) -> t.Iterator[str]:
    """What is wrong with a check that asks an endpoint."""
    sort = entry["type"]
    if not (entry["fqdn"] or entry["ip_address"]):
        yield "fqdn: give fqdn or ip_address, which says what is checked"
    if entry["ip_address"]:
        yield from _address_problems(entry["ip_address"])
    if sort == "TCP":
        if not entry["port"]:
            yield "port: missing; a check of type TCP needs one"
        if entry["resource_path"]:
            yield "resource_path: a check of type TCP asks for no path; leave it out"
    if bool(entry["search_string"]) != sort.endswith("_STR_MATCH"):
        yield "search_string: checks of type HTTP_STR_MATCH and HTTPS_STR_MATCH need one, and no other has one"
    if entry["regions"] and len(set(entry["regions"])) < FEWEST_REGIONS:
        yield f"regions: give at least {FEWEST_REGIONS} of them, or none for all"


def _address_problems(text: str) -> t.Iterator[str]:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        yield f"ip_address: {text} is not an IP address"
        return
    private = any(address in network for network in UNREACHABLE if network.version == address.version)
    if private or address.is_loopback or address.is_link_local or address.is_multicast:
        yield f"ip_address: {text} is not a public address, and Route 53 checks from the internet"


def _address(text: str) -> str:
    """An address in the form that compares."""
    try:
        return str(ipaddress.ip_address(text)) if text else ""
    except ValueError:
        return text


def attributes(config: dict[str, t.Any], names: t.Mapping[str, str]) -> dict[str, t.Any]:
    """AWS's configuration of a check in the words of an entry.

    :param names: logical names of the cell's checks by id
    """
    alarm = config.get("AlarmIdentifier") or {}
    return {
        "type": config["Type"],
        **{option: config.get(word) or "" for option, word in TEXTS.items()},
        **{option: config.get(word) for option, word in NUMBERS.items()},
        **{option: bool(config.get(word)) for option, word in (*SWITCHES.items(), *ALWAYS.items())},
        "fqdn": domain(config.get("FullyQualifiedDomainName")),
        "ip_address": _address(config.get("IPAddress") or ""),
        "by_address": bool(config.get("IPAddress")),
        "regions": sorted(config.get("Regions") or []),
        "alarm": {
            "region": alarm["Region"],
            "name": alarm["Name"],
            "insufficient_data": config.get("InsufficientDataHealthStatus"),
        }
        if alarm
        else {},
        "children": sorted(names.get(each, each) for each in config.get("ChildHealthChecks") or []),
        "health_threshold": config.get("HealthThreshold"),
    }


def configuration(entry: dict[str, t.Any], ids: t.Mapping[str, str]) -> dict[str, t.Any]:
    """An entry as CreateHealthCheck takes it; the reverse of :func:`attributes`.

    :param ids: ids of health checks by logical name
    """
    wanted = HealthCheck().normalise(entry)
    made: dict[str, t.Any] = {"Type": wanted["type"]}
    for option, word in {**TEXTS, **NUMBERS, **SWITCHES, **ALWAYS}.items():
        if wanted[option] not in (None, ""):
            made[word] = wanted[option]
    if not wanted["type"].startswith("HTTPS"):
        made.pop("EnableSNI", None)
    if wanted["regions"]:
        made["Regions"] = wanted["regions"]
    if alarm := wanted["alarm"]:
        made["AlarmIdentifier"] = {"Region": alarm["region"], "Name": alarm["name"]}
        made["InsufficientDataHealthStatus"] = alarm["insufficient_data"]
    if wanted["type"] == CALCULATED:
        made["ChildHealthChecks"] = sorted(ids[each] for each in wanted["children"])
        made["HealthThreshold"] = wanted["health_threshold"]
    return made
