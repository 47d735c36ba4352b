#!/usr/bin/python
# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Module terrace.aws.autoscaling_instance_refresh."""

from __future__ import annotations

DOCUMENTATION = r"""
module: autoscaling_instance_refresh
short_description: Start replacing the instances of an auto scaling group
version_added: 0.1.0
description:
  - Starts an instance refresh, unless one is under way, and does not wait for its end.
  - M(amazon.aws.autoscaling_instance_refresh) cannot say what becomes of instances that are protected from scale-in or in
    standby, for which AWS then waits an hour and fails; it never reports a change, and fails where a refresh is under way.
options:
  group_name:
    description: The auto scaling group, by its name on AWS.
    type: str
    required: true
  preferences:
    description: How instances are replaced, see U(https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_RefreshPreferences.html).
    type: dict
    default: {}
    suboptions:
      min_healthy_percentage:
        description: How many per cent of the group stay in service.
        type: int
      max_healthy_percentage:
        description: Up to how many per cent there may be meanwhile. Needs O(preferences.min_healthy_percentage).
        type: int
      instance_warmup:
        description: Seconds a new instance may take before the next is replaced.
        type: int
      skip_matching:
        description: Whether instances that are as their launch template says are left alone.
        type: bool
      scale_in_protected_instances:
        description: What becomes of instances protected from scale-in.
        type: str
        choices: [Refresh, Ignore, Wait]
      standby_instances:
        description: What becomes of instances in standby.
        type: str
        choices: [Terminate, Ignore, Wait]
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
author:
  - The Terrace developers (@terrace)
"""

EXAMPLES = r"""
- name: Replace the instances behind their launch template
  terrace.aws.autoscaling_instance_refresh:
    group_name: example-web
    preferences:
      min_healthy_percentage: 90
      skip_matching: true
      scale_in_protected_instances: Refresh
"""

RETURN = r"""
instance_refresh_id:
  description: The id of the refresh that was started.
  returned: when one was started
  type: str
"""

import contextlib

with contextlib.suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.exceptions import BotoCoreError, ClientError

from ansible.module_utils.common.dict_transformations import snake_dict_to_camel_dict
from ansible_collections.amazon.aws.plugins.module_utils.botocore import is_boto3_error_code
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry

ACTIVE = ("Pending", "InProgress", "Cancelling", "RollbackInProgress", "Baking")
PREFERENCES = {
    "min_healthy_percentage": {"type": "int"},
    "max_healthy_percentage": {"type": "int"},
    "instance_warmup": {"type": "int"},
    "skip_matching": {"type": "bool"},
    "scale_in_protected_instances": {"choices": ["Refresh", "Ignore", "Wait"]},
    "standby_instances": {"choices": ["Terminate", "Ignore", "Wait"]},
}


def started(module, client):
    """Start a refresh; its id, empty where one is under way or in check mode."""
    group = module.params["group_name"]
    given = {key: value for key, value in module.params["preferences"].items() if value is not None}
    if module.check_mode:
        found = client.describe_instance_refreshes(AutoScalingGroupName=group, MaxRecords=1)["InstanceRefreshes"]
        module.exit_json(changed=not found or found[0]["Status"] not in ACTIVE)
    preferences = snake_dict_to_camel_dict(given, capitalize_first=True)
    try:
        answer = client.start_instance_refresh(
            aws_retry=True, AutoScalingGroupName=group, Strategy="Rolling", Preferences=preferences
        )
    except is_boto3_error_code("InstanceRefreshInProgress"):
        return ""
    return answer["InstanceRefreshId"]


def main():
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={
            "group_name": {"required": True},
            "preferences": {"type": "dict", "default": {}, "options": PREFERENCES},
        },
        supports_check_mode=True,
    )
    client = module.client("autoscaling", AWSRetry.jittered_backoff())
    try:
        ident = started(module, client)
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg=f"Could not start an instance refresh of {module.params['group_name']}")
    module.exit_json(changed=bool(ident), **({"instance_refresh_id": ident} if ident else {}))


if __name__ == "__main__":
    main()
