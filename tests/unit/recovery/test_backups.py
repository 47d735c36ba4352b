"""Which databases are verified, what is asked before anything is made, and what is said of the copies."""

from __future__ import annotations

import pytest

from ansible_collections.terrace.aws.plugins.filter import backup_check as filters
from ansible_collections.terrace.aws.plugins.plugin_utils.recovery import backups, checksums

NOW = "2026-12-01T12:00:00+00:00"
GROUP = "sg-verify"
SOURCE = {
    "db_instance_identifier": "shop-main",
    "dbi_resource_id": "db-1",
    "db_instance_status": "available",
    "latest_restorable_time": "2026-12-01T11:57:00+00:00",
    "db_subnet_group": {"db_subnet_group_name": "shop"},
    "db_parameter_groups": [{"db_parameter_group_name": "shop"}],
    "engine_version": "17.4",
    "kms_key_id": "arn:key",
    "storage_encrypted": True,
    "publicly_accessible": False,
    "vpc_security_groups": [{"vpc_security_group_id": "sg-database"}],
    "tags": {"terrace:cell": "shop"},
}
COPY = {
    **SOURCE,
    "db_instance_identifier": "shop-main-verify-time",
    "vpc_security_groups": [{"vpc_security_group_id": GROUP}],
    "tags": {"terrace:verify": "shop/main"},
}
SNAPSHOT = {
    "db_snapshot_identifier": "last-night",
    "db_instance_identifier": "shop-main",
    "dbi_resource_id": "db-1",
    "status": "available",
    "engine_version": "17.4",
    "snapshot_create_time": "2026-12-01T03:00:00+00:00",
}
CHECKED = {"main": {"id": "shop-main", "copies": backups.copies("shop-main")}}


def instance(**attributes):
    facts = {"port": 5432, "endpoint": "main.rds"}
    return {"id": "shop-main", "attributes": {"backup_retention_period": 7, "port": 5432, **attributes}, "facts": facts}


def before(source=SOURCE, others=(), snapshots=(SNAPSHOT,), hours=26, seconds=900):
    found = backups.before(CHECKED, [source, *others], list(snapshots), (hours, seconds), NOW)
    return found["main"]


def bad(checks):
    return {each["what"]: each["detail"] for each in checks if each["result"] in ("fail", "unknown")}


def test_a_copys_identifier_is_short_enough_and_says_whose_it_is():
    assert backups.copies("shop-main") == {"snapshot": "shop-main-verify-snapshot", "time": "shop-main-verify-time"}
    long, other = "a" * 39 + "-" + "b" * 23, "a" * 39 + "-" + "b" * 22 + "c"
    made = backups.copies(long)
    assert max(map(len, made.values())) <= 63
    assert made["snapshot"].endswith("-verify-snapshot")
    assert "--" not in "".join(made.values())
    assert set(made.values()).isdisjoint(backups.copies(other).values())


def test_what_is_verified_and_what_is_not():
    entries = {name: {"credentials": "database"} for name in ("main", "replica", "off", "former", "gone")}
    instances = {
        "main": instance(),
        "replica": instance(source="main"),
        "off": instance(backup_retention_period=0),
        "former": instance(),
    }
    found = filters.backup_check_selected(entries, instances, ["former"], "shop-usw2")
    assert found["checked"] == {
        "main": {
            "id": "shop-main",
            "port": 5432,
            "endpoint": "main.rds",
            "credentials": "database",
            "copies": backups.copies("shop-main"),
        }
    }
    assert found["passed_over"] == {
        "replica": "it is a replica of main",
        "off": "its backups are off (backup_retention_period)",
        "former": "it wrote before shop-usw2 did, and is to be rebuilt by dr_rebuild.yml",
        "gone": "there is no such instance",
    }
    assert not found["follows"]
    assert backups.selected({"main": {}}, {"main": instance(source="arn:other")}, [], "")["follows"]
    assert not backups.selected({}, {}, [], "")["follows"]


def test_a_database_with_a_young_snapshot_can_be_restored():
    found = before()
    assert (found["ready"], found["snapshot"], bad(found["checks"])) == (True, SNAPSHOT, {})


@pytest.mark.parametrize(
    ("given", "what", "detail"),
    [
        ({"hours": 8}, "newest snapshot is at most 8 h old", "last-night, 9.0 h"),
        ({"snapshots": ()}, "newest snapshot is at most 26 h old", "there is no available snapshot"),
        ({"seconds": 60}, "latest restorable time is at most 60 s ago", "180 s"),
        ({"source": {**SOURCE, "latest_restorable_time": None}}, "latest restorable time is at most 900 s ago", "AWS names none"),
        ({"source": {**SOURCE, "db_instance_status": "stopped"}}, "is available", "stopped"),
        ({"source": {**SOURCE, "db_instance_status": "modifying"}}, "is available", "modifying"),
    ],
)  # fmt: skip
def test_what_keeps_it_from_being_restored(given, what, detail):
    found = before(**given)
    assert (found["ready"], bad(found["checks"])) == (False, {what: detail})


def test_a_snapshot_of_an_earlier_instance_does_not_count():
    former = {**SNAPSHOT, "db_snapshot_identifier": "former", "dbi_resource_id": "db-0", "snapshot_create_time": NOW}
    unfinished = {**SNAPSHOT, "db_snapshot_identifier": "new", "status": "creating", "snapshot_create_time": NOW}
    assert before(snapshots=(former, unfinished, SNAPSHOT))["snapshot"] == SNAPSHOT


def test_what_a_run_left_is_told_from_what_is_somebodys_own():
    foreign = {**COPY, "tags": {}}
    found = before(others=[COPY])
    assert (found["ready"], found["leftovers"]) == (True, ["shop-main-verify-time"])
    found = before(others=[foreign])
    assert (found["ready"], found["leftovers"]) == (False, [])
    assert "without the tag terrace:verify" in bad(found["checks"])["can be copied"]
    assert filters.backup_check_ours([SOURCE, COPY, foreign]) == ["shop-main-verify-time"]


def test_when_a_moment_can_be_restored_to():
    assert filters.backup_check_reached(SOURCE, "2026-12-01T11:57:00+00:00")
    assert not filters.backup_check_reached(SOURCE, "2026-12-01T11:57:01+00:00")
    assert not filters.backup_check_reached({}, NOW)


def test_which_copies_are_not_awaited_any_more():
    states = {"a": "available", "b": "incompatible-restore", "c": "creating", "d": "backing-up", "e": "stopped"}
    found = [{"db_instance_identifier": name, "db_instance_status": each} for name, each in states.items()]
    assert filters.backup_check_ended(found) == ["a", "b", "e"]


def table(name, problem="", **buckets):
    return {
        "schema": "public",
        "table": name,
        "owner": "owner",
        "problem": problem,
        "passed_over": "",
        "size": 64,
        "buckets": buckets,
    }


LIVE = {"shop": [table("notes", a=[2, "10"], b=[1, "5"]), table("users", a=[1, "7"])]}


def copy(content=None, seconds=40, **changed):
    made = {"instance": {**COPY, **changed}, "seconds": seconds, "group": GROUP, "closed": []}
    return {**made, "content": LIVE if content is None else content}


def report(minutes=0, skipped=(), problem="", **more):
    found = {"name": "main", "moment": NOW, "closed": [], "earlier": LIVE, "later": LIVE, **more}
    found.setdefault("copies", {"snapshot": copy(), "time": copy()})
    chosen = {"passed_over": {}, "follows": False}
    return filters.backup_check_report([found], "shop", chosen, {"main": before()}, problem, minutes, list(skipped))


def test_copies_that_hold_the_same_pass():
    told = report(minutes=1)
    assert bad(told["checks"]) == {}
    assert told["passed"]
    assert told["databases"]["main"]["seconds"] == {"snapshot": 40, "time": 40}
    same = next(each for each in told["checks"] if each["what"].endswith("holds what the database held"))
    assert same["detail"] == "4 rows are the same; 0 buckets changed meanwhile, not compared"
    assert filters.backup_check_table(told).startswith("shop: VERIFIED\n\nok  shop  main: ")


@pytest.mark.parametrize(
    ("changed", "what", "detail"),
    [
        ({"seconds": 61}, "comes up within 1 min", "61 s"),
        ({"db_instance_status": "incompatible-restore", "content": {}}, "comes up", "incompatible-restore"),
        ({"publicly_accessible": True}, "is not publicly accessible", "True instead of False"),
        ({"engine_version": "17.3"}, "has the version of its backup", "17.3 instead of 17.4"),
        ({"db_subnet_group": {"db_subnet_group_name": "other"}}, "has the subnet group of its source", "other instead of shop"),
        ({"kms_key_id": None}, "has the encryption of its source", "True instead of arn:key"),
        (
            {"vpc_security_groups": SOURCE["vpc_security_groups"]},
            "is in the security group of the verification alone",
            "sg-database instead of sg-verify",
        ),
    ],
)  # fmt: skip
def test_a_copy_is_what_its_source_is(changed, what, detail):
    told = report(minutes=1, copies={"time": copy(**changed)})
    assert bad(told["checks"])[f"main: copy of the point in time {what}"] == detail
    assert not told["passed"]


def test_a_snapshot_has_the_version_that_it_was_taken_with():
    chosen = {"passed_over": {}, "follows": False}
    known = {"main": before(snapshots=({**SNAPSHOT, "engine_version": "17.3"},))}
    found = {
        "name": "main",
        "closed": [],
        "earlier": LIVE,
        "later": LIVE,
        "copies": {"snapshot": copy(engine_version="17.3")},
    }
    assert filters.backup_check_report([found], "shop", chosen, known, "", 0, [])["passed"]


def test_a_row_that_differs_or_is_lost_is_found_and_one_that_changed_is_not_compared():
    later = {"shop": [table("notes", a=[2, "10"], b=[2, "6"]), LIVE["shop"][1]]}
    changed = {"shop": [table("notes", a=[2, "10"], b=[2, "9"]), LIVE["shop"][1]]}
    (notes, users) = checksums.compared(LIVE, later, changed)
    assert (notes["result"], notes["compared"], notes["changed"], notes["differing"]) == ("same", 2, 1, 0)
    assert users["result"] == "same"
    wrong = {"shop": [table("notes", a=[2, "11"], b=[2, "9"], c=[1, "1"])]}
    told = report(later=later, copies={"time": copy(wrong)})
    found = bad(told["checks"])
    assert found["main: copy of the point in time has every table"] == "lacks shop.public.users"
    assert "differs in shop.public.notes" in found["main: copy of the point in time holds what the database held"]
    assert told["databases"]["main"]["tables"]["time"][0]["differing"] == 2


def test_where_everything_changed_nothing_is_known():
    later = {"shop": [table("notes", a=[3, "11"], b=[2, "6"]), table("users", a=[2, "8"])]}
    told = report(later=later, copies={"time": copy()})
    assert (
        "run it while less is written"
        in bad(told["checks"])["main: copy of the point in time holds what the database held"]
    )


def test_a_table_that_was_dropped_meanwhile_is_not_compared():
    later = {"shop": [LIVE["shop"][0]]}
    assert [each["result"] for each in checksums.compared(LIVE, later, later)] == ["same", "changed"]


def test_a_table_that_cannot_be_read_fails_unless_it_is_named():
    live = {
        "shop": [
            *LIVE["shop"],
            table("apart", problem="row-level security"),
            {**table("own"), "problem": "x", "owner": "rdsadmin"},
        ]
    }
    whole = {"shop": [*LIVE["shop"], table("apart", a=[1, "1"])]}
    copies = {"snapshot": copy(whole), "time": copy(whole)}
    told = report(earlier=live, later=live, copies=copies)
    assert bad(told["checks"]) == {"main: has every table readable": "shop.public.apart: row-level security"}
    told = report(earlier=live, later=live, copies=copies, skipped=["shop.public.apart"])
    assert told["passed"]
    assert {each["what"] for each in told["checks"] if each["result"] == "note"} == {
        "main: copy of the point in time has tables that are not compared"
    }
    assert bad(report(closed=["secret"])["checks"])["main: has every table readable"].startswith("secret: ")


def test_a_snapshot_is_older_than_what_was_made_since():
    told = report(copies={"snapshot": copy({"shop": LIVE["shop"][:1]})})
    assert told["passed"]
    note = next(each for each in told["checks"] if each["result"] == "note")
    assert note["detail"] == "shop.public.users: made since, or lost"
    told = report(copies={"snapshot": copy({"shop": []})})
    assert list(bad(told["checks"])) == ["main: copy of the snapshot holds tables"]


def test_a_verification_that_ended_early_fails():
    chosen, known = {"passed_over": {}, "follows": False}, {"main": before()}
    told = filters.backup_check_report([{"name": "main", "problem": "gone"}], "shop", chosen, known, "", 0, [])
    assert bad(told["checks"]) == {"main: is verified to the end": "gone"}
    told = filters.backup_check_report([], "shop", chosen, known, "no machine", 0, [])
    assert bad(told["checks"]) == {"main: is verified to the end": "no machine"}
    told = filters.backup_check_report([{"name": "main"}], "shop", chosen, known, "the group stays", 0, [])
    assert bad(told["checks"]) == {"the run ends as it should": "the group stays"}
    # A run with --check makes nothing and has no problem.
    assert filters.backup_check_report([], "shop", chosen, known, "", 0, [])["passed"]


def test_a_cell_without_a_database_of_its_own_did_not_pass():
    chosen = {"passed_over": {"main": "it is a replica of arn:other"}, "follows": True}
    told = filters.backup_check_report([], "shop", chosen, {}, "", 0, [])
    assert (told["passed"], told["follows"]) == (False, True)
    assert filters.backup_check_table(told).startswith("shop: NOTHING TO VERIFY\nmain: passed over, it is a replica")


def test_the_next_reading_has_the_same_buckets():
    assert filters.backup_check_sizes(LIVE) == {"shop": {"public": {"notes": 64, "users": 64}}}
