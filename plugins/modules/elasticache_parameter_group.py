#!/usr/bin/python
# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes parameter groups of ElastiCache."""

DOCUMENTATION = r"""
module: elasticache_parameter_group
short_description: Write an ElastiCache parameter group
version_added: 0.1.0
description:
  - Makes, changes and removes a parameter group of ElastiCache. Parameters that are no longer named go back to their
    default.
  - Unlike M(community.aws.elasticache_parameter_group), which knows no family after Redis 6, no tags and no check mode,
    and never sets back what is no longer named.
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
  family:
    description: The engine and its major version, for example V(redis7). Cannot be changed.
    type: str
  description:
    description: What it is for. Cannot be changed.
    type: str
  parameters:
    description: Parameters by name, as texts.
    type: dict
    default: {}
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
- name: Evict what was used least
  terrace.aws.elasticache_parameter_group:
    name: production-main
    family: redis7
    description: The shop's cache
    parameters:
      maxmemory-policy: allkeys-lru
"""

RETURN = r"""#"""

import contextlib

with contextlib.suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.exceptions import BotoCoreError, ClientError

from ansible_collections.amazon.aws.plugins.module_utils.botocore import is_boto3_error_code
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry

from ansible_collections.terrace.aws.plugins.module_utils import parameter_groups, tagged_writes

#: Seconds before a group that is still in use is deleted again.
PAUSE = 5


def present(module, client, group):
    """Write the group and end."""
    name, wanted, changed = module.params["name"], module.params["parameters"], group is None
    if group is None and module.check_mode:
        module.exit_json(changed=True, diff={"before": {}, "after": {"parameters": wanted}})
    if group is None:
        made = client.create_cache_parameter_group(
            aws_retry=True,
            CacheParameterGroupName=name,
            CacheParameterGroupFamily=module.params["family"],
            Description=module.params["description"],
            Tags=tagged_writes.tag_list(module.params["tags"]),
        )
        group = made["CacheParameterGroup"]
    elif group["CacheParameterGroupFamily"] != module.params["family"]:
        module.fail_json(msg=f"{name} is for {group['CacheParameterGroupFamily']}; its family cannot be changed")
    else:
        changed = tagged_writes.retagged(module, client, group["ARN"])
    pages = client.get_paginator("describe_cache_parameters").paginate(CacheParameterGroupName=name)
    found = parameter_groups.changes(wanted, pages.build_full_result()["Parameters"], apply_method=False)
    if found.problems:
        module.fail_json(msg=f"parameter group {name}: " + "; ".join(found.problems))
    if not module.check_mode:
        for some in parameter_groups.slices(found.set):
            client.modify_cache_parameter_group(aws_retry=True, CacheParameterGroupName=name, ParameterNameValues=some)
        for some in parameter_groups.slices(found.reset):
            # AWS wants a value even here, and does not look at it.
            some = [{**each, "ParameterValue": ""} for each in some]
            client.reset_cache_parameter_group(
                aws_retry=True, CacheParameterGroupName=name, ResetAllParameters=False, ParameterNameValues=some
            )
    changed = bool(changed or found.set or found.reset)
    module.exit_json(changed=changed, diff={"before": found.before, "after": found.after})


def absent(module, client, group):
    """Remove the group and end."""
    if group is not None and not module.check_mode:
        try:
            # Until what used it has let go of it, which takes some time after its change.
            retry = AWSRetry.jittered_backoff(
                retries=12,
                delay=PAUSE,
                max_delay=3 * PAUSE,
                catch_extra_error_codes=["InvalidCacheParameterGroupState"],
            )
            retry(client.delete_cache_parameter_group)(CacheParameterGroupName=module.params["name"])
        except is_boto3_error_code("CacheParameterGroupNotFound"):
            group = None
    module.exit_json(changed=group is not None)


def main():
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={
            "name": {"required": True},
            "state": {"choices": ["present", "absent"], "default": "present"},
            "family": {},
            "description": {},
            "parameters": {"type": "dict", "default": {}},
            "tags": {"type": "dict"},
        },
        required_if=[("state", "present", ["family", "description"])],
        supports_check_mode=True,
    )
    name = module.params["name"] = module.params["name"].lower()
    module.params["parameters"] = {key: str(value) for key, value in module.params["parameters"].items()}
    client = module.client("elasticache", retry_decorator=AWSRetry.jittered_backoff())
    find = ("describe_cache_parameter_groups", "CacheParameterGroups", "CacheParameterGroupNotFound")
    try:
        group = tagged_writes.one(client, *find, CacheParameterGroupName=name)
        (present if module.params["state"] == "present" else absent)(module, client, group)
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg=f"Could not write the parameter group {name}")


if __name__ == "__main__":
    main()
