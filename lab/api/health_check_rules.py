"""The configuration of a Route 53 health check, as AWS judges and keeps it.

https://docs.aws.amazon.com/Route53/latest/APIReference/API_HealthCheckConfig.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

#: The port of a type where the request names none.
PORTS = {"HTTP": 80, "HTTP_STR_MATCH": 80, "HTTPS": 443, "HTTPS_STR_MATCH": 443}
CALCULATED, ALARM, CONTROL = "CALCULATED", "CLOUDWATCH_METRIC", "RECOVERY_CONTROL"
TYPES = (*PORTS, "TCP", CALCULATED, ALARM, CONTROL)
#: What only a check of an endpoint has.
ENDPOINT = (
    "IPAddress",
    "Port",
    "FullyQualifiedDomainName",
    "ResourcePath",
    "SearchString",
    "Regions",
    "MeasureLatency",
    "EnableSNI",
)
#: What UpdateHealthCheck sets back, and to what.
RESETTABLE = ("FullyQualifiedDomainName", "ResourcePath", "Regions", "ChildHealthChecks")


def problems(config: dict[str, Any]) -> Iterator[str]:
    """What is wrong with a whole configuration."""
    sort = config.get("Type")
    if sort not in TYPES:
        yield f"Value '{sort}' at 'healthCheckConfig.type' is not one of {list(TYPES)}"
        return
    if int(config.get("RequestInterval") or 30) not in (10, 30):
        yield "RequestInterval must be 10 or 30."
    if sort in (CALCULATED, ALARM, CONTROL):
        yield from (
            f"{name} is not allowed for a health check of type {sort}." for name in ENDPOINT if config.get(name)
        )
    elif not (config.get("IPAddress") or config.get("FullyQualifiedDomainName")):
        yield "Either IPAddress or FullyQualifiedDomainName must be specified."
    if sort == "TCP" and not config.get("Port"):
        yield "Port must be specified for TCP health checks."
    if sort == "TCP" and config.get("ResourcePath"):
        yield "ResourcePath is not allowed for TCP health checks."
    if bool(config.get("SearchString")) != str(sort).endswith("_STR_MATCH"):
        yield "SearchString must be specified for string match health checks, and for no others."
    if config.get("EnableSNI") and not str(sort).startswith("HTTPS"):
        yield "EnableSNI is only allowed for HTTPS health checks."
    if config.get("Regions") and len(config["Regions"]) < 3:
        yield "Regions must have at least three regions."
    if bool(config.get("AlarmIdentifier")) != (sort == ALARM):
        yield f"AlarmIdentifier must be specified for health checks of type {ALARM}, and for no others."
    if bool(config.get("ChildHealthChecks")) and sort != CALCULATED:
        yield f"ChildHealthChecks is only allowed for health checks of type {CALCULATED}."


def kept(config: dict[str, Any]) -> dict[str, Any]:
    """A configuration with the defaults that AWS lists."""
    sort = config["Type"]
    made: dict[str, Any] = {"Inverted": False, "Disabled": False}
    if sort not in (CALCULATED, ALARM, CONTROL):
        made |= {"RequestInterval": 30, "FailureThreshold": 3, "MeasureLatency": False}
        made["EnableSNI"] = sort.startswith("HTTPS")
        if sort in PORTS:
            made["Port"] = PORTS[sort]
    if sort == ALARM:
        made["InsufficientDataHealthStatus"] = "LastKnownStatus"
    made |= {key: value for key, value in config.items() if value not in (None, "", [])}
    for name in ("Inverted", "Disabled", "MeasureLatency", "EnableSNI"):
        if name in made:
            made[name] = str(made[name]).lower() == "true"
    for name in ("Port", "RequestInterval", "FailureThreshold", "HealthThreshold"):
        if name in made:
            made[name] = int(made[name])
    return made
