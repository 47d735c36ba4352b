"""ElastiCache replication groups and parameter groups: read back, and what is refused beforehand."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.terrace.aws.plugins.module_utils import parameter_groups
from ansible_collections.terrace.aws.plugins.plugin_utils import specs
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
    assert wrong == []
    return "\n".join(ReplicationGroup().check("main", entry, world or {}))


def test_read(lab, cell):
    made(lab)
    found = cell().observed("replication_group")["main"]
    assert set(specs.of_kind("replication_group")) - {"tags"} - set(found.attributes) == set(MANNERS)
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
        ({"nodes": 7}, "out of range"),
        ({"automatic_failover": True}, "2 nodes"),
        ({"nodes": 2, "multi_az": True}, "needs automatic_failover"),
        ({"transit_encryption": False}, "needs transit_encryption"),
        ({"snapshot_retention": 40}, "40 days is out of range"),
        ({"node_type": "t4g.small"}, "is no node type"),
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
