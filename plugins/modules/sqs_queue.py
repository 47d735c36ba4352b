#!/usr/bin/python
# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes an SQS queue with its tags in the creating call."""

DOCUMENTATION = r"""
module: sqs_queue
short_description: Write an SQS queue
version_added: 0.2.0
description:
  - Creates an SQS queue with all its attributes and tags in one call, or changes those that differ.
  - Unlike M(community.aws.sqs_queue), which tags in a second call, so that a run killed in between leaves a queue that is
    nobody's, and which can neither encrypt an existing queue with another key nor take a dead-letter queue away.
  - Where a queue of the name was deleted less than 60 seconds before, waits until AWS gives the name free.
options:
  name:
    description: The queue's name on AWS, with the C(.fifo) of a FIFO queue.
    type: str
    required: true
  state:
    description: Whether the queue is to exist. It is removed with its messages.
    type: str
    choices: [present, absent]
    default: present
  fifo: {description: Whether it is a FIFO queue. Cannot be changed., type: bool, default: false}
  visibility_timeout: {description: Seconds a received message is hidden., type: int}
  retention: {description: Seconds a message is kept., type: int}
  max_message_size: {description: Bytes a message may have., type: int}
  delay: {description: Seconds before a new message can be received., type: int}
  receive_wait: {description: Seconds a receiver waits for a message., type: int}
  content_deduplication: {description: Whether a FIFO queue deduplicates by content., type: bool, default: false}
  dead_letter_arn: {description: The dead-letter queue's ARN; empty for none., type: str, default: ""}
  dead_letter_receives: {description: How often a message is received before it goes there., type: int}
  kms_key_id: {description: The KMS key; empty for SQS's own., type: str, default: ""}
  tags: {description: All its tags., type: dict}
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
author:
  - The Terrace developers (@terrace)
"""

EXAMPLES = r"""
- name: Write a queue
  terrace.aws.sqs_queue:
    name: production-uploads
    visibility_timeout: 60
    tags: {Name: production-uploads}
"""

RETURN = r"""
queue_url:
  description: The queue's URL.
  returned: when it exists
  type: str
"""

import contextlib
import json

with contextlib.suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.exceptions import BotoCoreError, ClientError

from ansible_collections.amazon.aws.plugins.module_utils.botocore import is_boto3_error_code
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry
from ansible_collections.amazon.aws.plugins.module_utils.tagging import compare_aws_tags

GONE = ["AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"]
#: A name is free again 60 seconds after a queue of that name was deleted.
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
BLOCKED = ["AWS.SimpleQueueService.QueueDeletedRecently", "QueueDeletedRecently"]
NUMBERS = {
    "visibility_timeout": "VisibilityTimeout",
    "retention": "MessageRetentionPeriod",
    "max_message_size": "MaximumMessageSize",
    "delay": "DelaySeconds",
    "receive_wait": "ReceiveMessageWaitTimeSeconds",
}


def wanted_attributes(params):
    """The attributes as SQS takes them: text."""
    found = {word: str(params[option]) for option, word in NUMBERS.items() if params[option] is not None}
    if params["fifo"]:
        found["ContentBasedDeduplication"] = "true" if params["content_deduplication"] else "false"
    found["RedrivePolicy"] = ""
    if params["dead_letter_arn"]:
        policy = {"deadLetterTargetArn": params["dead_letter_arn"], "maxReceiveCount": params["dead_letter_receives"]}
        found["RedrivePolicy"] = json.dumps(policy)
    if params["kms_key_id"]:
        found["KmsMasterKeyId"] = params["kms_key_id"]
    else:
        # The one or the other: taking a key away is asking for SQS's own.
        found["SqsManagedSseEnabled"] = "true"
    return found


def differing(present, wanted):
    """The attributes that are not as wanted."""

    def comparable(word, value):
        if word == "RedrivePolicy" and value:
            policy = json.loads(value)
            return policy["deadLetterTargetArn"], int(policy["maxReceiveCount"])
        return value or ""

    found = {
        word: value for word, value in wanted.items() if comparable(word, present.get(word)) != comparable(word, value)
    }
    # An emulated API may not tell it; where no key is set, SQS's own is the default.
    if (
        found.get("SqsManagedSseEnabled")
        and not present.get("KmsMasterKeyId")
        and "SqsManagedSseEnabled" not in present
    ):
        del found["SqsManagedSseEnabled"]
    return found


def present(module, client, url):
    """Create or change the queue; whether that is a change, and its URL."""
    params, wanted = module.params, wanted_attributes(module.params)
    if url is None:
        attributes = {word: value for word, value in wanted.items() if value}
        attributes |= {"FifoQueue": "true"} if params["fifo"] else {}
        if module.check_mode:
            return True, ""
        patient = AWSRetry.jittered_backoff(retries=12, delay=5, max_delay=15, catch_extra_error_codes=BLOCKED)
        made = patient(client.create_queue)(QueueName=params["name"], Attributes=attributes, tags=params["tags"] or {})
        return True, made["QueueUrl"]
    now = client.get_queue_attributes(aws_retry=True, QueueUrl=url, AttributeNames=["All"])["Attributes"]
    change = differing(now, wanted)
    if change and not module.check_mode:
        client.set_queue_attributes(aws_retry=True, QueueUrl=url, Attributes=change)
    tags = client.list_queue_tags(aws_retry=True, QueueUrl=url).get("Tags") or {}
    add, remove = compare_aws_tags(tags, params["tags"] or {}, True) if params["tags"] is not None else ({}, [])
    if add and not module.check_mode:
        client.tag_queue(aws_retry=True, QueueUrl=url, Tags=add)
    if remove and not module.check_mode:
        client.untag_queue(aws_retry=True, QueueUrl=url, TagKeys=remove)
    return bool(change or add or remove), url


def main():
    """Run the module."""
    spec = {
        "name": {"required": True},
        "state": {"choices": ["present", "absent"], "default": "present"},
        "fifo": {"type": "bool", "default": False},
        **{option: {"type": "int"} for option in NUMBERS},
        "content_deduplication": {"type": "bool", "default": False},
        "dead_letter_arn": {"default": ""},
        "dead_letter_receives": {"type": "int"},
        "kms_key_id": {"default": "", "no_log": False},
        "tags": {"type": "dict"},
    }
    module = AnsibleAWSModule(argument_spec=spec, supports_check_mode=True)
    client = module.client("sqs", retry_decorator=AWSRetry.jittered_backoff())
    name = module.params["name"]
    try:
        try:
            url = client.get_queue_url(aws_retry=True, QueueName=name)["QueueUrl"]
        except is_boto3_error_code(GONE):
            url = None
        if module.params["state"] == "present":
            changed, url = present(module, client, url)
            module.exit_json(changed=changed, queue_url=url)
        if url is not None and not module.check_mode:
            client.delete_queue(aws_retry=True, QueueUrl=url)
        module.exit_json(changed=url is not None)
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg=f"Could not write the queue {name}")


if __name__ == "__main__":
    main()
