"""What the cell that writes lacks of a former primary: what is compared, the list, and what people are told of it."""

from __future__ import annotations

import json
import types

import pytest

from ansible_collections.terrace.aws.plugins.plugin_utils.engine.kind import LEAVING
from ansible_collections.terrace.aws.plugins.plugin_utils.recovery import comparison, journal, missing, report
from tests.unit.recovery.test_decision import OPTIONS, begun, instance, sides
from tests.unit.recovery.test_report import JOURNAL, Page
from tests.unit.recovery.test_status import EAST, WEST, found

LSN = {"lsn": "0/5", "roles": []}
REPLAYED = {"replayed": "0/3", "behind": 2.5, "snapshot": "757:763:"}
BEGUN = "2026-12-01T00:00:00Z"


def step(name, detail, ended="2"):
    return {"step": name, "began": "1", "ended": ended, "detail": detail}


FENCED = step("fence logins", {"main": LSN})
ENDED = "2026-12-01T00:10:00Z"
KEPT = begun(WEST, EAST, ended=ENDED, steps=[FENCED, step("replay", {"main": REPLAYED}), step("replay", {})])


def failed_over():
    """Both cells after a failover to the west."""
    both = sides(west=instance(WEST, since="2026-12-01T00:00:00Z"))
    for side in both:
        side.observed["secret"] = {}
    return both


def settled(kept=KEPT, both=None, without=(), clients="tier_app", earlier=None):
    looked = found(both or failed_over(), {}, **OPTIONS, clients=clients)
    return comparison.settle(looked, EAST, kept, earlier or {}, without)


def test_an_unplanned_failover_is_compared():
    told = settled()
    assert (told["act"], told["from"], told["to"], told["bucket"], told["bucket_region"]) == (
        comparison.COMPARE, EAST, WEST, "west-logs", "region-west",
    )  # fmt: skip
    assert told["databases"] == {
        "main": {
            "snapshot": "757:763:",
            "xmin": "757",
            "xmax": "763",
            "id": "west-main",
            "endpoint": "west.rds",
            "port": 5432,
            "former_id": "east-main",
            "former_endpoint": "east.rds",
            "fenced_at": "0/5",
        }
    }


def test_what_was_read_after_the_promotion_is_no_snapshot():
    later = step("replay", {"main": {**REPLAYED, "snapshot": None}})
    kept = {**KEPT, "steps": [*KEPT["steps"], later]}
    assert settled(kept)["databases"]["main"]["snapshot"] == "757:763:"
    assert "no snapshot of main" in settled({**KEPT, "steps": [later]})["why"]


def test_a_planned_failover_lost_nothing():
    assert settled({**KEPT, "mode": "planned"})["act"] == comparison.NOTHING


@pytest.mark.parametrize("state", ["follows", "leaves", "gone"])
def test_what_is_not_removed_any_more_is_not_compared(state):
    both = failed_over()
    databases = both[0].of("db_instance")
    if state == "follows":
        databases["main"].attributes["source"] = "arn:west-main"
    elif state == "leaves":
        databases["main"].state = LEAVING
    else:
        databases.clear()
    assert settled(both=both)["act"] == comparison.NOTHING
    assert "12 acknowledged writes were found missing before" in settled(both=both, earlier={"missing": 12})["why"]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"kept": None}, "the journal of the failover from east to west is not in"),
        ({"kept": begun(WEST, "south", ended=ENDED)}, "the journal of the failover from east to west is not in"),
        ({"kept": begun(WEST, EAST, ended=ENDED)}, "no snapshot of main"),
        ({"kept": {**KEPT, "steps": [step("replay", {"main": {"replayed": "0/3"}})]}}, "no snapshot of main"),
        ({"without": [EAST]}, "the inventory has no machine of tier_app in east"),
        ({"clients": ""}, "recovery_pairs has no clients"),
    ],
)
def test_what_cannot_be_compared_is_told(given, why):
    told = settled(**given)
    assert (told["act"], why in told["why"]) == (comparison.IMPOSSIBLE, True), told


def test_a_failover_that_has_not_ended_comes_first():
    told = settled(kept={**KEPT, "ended": ""})
    assert (told["act"], f"end it first: -e dr_failover_to={WEST}" in told["why"]) == (comparison.UNFINISHED, True)


def test_a_list_is_not_taken_for_a_journal():
    """Neither by its name nor by its place among the others."""
    objects = {
        f"recovery/shop/{name}": json.dumps(name)
        for name in ("1.json", "2.json", "2-missing.json", "2.html", "3-missing.json")
    }
    answers = types.SimpleNamespace(
        get_object=lambda **asked: {"Body": types.SimpleNamespace(read=lambda: objects[asked["Key"]])}
    )
    cell = types.SimpleNamespace(
        pages=lambda *_asked, Prefix, **_more: [{"Key": key} for key in objects if key.startswith(Prefix)],  # noqa: N803
        client=lambda _service: answers,
    )
    assert journal.latest(cell, "logs", "shop") == "2.json"
    assert journal.missing(cell, "logs", {"pair": "shop", "began": "2"}) == "2-missing.json"
    assert journal.missing(cell, "logs", {"pair": "shop", "began": "1"}) == {}


COMPARED = {"pair": "shop", "from": EAST, "to": WEST, "journal": {"began": BEGUN}, "earlier": {},
            "databases": {"main": {"snapshot": "757:763:"}}}  # fmt: skip
TOLD = {"transactions": 20, "prepared": 0, "log_since_fence": None, "databases": ["shop"]}


def listed(*tables, told=TOLD):
    """A list with rows of tables of one key, (number, how)."""
    made = missing.noted(missing.begun(COMPARED, "now"), COMPARED, "main", told)
    for table in tables:
        rows = [[[str(number)], "d", 0, None, f"(0,{number})"] for number, _how in table]
        answers = [[number, how] for number, (_number, how) in enumerate(table, 1) if how]
        given = {"schema": "s", "table": "numbers", "key": ["number"], "rows": rows}
        made = missing.added(made, "main", "shop", [given], [{"missing": answers}])
    return made


def test_what_is_absent_or_differs_is_listed_by_its_key():
    made = listed([(1, "absent"), (2, ""), (3, "differs")])
    assert (made["missing"], made["listed"]) == (2, 2)
    assert made["databases"]["main"]["tables"] == [
        {
            "database": "shop",
            "schema": "s",
            "table": "numbers",
            "missing": 2,
            "absent": 1,
            "differs": 1,
            "keys": [
                {"key": {"number": "1"}, "how": "absent", "committed": None},
                {"key": {"number": "3"}, "how": "differs", "committed": None},
            ],
        }
    ]


def test_a_table_may_come_in_several_batches_and_all_is_counted(monkeypatch):
    monkeypatch.setattr(missing, "LISTED", 3)
    made = listed([(1, "absent"), (2, "absent")], [(3, "absent"), (4, "absent")])
    (table,) = made["databases"]["main"]["tables"]
    assert (made["missing"], made["listed"], table["missing"], len(table["keys"])) == (4, 3, 4, 3)


def test_a_row_without_a_key_is_told_by_its_place():
    rows = [{"schema": "s", "table": "t", "key": None, "rows": [[None, "d", 3, "2026-12-01", "(0,4)"]]}]
    made = missing.added(listed(), "main", "shop", rows, [{"missing": [[1, "absent"]]}])
    (key,) = made["databases"]["main"]["tables"][0]["keys"]
    assert key == {"key": {"ctid": "(0,4)"}, "how": "absent", "committed": "2026-12-01"}


def test_all_is_absent_where_the_database_is():
    rows = [{"schema": "s", "table": "t", "key": ["n"], "rows": [[["1"], "d", 0, None, "(0,1)"]]}]
    assert missing.added(listed(), "main", "shop", rows, None)["missing"] == 1


def test_batches_have_so_many_rows():
    counts = [{"schema": "s", "table": name, "count": count} for name, count in (("a", 3), ("b", 0), ("c", 8))]
    made = [[(each["table"], each["skip"], each["size"]) for each in batch] for batch in missing.batches(counts, 5)]
    assert made == [[("a", 0, 3), ("c", 0, 2)], [("c", 2, 5)], [("c", 7, 1)]]
    assert missing.batches([], 5) == []


def test_what_could_not_be_read_is_told_but_the_services_own():
    counts = [
        {"schema": "s", "table": "a", "problem": "permission denied", "owner": "somebody"},
        {"schema": "s", "table": "b", "problem": "permission denied", "owner": "rdsadmin"},
        {"schema": "s", "table": "c", "problem": "", "passed_over": "it is unlogged"},
        {"schema": "s", "table": "d", "problem": ""},
    ]
    assert missing.unread(counts, "shop") == ["shop: s.a: permission denied"]
    made = missing.counted(listed(), "main", "shop", counts[1:])
    assert made["databases"]["main"]["passed_over"] == [
        "shop: s.b was not compared: it is the service's own",
        "shop: s.c was not compared: it is unlogged",
    ]


def test_what_an_earlier_run_found_in_a_database_that_is_gone_is_kept():
    earlier = listed([(1, "absent")])
    earlier["databases"]["other"] = earlier["databases"].pop("main")
    made = missing.begun({**COMPARED, "earlier": earlier}, "now")
    assert (made["missing"], list(made["databases"])) == (1, ["other"])
    again = missing.begun({**COMPARED, "earlier": listed([(1, "absent")])}, "now")
    assert again["databases"] == {}, "it is compared again"


def test_people_are_told():
    assert missing.told(listed(), "here")[0] == "nothing that east acknowledged is missing on west: see here"
    assert (
        missing.told(listed([(1, "absent")]), "here")[0] == "1 acknowledged write of east is missing on west: see here"
    )
    lines = missing.told(
        listed([(1, "absent"), (2, "differs")], told={**TOLD, "log_since_fence": 96, "prepared": 1}), "here"
    )
    assert lines[0] == "2 acknowledged writes of east are missing on west: see here"
    assert "main: its log went on by 96 bytes after it was fenced" in lines


UNPLANNED = {
    **JOURNAL,
    "mode": "unplanned",
    "steps": [step("replay", {"main": REPLAYED, "other": {**REPLAYED, "behind": 4}})],
}


def test_the_report_estimates_what_an_unplanned_failover_may_lose():
    said = "acknowledged writes of at most the last 4 s before east was lost may be missing on west; dr_rebuild.yml lists them"
    kept = {**UNPLANNED, "steps": [{**each, "began": BEGUN, "ended": BEGUN} for each in UNPLANNED["steps"]]}
    assert report.summary(kept)["estimate"] == said
    assert said in report.page(kept)
    assert "4 s before east was fenced may be" in report.estimate({**kept, "steps": [FENCED, *kept["steps"]]})
    assert report.estimate(JOURNAL) == ""
    assert "it is not known of how many seconds" in report.estimate({**kept, "steps": []})
    unknown = {**kept["steps"][0], "detail": {"main": {**REPLAYED, "behind": None}}}
    assert "it is not known of how many seconds" in report.estimate({**kept, "steps": [unknown]})


def test_the_page_has_what_is_missing():
    page = Page()
    page.feed(report.page(JOURNAL, listed([(1, "absent"), (2, "differs")])))
    assert page.open == []
    assert "Acknowledged writes that are missing: 2" in page.text
    assert "2026-12-01T03:00:00.000Z-missing.json" in page.text
    assert "Nothing is missing" in report.page(JOURNAL, listed())
