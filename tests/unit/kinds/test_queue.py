"""Queues: read by tags, dead-letter queues by name, and what AWS would refuse."""

from __future__ import annotations

import json

import pytest

from ansible_collections.terrace.aws.plugins.plugin_utils import specs
from ansible_collections.terrace.aws.plugins.plugin_utils.engine import plan, registry
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.graph import ABSENT, PRESENT, Graph

KIND = registry.kind("queue")


def entry(name: str = "main", **options):
    made, problems = specs.validated(KIND, name, options)
    assert problems == []
    return made


def make(sqs, tags, name, logical=None, **attributes):
    own = {each["Key"]: each["Value"] for each in tags("queue", logical or name)}
    return sqs.create_queue(QueueName=f"test-{name}", Attributes=attributes, tags=own)["QueueUrl"]


@pytest.fixture
def sqs(lab):
    return lab.client("sqs")


def test_what_is_read_is_what_is_desired(sqs, cell, tags):
    make(sqs, tags, "failed")
    arn = sqs.get_queue_attributes(
        QueueUrl=sqs.get_queue_url(QueueName="test-failed")["QueueUrl"], AttributeNames=["QueueArn"]
    )
    policy = {"deadLetterTargetArn": arn["Attributes"]["QueueArn"], "maxReceiveCount": 3}
    make(
        sqs,
        tags,
        "main",
        VisibilityTimeout="60",
        MessageRetentionPeriod="3600",
        MaximumMessageSize="2048",
        DelaySeconds="5",
        ReceiveMessageWaitTimeSeconds="20",
        RedrivePolicy=json.dumps(policy),
    )
    wanted = entry(
        visibility_timeout=60,
        retention=3600,
        max_message_size=2048,
        delay=5,
        receive_wait=20,
        dead_letter={"queue": "failed", "receives": 3},
    )
    found = cell().observed("queue")
    assert plan.compare(KIND, wanted, found["main"]) == {}
    assert set(plan.compare(KIND, entry(dead_letter={"queue": "failed", "receives": 4}), found["main"])) >= {
        "dead_letter.receives"
    }
    assert found["main"].facts["url"].endswith("/test-main")


def test_a_queue_of_another_is_not_ours(sqs, cell, tags):
    sqs.create_queue(QueueName="test-main")
    assert cell().observed("queue") == {}
    assert "not this cell's" in next(KIND.precreate_errors(cell(), {"main": entry()}))


def test_a_fifo_queue_has_its_logical_name(sqs, cell, tags):
    make(sqs, tags, "orders.fifo", "orders", FifoQueue="true", ContentBasedDeduplication="true")
    found = cell().observed("queue")["orders"]
    assert found.attributes["fifo"] is True
    assert found.facts["name"] == "test-orders.fifo"
    assert set(plan.compare(KIND, entry(fifo=True), found)) >= {"content_deduplication"}


def test_a_dead_letter_queue_comes_first_and_goes_last():
    world = {"queue": {"main": entry(dead_letter={"queue": "failed"}), "failed": entry("failed")}}
    changes = plan.changes(KIND, world["queue"], {}, plan.Rules())
    made = Graph(registry.all_kinds(), world, {}, changes)
    assert made.nodes[PRESENT, "queue", "main"].after == {(PRESENT, "queue", "failed")}
    observed = {"queue": {name: plan.Resource(name, each) for name, each in world["queue"].items()}}
    gone = plan.changes(KIND, {}, observed["queue"], plan.Rules(absent=True, data_loss=("*",)))
    assert Graph(registry.all_kinds(), {}, observed, gone).nodes[ABSENT, "queue", "failed"].after == {
        (ABSENT, "queue", "main")
    }


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"visibility_timeout": 43201}, "visibility_timeout: 43201 is out of range; right is 0 to 43200"),
        ({"retention": 59}, "retention: 59 is out of range; right is 60 to 1209600"),
        ({"delay": 901}, "delay: 901 is out of range; right is 0 to 900"),
        ({"content_deduplication": True}, "only a FIFO queue"),
        ({"dead_letter": {"queue": "main"}}, "its own dead-letter queue"),
        ({"dead_letter": {"queue": "orders"}}, "must be a standard queue"),
        (
            {"dead_letter": {"queue": "failed", "receives": 1001}},
            "dead_letter.receives: 1001 is out of range; right is 1 to 1000",
        ),
    ],
)
def test_what_aws_would_refuse(options, words):
    wanted, problems = specs.validated(KIND, "main", options)
    world = {"queue": {"main": wanted, "orders": entry("orders", fifo=True), "failed": entry("failed")}}
    assert any(words in problem for problem in problems or KIND.check("main", wanted, world))


def test_the_defaults_are_what_aws_allows():
    assert list(KIND.check("main", entry(), {"queue": {"main": entry()}})) == []
