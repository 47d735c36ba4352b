#!/usr/bin/python
# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Module terrace.aws.ec2_flow_log."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ec2_flow_log
short_description: Make or remove a flow log of a VPC
version_added: 0.1.0
description: Makes a flow log, tagged from the beginning, or removes one. Of one that exists AWS changes nothing but the tags.
options:
  state:
    description: Whether it is to exist.
    type: str
    choices: [present, absent]
    default: present
  flow_log_id:
    description: The flow log to tag or to remove; one is made without.
    type: str
  resource_id:
    description: The VPC whose traffic is logged. Required to make one.
    type: str
  traffic:
    description: Which traffic is logged.
    type: str
    choices: [ALL, ACCEPT, REJECT]
    default: ALL
  bucket_arn:
    description: ARN of the bucket the log goes to.
    type: str
  log_group:
    description: Name of the CloudWatch log group the log goes to instead.
    type: str
  role_arn:
    description: ARN of the role that may write to the log group.
    type: str
  aggregation_interval:
    description: Over how many seconds at most packets are counted together.
    type: int
    choices: [60, 600]
    default: 600
  format:
    description: The fields of a line. AWS's default when empty.
    type: str
    default: ""
  tags:
    description: All its tags. Required when it is to exist.
    type: dict
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules]
author:
  - The Terrace developers (@terrace)
"""

EXAMPLES = r"""
- name: Log what the VPC refuses
  terrace.aws.ec2_flow_log:
    resource_id: vpc-0123456789abcdef0
    traffic: REJECT
    bucket_arn: arn:aws:s3:::example-logs
    tags: {Name: example-refused}
"""

RETURN = r"""
flow_log_id:
  description: The flow log's id.
  returned: when it exists
  type: str
"""

import contextlib

with contextlib.suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.exceptions import BotoCoreError, ClientError

from ansible_collections.amazon.aws.plugins.module_utils.ec2 import ensure_ec2_tags
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.tagging import boto3_tag_specifications


def refused(module, answer):
    """Fail for what AWS did not do: it says so in an answer that otherwise looks like success."""
    if errors := [each["Error"] for each in answer.get("Unsuccessful") or []]:
        module.fail_json(msg="; ".join(f"AWS refused: {each['Code']}: {each['Message']}" for each in errors))


def arguments(wanted):
    """What CreateFlowLogs takes."""
    made = {
        "ResourceType": "VPC",
        "ResourceIds": [wanted["resource_id"]],
        "TrafficType": wanted["traffic"],
        "MaxAggregationInterval": wanted["aggregation_interval"],
        "TagSpecifications": boto3_tag_specifications(wanted["tags"], ["vpc-flow-log"]),
        **({"LogFormat": wanted["format"]} if wanted["format"] else {}),
    }
    if wanted["bucket_arn"]:
        return {**made, "LogDestinationType": "s3", "LogDestination": wanted["bucket_arn"]}
    return {**made, "LogGroupName": wanted["log_group"], "DeliverLogsPermissionArn": wanted["role_arn"]}


def make(module, client):
    """Make the flow log."""
    wanted = arguments(module.params)
    if not module.check_mode:
        answer = client.create_flow_logs(**wanted)
        refused(module, answer)
        wanted["FlowLogId"] = answer["FlowLogIds"][0]
    module.exit_json(changed=True, flow_log_id=wanted.get("FlowLogId", ""), diff={"before": {}, "after": wanted})


def remove(module, client, ident):
    """Remove the flow log, if it is still there."""
    found = client.describe_flow_logs(Filter=[{"Name": "flow-log-id", "Values": [ident]}])["FlowLogs"]
    if found and not module.check_mode:
        refused(module, client.delete_flow_logs(FlowLogIds=[ident]))
    module.exit_json(changed=bool(found), diff={"before": {"flow_log_id": ident} if found else {}, "after": {}})


def main():
    """Run the module."""
    spec = {
        **{each: {} for each in ("flow_log_id", "resource_id", "bucket_arn", "log_group", "role_arn")},
        "state": {"choices": ["present", "absent"], "default": "present"},
        "traffic": {"choices": ["ALL", "ACCEPT", "REJECT"], "default": "ALL"},
        "aggregation_interval": {"type": "int", "choices": [60, 600], "default": 600},
        "format": {"default": ""},
        "tags": {"type": "dict"},
    }
    module = AnsibleAWSModule(
        argument_spec=spec,
        required_if=[("state", "present", ["tags"]), ("state", "absent", ["flow_log_id"])],
        required_one_of=[("flow_log_id", "resource_id")],
        mutually_exclusive=[("bucket_arn", "log_group"), ("bucket_arn", "role_arn")],
        required_together=[("log_group", "role_arn")],
        supports_check_mode=True,
    )
    client, ident = module.client("ec2"), module.params["flow_log_id"]
    try:
        if module.params["state"] == "absent":
            remove(module, client, ident)
        elif not ident:
            make(module, client)
        changed = ensure_ec2_tags(client, module, ident, resource_type="vpc-flow-log", tags=module.params["tags"])
        module.exit_json(changed=changed, flow_log_id=ident)
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg="Could not write the flow log")


if __name__ == "__main__":
    main()
