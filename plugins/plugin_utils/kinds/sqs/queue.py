# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SQS queues. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html"""

from __future__ import annotations

import json
import typing as t

from ...engine.cell import Cell
from ...engine.kind import Kind, Resource
from ...shared import taken

#: Option -> the attribute of the queue that holds it.
NUMBERS = {
    "visibility_timeout": "VisibilityTimeout",
    "retention": "MessageRetentionPeriod",
    "max_message_size": "MaximumMessageSize",
    "delay": "DelaySeconds",
    "receive_wait": "ReceiveMessageWaitTimeSeconds",
}
GONE = ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")


class Queue(Kind):
    name = "queue"
    role = "queue"
    variable = "queue_entries"
    references: t.ClassVar[dict[str, str]] = {"dead_letter.queue": "queue", "kms_key": "kms_key"}
    immutable = frozenset({"fifo"})
    data = True
    #: 80 characters with the .fifo of a FIFO queue.
    longest_name = 75
    #: A name is free again 60 seconds after a queue of that name was deleted; its module waits for that.
    sleeps = True
    resource_type = "sqs"

    def read(self, cell: Cell) -> dict[str, Resource]:
        urls = cell.pages("sqs", "list_queues", "QueueUrls", QueueNamePrefix=f"{cell.name}-")
        queues = [each for each in cell.map(lambda url: self._queue(cell, url), urls) if each]
        found = list(cell.owned(self.name, queues, lambda q: q["tags"], lambda q: q["QueueArn"]))
        names = {each["QueueArn"]: name for name, each, _tags in found}
        return {
            name: Resource(
                id=each["QueueArn"],
                attributes={
                    "fifo": each.get("FifoQueue") == "true",
                    **{option: int(each[word]) for option, word in NUMBERS.items()},
                    "content_deduplication": each.get("ContentBasedDeduplication") == "true",
                    "dead_letter": _dead_letter(names, each.get("RedrivePolicy")),
                    "kms_key": cell.name_of("kms_key", (each.get("KmsMasterKeyId") or "").rpartition("/")[2]),
                },
                facts={
                    "name": each["QueueArn"].rpartition(":")[2],
                    "arn": each["QueueArn"],
                    "url": each["url"],
                    "messages": int(each.get("ApproximateNumberOfMessages", 0)),
                },
                tags=tags,
            )
            for name, each, tags in found
        }

    @staticmethod
    def _queue(cell: Cell, url: str) -> dict[str, t.Any] | None:
        """A queue's attributes, URL and tags; None where it was deleted since it was listed."""
        answer = cell.call("sqs", "get_queue_attributes", GONE, QueueUrl=url, AttributeNames=["All"])
        if answer is None:
            return None
        arn = answer["Attributes"]["QueueArn"]
        tags = cell.resource_tags(
            arn, lambda: (cell.call("sqs", "list_queue_tags", GONE, QueueUrl=url) or {}).get("Tags")
        )
        return {**answer["Attributes"], "url": url, "tags": tags}

    def names_in(self, option: str, entry: dict[str, t.Any]) -> list[str]:
        if option == "dead_letter.queue":
            name = (entry.get("dead_letter") or {}).get("queue")
            return [name] if name else []
        return super().names_in(option, entry)

    def normalise(self, entry: dict[str, t.Any]) -> dict[str, t.Any]:
        return {**entry, "dead_letter": entry["dead_letter"] or {}, "kms_key": entry["kms_key"] or ""}

    def check(self, name: str, entry: dict[str, t.Any], world: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        if entry["content_deduplication"] and not entry["fifo"]:
            yield "content_deduplication: only a FIFO queue has it; set fifo: true"
        letters = entry["dead_letter"] or {}
        target = world.get("queue", {}).get(letters.get("queue") or "")
        if letters.get("queue") == name:
            yield "dead_letter.queue: a queue cannot be its own dead-letter queue"
        elif target and target["fifo"] != entry["fifo"]:
            yield f"dead_letter.queue: {letters['queue']} must be a {'FIFO' if entry['fifo'] else 'standard'} queue, as {name} is"

    def precreate_errors(self, cell: Cell, entries: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        ours = {resource.id: name for name, resource in cell.observed(self.name).items()}
        for name, entry in entries.items():
            called = f"{cell.aws_name(name)}{'.fifo' if entry['fifo'] else ''}"
            there = cell.call("sqs", "get_queue_url", GONE, QueueName=called)
            if there and (queue := self._queue(cell, there["QueueUrl"])):
                yield from taken.one(self.name, name, called, queue["QueueArn"], ours)


def _dead_letter(names: dict[str, str], policy: str | None) -> dict[str, t.Any]:
    """Where messages go that were received too often; an ARN where the queue is not the cell's.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
    """
    if not policy:
        return {}
    found = json.loads(policy)
    arn = found["deadLetterTargetArn"]
    return {"queue": names.get(arn, arn), "receives": int(found["maxReceiveCount"])}
