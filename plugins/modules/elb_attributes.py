#!/usr/bin/python
# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sets attributes of load balancers and target groups."""

from __future__ import annotations

DOCUMENTATION = r"""
module: elb_attributes
short_description: Set attributes of a load balancer or target group
version_added: 0.1.0
description:
  - Sets the attributes it is given and leaves the others.
  - M(community.aws.elb_target_group) can switch stickiness on but not off, and knows no slow start.
options:
  arn:
    description: The load balancer or target group.
    type: str
    required: true
  attributes:
    description: Attributes by AWS's names.
    type: dict
    required: true
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
attributes:
  check_mode:
    description: Reports what would change.
    support: full
  diff_mode:
    description: Shows the attributes before and after.
    support: full
author:
  - The Terrace developers (@terrace)
"""

EXAMPLES = r"""
- name: Let a new target's share grow over a minute
  terrace.aws.elb_attributes:
    arn: "{{ target_group_arn }}"
    attributes:
      slow_start.duration_seconds: 60
"""

RETURN = r"""
attributes:
  description: The attributes that were asked for, as they are now.
  returned: always
  type: dict
"""

import contextlib
import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry

with contextlib.suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.exceptions import BotoCoreError, ClientError


def spelled(value: t.Any) -> str:
    """A value as AWS spells it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={"arn": {"type": "str", "required": True}, "attributes": {"type": "dict", "required": True}},
        supports_check_mode=True,
    )
    client = module.client("elbv2", retry_decorator=AWSRetry.jittered_backoff())
    sort = "target_group" if ":targetgroup/" in module.params["arn"] else "load_balancer"
    which = {"TargetGroupArn" if sort == "target_group" else "LoadBalancerArn": module.params["arn"]}
    after = {key: spelled(value) for key, value in module.params["attributes"].items()}
    try:
        answer = getattr(client, f"describe_{sort}_attributes")(aws_retry=True, **which)
        every = {pair["Key"]: pair["Value"] for pair in answer["Attributes"]}
        before = {key: every.get(key, "") for key in after}
        wrong = [{"Key": key, "Value": value} for key, value in after.items() if before[key] != value]
        if wrong and not module.check_mode:
            getattr(client, f"modify_{sort}_attributes")(aws_retry=True, Attributes=wrong, **which)
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg=f"Could not set attributes of {module.params['arn']}")
    module.exit_json(changed=bool(wrong), attributes=after, diff={"before": before, "after": after})


if __name__ == "__main__":
    main()
