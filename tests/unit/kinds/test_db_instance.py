"""RDS instances: read back in the inventory's words, and what is refused beforehand."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.terrace.aws.plugins.plugin_utils import specs
from ansible_collections.terrace.aws.plugins.plugin_utils.engine import plan, registry
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.graph import ABSENT, Graph
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.kind import Resource
from ansible_collections.terrace.aws.plugins.plugin_utils.kinds.rds import rds, rds_states
from ansible_collections.terrace.aws.plugins.plugin_utils.kinds.rds.db_instance import DbInstance
from ansible_collections.terrace.aws.plugins.plugin_utils.kinds.rds.db_parameter_group import DbParameterGroup


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


def validated(**options: Any) -> tuple[dict[str, Any], list[str]]:
    given = {
        "engine_version": "17",
        "instance_class": "db.t4g.medium",
        "allocated_storage": 20,
        "subnet_group": "main",
        "security_groups": ["database"],
        "credentials": "database",
        **options,
    }
    return specs.validated(DbInstance(), "main", {k: v for k, v in given.items() if v is not None})


def entry(**options: Any) -> dict[str, Any]:
    typed, problems = validated(**options)
    assert problems == []
    return typed


def problems(name: str = "main", others: dict[str, Any] | None = None, **options: Any) -> str:
    one, wrong = validated(**options)
    world = {"db_instance": {name: one, **(others or {})}}
    return "\n".join(wrong or DbInstance().check(name, one, world))


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
    options = set(specs.of_kind("db_instance")) - plan.NOT_COMPARED
    assert options - set(cell().observed("db_instance")["main"].attributes) == set(rds.MANNERS)


def test_what_waits_for_the_window_counts_as_done(lab, cell):
    made(lab)
    lab.client("rds").modify_db_instance(DBInstanceIdentifier="test-main", DBInstanceClass="db.m5.large", MultiAZ=True)
    found = cell().observed("db_instance")["main"]
    assert found.attributes["instance_class"] == "db.m5.large"
    assert found.attributes["multi_az"] is True
    assert found.facts["pending"]["DBInstanceClass"] == "db.m5.large"
    [said] = registry.kind("db_instance").warnings({}, {"main": found})
    assert said == "main: waits for the maintenance window: instance_class db.m5.large, multi_az True"


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
        ({"backup_retention_period": 36}, "backup_retention_period: 36 is out of range; right is 0 to 35"),
        ({"instance_class": "m5.large"}, "is not an instance class"),
        ({"instance_class": "db.t4g.micro", "performance_insights": True}, "too small"),
        ({"allocated_storage": 5}, "allocated_storage: 5 is out of range; right is 20 to 65536"),
        ({"storage_type": "io1", "allocated_storage": 99, "iops": 1000}, "99 GiB is out of range for io1, 100 to"),
        ({"allocated_storage": 30, "max_allocated_storage": 32}, "10 % over"),
        ({"iops": 4000}, "from 400 GiB on"),
        ({"iops": -1}, "iops: -1 is out of range; right is 1000 to 256000"),
        ({"iops": 11999, "allocated_storage": 400}, "iops: 11999 is out of range for gp3, 12000 to 64000"),
        ({"iops": 1000, "storage_type": "gp2"}, "iops: gp2 takes none"),
        ({"storage_throughput": 499, "allocated_storage": 400}, "storage_throughput: 499 is out of range"),
        ({"port": -1}, "port: -1 is out of range; right is 1150 to 65535"),
        ({"database_name": "1st"}, "database_name: 1st is not a database's name"),
        ({"monitoring_interval": 60, "monitoring_role_arn": "any text"}, "any text is not the ARN of a role"),
        ({"storage_type": "io2", "allocated_storage": 100}, "iops: missing"),
        ({"kms_key": "one", "storage_encrypted": False}, "kms_key: needs storage_encrypted"),
        ({"engine_version": "17.4"}, "not a major version"),
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


def test_credentials_are_needed_to_make_an_instance_only(cell):
    from ansible_collections.terrace.aws.plugins.plugin_utils.engine import registry

    entries = {"main": {"credentials": None}, "replica": {"source": "main"}, "good": {"credentials": "database"}}
    assert [each.split(":")[0] for each in registry.kind("db_instance").precreate_errors(cell(), entries)] == [
        "main.credentials"
    ]
    entries = {"main": {"auth_token": True}, "open": {"auth_token": False}}
    found = list(registry.kind("replication_group").precreate_errors(cell(), entries))
    assert [each.split(":")[0] for each in found] == ["main.credentials"]


def status(lab: Any, cell: Any, word: str) -> Any:
    """The instance ``main`` as it is read in a status."""
    lab.state("rds", "test-main", word)
    return cell().observed("db_instance")["main"]


KIND = DbInstance()


def test_a_failed_state_has_a_remedy_and_more_storage_mends_a_full_one(lab, cell):
    made(lab)
    full = status(lab, cell, "storage-full")
    assert full.state == "failed"
    assert KIND.remedy("main", entry(allocated_storage=20), full) == (
        "its 50 GiB are full: raise database_instances.main.allocated_storage above 50"
    )
    assert KIND.remedy("main", entry(allocated_storage=80), full) == "retry"
    assert rds_states.state("incompatible-something-new") == "failed"
    for word in ("failed", "incompatible-parameters", "incompatible-restore", "insufficient-capacity"):
        found = status(lab, cell, word)
        assert found.state == "failed"
        assert len(KIND.remedy("main", entry(), found)) > 20
    assert "reboot-db-instance" in KIND.remedy("main", entry(), status(lab, cell, "incompatible-parameters"))


def test_a_minor_version_is_never_taken_back(lab, cell):
    made(lab)
    found = cell().observed("db_instance")["main"]
    assert found.attributes["minor_version"] == 4
    for wanted, fields in ((3, {}), (4, {}), (None, {}), (6, {"minor_version": {"before": 4, "after": 6}})):
        desired = entry(minor_version=wanted)
        assert KIND.condition("main", desired, found) == fields
        assert "minor_version" not in plan.compare(KIND, desired, found)


def test_a_major_version_goes_up_only_and_when_allowed(lab, cell):
    made(lab)
    found = cell().observed("db_instance")["main"]
    up, down = ({"engine_version": {"before": "17", "after": each}} for each in ("18", "16"))
    assert "allow_major_version_upgrade: true" in KIND.refusal("main", up, entry(engine_version="18"), found)
    assert KIND.refusal("main", up, entry(engine_version="18", allow_major_version_upgrade=True), found) == ""
    allowed = entry(engine_version="16", allow_major_version_upgrade=True)
    assert "cannot downgrade PostgreSQL 17 to 16" in KIND.refusal("main", down, allowed, found)


def test_a_replica_without_source_is_promoted_when_that_is_allowed(lab, cell):
    made(lab, BackupRetentionPeriod=1)
    lab.client("rds").create_db_instance_read_replica(
        DBInstanceIdentifier="test-copy", SourceDBInstanceIdentifier="test-main", Tags=tags("db_instance", "copy")
    )
    found = cell().observed("db_instance")["copy"]
    fields = KIND.condition("copy", entry(), found)
    assert fields == {"promotion": {"before": "replica of main", "after": "standalone instance"}}
    assert "database_instances.copy.allow_promotion: true" in KIND.refusal("copy", fields, entry(), found)
    assert KIND.refusal("copy", fields, entry(allow_promotion=True), found) == ""
    assert KIND.condition("copy", entry(source="main"), found) == {}


def test_a_stopped_instance_is_named_and_not_changed(lab, cell):
    made(lab)
    found = status(lab, cell, "stopped")
    fields = KIND.condition("main", entry(), found)
    assert fields == {"status": {"before": "stopped", "after": "available"}}
    assert KIND.refusal("main", fields, entry(), found) == ""
    change = {**fields, "instance_class": {"before": "db.t4g.medium", "after": "db.m5.large"}}
    assert "start it first" in KIND.refusal("main", change, entry(), found)


def test_what_is_protected_is_neither_removed_nor_replaced(lab, cell):
    made(lab, DeletionProtection=True)
    found = cell().observed("db_instance")["main"]
    assert "run of its own" in KIND.refusal("main", {}, {}, found)
    assert KIND.refusal("main", {"subnet_group": {}}, entry(), found)
    assert KIND.refusal("main", {"instance_class": {}}, entry(), found) == ""
    found.attributes["deletion_protection"] = False
    assert KIND.refusal("main", {}, {}, found) == ""


def test_names_come_from_tags_whatever_aws_calls_things(lab, cell):
    rds_client = lab.client("rds")
    rds_client.create_db_parameter_group(
        DBParameterGroupName="legacy-settings",
        DBParameterGroupFamily="postgres17",
        Description="by hand",
        Tags=tags("db_parameter_group", "main"),
    )
    made(lab, DBInstanceIdentifier="legacy-db", DBParameterGroupName="legacy-settings")
    looked = cell()
    found = looked.observed("db_instance")["main"]
    assert (found.id, found.facts["name"]) == ("legacy-db", "legacy-db")
    assert found.attributes["parameter_group"] == "main"
    assert looked.observed("db_parameter_group")["main"].facts["name"] == "legacy-settings"


def test_parameters_compare_by_meaning_and_are_refused_before_the_first_write(lab, cell):
    rds_client = lab.client("rds")
    rds_client.create_db_parameter_group(
        DBParameterGroupName="test-main",
        DBParameterGroupFamily="postgres17",
        Description="Made by Terrace",
        Tags=tags("db_parameter_group", "main"),
    )
    written = [
        {"ParameterName": "synchronous_commit", "ParameterValue": "off", "ApplyMethod": "immediate"},
        {"ParameterName": "log_duration", "ParameterValue": "0", "ApplyMethod": "immediate"},
    ]
    rds_client.modify_db_parameter_group(DBParameterGroupName="test-main", Parameters=written)
    kind, found = DbParameterGroup(), cell().observed("db_parameter_group")["main"]
    for off in (False, "off", "0", 0):
        given = {"family": "postgres17", "parameters": {"synchronous_commit": off, "log_duration": off}}
        desired, wrong = specs.validated(kind, "main", given)
        assert wrong == []
        assert plan.compare(kind, desired, found) == {}, off
        assert list(kind.prechange_errors(cell(), {"main": desired}, {})) == []
    desired["parameters"] = {"log_duration": "sometimes", "wrok_mem": 1}
    assert list(kind.prechange_errors(cell(), {"main": desired}, {})) == [
        "main.parameters: log_duration: sometimes is not allowed; allowed are 0,1",
        "main.parameters: there is no parameter wrok_mem; did you mean work_mem?",
    ]
    desired["family"] = "postgres999x"
    assert "not a family" in next(kind.prechange_errors(cell(), {"main": desired}, {}))


def test_a_replica_is_gone_before_its_source_goes():
    """AWS would promote replicas whose source is deleted."""
    observed = {
        "db_instance": {
            name: Resource(f"test-{name}", {"source": source}) for name, source in (("main", None), ("copy", "main"))
        }
    }
    removals = [plan.Change(plan.REMOVE, "db_instance", name) for name in observed["db_instance"]]
    node = Graph(registry.all_kinds(), {}, observed, removals).nodes[ABSENT, "db_instance", "main"]
    assert node.after == {(ABSENT, "db_instance", "copy")}
    assert node.gone == {("db_instance", "copy")}
