# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of the flow_logs role."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

Resources = dict[str, dict[str, dict[str, t.Any]]]


def flow_log_arguments(entry: dict[str, t.Any], resources: Resources) -> dict[str, t.Any]:
    """The ids terrace.aws.ec2_flow_log takes for an entry; no flow_log_id where another is to be made.

    :param entry: as terrace.aws.plan returns it under ``write``
    :param resources: VPCs, buckets and IAM roles as cell_info returns them
    :raises AnsibleFilterError: where one of them does not exist
    """

    def known(option: str, kind: str) -> dict[str, t.Any]:
        name = entry[option]
        if name not in resources[kind]:
            raise AnsibleFilterError(f"{entry['aws_name']}: there is no {kind} {name} yet; provision it first")
        return resources[kind][name]

    made = {"resource_id": known("vpc", "vpc")["id"]}
    if entry["action"] != "replace" and entry["id"]:
        made["flow_log_id"] = entry["id"]
    if entry["bucket"]:
        return {**made, "bucket_arn": known("bucket", "bucket")["facts"]["arn"]}
    return {**made, "role_arn": known("role", "iam_role")["facts"]["arn"]}


class FilterModule:
    """Filters ``terrace.aws.*`` of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"flow_log_arguments": flow_log_arguments}
