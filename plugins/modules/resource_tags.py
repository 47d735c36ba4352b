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
  - Adds tags to a resource of any service that the Resource Groups Tagging API supports, and to IAM roles, auto scaling groups,
    hosted zones and health checks, which have calls of their own. Tags that are not named stay.
  - The published modules tag resources of one service each, and none tags a certificate, a parameter group or a key without
    writing the rest of it.
options:
  arn:
    description: The resource's ARN. For what EC2 has, its id does as well.
    type: str
    required: true
  tags:
    description: The tags to add.
    type: dict
    required: true
  not_at_launch:
    description: Tags that machines of an auto scaling group do not get.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
notes:
  - Supports check mode.
author:
  - The Terrace developers (@terrace)
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

import contextlib

from ansible_collections.amazon.aws.plugins.module_utils.botocore import is_boto3_error_code
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry

with contextlib.suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.exceptions import BotoCoreError, ClientError


def pairs(tags):
    return [{"Key": key, "Value": value} for key, value in tags.items()]


class Tagging:
    """What the tagging API covers."""

    service = "resourcegroupstaggingapi"

    def __init__(self, module):
        self.arn, self.apart = module.params["arn"], module.params["not_at_launch"]
        self.client = module.client(self.service, retry_decorator=AWSRetry.jittered_backoff())

    def present(self):
        return present_tags(self.client, self.arn)

    def add(self, tags):
        """Add tags; returns why one could not be added, or nothing."""
        failed = self.client.tag_resources(aws_retry=True, ResourceARNList=[self.arn], Tags=tags)["FailedResourcesMap"]
        return "; ".join(f"{each.get('ErrorCode')}: {each.get('ErrorMessage')}" for each in failed.values())


class Ec2Tags(Tagging):
    """What EC2 names by an id. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateTags.html"""

    service = "ec2"

    def present(self):
        found = self.client.describe_tags(aws_retry=True, Filters=[{"Name": "resource-id", "Values": [self.arn]}])[
            "Tags"
        ]
        return {tag["Key"]: tag["Value"] for tag in found}

    def add(self, tags):
        self.client.create_tags(aws_retry=True, Resources=[self.arn], Tags=pairs(tags))


class RoleTags(Tagging):
    """IAM roles. https://docs.aws.amazon.com/IAM/latest/APIReference/API_TagRole.html"""

    service = "iam"

    def present(self):
        found = self.client.list_role_tags(aws_retry=True, RoleName=self.arn.rsplit("/", 1)[-1])["Tags"]
        return {tag["Key"]: tag["Value"] for tag in found}

    def add(self, tags):
        self.client.tag_role(aws_retry=True, RoleName=self.arn.rsplit("/", 1)[-1], Tags=pairs(tags))


class DnsTags(Tagging):
    """Hosted zones and health checks. https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeTagsForResource.html"""

    service = "route53"

    def _named(self):
        sort, _slash, ident = self.arn.split(":", 5)[-1].partition("/")
        return {"ResourceType": sort, "ResourceId": ident}

    def present(self):
        found = self.client.list_tags_for_resource(aws_retry=True, **self._named())["ResourceTagSet"]["Tags"]
        return {tag["Key"]: tag["Value"] for tag in found}

    def add(self, tags):
        self.client.change_tags_for_resource(aws_retry=True, AddTags=pairs(tags), **self._named())


class GroupTags(Tagging):
    """Auto scaling groups. https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CreateOrUpdateTags.html"""

    service = "autoscaling"

    def _group(self):
        return self.arn.rsplit("autoScalingGroupName/", 1)[-1]

    def present(self):
        filters = [{"Name": "auto-scaling-group", "Values": [self._group()]}]
        found = self.client.describe_tags(aws_retry=True, Filters=filters)["Tags"]
        return {tag["Key"]: tag["Value"] for tag in found}

    def add(self, tags):
        group = {"ResourceId": self._group(), "ResourceType": "auto-scaling-group"}
        every = [{**pair, **group, "PropagateAtLaunch": pair["Key"] not in self.apart} for pair in pairs(tags)]
        self.client.create_or_update_tags(aws_retry=True, Tags=every)


def sort_of(arn):
    """Which of them tags a resource."""
    if not arn.startswith("arn:"):
        return Ec2Tags
    service, resource = arn.split(":")[2], arn.split(":", 5)[-1]
    if service == "iam" and resource.startswith("role/"):
        return RoleTags
    return {"route53": DnsTags, "autoscaling": GroupTags}.get(service, Tagging)


def present_tags(client, arn):
    """The resource's tags. https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html"""
    try:
        found = client.get_resources(aws_retry=True, ResourceARNList=[arn])["ResourceTagMappingList"]
    except is_boto3_error_code("InvalidParameterException"):
        return {}
    return {tag["Key"]: tag["Value"] for each in found for tag in each["Tags"]}


def main():
    """Run the module."""
    spec = {
        "arn": {"type": "str", "required": True},
        "tags": {"type": "dict", "required": True},
        "not_at_launch": {"type": "list", "elements": "str", "default": []},
    }
    module = AnsibleAWSModule(argument_spec=spec, supports_check_mode=True)
    arn = module.params["arn"]
    tagging = sort_of(arn)(module)
    wanted = {str(key): str(value) for key, value in module.params["tags"].items()}
    try:
        there = tagging.present()
        added = {key: value for key, value in wanted.items() if there.get(key) != value}
        if added and not module.check_mode and (failed := tagging.add(added)):
            module.fail_json(msg=f"could not tag {arn}: {failed}")
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg=f"could not tag {arn}")
    module.exit_json(changed=bool(added), added=added)


if __name__ == "__main__":
    main()
