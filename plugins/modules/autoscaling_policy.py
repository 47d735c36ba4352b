#!/usr/bin/python
# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Module terrace.aws.autoscaling_policy."""

from __future__ import annotations

DOCUMENTATION = r"""
module: autoscaling_policy
short_description: Remove a scaling policy of one auto scaling group
version_added: 0.1.0
description:
  - Removes a scaling policy by its ARN, from the group it belongs to.
  - Names of policies are unique in a group only. M(community.aws.autoscaling_policy) looks a policy up by its name alone and
    removes the first one found in the account's region, of whichever group. It is right for creating and changing policies.
options:
  state:
    description: The policy is not to exist.
    type: str
    choices: [absent]
    required: true
  group_name:
    description: The auto scaling group, by its name on AWS.
    type: str
    required: true
  policy_arn:
    description: The policy's ARN.
    type: str
    required: true
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
author:
  - The Terrace developers (@terrace)
"""

EXAMPLES = r"""
- name: Remove a scaling policy
  terrace.aws.autoscaling_policy:
    state: absent
    group_name: example-web
    policy_arn: "arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:\
      6d8f4c2e:autoScalingGroupName/example-web:policyName/scale-out"
"""

RETURN = r"""
policy_name:
  description: The policy's name.
  returned: when there was one
  type: str
"""

import contextlib

with contextlib.suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.exceptions import BotoCoreError, ClientError

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry


def policy(client, group, arn):
    """The policy of the group with that ARN, or None. DescribePolicies answers nothing for a group that is gone."""
    pages = client.get_paginator("describe_policies").paginate(AutoScalingGroupName=group)
    return next((each for page in pages for each in page["ScalingPolicies"] if each["PolicyARN"] == arn), None)


def main():
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={
            "state": {"choices": ["absent"], "required": True},
            "group_name": {"required": True},
            "policy_arn": {"required": True},
        },
        supports_check_mode=True,
    )
    client = module.client("autoscaling", AWSRetry.jittered_backoff())
    group, arn = module.params["group_name"], module.params["policy_arn"]
    try:
        found = policy(client, group, arn)
        if found and not module.check_mode:
            # PolicyName takes an ARN too, which is the policy's own whatever others are called.
            client.delete_policy(aws_retry=True, AutoScalingGroupName=group, PolicyName=arn)
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg=f"Could not remove the scaling policy {arn} of {group}")
    module.exit_json(changed=bool(found), **({"policy_name": found["PolicyName"]} if found else {}))


if __name__ == "__main__":
    main()
