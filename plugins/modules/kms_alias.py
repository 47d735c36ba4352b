#!/usr/bin/python
# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Points a KMS alias at a key or removes it, which no published module does."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kms_alias
short_description: Point a KMS alias at a key, or remove it
version_added: 0.1.0
description:
  - M(amazon.aws.kms_key) gives a key an alias, but neither moves one to another key nor removes one. A key that is
    scheduled for deletion keeps its alias, so that without this no other key could take its place.
options:
  name:
    description: The alias, beginning with C(alias/).
    type: str
    required: true
  key_id:
    description: The key it is to stand for. Required when O(state=present).
    type: str
  state:
    description: Whether the alias is to exist.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
author:
  - The Terrace developers (@terrace)
"""

EXAMPLES = r"""
- name: Free the name
  terrace.aws.kms_alias:
    name: alias/shop-data
    state: absent
"""

RETURN = r"""#"""

import contextlib
import typing as t

with contextlib.suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.exceptions import BotoCoreError, ClientError

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry


def target(client: t.Any, name: str) -> str | None:
    """The id of the key an alias stands for; None where there is no such alias."""
    for page in client.get_paginator("list_aliases").paginate():
        for alias in page["Aliases"]:
            if alias["AliasName"] == name:
                return alias.get("TargetKeyId", "")
    return None


def write(client: t.Any, name: str, before: str | None, after: str | None) -> None:
    """Make it so. https://docs.aws.amazon.com/kms/latest/developerguide/alias-manage.html"""
    if after is None:
        client.delete_alias(AliasName=name, aws_retry=True)
    elif before is None:
        client.create_alias(AliasName=name, TargetKeyId=after, aws_retry=True)
    else:
        client.update_alias(AliasName=name, TargetKeyId=after, aws_retry=True)


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "name": {"required": True},
            "key_id": {"no_log": False},
            "state": {"choices": ["present", "absent"], "default": "present"},
        },
        required_if=[("state", "present", ("key_id",))],
        supports_check_mode=True,
    )
    name = module.params["name"]
    after = module.params["key_id"].rsplit("/", 1)[-1] if module.params["state"] == "present" else None
    client = module.client("kms", retry_decorator=AWSRetry.jittered_backoff())
    try:
        before = target(client, name)
        changed = before != after
        if changed and not module.check_mode:
            write(client, name, before, after)
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg=f"could not write {name}")
    module.exit_json(changed=changed, diff={"before": {name: before}, "after": {name: after}})


if __name__ == "__main__":
    main()
