"""How far a database's way back to a second has come, whatever a killed run has left."""

from __future__ import annotations

import pytest

from ansible_collections.terrace.aws.plugins.plugin_utils.recovery import point_in_time

AT, FORMER = "2026-12-01T02:59:07Z", "shop-main-f20261201025907"
WANTED = {"cell": "shop", "region": "us-east-1", "name": "main", "resource": "shop-main", "time": AT, "confirmed": True}
OURS = {"terrace:restored-to": AT, "terrace:restored-for": "shop/main"}


def instance(name, tags, region="us-east-1", **more):
    return {
        "db_instance_identifier": name,
        "db_instance_arn": f"arn:aws:rds:{region}:123456789012:db:{name}",
        "db_instance_status": "available",
        "storage_type": "gp3",
        "backup_retention_period": 3,
        "latest_restorable_time": "2026-12-01T03:05:00+00:00",
        "tags": tags,
        **more,
    }


DATABASE = instance("shop-main", {"terrace:cell": "shop"})
COPY = instance("shop-main-restored", OURS)
MOVED = instance(FORMER, {"terrace:cell": "shop"})
LATER = "2026-12-01T03:00:00Z"


def settled(*instances, **wanted):
    return point_in_time.settle(list(instances), {**WANTED, **wanted})


@pytest.mark.parametrize(
    ("instances", "resource", "stage", "damaged", "restored"),
    [
        ([DATABASE], "shop-main", "copy", "shop-main", None),
        ([DATABASE, COPY], "shop-main", "copy", "shop-main", "shop-main-restored"),
        ([MOVED, COPY], FORMER, "exchange", FORMER, "shop-main-restored"),
        ([MOVED, instance("shop-main", OURS)], FORMER, "exchange", FORMER, "shop-main"),
        ([instance(FORMER, {}), instance("shop-main", OURS)], "", "exchange", FORMER, "shop-main"),
        ([instance(FORMER, {}), DATABASE], "shop-main", "done", FORMER, "shop-main"),
    ],
    ids=["nothing", "copy", "former renamed", "copy renamed", "former untagged", "done"],
)  # fmt: skip
def test_what_a_run_has_left_is_gone_on_with(instances, resource, stage, damaged, restored):
    told = settled(*instances, resource=resource)
    assert (told["problem"], told["stage"], told["time"], told["former_id"]) == ("", stage, AT, FORMER)
    assert told["damaged"]["db_instance_identifier"] == damaged
    assert told["restored"].get("db_instance_identifier") == restored


def test_an_adopted_name_is_found_while_neither_is_the_cells():
    told = settled(instance("orders-f20261201025907", {}), instance("orders", OURS), resource="")
    assert (told["id"], told["stage"], told["problem"]) == ("orders", "exchange", "")


@pytest.mark.parametrize(
    ("instances", "wanted", "said"),
    [
        ([], {"resource": ""}, "there is no instance shop-main"),
        ([instance("shop-main", {})], {"resource": ""}, "is not of this cell"),
        ([instance("shop-main", {"terrace:cell": "other"})], {"resource": ""}, "is not of this cell"),
        ([DATABASE, instance("shop-main-restored", {})], {}, "shop-main-restored was not made by this playbook"),
        ([DATABASE, COPY], {"time": LATER}, f"a recovery of shop-main to {AT} has begun; finish it with that time, or"),
        ([MOVED, COPY], {"resource": FORMER, "time": LATER},
         f"a recovery of shop-main to {AT} has begun; finish it with that time"),
        ([MOVED, COPY], {"resource": FORMER, "confirmed": False}, "have that finished: -e"),
        ([MOVED], {"resource": FORMER}, "its copy is gone; give it back: aws rds modify-db-"),
        ([instance(FORMER, {}), instance("shop-main", {"terrace:cell": "other"})], {"resource": FORMER}, "was not made by this"),
        ([{**DATABASE, "db_instance_status": "renaming"}], {}, "shop-main is renaming; run this again"),
        ([{**DATABASE, "storage_type": "io1"}], {}, "restore it by hand"),
        ([{**DATABASE, "backup_retention_period": 0}], {}, "keeps no backups"),
        ([{**DATABASE, "latest_restorable_time": None}], {}, "RDS has made no backup of shop-main yet"),
        ([DATABASE], {"time": "2026-12-01T03:05:01Z"}, "can be restored to 2026-12-01T03:05:00Z at the latest"),
        ([instance("s" * 50, {"terrace:cell": "shop"})], {"resource": "s" * 50}, "more than the 63 characters"),
    ],
)  # fmt: skip
def test_what_speaks_against_it(instances, wanted, said):
    assert said in settled(*instances, **wanted)["problem"]


def test_the_latest_state_is_that_of_the_copy_which_is_there():
    assert settled(DATABASE, time="latest")["time"] == "2026-12-01T03:05:00Z"
    assert settled(DATABASE, COPY, time="latest")["time"] == AT


def test_only_a_replica_that_both_sides_call_one_follows():
    """One of the same name in another region, one that was promoted and one of another cell do not."""
    former = instance(FORMER, {}, read_replica_db_instance_identifiers=[
        "reader", "promoted", "arn:aws:rds:us-west-2:123456789012:db:shop-main"])  # fmt: skip
    source = {"read_replica_source_db_instance_identifier": FORMER}
    mine = {"terrace:cell": "shop"}
    here = [
        DATABASE,
        instance("reader", mine, **source),
        instance("promoted", mine),
        instance("somebodys", mine, **source),
    ]
    assert point_in_time.followers(here, former, "shop") == ["reader"]
    assert point_in_time.followers(here, former, "other") == []
    far = {"region": "us-west-2", **source}
    there = [instance(name, {"terrace:cell": "far"}, **far) for name in ("shop-main", "reader")]
    assert point_in_time.followers(there, former, "far") == ["shop-main"]


def test_the_identifier_of_a_former_one_is_known():
    assert point_in_time.is_former(FORMER)
    assert not point_in_time.is_former("shop-main")
