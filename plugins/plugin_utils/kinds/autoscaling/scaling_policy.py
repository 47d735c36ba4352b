# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Target tracking policies. https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribePolicies.html

AWS keeps no tags on them; they are those of the cell's groups, and each is identified by its ARN.
"""

from __future__ import annotations

import typing as t

from ...engine.cell import Cell
from ...engine.kind import Kind, Resource
from . import children

REQUESTS = "ALBRequestCountPerTarget"


class ScalingPolicy(Kind):
    name = "scaling_policy"
    role = "tier"
    variable = "tier_scaling_policies"
    immutable = frozenset({"group"})
    references: t.ClassVar[dict[str, str]] = {
        "group": "autoscaling_group",
        "load_balancer": "load_balancer",
        "target_group": "target_group",
    }
    replacement_reason = "a policy belongs to its group"
    taggable = False
    longest_name = 255

    def read(self, cell: Cell) -> dict[str, Resource]:
        groups = {group.id: name for name, group in cell.observed("autoscaling_group").items()}
        if not groups:
            return {}
        policies = cell.pages("autoscaling", "describe_policies", "ScalingPolicies")
        return {
            name: Resource(
                id=policy["PolicyARN"],
                attributes={
                    "group": groups[policy["AutoScalingGroupName"]],
                    "warmup": policy.get("EstimatedInstanceWarmup"),
                    **self._tracking(cell, policy.get("TargetTrackingConfiguration") or {}),
                },
                facts={
                    "arn": policy["PolicyARN"],
                    "name": policy["PolicyName"],
                    "group_name": policy["AutoScalingGroupName"],
                },
            )
            for name, policy in children.by_name(cell, groups, policies, "PolicyName")
        }

    @staticmethod
    def _tracking(cell: Cell, config: dict[str, t.Any]) -> dict[str, t.Any]:
        metric = config.get("PredefinedMetricSpecification") or {}
        balancer, group = _label(cell, metric.get("ResourceLabel", ""))
        return {
            "metric": metric.get("PredefinedMetricType", ""),
            "target": float(config.get("TargetValue", 0)),
            "scale_in": not config.get("DisableScaleIn", False),
            "load_balancer": balancer,
            "target_group": group,
        }

    def check(self, name: str, entry: dict[str, t.Any], world: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        needs = entry["metric"] == REQUESTS
        for option in ("load_balancer", "target_group"):
            if needs != bool(entry[option]):
                yield f"{option}: {'is needed for' if needs else 'is only for'} the metric {REQUESTS}"
        if entry["target"] <= 0:
            yield f"target: must be more than 0, not {entry['target']:g}"
        group = world.get("autoscaling_group", {}).get(entry["group"])
        if group and not group.get("scaled"):
            yield f"group: {entry['group']} has a policy: give it scaled: true, or each run would set its size back"


def _label(cell: Cell, label: str) -> tuple[str, str]:
    """The balancer and target group of ``app/<balancer>/<id>/targetgroup/<group>/<id>``, which are the ends of their ARNs."""
    balancer, _slash, group = label.partition("/targetgroup/")
    if not group:
        return "", ""
    return _ending(cell, "load_balancer", balancer), _ending(cell, "target_group", f"targetgroup/{group}")


def _ending(cell: Cell, kind: str, end: str) -> str:
    """The logical name of the resource whose ARN ends so; the name on AWS where it is not the cell's."""
    found = (
        name for name, each in cell.observed(kind).items() if each.id.endswith(f"/{end}") or each.id.endswith(f":{end}")
    )
    return next(found, end.split("/")[1])
