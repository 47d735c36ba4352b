# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading Elastic Load Balancing in bulk.

It has no filter by tag: everything of the region is described, the tagging API says which of it is the cell's, and tags of
what is named like the cell and not listed there are asked for twenty resources a call.
https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTags.html
"""

from __future__ import annotations

import typing as t

from ...engine.cell import Cell
from ...engine.kind import Resource
from ...shared import managed_data

#: As many ARNs as DescribeTags takes.
TAG_BATCH = 20


def load_balancers(cell: Cell) -> list[dict[str, t.Any]]:
    """Load balancers that may be the cell's, with their ``Tags``."""
    arn = "LoadBalancerArn"
    return _tagged(cell, arn, _named(cell, "load_balancer", "LoadBalancers", "LoadBalancerName", arn))


def target_groups(cell: Cell) -> list[dict[str, t.Any]]:
    """Target groups that may be the cell's, with their ``Tags``."""
    arn = "TargetGroupArn"
    return _tagged(cell, arn, _named(cell, "target_group", "TargetGroups", "TargetGroupName", arn))


def attributes(cell: Cell, operation: str, **arn: str) -> dict[str, str]:
    """The attributes of one load balancer or target group, by AWS's names."""
    answer = cell.call("elbv2", operation, **arn)
    return {pair["Key"]: pair["Value"] for pair in answer["Attributes"]}


def target_group_name(cell: Cell, arn: str | None) -> str:
    """The logical name of a target group; the ARN where it is not the cell's."""
    return cell.name_of("target_group", arn)


def protected(where: str, resource: Resource) -> str:
    """Why a balancer is not removed: its own deletion protection, whatever the inventory says today."""
    if not resource.attributes["deletion_protection"]:
        return ""
    return (
        f"AWS protects it from deletion; lift that in a run of its own: {where}.deletion_protection: false, or where the"
        " inventory does not name it, aws elbv2 modify-load-balancer-attributes --load-balancer-arn"
        f" {resource.id} --attributes Key=deletion_protection.enabled,Value=false"
    )


def _named(cell: Cell, kind: str, result: str, key: str, arn: str) -> list[dict[str, t.Any]]:
    items = cell.pages("elbv2", f"describe_{kind}s", result)
    return managed_data.candidates(cell, kind, items, lambda item: item[key], lambda item: item[arn])


def _tagged(cell: Cell, key: str, items: list[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
    known = {} if cell.exact else cell.tagged()
    asked = [item[key] for item in items if item[key] not in known]
    batches = [asked[start : start + TAG_BATCH] for start in range(0, len(asked), TAG_BATCH)]
    tags: dict[str, t.Any] = dict(known)
    for found in cell.map(lambda batch: cell.call("elbv2", "describe_tags", ResourceArns=batch), batches):
        tags.update({each["ResourceArn"]: each["Tags"] for each in found["TagDescriptions"]})
    return [{**item, "Tags": tags.get(item[key], [])} for item in items]
