"""Entries of a plan as amazon.aws.rds_instance takes them."""

from __future__ import annotations

from typing import Any

from ansible_collections.terrace.aws.plugins.filter import database
from ansible_collections.terrace.aws.plugins.plugin_utils import specs
from ansible_collections.terrace.aws.plugins.plugin_utils.kinds.rds.db_instance import DbInstance


def planned(name: str, ident: str = "", fields: tuple[str, ...] = (), **options: Any) -> dict[str, Any]:
    given = {"instance_class": "db.m5.large", "security_groups": [], **options}
    entry, problems = specs.validated(DbInstance(), name, given)
    assert problems == []
    more = {"id": ident, "aws_name": f"test-{name}", "fields": list(fields), "facts": {"allocated_storage": 100}}
    return {**entry, **more, "tags": {"Name": f"test-{name}"}}


KNOWN: dict[str, Any] = {
    "secret": {"database": {"id": "name", "facts": {"arn": "arn:secret"}}},
    "db_instance": {"main": {"id": "test-main", "facts": {}, "state": "ready"}},
}


def test_credentials_are_named_only_when_an_instance_is_made() -> None:
    options = {"engine_version": "17", "allocated_storage": 50, "credentials": "database"}
    new = database.rds_instances({"main": planned("main", **options)}, KNOWN)["main"]
    assert (new["secret"], new["engine_version"], new["allocated_storage"]) == ("arn:secret", "17", 50)
    assert new["tags"]["terrace:storage"] == "50"
    assert new["backup_retention_period"] == 7
    old = database.rds_instances({"main": planned("main", "test-main", **options)}, KNOWN)["main"]
    assert not {"secret", "engine_version", "allocated_storage"} & set(old)
    grown = planned("main", "test-main", **{**options, "allocated_storage": 200})
    assert database.rds_instances({"main": grown}, KNOWN)["main"]["allocated_storage"] == 200


def test_a_version_is_asked_for_when_the_plan_wants_another() -> None:
    options = {"engine_version": "18", "allow_major_version_upgrade": True}
    entry = planned("main", "test-main", ("engine_version",), **options)
    found = database.rds_instances({"main": entry}, KNOWN)["main"]
    assert (found["engine_version"], found["allow_major_version_upgrade"]) == ("18", True)


def test_replicas_wait_for_their_source() -> None:
    write = {"copy": planned("copy", source="main")}
    assert database.rds_replicas(write, KNOWN)["copy"]["source_db_instance_identifier"] == "test-main"
    assert "backup_retention_period" not in database.rds_replicas(write, KNOWN)["copy"]
    busy = {**KNOWN, "db_instance": {"main": {**KNOWN["db_instance"]["main"], "state": "pending"}}}
    assert database.rds_replicas(write, busy) == {}
    assert database.rds_replicas_left(write, busy) == ["copy"]


def test_replicas_go_before_their_source() -> None:
    def resource(source: str | None, state: str = "ready") -> dict[str, Any]:
        return {"attributes": {"source": source}, "facts": {"replica": bool(source)}, "state": state}

    gone = {"a": resource(None), "b": resource("a"), "c": resource("b"), "d": resource(None, "failed")}
    items = database.rds_replicas_first(gone)
    assert [item["key"] for item in items] == ["c", "b", "a", "d"]
    assert [item["last_snapshot"] for item in items] == [False, False, True, False]
