#!/usr/bin/python
# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes subnet groups of ElastiCache."""

DOCUMENTATION = r"""
module: elasticache_subnet_group
short_description: Write an ElastiCache subnet group
version_added: 0.1.0
description:
  - Makes, changes and removes a subnet group of ElastiCache, with its tags.
  - M(community.aws.elasticache_subnet_group) knows no tags, and no other published module can tag ElastiCache.
options:
  name:
    description: Its name.
    type: str
    required: true
  state:
    description: Whether it is to exist.
    type: str
    choices: [present, absent]
    default: present
  description:
    description: What it is for.
    type: str
  subnets:
    description: Ids of its subnets.
    type: list
    elements: str
  tags:
    description: All its tags; given when it is made.
    type: dict
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
author:
  - The Terrace developers (@terrace)
"""

EXAMPLES = r"""
- name: Say where caches stand
  terrace.aws.elasticache_subnet_group:
    name: production-main
    description: The data subnets
    subnets: [subnet-0123456789abcdef0, subnet-0123456789abcdef1]
"""

RETURN = r"""#"""

import contextlib

with contextlib.suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.exceptions import BotoCoreError, ClientError

from ansible_collections.amazon.aws.plugins.module_utils.botocore import is_boto3_error_code
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry

from ansible_collections.terrace.aws.plugins.module_utils import tagged_writes


def present(module, client, group):
    """Write the group; whether that is a change, and the difference."""
    wanted = {"description": module.params["description"], "subnets": sorted(module.params["subnets"])}
    request = {
        "CacheSubnetGroupName": module.params["name"],
        "CacheSubnetGroupDescription": wanted["description"],
        "SubnetIds": wanted["subnets"],
    }
    if group is None:
        if not module.check_mode:
            tags = tagged_writes.tag_list(module.params["tags"])
            client.create_cache_subnet_group(aws_retry=True, Tags=tags, **request)
        return True, {"before": {}, "after": wanted}
    now = {
        "description": group["CacheSubnetGroupDescription"],
        "subnets": sorted(subnet["SubnetIdentifier"] for subnet in group["Subnets"]),
    }
    if now != wanted and not module.check_mode:
        client.modify_cache_subnet_group(aws_retry=True, **request)
    return tagged_writes.retagged(module, client, group["ARN"]) or now != wanted, {"before": now, "after": wanted}


def absent(module, client, group):
    """Remove the group; whether that is a change, and the difference."""
    if group is not None and not module.check_mode:
        try:
            client.delete_cache_subnet_group(aws_retry=True, CacheSubnetGroupName=module.params["name"])
        except is_boto3_error_code("CacheSubnetGroupNotFoundFault"):
            group = None
    return group is not None, {"before": {"state": "present"} if group else {}, "after": {}}


def main():
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={
            "name": {"required": True},
            "state": {"choices": ["present", "absent"], "default": "present"},
            "description": {},
            "subnets": {"type": "list", "elements": "str"},
            "tags": {"type": "dict"},
        },
        required_if=[("state", "present", ["description", "subnets"])],
        supports_check_mode=True,
    )
    name = module.params["name"] = module.params["name"].lower()
    client = module.client("elasticache", retry_decorator=AWSRetry.jittered_backoff())
    find = ("describe_cache_subnet_groups", "CacheSubnetGroups", "CacheSubnetGroupNotFoundFault")
    try:
        group = tagged_writes.one(client, *find, CacheSubnetGroupName=name)
        write = present if module.params["state"] == "present" else absent
        changed, diff = write(module, client, group)
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg=f"Could not write the cache subnet group {name}")
    module.exit_json(changed=changed, diff=diff)


if __name__ == "__main__":
    main()
