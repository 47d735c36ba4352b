#!/usr/bin/python
# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Adds tags to any AWS resource by its ARN."""

DOCUMENTATION = r"""
module: resource_tags
short_description: Add tags to an AWS resource by its ARN
version_added: 0.2.0
description:
  - Adds tags to a resource of any service that the Resource Groups Tagging API supports. Tags that are not named stay.
  - The published modules tag resources of one service each, and none tags a certificate, a parameter group or a key without
    writing the rest of it.
options:
  arn:
    description: The resource's ARN.
    type: str
    required: true
  tags:
    description: The tags to add.
    type: dict
    required: true
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
notes:
  - Supports check mode.
author:
  - The Terrace developers
"""

EXAMPLES = r"""
- name: Mark a certificate
  terrace.aws.resource_tags:
    arn: "{{ certificate_arn }}"
    tags: {review: "2027-01"}
"""

RETURN = r"""
added:
  description: The tags that were not there, or had another value.
  returned: always
  type: dict
"""

from ansible_collections.amazon.aws.plugins.module_utils.botocore import is_boto3_error_code
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry

try:
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError:
    pass  # handled by AnsibleAWSModule


def present_tags(client, arn):
    """The resource's tags. https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html"""
    try:
        found = client.get_resources(aws_retry=True, ResourceARNList=[arn])["ResourceTagMappingList"]
    except is_boto3_error_code("InvalidParameterException"):
        return {}
    return {tag["Key"]: tag["Value"] for each in found for tag in each["Tags"]}


def main():
    """Run the module."""
    spec = {"arn": {"type": "str", "required": True}, "tags": {"type": "dict", "required": True}}
    module = AnsibleAWSModule(argument_spec=spec, supports_check_mode=True)
    client = module.client("resourcegroupstaggingapi", retry_decorator=AWSRetry.jittered_backoff())
    arn = module.params["arn"]
    wanted = {str(key): str(value) for key, value in module.params["tags"].items()}
    try:
        there = present_tags(client, arn)
        added = {key: value for key, value in wanted.items() if there.get(key) != value}
        if added and not module.check_mode:
            failed = client.tag_resources(aws_retry=True, ResourceARNList=[arn], Tags=added)["FailedResourcesMap"]
            for each in failed.values():
                module.fail_json(msg=f"could not tag {arn}: {each.get('ErrorCode')}: {each.get('ErrorMessage')}")
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg=f"could not tag {arn}")
    module.exit_json(changed=bool(added), added=added)


if __name__ == "__main__":
    main()
