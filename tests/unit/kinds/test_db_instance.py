"""RDS instances: read back in the inventory's words, and what is refused beforehand."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.terrace.aws.plugins.plugin_utils import specs
from ansible_collections.terrace.aws.plugins.plugin_utils.kinds.rds import rds
from ansible_collections.terrace.aws.plugins.plugin_utils.kinds.rds.db_instance import DbInstance


def tags(kind: str, name: str, **more: str) -> list[dict[str, str]]:
    every = {"Name": f"test-{name}", "terrace:cell": "test", "terrace:kind": kind, **more}
    return [{"Key": key, "Value": value} for key, value in every.items()]


def made(lab: Any, name: str = "main", **options: Any) -> None:
    request = {
        "DBInstanceIdentifier": f"test-{name}",
        "Engine": "postgres",
        "EngineVersion": "17",
        "DBInstanceClass": "db.t4g.medium",
        "StorageType": "gp3",
        "AllocatedStorage": 50,
        "MasterUsername": "probe",
        "MasterUserPassword": "not-a-secret-1",
        "Tags": tags("db_instance", name, **{rds.STORAGE_TAG: "20", "Own": "yes"}),
    }
    lab.client("rds").create_db_instance(**{**request, **options})


def entry(**options: Any) -> dict[str, Any]:
    given = {
        "engine_version": "17",
        "instance_class": "db.t4g.medium",
        "allocated_storage": 20,
        "subnet_group": "main",
        "security_groups": ["database"],
        "credentials": "database",
        **options,
    }
    typed, problems = specs.validated(DbInstance(), "main", {k: v for k, v in given.items() if v is not None})
    assert problems == []
    return typed


def problems(name: str = "main", others: dict[str, Any] | None = None, **options: Any) -> str:
    one = entry(**options)
    world = {"db_instance": {name: one, **(others or {})}}
    return "\n".join(DbInstance().check(name, one, world))


def test_read(lab, cell):
    made(lab)
    made(lab, "foreign", Tags=[{"Key": "Name", "Value": "test-foreign"}])
    found = cell().observed("db_instance")
    assert list(found) == ["main"]
    seen = found["main"].attributes
    assert (seen["engine_version"], seen["minor_version"]) == ("17", 4)
    assert seen["allocated_storage"] == 20, "what was asked, not what AWS grew it to"
    assert found["main"].facts["allocated_storage"] == 50
    assert found["main"].tags == {"Own": "yes"}
    assert found["main"].facts["port"] == 5432


def test_every_option_is_read_or_is_a_manner(lab, cell):
    made(lab)
    options = set(specs.of_kind("db_instance")) - {"tags"}
    assert options - set(cell().observed("db_instance")["main"].attributes) == set(rds.MANNERS)


def test_what_waits_for_the_window_counts_as_done(lab, cell):
    made(lab)
    lab.client("rds").modify_db_instance(DBInstanceIdentifier="test-main", DBInstanceClass="db.m5.large", MultiAZ=True)
    found = cell().observed("db_instance")["main"]
    assert found.attributes["instance_class"] == "db.m5.large"
    assert found.attributes["multi_az"] is True
    assert found.facts["pending"]["DBInstanceClass"] == "db.m5.large"


def test_states_and_replicas(lab, cell):
    made(lab, BackupRetentionPeriod=1)
    lab.delays(rds=60)
    made(lab, "new", Tags=tags("db_instance", "new"))
    lab.client("rds").create_db_instance_read_replica(
        DBInstanceIdentifier="test-copy", SourceDBInstanceIdentifier="test-main", Tags=tags("db_instance", "copy")
    )
    found = cell().observed("db_instance")
    assert (found["main"].state, found["new"].state) == ("ready", "pending")
    assert found["copy"].attributes["source"] == "main"
    assert found["main"].facts["replicas"] == ["test-copy"]


def test_more_than_a_page(lab, cell):
    for number in range(103):
        made(lab, f"n{number}", Tags=tags("db_instance", f"n{number}"))
    assert len(cell().observed("db_instance")) == 103


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({}, ""),
        ({"backup_retention_period": 36}, "36 days is out of range"),
        ({"instance_class": "m5.large"}, "is no instance class"),
        ({"instance_class": "db.t4g.micro", "performance_insights": True}, "too small"),
        ({"allocated_storage": 5}, "5 GiB is out of range"),
        ({"max_allocated_storage": 21}, "10 % over"),
        ({"iops": 4000}, "from 400 GiB on"),
        ({"storage_type": "io2", "allocated_storage": 100}, "iops: missing"),
        ({"engine_version": "17.4"}, "no major version"),
        ({"monitoring_interval": 60}, "monitoring_role_arn: missing"),
        ({"backup_window": "05:00-06:00", "maintenance_window": "Sun:05:30-Sun:06:30"}, "overlaps"),
        ({"backup_window": "23:45-00:30", "maintenance_window": "mon:00:00-mon:01:00"}, "overlaps"),
        ({"backup_window": "25:00-26:00"}, "is no window"),
        ({"maintenance_window": "sun:05:00-sun:05:10"}, "10 minutes long"),
        ({"source": "main"}, "replica of itself"),
    ],
)
def test_check(options: dict[str, Any], word: str) -> None:
    found = problems(**options)
    assert word in found if word else found == ""


def test_check_across_entries() -> None:
    copy = {"source": "main", "instance_class": "db.t4g.medium"}
    assert "can only replicate it" in problems(others={"copy": copy}, backup_retention_period=0)
    assert "AWS takes 15" in problems(others={f"copy-{n}": copy for n in range(16)})
    world = {
        "db_instance": {},
        "db_subnet_group": {"main": {"subnets": ["data-a"]}},
        "subnet": {"data-a": {"zone": "us-east-1a"}},
    }
    assert "second zone" in "\n".join(DbInstance().check("main", entry(multi_az=True), world))


def test_credentials_are_needed_to_make_an_instance_only():
    from ansible_collections.terrace.aws.plugins.plugin_utils.engine import registry

    entries = {"main": {"credentials": None}, "replica": {"source": "main"}, "good": {"credentials": "database"}}
    assert [each.split(":")[0] for each in registry.kind("db_instance").precreate_errors(None, entries)] == [
        "main.credentials"
    ]
    entries = {"main": {"auth_token": True}, "open": {"auth_token": False}}
    found = list(registry.kind("replication_group").precreate_errors(None, entries))
    assert [each.split(":")[0] for each in found] == ["main.credentials"]
