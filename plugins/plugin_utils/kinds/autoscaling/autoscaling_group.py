# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Auto scaling groups. https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeAutoScalingGroups.html"""

from __future__ import annotations

import typing as t

from ...engine.cell import Cell
from ...engine.kind import (
    CELL_TAG,
    FAILED,
    KIND_TAG,
    LEAVING,
    LOGICAL_TAG,
    PENDING,
    READY,
    RETRY,
    Kind,
    Resource,
)
from ..ec2 import fitting, taken
from ..elbv2 import elb

#: Options that say how Terrace treats the group; AWS knows nothing of them.
LOCAL_ONLY = {"scaled": None, "refresh": None}
#: Why AWS would not replace a machine in an instance refresh as it is.
PROTECTED, STANDBY = "protected", "standby"
REFRESHING = ("Pending", "InProgress", "Cancelling", "RollbackInProgress", "Baking")
REFRESH_FAILED = ("Failed", "RollbackFailed", "RollbackSuccessful")


class AutoscalingGroup(Kind):
    name = "autoscaling_group"
    role = "tier"
    variable = "tier_autoscaling_groups"
    #: It has its hooks before it has instances.
    created_empty = True
    #: What has a public address, or its subnet, needs the VPC's internet gateway, which AWS detaches only after all of them.
    after_kinds = frozenset({"internet_gateway"})
    references: t.ClassVar[dict[str, str]] = {
        "launch_template": "launch_template",
        "subnets": "subnet",
        "target_groups": "target_group",
    }
    #: A changed template is a reason to replace machines.
    follows = frozenset({"launch_template"})
    #: The first one that chooses a machine decides.
    #: https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-termination-policies.html
    ordered = frozenset({"termination_policies"})
    longest_name = 255

    def read(self, cell: Cell) -> dict[str, Resource]:
        groups = cell.pages("autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups", Filters=cell.mine())
        found = list(cell.owned(self.name, groups, lambda g: g["Tags"], lambda g: g["AutoScalingGroupName"]))
        templates = cell.observed(self.references["launch_template"]) if found else {}
        versions = {template.id: str(template.facts["latest_version"]) for template in templates.values()}
        stale = [self._outdated(group, versions) for _name, group, _tags in found]
        # Only where machines are behind their template can a refresh be under way; there is no bulk form of this call.
        refreshes = cell.map(
            lambda each: self._refresh(cell, each[0]["AutoScalingGroupName"]) if each[1] else {},
            [(group, outdated) for (_name, group, _tags), outdated in zip(found, stale, strict=True)],
        )
        return {
            name: self._resource(cell, group, tags, outdated, refresh)
            for (name, group, tags), outdated, refresh in zip(found, stale, refreshes, strict=True)
        }

    def _resource(
        self,
        cell: Cell,
        group: dict[str, t.Any],
        tags: dict[str, str],
        outdated: dict[str, str],
        refresh: dict[str, t.Any],
    ) -> Resource:
        template = _template(group)
        serving = [each for each in group["Instances"] if each["LifecycleState"] == "InService"]
        state, status = _state(group, len(serving), refresh)
        launched = {tag["Key"] for tag in group["Tags"] if tag["PropagateAtLaunch"]}
        every = {tag["Key"] for tag in group["Tags"]} - {KIND_TAG}
        policies = cell.pages("autoscaling", "describe_policies", "ScalingPolicies")
        return Resource(
            id=group["AutoScalingGroupName"],
            attributes={
                "scaled": any(each["AutoScalingGroupName"] == group["AutoScalingGroupName"] for each in policies),
                "launch_template": cell.name_of(self.references["launch_template"], template.get("LaunchTemplateId")),
                "subnets": cell.names_of("subnet", filter(None, group.get("VPCZoneIdentifier", "").split(","))),
                "min_size": group["MinSize"],
                "max_size": group["MaxSize"],
                "desired_capacity": group["DesiredCapacity"],
                "target_groups": sorted(elb.target_group_name(cell, arn) for arn in group.get("TargetGroupARNs", [])),
                "health_check": group["HealthCheckType"],
                "health_check_grace": group["HealthCheckGracePeriod"],
                "cooldown": group["DefaultCooldown"],
                "termination_policies": group["TerminationPolicies"],
                "protect_from_scale_in": group.get("NewInstancesProtectedFromScaleIn", False),
                "max_instance_lifetime": group.get("MaxInstanceLifetime") or 0,
                "metrics": sorted(each["Metric"] for each in group.get("EnabledMetrics", [])),
                # A group that was adopted gives its machines the tags it always gave them, until it is written.
                "tags_at_launch": [] if LOGICAL_TAG in every or CELL_TAG not in every else sorted(every - launched),
            },
            facts={
                "name": group["AutoScalingGroupName"],
                "arn": group["AutoScalingGroupARN"],
                "outdated": outdated,
                "instances": {each["InstanceId"]: each["LifecycleState"] for each in group["Instances"]},
                "suspended": sorted(each["ProcessName"] for each in group.get("SuspendedProcesses", [])),
                "desired_capacity": group["DesiredCapacity"],
                "refresh": refresh.get("Status", ""),
                "failure": refresh.get("StatusReason", "") if state == FAILED else "",
            },
            tags=tags,
            state=state,
            status=status,
        )

    @staticmethod
    def _outdated(group: dict[str, t.Any], versions: dict[str, str]) -> dict[str, str]:
        """Machines that were not started from the latest version of the group's template, and why AWS would keep them."""
        template = _template(group).get("LaunchTemplateId")
        latest = (template, versions.get(template or ""))
        return {
            each["InstanceId"]: _kept(each)
            for each in group["Instances"]
            if each.get("LaunchTemplate")
            and not each["LifecycleState"].startswith("Terminat")
            and (each["LaunchTemplate"]["LaunchTemplateId"], each["LaunchTemplate"].get("Version")) != latest
        }

    @staticmethod
    def _refresh(cell: Cell, name: str) -> dict[str, t.Any]:
        found = cell.call("autoscaling", "describe_instance_refreshes", AutoScalingGroupName=name, MaxRecords=1)
        return next(iter(found["InstanceRefreshes"]), {})

    def normalise(self, entry: dict[str, t.Any]) -> dict[str, t.Any]:
        return {
            **entry,
            **LOCAL_ONLY,
            "desired_capacity": None if entry["scaled"] else entry["desired_capacity"],
            "tags_at_launch": [],
        }

    def condition(self, name: str, entry: dict[str, t.Any], resource: Resource) -> dict[str, dict[str, t.Any]]:
        """Machines behind their launch template, unless they are being replaced already."""
        machines = behind(entry, resource.facts)
        if not machines or resource.facts["refresh"] in REFRESHING:
            return {}
        return {"instances": {"before": f"{len(machines)} behind their launch template", "after": "current"}}

    def remedy(self, name: str, entry: dict[str, t.Any], resource: Resource) -> str:
        """Another instance refresh."""
        if entry["refresh"]["enabled"]:
            return RETRY
        return f"{resource.status}; enable refresh, or replace the machines behind their launch template by hand"

    def precreate_errors(self, cell: Cell, entries: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        # Names that AWS does not know are no error to this call.
        wanted = taken.aws_names(cell, entries)
        found = cell.pages(
            "autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups", AutoScalingGroupNames=wanted
        )
        yield from taken.names(cell, self.name, entries, found, "AutoScalingGroupName", "AutoScalingGroupName")

    def prechange_errors(
        self,
        cell: Cell,
        entries: dict[str, dict[str, t.Any]],
        world: dict[str, dict[str, dict[str, t.Any]]] | None = None,
    ) -> t.Iterator[str]:
        """Zones in which AWS does not offer the instance type."""
        yield from fitting.group_problems(cell, self, entries, world or {})

    def check(self, name: str, entry: dict[str, t.Any], world: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        least, most, desired = entry["min_size"], entry["max_size"], entry["desired_capacity"]
        if least > most:
            yield f"min_size: {least} is more than max_size, {most}"
        elif desired is not None and not least <= desired <= most:
            yield f"desired_capacity: {desired} is not between {least} and {most}"
        if entry["health_check"] == "ELB" and not entry["target_groups"]:
            yield "health_check: ELB looks at target groups, and the group has none; give EC2"
        least, most = entry["refresh"]["min_healthy"], entry["refresh"]["max_healthy"]
        if most is not None and most - least > 100:
            yield f"refresh.max_healthy: AWS allows at most 100 above min_healthy, {least + 100} here, not {most}"
        if entry["protect_from_scale_in"] and entry["refresh"]["protected"] == "wait":
            yield "refresh.protected: with protect_from_scale_in no machine ever loses its protection; give refresh or ignore"


def _kept(machine: dict[str, t.Any]) -> str:
    """Why an instance refresh would not replace a machine without being told to; empty where it would."""
    if machine["LifecycleState"] == "Standby":
        return STANDBY
    return PROTECTED if machine.get("ProtectedFromScaleIn") else ""


def protected_in_refresh(entry: dict[str, t.Any]) -> str:
    """What a refresh does about machines protected from scale-in: ``refresh``, ``ignore`` or ``wait``.

    AWS's default, to wait, ends in a failure an hour later where the group protects every machine.
    """
    return entry["refresh"]["protected"] or ("refresh" if entry["protect_from_scale_in"] else "wait")


def behind(entry: dict[str, t.Any], facts: dict[str, t.Any]) -> list[str]:
    """The machines an instance refresh would replace.

    :param entry: the group's, with defaults filled in
    :param facts: the group's, as it was read
    """
    if not entry["refresh"]["enabled"]:
        return []
    kept = {PROTECTED} if protected_in_refresh(entry) == "ignore" else set()
    kept |= {STANDBY} if entry["refresh"]["standby"] == "ignore" else set()
    return sorted(machine for machine, why in facts["outdated"].items() if why not in kept)


def _template(group: dict[str, t.Any]) -> dict[str, t.Any]:
    mixed = (group.get("MixedInstancesPolicy") or {}).get("LaunchTemplate") or {}
    return group.get("LaunchTemplate") or mixed.get("LaunchTemplateSpecification") or {}


def _state(group: dict[str, t.Any], serving: int, refresh: dict[str, t.Any]) -> tuple[str, str]:
    """Whether the group has what it is to have, and in words."""
    if group.get("Status"):
        return LEAVING, group["Status"]
    if refresh.get("Status") in REFRESHING:
        reason = f": {refresh['StatusReason']}" if refresh.get("StatusReason") else ""
        return PENDING, f"instance refresh {refresh['Status']} {refresh.get('PercentageComplete', 0)} %{reason}"
    words = f"{serving} of {group['DesiredCapacity']} in service"
    if refresh.get("Status") in REFRESH_FAILED:
        return FAILED, f"instance refresh {refresh['Status']}, {words}"
    return (PENDING if serving < group["DesiredCapacity"] else READY), words
