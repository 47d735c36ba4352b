"""Entries of a plan as amazon.aws.rds_instance takes them."""

from __future__ import annotations

from typing import Any

import pytest

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
    new = database.rds_arguments({"main": planned("main", **options)}, KNOWN)["main"]
    assert (new["secret"], new["engine_version"], new["allocated_storage"]) == ("arn:secret", "17", 50)
    assert new["tags"]["terrace:storage"] == "50"
    assert new["backup_retention_period"] == 7
    old = database.rds_arguments({"main": planned("main", "test-main", **options)}, KNOWN)["main"]
    assert not {"secret", "engine_version", "allocated_storage"} & set(old)
    grown = planned("main", "test-main", **{**options, "allocated_storage": 200})
    assert database.rds_arguments({"main": grown}, KNOWN)["main"]["allocated_storage"] == 200


def test_a_version_is_asked_for_when_the_plan_wants_another() -> None:
    options = {"engine_version": "18", "allow_major_version_upgrade": True}
    entry = planned("main", "test-main", ("engine_version",), **options)
    found = database.rds_arguments({"main": entry}, KNOWN)["main"]
    assert (found["engine_version"], found["allow_major_version_upgrade"]) == ("18", True)


def test_a_replica_names_its_source_and_nothing_it_has_from_it() -> None:
    copy = database.rds_arguments({"copy": planned("copy", source="main")}, KNOWN)["copy"]
    assert (copy["read_replica"], copy["source_db_instance_identifier"]) == (True, "test-main")
    assert not {"backup_retention_period", "engine", "engine_version"} & set(copy)


def test_a_replica_in_another_region_names_its_source_by_arn_and_has_a_key_of_its_own() -> None:
    arn = "arn:aws:rds:us-east-1:123456789012:db:east-main"
    far = {"db_instance": {"east/main": {"id": "east-main", "facts": {"arn": arn}, "state": "ready"}}}
    known = {**far, "kms_key": {"data": {"id": "key", "facts": {"arn": "arn:key"}}}}
    entry = planned("main", source="east/main", kms_key="data")
    copy = database.rds_arguments({"main": entry}, known, "us-west-2")["main"]
    assert copy["source_db_instance_identifier"] == arn
    assert (copy["source_region"], copy["kms_key_id"]) == ("us-east-1", "arn:key")
    counterpart = planned("main", source="east/main", kms_key="data", allocated_storage=50) | {"replica": True}
    copy = database.rds_arguments({"main": counterpart}, known, "us-west-2")["main"]
    assert "allocated_storage" not in copy, "its source may have grown beyond it"
    assert copy["tags"]["terrace:storage"] == "50"
    near = database.rds_arguments({"main": entry}, known, "us-east-1")["main"]
    assert near["source_db_instance_identifier"] == "east-main"
    assert "source_region" not in near


@pytest.mark.parametrize(
    ("replica", "status", "taken"),
    [
        (False, "available", True),
        (True, "available", False),
        (False, "failed", False),
        (False, "storage-full", True),
    ],
)
def test_a_final_snapshot_is_taken_of_what_aws_can_read(replica: bool, status: str, taken: bool) -> None:
    assert database.rds_final_snapshot({"facts": {"replica": replica}, "status": status}) is taken


def test_a_replaced_instance_is_created_like_a_new_one() -> None:
    known = {**KNOWN, "kms_key": {"data": {"id": "k", "facts": {"arn": "arn:key"}}}}
    options = {"engine_version": "17", "allocated_storage": 50, "credentials": "database", "kms_key": "data"}
    entry = {**planned("main", "legacy-db", ("subnet_group", "status"), **options), "action": "create"}
    new = database.rds_arguments({"main": entry}, known)["main"]
    assert (new["db_instance_identifier"], new["secret"], new["kms_key_id"]) == ("test-main", "arn:secret", "arn:key")
    assert (new["engine_version"], new["allocated_storage"]) == ("17", 50)
    assert "state" not in new
    updated = database.rds_arguments({"main": {**entry, "action": "update"}}, known)["main"]
    assert (updated["db_instance_identifier"], updated["state"]) == ("legacy-db", "started")
    assert "secret" not in updated


def test_a_promoted_replica_is_told_so() -> None:
    options = {"engine_version": "17", "allocated_storage": 50}
    entry = {**planned("copy", "test-copy", ("promotion",), **options), "action": "update"}
    assert database.rds_arguments({"copy": entry}, KNOWN)["copy"]["read_replica"] is False


@pytest.mark.parametrize("storage", ["io1", "io2"])
def test_storage_with_iops_is_told_its_size_with_every_call(storage: str) -> None:
    options = {"storage_type": storage, "iops": 3000, "allocated_storage": 100}
    old = database.rds_arguments({"main": planned("main", "test-main", **options)}, KNOWN)["main"]
    assert old["allocated_storage"] == 100, "amazon.aws.rds_instance refuses these storage types without it"
