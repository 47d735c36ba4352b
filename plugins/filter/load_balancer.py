# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of the load_balancer role: listeners and rules as AWS takes them."""

from __future__ import annotations

import typing as t

#: Option of a rule, AWS's field and the key of its configuration.
CONDITIONS = {
    "hosts": ("host-header", "HostHeaderConfig"),
    "paths": ("path-pattern", "PathPatternConfig"),
    "methods": ("http-request-method", "HttpRequestMethodConfig"),
    "source_cidrs": ("source-ip", "SourceIpConfig"),
}


def alb_listeners(listeners: dict[str, t.Any], ids: dict[str, dict[str, str]]) -> list[dict[str, t.Any]]:
    """Listeners as amazon.aws.elb_application_lb takes them, without their rules."""
    made = []
    for port, listener in sorted(listeners.items(), key=lambda each: int(each[0])):
        one = {"Port": int(port), "Protocol": listener["protocol"], "DefaultActions": [_action(listener, ids)]}
        if listener["protocol"] == "HTTPS":
            one["SslPolicy"] = listener["tls_policy"]
            one["Certificates"] = [{"CertificateArn": ids["certificate"][listener["certificate"]]}]
        made.append(one)
    return made


def alb_certificates(listeners: dict[str, t.Any], ids: dict[str, dict[str, str]]) -> dict[str, list[str]]:
    """Every HTTPS listener's certificates beside the default one, by ARN, ``{port: ARNs}``."""
    return {
        port: [ids["certificate"][name] for name in listener["additional_certificates"]]
        for port, listener in listeners.items()
        if listener["protocol"] == "HTTPS"
    }


def alb_rules(listeners: dict[str, t.Any], ids: dict[str, dict[str, str]]) -> dict[str, list[dict[str, t.Any]]]:
    """Every listener's rules as terrace.aws.elb_listener_rules takes them, ``{port: rules}``."""
    return {
        port: [
            {"priority": rule["priority"], "conditions": _conditions(rule), "actions": [_action(rule, ids)]}
            for rule in listener["rules"].values()
        ]
        for port, listener in listeners.items()
    }


def _conditions(rule: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    made: list[dict[str, t.Any]] = [
        {"Field": field, key: {"Values": list(rule[option])}}
        for option, (field, key) in CONDITIONS.items()
        if rule[option]
    ]
    for header, values in rule["headers"].items():
        made.append({"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": header, "Values": list(values)}})
    return made


def _action(part: dict[str, t.Any], ids: dict[str, dict[str, str]]) -> dict[str, t.Any]:
    if part["redirect"] is not None:
        redirect = part["redirect"]
        config = {key.capitalize(): str(redirect[key]) for key in ("protocol", "port", "host", "path", "query")}
        return {"Type": "redirect", "RedirectConfig": {**config, "StatusCode": f"HTTP_{redirect['status']}"}}
    if part["fixed_response"] is not None:
        answer = part["fixed_response"]
        config = {
            "StatusCode": str(answer["status"]),
            "ContentType": answer["content_type"],
            "MessageBody": answer["body"],
        }
        return {"Type": "fixed-response", "FixedResponseConfig": config}
    return {"Type": "forward", "TargetGroupArn": ids["target_group"][part["target_group"]]}


class FilterModule:
    """Filters ``terrace.aws.*`` of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {
            "alb_certificates": alb_certificates,
            "alb_listeners": alb_listeners,
            "alb_rules": alb_rules,
        }
