# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Flow logs of VPCs. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeFlowLogs.html"""

from __future__ import annotations

import typing as t

from ...engine.cell import Cell
from ...engine.kind import Kind, Resource


class FlowLog(Kind):
    name = "flow_log"
    role = "flow_logs"
    variable = "flow_logs_entries"
    resource_type = "ec2:vpc-flow-log"
    #: https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-basics.html: only its tags can be changed.
    replacement_reason = "a VPC has one flow log for a destination"
    immutable = frozenset({"vpc", "traffic", "bucket", "log_group", "role", "aggregation_interval", "format"})
    references: t.ClassVar[dict[str, str]] = {"vpc": "vpc", "bucket": "bucket", "role": "iam_role"}

    def read(self, cell: Cell) -> dict[str, Resource]:
        # This describe call names its filters in the singular, unlike all others.
        logs = cell.pages("ec2", "describe_flow_logs", "FlowLogs", Filter=cell.mine())
        return {
            name: Resource(
                id=each["FlowLogId"],
                attributes={
                    "vpc": cell.name_of("vpc", each["ResourceId"]),
                    "traffic": each["TrafficType"],
                    **_destination(cell, each),
                    "aggregation_interval": each["MaxAggregationInterval"],
                    "format": each.get("LogFormat", ""),
                },
                facts={"error": _error(each)},
                tags=tags,
                status=_error(each) or each["FlowLogStatus"],
            )
            for name, each, tags in cell.owned(
                self.name, logs, lambda each: each.get("Tags"), lambda each: each["FlowLogId"]
            )
        }

    def normalise(self, entry: dict[str, t.Any]) -> dict[str, t.Any]:
        return {**entry, **{option: entry[option] or "" for option in ("bucket", "log_group", "role")}}

    def warnings(self, entries: dict[str, dict[str, t.Any]], observed: dict[str, Resource]) -> t.Iterator[str]:
        """Lines that AWS cannot deliver. It tries again by itself once the bucket or the role lets it, so the log is as it
        should be and writing or replacing it would not help."""
        for name, log in observed.items():
            if log.facts["error"]:
                yield f"{name}: AWS cannot deliver its lines ({log.facts['error']})"

    def check(self, name: str, entry: dict[str, t.Any], world: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        bucket, group, role = entry["bucket"], entry["log_group"], entry["role"]
        if bool(bucket) == bool(group):
            yield "give either a bucket or a log_group"
        elif bool(group) != bool(role):
            yield "role: needed to write to a log_group" if group else "role: nothing needs it to write to a bucket"
        if bucket and "vpc_flow_logs" not in world.get("bucket", {}).get(bucket, {}).get("log_delivery", DELIVERED):
            yield f"bucket: {bucket} takes no flow logs; its log_delivery must name vpc_flow_logs"
        for other, another in world.get(self.name, {}).items():
            if other < name and all(another[option] == entry[option] for option in ("vpc", "bucket", "log_group")):
                yield f"{entry['vpc']} logs to {bucket or group} already by {other}; AWS allows that once"


#: What a bucket that is not being looked at is taken to deliver.
DELIVERED = ("vpc_flow_logs",)


def _error(log: dict[str, t.Any]) -> str:
    """Why AWS cannot deliver, in its words (Access error, Rate limited, Unknown error); empty where it can."""
    return log.get("DeliverLogsErrorMessage") or ("failed" if log.get("DeliverLogsStatus") == "FAILED" else "")


def _destination(cell: Cell, log: dict[str, t.Any]) -> dict[str, str]:
    """Where a log goes, in the inventory's words; an ARN or a folder that these cannot say is shown as it is."""
    if log.get("LogDestinationType") == "s3":
        bucket = log["LogDestination"].partition(":::")[2].rstrip("/")
        return {"bucket": cell.name_of("bucket", bucket), "log_group": "", "role": ""}
    if log.get("LogDestinationType", "cloud-watch-logs") != "cloud-watch-logs":
        return {"bucket": "", "log_group": log["LogDestination"], "role": ""}
    role = (log.get("DeliverLogsPermissionArn") or "").rpartition("/")[2]
    return {"bucket": "", "log_group": log.get("LogGroupName", ""), "role": cell.name_of("iam_role", role)}
