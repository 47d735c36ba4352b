"""ElastiCache replication groups and parameter groups: read back, and what is refused beforehand."""

from __future__ import annotations

import types
from typing import Any

import pytest
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry, RetryingBotoClientWrapper

from ansible_collections.terrace.aws.plugins.module_utils import parameter_groups, replication_groups
from ansible_collections.terrace.aws.plugins.plugin_utils import specs
from ansible_collections.terrace.aws.plugins.plugin_utils.engine import plan
from ansible_collections.terrace.aws.plugins.plugin_utils.kinds.elasticache.replication_group import (
    MANNERS,
    ReplicationGroup,
)


def tags(kind: str, name: str) -> list[dict[str, str]]:
    every = {"Name": f"test-{name}", "terrace:cell": "test", "terrace:kind": kind}
    return [{"Key": key, "Value": value} for key, value in every.items()]


def made(lab: Any, **options: Any) -> None:
    request = {
        "ReplicationGroupId": "test-main",
        "ReplicationGroupDescription": "probe",
        "Engine": "redis",
        "EngineVersion": "7.1",
        "CacheNodeType": "cache.t4g.small",
        "NumCacheClusters": 2,
        "AutomaticFailoverEnabled": True,
        "TransitEncryptionEnabled": True,
        "AuthToken": "not-a-secret-but-long",
        "Port": 6379,
        "Tags": tags("replication_group", "main"),
    }
    lab.client("elasticache").create_replication_group(**{**request, **options})


def problems(world: dict[str, Any] | None = None, **options: Any) -> str:
    given = {
        "engine_version": "7.1",
        "node_type": "cache.t4g.small",
        "subnet_group": "main",
        "security_groups": [],
        "credentials": "cache",
        **options,
    }
    entry, wrong = specs.validated(ReplicationGroup(), "main", given)
    return "\n".join(wrong or ReplicationGroup().check("main", entry, world or {}))


def test_read(lab, cell):
    made(lab)
    found = cell().observed("replication_group")["main"]
    assert set(specs.of_kind("replication_group")) - plan.NOT_COMPARED - set(found.attributes) == set(MANNERS)
    assert found.attributes["engine_version"] == "7.1"
    assert (found.attributes["nodes"], found.attributes["automatic_failover"]) == (2, True)
    assert found.attributes["auth_token"] is True
    assert found.facts["endpoint"]
    assert found.facts["reader_endpoint"]
    assert found.state == "ready"


def test_what_waits_for_the_window_counts_as_done(lab, cell):
    made(lab)
    lab.client("elasticache").modify_replication_group(ReplicationGroupId="test-main", CacheNodeType="cache.m6g.large")
    found = cell().observed("replication_group")["main"]
    assert found.attributes["node_type"] == "cache.m6g.large"
    assert found.facts["pending"]["CacheNodeType"] == "cache.m6g.large"


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({}, ""),
        ({"nodes": 7}, "nodes: 7 is out of range; right is 1 to 6"),
        ({"port": -6379}, "port: -6379 is out of range; right is 1 to 65535"),
        ({"description": ""}, "description: must not be empty"),
        ({"automatic_failover": True}, "2 nodes"),
        ({"nodes": 2, "multi_az": True}, "needs automatic_failover"),
        ({"transit_encryption": False}, "needs transit_encryption"),
        ({"snapshot_retention": 40}, "snapshot_retention: 40 is out of range; right is 0 to 35"),
        ({"node_type": "t4g.small"}, "is not a node type"),
        ({"engine_version": "7"}, "major and minor"),
        ({"snapshot_window": "05:00-05:45"}, "at least 60 minutes"),
        ({"snapshot_window": "05:00-06:00", "maintenance_window": "sun:05:30-sun:06:30"}, "overlaps"),
    ],
)
def test_check(options: dict[str, Any], word: str) -> None:
    found = problems(**options)
    assert word in found if word else found == ""


def test_parameters_are_set_and_set_back() -> None:
    described = [
        {"ParameterName": "work_mem", "ApplyType": "dynamic", "Source": "engine-default"},
        {"ParameterName": "max_connections", "ApplyType": "static", "ParameterValue": "77", "Source": "user"},
    ]
    found = parameter_groups.changes({"work_mem": "4096"}, described, apply_method=True)
    assert found.set == [{"ParameterName": "work_mem", "ParameterValue": "4096", "ApplyMethod": "immediate"}]
    assert found.reset == [{"ParameterName": "max_connections", "ApplyMethod": "pending-reboot"}]
    assert parameter_groups.changes({"wokr_mem": "1"}, described, False).problems == [
        "there is no parameter wokr_mem; did you mean work_mem?"
    ]


KIND = ReplicationGroup()


def entry(**options: Any) -> dict[str, Any]:
    given = {"engine_version": "7.1", "node_type": "cache.t4g.small", "subnet_group": "main", "security_groups": []}
    typed, wrong = specs.validated(KIND, "main", {**given, "credentials": "cache", **options})
    assert wrong == []
    return typed


def test_a_minor_version_is_never_taken_back_and_a_major_one_is_refused(lab, cell):
    made(lab)
    found = cell().observed("replication_group")["main"]
    up = {"engine_version": {"before": "7.1", "after": "7.2"}}
    for wanted, fields in (("7.0", {}), ("7.1", {}), ("7.2", up)):
        desired = entry(engine_version=wanted)
        assert KIND.condition("main", desired, found) == fields
        assert "engine_version" not in plan.compare(KIND, desired, found)
    down = KIND.condition("main", entry(engine_version="6.2"), found)
    assert "cannot downgrade redis 7.1 to 6.2" in KIND.refusal("main", down, entry(engine_version="6.2"), found)
    assert KIND.refusal("main", up, entry(engine_version="7.2"), found) == ""


def test_what_cannot_be_changed_is_refused_in_the_plan(lab, cell):
    made(lab)
    found = cell().observed("replication_group")["main"]
    assert "cannot change port" in KIND.refusal("main", {"port": {}}, entry(port=6380), found)
    assert KIND.refusal("main", {"nodes": {}}, entry(), found) == ""
    assert KIND.refusal("main", {}, {}, found) == ""


def test_a_group_that_was_never_made_is_made_anew(lab, cell):
    made(lab)
    lab.state("elasticache", "test-main", "create-failed")
    found = cell().observed("replication_group")["main"]
    assert (found.state, KIND.remedy("main", entry(), found)) == ("failed", "remake")


def test_names_come_from_tags_whatever_aws_calls_things(lab, cell):
    cache = lab.client("elasticache")
    cache.create_cache_parameter_group(
        CacheParameterGroupName="legacy-settings",
        CacheParameterGroupFamily="redis7",
        Description="by hand",
        Tags=tags("cache_parameter_group", "main"),
    )
    made(lab, ReplicationGroupId="legacy", CacheParameterGroupName="legacy-settings")
    found = cell().observed("replication_group")["main"]
    assert (found.id, found.facts["name"]) == ("legacy", "legacy")
    assert found.attributes["parameter_group"] == "main"


class Paged:
    """A client whose clusters come in pages of one hundred, as AWS returns them."""

    def __init__(self, client: Any, others: int) -> None:
        self._client, self._others = client, others

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def describe_cache_clusters(self, **_arguments: Any) -> Any:
        return {"CacheClusters": self._every()[:100]}

    def get_paginator(self, operation: str) -> Any:
        assert operation == "describe_cache_clusters"
        every = self._every()
        pages = [{"CacheClusters": every[at : at + 100]} for at in range(0, len(every), 100)]
        return types.SimpleNamespace(paginate=lambda **_arguments: iter(pages))

    def _every(self) -> list[dict[str, Any]]:
        own = self._client.describe_cache_clusters()["CacheClusters"]
        others = [{"CacheClusterId": f"a{number}", "ReplicationGroupId": "a"} for number in range(self._others)]
        return others + own


def test_the_module_sees_its_nodes_among_more_than_a_page_of_others_and_downgrades_nothing(lab):
    made(lab)
    client = RetryingBotoClientWrapper(lab.client("elasticache"), AWSRetry.jittered_backoff())
    params = dict.fromkeys(
        (*replication_groups.elasticache.LASTING, *replication_groups.elasticache.CHANGEABLE, "tags", "wait")
    )
    params |= {"name": "test-main", "engine": "redis", "engine_version": "7.0", "nodes": 2, "port": 6379}
    module = types.SimpleNamespace(params=params, check_mode=False)
    clients = {"elasticache": Paged(client, others=130), "secretsmanager": None}
    result = replication_groups.ReplicationGroup(module, clients).present()
    assert result["changed"] is False, result["diff"]
