"""Two cells in two regions that hold one database, and what AWS has of them."""

from __future__ import annotations

import time
import typing as t

from tests.integration.three_tier.conftest import ROOT

EAST, WEST = "pair-use1", "pair-usw2"
REGIONS = {EAST: "us-east-1", WEST: "us-west-2"}
NOTHING = {"add": 0, "change": 0, "remove": 0, "orphan": 0}


def cell(region: str, counterpart: str, role: str, cidr: str) -> dict[str, t.Any]:
    return {
        "cell_region": region,
        "recovery_pairs": {
            "shop": {
                "cells": [EAST, WEST],
                "preferred_primary": EAST,
                "tier": "critical",
                "clients": "",
                "journal_bucket": "journal",
                "fence_group": "nobody",
                "traffic_bucket": "traffic",
            }
        },
        "storage_buckets": {"journal": {}, "traffic": {"health_check_objects": ["writer"]}},
        "network_cidr": cidr,
        "network_zones": ["a", "b"],
        "network_tiers": {"data": {"number": 0, "route": "none"}},
        "firewall_security_groups": {
            "database": {"vpc": "main", "description": "PostgreSQL"},
            "nobody": {"vpc": "main", "description": "The database of a former primary"},
        },
        "keys_kms": {"data": {"description": "Data"}},
        "secrets_entries": {
            "database": {
                "counterpart": f"{counterpart}/database",
                "created_as": role,
                "kms_key": "data",
                "content": {"username": "terrace", "password": {"generate": {}}},
            },
            "cache": {"content": {"password": {"generate": {}}}},
        },
        "database_subnet_groups": {"main": {"subnets": ["data-a", "data-b"]}},
        "database_parameter_groups": {"main": {"family": "postgres17", "parameters": {"rds.force_ssl": True}}},
        "database_instances": {
            "main": {
                "counterpart": f"{counterpart}/main",
                "created_as": role,
                "engine_version": "17",
                "instance_class": "db.t4g.medium",
                "allocated_storage": 20,
                "subnet_group": "main",
                "parameter_group": "main",
                "security_groups": ["database"],
                "kms_key": "data",
                "credentials": "database",
                "database_name": "shop",
                "backup_retention_period": 3,
                "deletion_protection": False,
            }
        },
    }


PAIR = {
    EAST: cell("us-east-1", WEST, "primary", "10.0.0.0/16"),
    WEST: cell("us-west-2", EAST, "replica", "10.1.0.0/16"),
}


def status(api, cell: str, wanted: str) -> None:
    """Wait until an instance has a status."""
    until = time.monotonic() + 60
    while instance(api, cell)["DBInstanceStatus"] != wanted:
        assert time.monotonic() < until, instance(api, cell)["DBInstanceStatus"]
        time.sleep(0.2)


def instance(api, cell: str) -> dict[str, t.Any]:
    found = api.client("rds", REGIONS[cell]).describe_db_instances(DBInstanceIdentifier=f"{cell}-main")
    return found["DBInstances"][0]


def secret(api, cell: str) -> dict[str, t.Any]:
    """The shared secret as a cell's region has it, with its value."""
    manager = api.client("secretsmanager", REGIONS[cell])
    found = manager.describe_secret(SecretId=f"{EAST}-database")
    return {**found, "value": manager.get_secret_value(SecretId=f"{EAST}-database")["SecretString"]}


def says_it_writes(api, cell: str) -> bool:
    """Whether health checks are told that a cell writes."""
    found = api.client("s3", REGIONS[cell]).list_objects_v2(Bucket=f"{cell}-traffic-123456789012")
    return "writer" in [each["Key"] for each in found.get("Contents", [])]


def nothing_differs(cells, pair) -> str:
    run = cells.play("site", pair, "-C").ok()
    for name in pair:
        assert run.planned(name) == NOTHING, run.output
    return run.output


def lag(api, seconds: float, minutes_ago: int = 0) -> None:
    """What RDS told CloudWatch of the replica in the west; there is one value a minute."""
    point = {
        "MetricName": "ReplicaLag",
        "Timestamp": time.time() - 60 * minutes_ago,
        "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": f"{WEST}-main"}],
        "Value": seconds,
    }
    api.client("cloudwatch", "us-west-2").put_metric_data(Namespace="AWS/RDS", MetricData=[point])


def on_cells(tasks: str, **more: t.Any) -> dict[str, t.Any]:
    """A play on the cells that includes a file of tasks."""
    steps = [{"ansible.builtin.include_tasks": str(ROOT / f"playbooks/tasks/{tasks}.yml")}]
    play = {"hosts": "cells", "gather_facts": False, "any_errors_fatal": True, "environment": "{{ cell_environment }}"}
    return {**play, "roles": ["terrace.aws.cell"], "tasks": steps, **more}
