# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Target groups. https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTargetGroups.html"""

from __future__ import annotations

import typing as t

from ...engine.cell import Cell
from ...engine.kind import CREATE_FIRST, Kind, Resource
from ...shared import taken
from . import elb


class TargetGroup(Kind):
    name = "target_group"
    role = "load_balancer"
    variable = "load_balancer_target_groups"
    resource_type = "elasticloadbalancing:targetgroup"
    immutable = frozenset({"vpc", "protocol", "protocol_version", "port", "target_type"})
    references: t.ClassVar[dict[str, str]] = {"vpc": "vpc"}
    # A group in use cannot be deleted (ResourceInUse): listeners and auto scaling groups move to the new one first.
    replacement = CREATE_FIRST
    longest_name = 32

    def read(self, cell: Cell) -> dict[str, Resource]:
        found = list(cell.owned(self.name, elb.target_groups(cell), lambda g: g["Tags"], lambda g: g["TargetGroupArn"]))
        settings = cell.map(
            lambda each: elb.attributes(
                cell, "describe_target_group_attributes", TargetGroupArn=each[1]["TargetGroupArn"]
            ),
            found,
        )
        return {
            name: Resource(
                id=group["TargetGroupArn"],
                attributes={
                    "vpc": cell.name_of("vpc", group.get("VpcId")),
                    "protocol": group.get("Protocol"),
                    "protocol_version": group.get("ProtocolVersion", "HTTP1"),
                    "port": group.get("Port"),
                    "target_type": group["TargetType"],
                    "health_check": _health_check(group),
                    "deregistration_delay": int(values.get("deregistration_delay.timeout_seconds", 300)),
                    "slow_start": int(values.get("slow_start.duration_seconds", 0)),
                    "algorithm": values.get("load_balancing.algorithm.type", "round_robin"),
                    "stickiness": {
                        "enabled": values.get("stickiness.enabled") == "true",
                        "duration": int(values.get("stickiness.lb_cookie.duration_seconds", 86400)),
                    },
                },
                facts={"name": group["TargetGroupName"], "load_balancers": group.get("LoadBalancerArns", [])},
                tags=tags,
            )
            for (name, group, tags), values in zip(found, settings, strict=True)
        }

    def normalise(self, entry: dict[str, t.Any]) -> dict[str, t.Any]:
        check = entry["health_check"]
        return {**entry, "health_check": {**check, "matcher": _codes(check["matcher"])}}

    def refusal(
        self, name: str, fields: dict[str, dict[str, t.Any]], entry: dict[str, t.Any], resource: Resource
    ) -> str:
        second, most = f"{resource.facts['name']}-2", self.longest_name or 0
        if self.immutable & set(fields) and len(second) > most:
            return f"the new one is created beside it as {second}, and AWS allows {most} characters; shorten the name"
        return ""

    def precreate_errors(self, cell: Cell, entries: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        # community.aws.elb_target_group tags in a second call: one without tags that no balancer uses is what a killed run
        # left, and is finished.
        found = [each for each in elb.target_groups(cell) if each["Tags"] or each.get("LoadBalancerArns")]
        yield from taken.names(cell, self.name, entries, found, "TargetGroupName", "TargetGroupArn", numbered=True)

    def check(self, name: str, entry: dict[str, t.Any], world: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        check = entry["health_check"]
        if check["timeout"] >= check["interval"]:
            yield f"health_check.timeout: {check['timeout']} s is not shorter than the interval, {check['interval']} s"


def _codes(codes: t.Any) -> str:
    return ",".join(sorted(str(codes).replace(" ", "").split(",")))


def _health_check(group: dict[str, t.Any]) -> dict[str, t.Any]:
    return {
        "protocol": group.get("HealthCheckProtocol"),
        "port": group.get("HealthCheckPort", "traffic-port"),
        "path": group.get("HealthCheckPath"),
        "matcher": _codes((group.get("Matcher") or {}).get("HttpCode", "200")),
        "interval": group.get("HealthCheckIntervalSeconds"),
        "timeout": group.get("HealthCheckTimeoutSeconds"),
        "healthy": group.get("HealthyThresholdCount"),
        "unhealthy": group.get("UnhealthyThresholdCount"),
    }
