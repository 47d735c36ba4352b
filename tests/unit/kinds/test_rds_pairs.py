"""A database that two cells hold: what an entry means follows from what there is of both."""

from __future__ import annotations

import pytest

from ansible_collections.terrace.aws.plugins.plugin_utils import specs
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.kind import LEAVING, READY, WRITER_TAG, Resource
from ansible_collections.terrace.aws.plugins.plugin_utils.kinds.rds import rds, rds_pairs
from ansible_collections.terrace.aws.plugins.plugin_utils.kinds.rds.db_instance import DbInstance

OTHER = "west/main"
GIVEN = {
    "counterpart": OTHER,
    "engine_version": "17",
    "instance_class": "db.t4g.medium",
    "allocated_storage": 20,
    "subnet_group": "main",
    "security_groups": ["database"],
    "kms_key": "data",
    "credentials": "database",
    "backup_retention_period": 3,
}


def entry(created_as: str = "primary", **more):
    typed, problems = specs.validated(DbInstance(), "main", {**GIVEN, "created_as": created_as, **more})
    assert problems == []
    return typed


def there(source: str | None = None, since: str = "", state: str = READY, status: str = "available") -> Resource:
    return Resource("x", {"source": source}, marks={WRITER_TAG: since} if since else {}, state=state, status=status)


FOLLOWS, WRITES, LEFT = "follows", "writes", "left"


def meaning(mine, others, created_as: str = "primary") -> str:
    found = rds_pairs.settled(entry(created_as), mine, others)
    if found.problem:
        return found.problem
    if found.entry is None:
        return LEFT
    return FOLLOWS if rds.is_replica(found.entry) else WRITES


@pytest.mark.parametrize(
    ("mine", "other", "created_as", "right"),
    [
        # Nothing is there yet.
        (None, None, "primary", WRITES),
        (None, None, "replica", FOLLOWS),
        # One of the two is there, whichever was to come first.
        (None, there(), "primary", FOLLOWS),
        (None, there(state=LEAVING), "primary", WRITES),
        (there(), None, "replica", WRITES),
        (there(state=LEAVING), there(), "primary", FOLLOWS),
        # Both are there.
        (there(), there("east/main"), "replica", WRITES),
        (there(OTHER), there(), "primary", FOLLOWS),
        # Both write: the one that was promoted last does so rightly.
        (there(), there(since="2026-11-30T12:00:00Z"), "primary", LEFT),
        (there(since="2026-11-30T12:00:00Z"), there(), "replica", WRITES),
        (there(since="2026-11-30T12:00:00Z"), there(since="2026-12-01T00:00:00Z"), "primary", LEFT),
        (there(since="2026-12-01T00:00:00Z"), there(since="2026-11-30T12:00:00Z"), "replica", WRITES),
        # Neither was promoted: they were two databases before they became a pair.
        (there(), there(), "primary", WRITES),
        (there(), there(), "replica", LEFT),
        # One was promoted by hand and not tagged, and the other stopped.
        (there(status="stopped"), there(), "primary", LEFT),
        (there(), there(status="stopped"), "replica", WRITES),
        (there(since="2026-11-30T12:00:00Z", status="stopped"), there(), "replica", WRITES),
    ],
)
def test_what_an_entry_means(mine, other, created_as, right):
    assert meaning(mine, {OTHER: other} if other else {}, created_as) == right


def test_what_cannot_be_read_stops_a_creation_only():
    unknown = {OTHER: None}
    assert "cannot be read" in meaning(None, unknown)
    assert meaning(there(), unknown) == WRITES
    assert meaning(there("arn:aws:rds:us-east-1:123456789012:db:east-main"), unknown) == FOLLOWS
    assert rds_pairs.settled(entry(), there(), unknown).note == "west/main could not be read"


def test_what_may_be_the_former_primary_is_not_started():
    stopped = there(status="stopped")
    assert meaning(stopped, {OTHER: None}) == LEFT
    assert meaning(stopped, {OTHER: there("east/main")}) == WRITES


def test_nothing_follows_a_replica():
    assert "promote it first" in meaning(None, {OTHER: there("east/main")})


def test_a_replica_has_its_own_key_and_all_else_of_its_source():
    found = rds_pairs.settled(entry(), there(OTHER), {OTHER: there()}).entry
    same = DbInstance().normalise(found)
    assert (same["source"], same["kms_key"]) == (OTHER, "data")
    assert not {"engine_version", "credentials", "backup_retention_period", "replica", "created_as"} & set(same)


def test_a_second_writer_is_told():
    found = rds_pairs.settled(entry(), there(since="2026-12-01T00:00:00Z"), {OTHER: there()})
    assert found.note == "west/main does not follow it: no other region has its data"


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({}, ""),
        ({"created_as": None}, "created_as: missing"),
        ({"counterpart": None}, "created_as: needs counterpart"),
        ({"source": "other"}, "source, counterpart: take one"),
        ({"kms_key": None}, "kms_key: missing"),
        ({"kms_key": None, "storage_encrypted": False}, ""),
        ({"subnet_group": None}, "subnet_group: missing"),
        ({"backup_retention_period": 0}, "with 1 day of backups at least"),
    ],
)
def test_what_is_wrong_with_an_entry(options, word):
    found = "\n".join(rds_pairs.problems({**entry(), **options}))
    assert word in found if word else found == ""


def test_replicas_of_a_cell_are_made_where_it_writes():
    given = {"source": "main", "instance_class": "db.t4g.medium", "security_groups": ["database"]}
    typed, problems = specs.validated(DbInstance(), "replica-1", given)
    assert problems == []
    kind, writes = DbInstance(), rds_pairs.settled(entry(), there(), {}).entry
    follows = rds_pairs.settled(entry(), there(OTHER), {OTHER: there()}).entry
    assert kind.postponed({"main": writes, "replica-1": typed}, {"main": there()}) == {}
    assert kind.postponed({"replica-1": typed}, {"main": there()}) == {}, "a former primary keeps its replicas"
    both = {"main": follows, "replica-1": typed}
    assert kind.postponed(both, {"main": there(OTHER)}) == {
        "replica-1": "it is made once main writes: main is a replica itself, which has no backups"
    }
    assert kind.postponed(both, {"main": there(OTHER), "replica-1": there("main")}) == {}
    assert "it is left as it is" in kind.postponed(both, {"replica-1": there()})["replica-1"]
