# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Application load balancers with their listeners and rules.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeLoadBalancers.html
"""

from __future__ import annotations

import typing as t

from ...engine.cell import Cell
from ...engine.kind import FAILED, PENDING, READY, REMAKE, Kind, Resource
from ...shared import taken
from . import elb, listeners

SCHEMES = {"internet-facing": "public", "internal": "internal"}
STATES = {"provisioning": PENDING, "failed": FAILED}
#: AWS's conditions: field, key of its configuration, option of a rule.
CONDITIONS = (
    ("host-header", "HostHeaderConfig", "hosts"),
    ("path-pattern", "PathPatternConfig", "paths"),
    ("http-request-method", "HttpRequestMethodConfig", "methods"),
    ("source-ip", "SourceIpConfig", "source_cidrs"),
)


class LoadBalancer(Kind):
    name = "load_balancer"
    role = "load_balancer"
    variable = "load_balancer_balancers"
    resource_type = "elasticloadbalancing:loadbalancer"
    shapes: t.ClassVar[dict[str, str]] = {"listeners": "listener", "listeners.rules": "listener_rule"}
    immutable = frozenset({"scheme"})
    #: What has a public address, or its subnet, needs the VPC's internet gateway, which AWS detaches only after all of them.
    after_kinds = frozenset({"internet_gateway"})
    references: t.ClassVar[dict[str, str]] = {
        "subnets": "subnet",
        "security_groups": "security_group",
        "access_logs": "bucket",
        "listeners.certificate": "certificate",
        "listeners.additional_certificates": "certificate",
        "listeners.target_group": "target_group",
    }
    # A listener accepts issued certificates only (UnsupportedCertificate).
    needs_ready = frozenset({"listeners.certificate", "listeners.additional_certificates"})
    # Its removal waits until its network interfaces are gone.
    sleeps = True
    longest_name = 32

    def read(self, cell: Cell) -> dict[str, Resource]:
        found = list(
            cell.owned(self.name, elb.load_balancers(cell), lambda b: b["Tags"], lambda b: b["LoadBalancerArn"])
        )
        details = cell.map(lambda each: self._details(cell, each[1]["LoadBalancerArn"]), found)
        return {
            name: Resource(
                id=balancer["LoadBalancerArn"],
                attributes={
                    # A Gateway Load Balancer has none.
                    "scheme": SCHEMES.get(balancer.get("Scheme", "internet-facing")),
                    "subnets": cell.names_of("subnet", (zone["SubnetId"] for zone in balancer["AvailabilityZones"])),
                    "security_groups": cell.names_of("security_group", balancer.get("SecurityGroups", [])),
                    **attributes,
                },
                facts={
                    "name": balancer["LoadBalancerName"],
                    "type": balancer.get("Type", "application"),
                    "dns_name": balancer["DNSName"],
                    "hosted_zone": balancer["CanonicalHostedZoneId"],
                    "listener_arns": arns,
                    "failure": balancer["State"].get("Reason", ""),
                },
                tags=tags,
                state=STATES.get(balancer["State"]["Code"], READY),
                status=balancer["State"]["Code"],
            )
            for (name, balancer, tags), (attributes, arns) in zip(found, details, strict=True)
        }

    def _details(self, cell: Cell, arn: str) -> tuple[dict[str, t.Any], dict[str, str]]:
        values = elb.attributes(cell, "describe_load_balancer_attributes", LoadBalancerArn=arn)
        found = cell.pages("elbv2", "describe_listeners", "Listeners", LoadBalancerArn=arn)
        rules = [
            cell.pages("elbv2", "describe_rules", "Rules", ListenerArn=listener["ListenerArn"]) for listener in found
        ]
        logs = values.get("access_logs.s3.enabled") == "true"
        attributes = {
            "access_logs": cell.name_of("bucket", values["access_logs.s3.bucket"]) if logs else "",
            "access_logs_prefix": values.get("access_logs.s3.prefix", "") if logs else "",
            "deletion_protection": values.get("deletion_protection.enabled") == "true",
            "idle_timeout": int(values.get("idle_timeout.timeout_seconds", 60)),
            "http2": values.get("routing.http2.enabled", "true") == "true",
            "drop_invalid_headers": values.get("routing.http.drop_invalid_header_fields.enabled") == "true",
            "desync_mitigation": values.get("routing.http.desync_mitigation_mode", "defensive"),
            "listeners": {
                str(listener["Port"]): self._listener(cell, listener, every)
                for listener, every in zip(found, rules, strict=True)
            },
        }
        return attributes, {str(listener["Port"]): listener["ListenerArn"] for listener in found}

    @staticmethod
    def _listener(cell: Cell, listener: dict[str, t.Any], rules: list[dict[str, t.Any]]) -> dict[str, t.Any]:
        certificate = next((each["CertificateArn"] for each in listener.get("Certificates") or []), None)
        return {
            "protocol": listener["Protocol"],
            "certificate": cell.name_of("certificate", certificate) if certificate else None,
            "additional_certificates": _additional(cell, listener),
            "tls_policy": listener.get("SslPolicy") if listener["Protocol"] == "HTTPS" else None,
            **_action(cell, listener["DefaultActions"]),
            "rules": {
                rule["Priority"]: {
                    "priority": int(rule["Priority"]),
                    **_conditions(rule["Conditions"]),
                    **_action(cell, rule["Actions"]),
                }
                for rule in rules
                if not rule.get("IsDefault") and rule["Priority"] != "default"
            },
        }

    def normalise(self, entry: dict[str, t.Any]) -> dict[str, t.Any]:
        prefix = entry["access_logs_prefix"] if entry["access_logs"] else ""
        return {**entry, "access_logs_prefix": prefix, "listeners": listeners.normalised(entry["listeners"])}

    def names_in(self, option: str, entry: dict[str, t.Any]) -> list[str]:
        if option.startswith("listeners."):
            return listeners.references(entry.get("listeners") or {}, option.removeprefix("listeners."))
        return super().names_in(option, entry)

    def refusal(
        self, name: str, fields: dict[str, dict[str, t.Any]], entry: dict[str, t.Any], resource: Resource
    ) -> str:
        if entry and not self.immutable & set(fields):
            return ""
        return elb.protected(f"{self.variable}.{name}", resource)

    def remedy(self, name: str, entry: dict[str, t.Any], resource: Resource) -> str:
        """A balancer that could not be set up never serves, and AWS does not try again."""
        return REMAKE

    def precreate_errors(self, cell: Cell, entries: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        found = cell.pages("elbv2", "describe_load_balancers", "LoadBalancers")
        yield from taken.names(cell, self.name, entries, found, "LoadBalancerName", "LoadBalancerArn")

    def check(self, name: str, entry: dict[str, t.Any], world: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        yield from (f"listeners.{problem}" for problem in listeners.wrong(entry["listeners"]))
        subnets = {each: world.get("subnet", {}).get(each) or {} for each in entry["subnets"]}
        zones = [subnet.get("zone") for subnet in subnets.values() if subnet.get("zone")]
        if len(set(zones)) != len(zones):
            yield "subnets: two of them are in one zone; AWS takes one subnet a zone"
        if len(entry["subnets"]) < 2:
            yield f"subnets: AWS wants at least two zones, {', '.join(entry['subnets']) or 'none'} is too few"


def _additional(cell: Cell, listener: dict[str, t.Any]) -> list[str]:
    """The certificates a listener has beside the default one, chosen by the name clients ask for (SNI).

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeListenerCertificates.html
    """
    if listener["Protocol"] != "HTTPS":
        return []
    arn, default = listener["ListenerArn"], {each["CertificateArn"] for each in listener.get("Certificates") or []}
    found = cell.pages("elbv2", "describe_listener_certificates", "Certificates", ListenerArn=arn)
    others = {each["CertificateArn"] for each in found if not each.get("IsDefault")} - default
    return cell.names_of("certificate", others)


def _conditions(found: list[dict[str, t.Any]]) -> dict[str, t.Any]:
    """A rule's conditions by option."""
    values: dict[str, t.Any] = {option: [] for _field, _key, option in CONDITIONS} | {"headers": {}}
    for condition in found:
        for field, key, option in CONDITIONS:
            if condition["Field"] == field:
                values[option] = list((condition.get(key) or {}).get("Values") or condition.get("Values") or [])
        if condition["Field"] == "http-header":
            header = condition["HttpHeaderConfig"]
            values["headers"][header["HttpHeaderName"]] = list(header["Values"])
        elif condition["Field"] == "query-string":
            values["query"] = condition["QueryStringConfig"]["Values"]
    return values


def _action(cell: Cell, actions: list[dict[str, t.Any]]) -> dict[str, t.Any]:
    """What a listener or rule does, by option; what the inventory has no word for as ``other``."""
    last = actions[-1] if len(actions) == 1 else {}
    if last.get("Type") == "redirect":
        config = last["RedirectConfig"]
        words = {"protocol": "Protocol", "port": "Port", "host": "Host", "path": "Path", "query": "Query"}
        kept = {word: config.get(key) for word, key in words.items()}
        return {"redirect": {**kept, "status": int(config["StatusCode"].removeprefix("HTTP_"))}}
    if last.get("Type") == "fixed-response":
        config = last["FixedResponseConfig"]
        kept = {"content_type": config.get("ContentType"), "body": config.get("MessageBody", "")}
        return {"fixed_response": {**kept, "status": int(config["StatusCode"])}}
    if last.get("Type") == "forward":
        groups = (last.get("ForwardConfig") or {}).get("TargetGroups") or [
            {"TargetGroupArn": last.get("TargetGroupArn")}
        ]
        if len(groups) == 1:
            return {"target_group": elb.target_group_name(cell, groups[0]["TargetGroupArn"])}
    return {"other": actions}
