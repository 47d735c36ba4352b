# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules for RDS and ElastiCache share."""

from __future__ import annotations

import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.botocore import is_boto3_error_code
from ansible_collections.amazon.aws.plugins.module_utils.tagging import (
    ansible_dict_to_boto3_tag_list,
    boto3_tag_list_to_ansible_dict,
    compare_aws_tags,
)


def one(client: t.Any, operation: str, result: str, absent: str, **arguments: t.Any) -> dict[str, t.Any] | None:
    """The one thing a describe call is asked for, or None where AWS answers with the error code ``absent``."""
    try:
        found = getattr(client, operation)(aws_retry=True, **arguments)[result]
    except is_boto3_error_code(absent):
        return None
    return found[0] if found else None


def tag_list(tags: dict[str, str] | None) -> list[dict[str, str]]:
    """Tags as a create call takes them."""
    return ansible_dict_to_boto3_tag_list(tags or {})


def retagged(module: t.Any, client: t.Any, arn: str) -> bool:
    """Give a resource the module's tags, and only those; whether that is a change."""
    if module.params["tags"] is None:
        return False
    present = client.list_tags_for_resource(aws_retry=True, ResourceName=arn)["TagList"]
    wrong, left = compare_aws_tags(boto3_tag_list_to_ansible_dict(present), module.params["tags"], True)
    if wrong and not module.check_mode:
        client.add_tags_to_resource(aws_retry=True, ResourceName=arn, Tags=ansible_dict_to_boto3_tag_list(wrong))
    if left and not module.check_mode:
        client.remove_tags_from_resource(aws_retry=True, ResourceName=arn, TagKeys=left)
    return bool(wrong or left)
