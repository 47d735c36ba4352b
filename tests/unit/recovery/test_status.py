"""Whether a cell could take over: which one writes, and each check, from resources made up."""

from __future__ import annotations

import datetime as dt
import types

import pytest

from ansible_collections.terrace.aws.plugins.plugin_utils.engine.kind import PENDING, READY, WRITER_TAG, Resource
from ansible_collections.terrace.aws.plugins.plugin_utils.recovery import pairs, status

EAST, WEST = "east", "west"
NOW = dt.datetime(2026, 12, 1, 3, tzinfo=dt.UTC)
WELL = [{"status": "replicating", "normal": True, "message": ""}]
IN_SYNC = {EAST: {"add": 0}, WEST: {"add": 0}}


def database(cell, source=None, since="", instance_class="db.m6g.large", state=READY, replication=None, kept=7):
    return Resource(
        id=f"{cell}-main",
        attributes={
            "source": source,
            "instance_class": instance_class,
            "backup_retention_period": kept,
            "security_groups": ["database"],
        },
        facts={
            "arn": f"arn:{cell}-main",
            "replication": (WELL if replication is None else replication) if source else [],
        },
        marks={WRITER_TAG: since} if since else {},
        state=state,
        status="available" if state == READY else "creating",
    )


class Cloudwatch:
    """What CloudWatch holds of a replica's lag: seconds, the newest last."""

    def __init__(self, *seconds):
        self.points = [{"Timestamp": NOW + dt.timedelta(minutes=n), "Maximum": each} for n, each in enumerate(seconds)]

    def get_metric_statistics(self, **asked):
        assert (asked["Namespace"], asked["MetricName"]) == ("AWS/RDS", "ReplicaLag")
        assert asked["EndTime"] - asked["StartTime"] <= dt.timedelta(minutes=6)
        return {"Datapoints": list(reversed(self.points))}


def side(name, lag=(0,), problem="", replication="InSync", **kinds):
    in_sync = {"ReplicationStatus": [{"Region": "region-west", "Status": replication}]}
    cell = types.SimpleNamespace(
        client=lambda _service: Cloudwatch(*lag),
        call=lambda *_asked, **_named: in_sync,
        pages=lambda *_asked, **_named: [],
    )
    return status.Side(name, f"region-{name}", cell, problem, kinds)


def found(sides, plans=None, **options):
    made, problems = pairs.checked({"shop": {"cells": [EAST, WEST], **options}})
    assert problems == []
    return status.Status("shop", made["shop"], sides, IN_SYNC if plans is None else plans, NOW)


def results(of, result):
    return {check.what: check.detail for check in of.checks() if check.result == result}


PRIMARY = side(EAST, db_instance={"main": database(EAST)})
REPLICA = side(WEST, db_instance={"main": database(WEST, "arn:east-main")})


def test_a_pair_that_is_well_is_ready():
    told = found([PRIMARY, REPLICA], tier="critical", preferred_primary=EAST).as_dict()
    assert (told["ready"], told["primary"], told["standby"]) == (True, EAST, WEST)
    assert (told["rto_minutes"], told["rpo_minutes"]) == (60, 15)


@pytest.mark.parametrize(
    ("east", "west", "writes"),
    [
        (database(EAST), database(WEST, "arn:east-main"), EAST),
        (database(EAST, "arn:west-main"), database(WEST), WEST),
        (database(EAST), database(WEST, since="2026-12-01T00:00:00Z"), WEST),
        (database(EAST, since="2026-12-02T00:00:00Z"), database(WEST, since="2026-12-01T00:00:00Z"), EAST),
        (database(EAST), database(WEST), ""),
        (database(EAST, "arn:x"), database(WEST, "arn:y"), ""),
        (database(EAST), None, EAST),
        (None, database(WEST), WEST),
        (None, None, ""),
    ],
)
def test_which_cell_writes_is_told_by_the_databases(east, west, writes):
    sides = [
        side(EAST, db_instance={"main": east} if east else {}),
        side(WEST, db_instance={"main": west} if west else {}),
    ]
    told = found(sides).as_dict()
    assert told["primary"] == writes
    assert told["standby"] == ({EAST: WEST, WEST: EAST}[writes] if writes else "")
    if not writes:
        assert not told["ready"]


@pytest.mark.parametrize("lost", [EAST, WEST])
def test_a_region_that_does_not_answer_is_unknown_and_its_follower_tells_who_wrote(lost):
    whole = {EAST: PRIMARY, WEST: REPLICA}
    sides = [side(name, problem="no route") if name == lost else whole[name] for name in (EAST, WEST)]
    of = found(sides, {})
    told = of.as_dict()
    assert (told["primary"], told["standby"], told["ready"]) == (EAST, WEST, False)
    assert results(of, "unknown")["the region answers"] == "no route"
    if lost == EAST:
        assert "database main is replicated" in results(of, "pass"), "the survivor is looked at all the same"


@pytest.mark.parametrize(
    ("replica", "lag", "what", "detail"),
    [
        (database(WEST, "arn:other"), (0,), "database main is replicated", "it follows arn:other"),
        (
            database(WEST, "arn:east-main", state=PENDING),
            (0,),
            "database main is replicated",
            "the replica is creating",
        ),
        (
            database(
                WEST,
                "arn:east-main",
                replication=[{"status": "error", "normal": False, "message": "no WAL of the source"}],
            ),
            (0,),
            "database main is replicated",
            "replication is error no WAL of the source",
        ),
        (
            database(WEST, "arn:east-main", instance_class="db.t4g.medium"),
            (0,),
            "database main has the class of its source",
            "db.t4g.medium, and east has db.m6g.large",
        ),
        (
            database(WEST, "arn:east-main"),
            (0, 14401),
            "database main lags less than the recovery point",
            "14401 s of 14400 s",
        ),
        (
            database(WEST, "arn:east-main"),
            (-1,),
            "database main lags less than the recovery point",
            "the lag cannot be determined: replication is not active",
        ),
    ],
)
def test_a_replica_that_could_not_take_over(replica, lag, what, detail):
    of = found([PRIMARY, side(WEST, lag, db_instance={"main": replica})])
    assert results(of, "fail") == {what: detail}
    assert not of.as_dict()["ready"]


def test_no_value_of_the_lag_is_unknown_and_the_newest_counts():
    silent = found([PRIMARY, side(WEST, (), db_instance={"main": database(WEST, "arn:east-main")})])
    assert list(results(silent, "unknown")) == ["database main lags less than the recovery point"]
    caught_up = found([PRIMARY, side(WEST, (99999, 2), db_instance={"main": database(WEST, "arn:east-main")})])
    assert results(caught_up, "fail") == {}


def test_a_database_without_backups_is_told():
    of = found([side(EAST, db_instance={"main": database(EAST, kept=0)}), REPLICA])
    assert results(of, "fail") == {"database main is backed up": "no backups are made"}


def secret(counterpart, replica_of="", fields=("password",)):
    return Resource("x", {"counterpart": counterpart}, facts={"replica_of": replica_of, "fields": list(fields)})


@pytest.mark.parametrize(
    ("copy", "result", "detail"),
    [
        (secret("east/app", "region-east"), "pass", "in sync, and readable with the key of its region"),
        (None, "fail", "there is no such secret"),
        (secret("east/app"), "fail", "it is no replica of the one in region-east"),
        (secret("east/app", "region-east", ()), "fail", "it has no value"),
    ],
)
def test_shared_secrets_are_looked_at(copy, result, detail):
    east = side(
        EAST, db_instance=PRIMARY.observed["db_instance"], secret={"app": secret("west/app"), "cache": secret("")}
    )
    west = side(WEST, db_instance=REPLICA.observed["db_instance"], secret={"app": copy} if copy else {})
    assert results(found([east, west]), result)["secret app is replicated"] == detail


def test_a_replica_that_its_primary_no_longer_updates_is_told():
    kinds = {"db_instance": PRIMARY.observed["db_instance"], "secret": {"app": secret("west/app")}}
    west = side(WEST, db_instance=REPLICA.observed["db_instance"], secret={"app": secret("east/app", "region-east")})
    broken = side(EAST, replication="Failed", **kinds)
    assert results(found([broken, west]), "fail") == {"secret app is replicated": "Failed"}


def test_a_kind_that_cannot_be_read_hides_no_other():
    keys = {"data": Resource("x", {}, status="Disabled")}
    west = side(WEST, db_instance=REPLICA.observed["db_instance"], kms_key=keys)
    west.failed["secret"] = "Access to KMS is not allowed"
    of = found([PRIMARY, west])
    assert results(of, "unknown") == {"every secret can be read": "Access to KMS is not allowed"}
    assert results(of, "fail") == {"key data is usable": "Disabled"}
    assert "database main is replicated" in results(of, "pass")


def test_a_replica_whose_source_is_gone_or_unread_is_told_as_it_is():
    """The primary's cell answers, but not for databases: what follows it says that it wrote."""
    east = side(EAST)
    east.failed["db_instance"] = "Throttling"
    of = found([east, REPLICA])
    assert (of.primary, of.standby) == (east, REPLICA)
    assert results(of, "unknown")["database main has the class of its source"] == "east could not be read"


def test_what_there_is_of_each_is_told_where_no_cell_writes():
    sides = [side(EAST, db_instance={"main": database(EAST, "arn:west-main")}), side(WEST)]
    assert results(found(sides), "fail") == {"one cell writes": "east follows arn:west-main, west has no database main"}


def group(states, desired, most):
    instances = {f"i-{number}": state for number, state in enumerate(states)}
    return Resource("x", {"max_size": most}, facts={"instances": instances, "desired_capacity": desired})


@pytest.mark.parametrize(
    ("standby", "failed"),
    [
        (group(["InService"], 1, 4), {}),
        (group(["InService", "Pending"], 2, 4), {"tier app is in service": "1 of 2 machines, at most 4"}),
        (group([], 0, 4), {"tier app is in service": "0 of 0 machines, at most 4"}),
        (
            group(["InService"], 1, 2),
            {"tier app may grow to the size of the primary": "it may have 2, and east runs 3"},
        ),
        (None, {"tier app is in service": "there is no such group"}),
    ],
)
def test_machines_of_the_standby_are_counted(standby, failed):
    serving = group(["InService"] * 3, 3, 4)
    east = side(EAST, db_instance=PRIMARY.observed["db_instance"], autoscaling_group={"app": serving})
    groups = {"app": standby} if standby else {}
    west = side(WEST, db_instance=REPLICA.observed["db_instance"], autoscaling_group=groups)
    assert results(found([east, west]), "fail") == failed


def test_a_key_that_is_not_enabled_is_told():
    keys = {"data": Resource("x", {}, status="PendingDeletion")}
    west = side(WEST, db_instance=REPLICA.observed["db_instance"], kms_key=keys)
    assert results(found([PRIMARY, west]), "fail") == {"key data is usable": "PendingDeletion"}


@pytest.mark.parametrize(
    ("plans", "result"),
    [
        ({EAST: {"add": 0}, WEST: {"add": 2, "change": 1}}, ("fail", "2 to add, 1 to change")),
        ({EAST: {"add": 0}}, ("unknown", "it was not planned in this run")),
        (
            {EAST: {"add": 0}, WEST: {"problem": "west: IAM does not answer\nmore"}},
            ("unknown", "west: IAM does not answer"),
        ),
    ],
)
def test_a_difference_from_the_inventory_is_told(plans, result):
    told = results(found([PRIMARY, REPLICA], plans), result[0])
    assert told["it is as its inventory says"] == result[1]


@pytest.mark.parametrize(
    ("pair", "word"),
    [
        ({"cells": [EAST]}, "needs two different cells, has east"),
        ({"cells": [EAST, EAST]}, "needs two different cells"),
        ({"cells": [EAST, WEST], "preferred_primary": "north"}, "north is none of east, west"),
        ({"cells": [EAST, WEST], "databases": []}, "name at least one"),
        ({"cells": [EAST, WEST], "rpo": 0}, "rpo: 0 is out of range; right is 1 at least"),
        ({"cells": [EAST, WEST], "tier": "gold"}, "gold"),
        ({"cells": [EAST, WEST], "primary": EAST}, "primary"),
        ({}, "cells"),
    ],
)
def test_what_is_wrong_with_a_pair(pair, word):
    _made, problems = pairs.checked({"shop": pair})
    assert word in "\n".join(problems)


def test_a_cell_is_in_one_pair():
    both = {"one": {"cells": [EAST, WEST]}, "two": {"cells": [EAST, "north"]}}
    _made, problems = pairs.checked(both)
    assert problems == ["recovery_pairs.two.cells: east is in one already; a cell takes over from one other"]


def test_a_cell_that_is_not_there_is_named():
    made, _problems = pairs.checked({"shop": {"cells": [EAST, "wst"]}})
    (problem,) = pairs.strangers(made, [EAST, WEST])
    assert problem.startswith("recovery_pairs.shop.cells: wst is no cell of the inventory")


@pytest.mark.parametrize(
    ("groups", "result"), [(["nobody"], "pass"), (["database"], "fail"), (["database", "nobody"], "fail")]
)
def test_a_former_primary_has_to_be_fenced(groups, result):
    former = database(EAST)
    former.attributes["security_groups"] = groups
    promoted = database(WEST, since="2026-12-01T00:00:00Z")
    sides = [side(EAST, db_instance={"main": former}), side(WEST, db_instance={"main": promoted})]
    assert "database main is fenced" in results(found(sides, fence_group="nobody"), result)
