"""Whether a cell may take over: what is refused, and what is to be done."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.terrace.aws.plugins.plugin_utils.engine.kind import Resource
from ansible_collections.terrace.aws.plugins.plugin_utils.recovery import decision, journal
from tests.unit.recovery.test_status import EAST, WEST, database, found, side

OPTIONS = {"journal_bucket": "logs", "fence_group": "nobody", "tier": "critical"}
NOTHING = {EAST: None, WEST: None}


def world(name, ingress=None):
    """What a failover needs beside the databases."""
    group = Resource(id=f"sg-{name}", attributes={"ingress": ingress or {}})
    return {"bucket": {"logs": Resource(id=f"{name}-logs", attributes={})}, "security_group": {"nobody": group}}


def instance(name, source=None, since=""):
    made = database(name, source, since)
    made.facts |= {"endpoint": f"{name}.rds", "port": 5432}
    made.attributes["security_groups"] = ["database"]
    return {"main": made}


def sides(east=None, west=None, **more):
    """Both cells: the east writes and the west follows, unless it is said otherwise."""
    return [
        side(EAST, **{**world(EAST), "db_instance": east or instance(EAST), **more}),
        side(WEST, **{**world(WEST), "db_instance": west or instance(WEST, "arn:east-main")}),
    ]


def decided(both, to=WEST, mode=decision.PLANNED, journals=NOTHING, options=OPTIONS, **request):
    status = found(both, {}, **options)
    return decision.decide(status, decision.Request(to=to, mode=mode, **request), journals)


def refused(both, *words, **request):
    with pytest.raises(decision.RefusedError) as raised:
        decided(both, *words, **request)
    return str(raised.value)


def begun(to, former, **more):
    return {"pair": "shop", "from": former, "to": to, "mode": "unplanned", "began": "2026-12-01T00:00:00Z", "ended": "",
            "unfenced": "", "secrets": [], "secret_ids": {}, "steps": [], **more}  # fmt: skip


def test_a_planned_failover_knows_both_sides():
    told = decided(sides())
    assert (told["act"], told["from"], told["to"], told["fence"]) == (decision.FAIL_OVER, EAST, WEST, "sg-east")
    assert told["databases"]["main"] == {
        "id": "west-main",
        "endpoint": "west.rds",
        "port": 5432,
        "follows": True,
        "former_id": "east-main",
        "former_endpoint": "east.rds",
        "former_status": "available",
    }
    assert (told["bucket"], told["bucket_region"], told["checks"]) == ("west-logs", "region-west", [
        {"what": "which cell writes", "cell": EAST, "result": "note", "detail": "the preferred one"},
        {"what": "secrets are replicated", "cell": WEST, "result": "note", "detail": "no secret has a counterpart"},
    ])  # fmt: skip


def test_a_cell_that_writes_has_nothing_to_do():
    assert decided(sides(), to=EAST)["act"] == decision.NOTHING


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"to": "south"}, "south is none of east, west"),
        ({"clients": False}, "it cannot be seen that nothing is lost"),
        ({"unfenced": WEST}, "the cell that would not be fenced is east"),
        ({"unfenced": EAST}, "nothing can be lost only behind a fence"),
        ({"options": {"tier": "critical"}}, "recovery_pairs.shop.journal_bucket: missing"),
        ({"options": {**OPTIONS, "fence_group": "none"}}, "west has no security group none"),
    ],
)
def test_what_is_not_clear_is_refused(request_, said):
    assert said in refused(sides(), **request_)


def test_a_group_that_lets_somebody_in_is_no_fence():
    open_ = world(EAST, ingress={"http": {}})["security_group"]
    assert "nobody of east lets in http; it must let nobody in" in refused(sides(security_group=open_))


def test_a_balancer_that_is_not_there_is_refused_before_anything_is_touched():
    both = sides()
    logs = {"traffic": Resource(id="t", attributes={"health_check_objects": ["writer"]})}
    for each in both:
        each.observed["bucket"] |= logs
    options = {**OPTIONS, "traffic_bucket": "traffic", "public_name": "shop.example.com", "public_balancer": "public"}
    both[1].observed["load_balancer"] = {}
    assert "recovery_pairs.shop.public_balancer: west has no load balancer public" in refused(both, options=options)
    both[1].observed["load_balancer"] = {"public": Resource(id="lb", attributes={}, facts={"dns_name": "west.elb"})}
    assert decided(both, options=options)["public_balancer"] == "west.elb"


@pytest.mark.parametrize(
    ("buckets", "said"),
    [
        ({}, "east has no bucket traffic"),
        (
            {"traffic": Resource(id="t", attributes={"health_check_objects": []})},
            "health checks may not read writer in traffic of east",
        ),
    ],
)
def test_traffic_that_could_not_be_led_is_refused(buckets, said):
    logs = world(EAST)["bucket"]
    both = sides(bucket={**logs, **buckets})
    both[1].observed["bucket"]["traffic"] = Resource(id="west-traffic", attributes={"health_check_objects": ["writer"]})
    options = {**OPTIONS, "traffic_bucket": "traffic"}
    assert f"recovery_pairs.shop.traffic_bucket: {said}" in refused(both, options=options)
    both[0].observed["bucket"]["traffic"] = Resource(id="east-traffic", attributes={"health_check_objects": ["writer"]})
    assert decided(both, options=options)["traffic"] == {EAST: "east-traffic", WEST: "west-traffic"}


def test_a_replica_that_is_behind_is_refused_unless_that_is_accepted():
    both = sides()
    both[1] = dataclasses.replace(both[1], cell=side(WEST, lag=(1000,)).cell)
    assert "west: database main lags less than the recovery point: 1000 s of 900 s (fail)" in refused(both)
    told = decided(both, accepted=("database main lags*",))
    assert [each["result"] for each in told["checks"] if "lags" in each["what"]] == ["fail"]


def test_a_lag_that_is_unknown_stops_a_planned_failover_alone():
    both = sides()
    both[1] = dataclasses.replace(both[1], cell=side(WEST, lag=()).cell)
    assert "CloudWatch has no ReplicaLag" in refused(both)
    assert decided(both, mode=decision.UNPLANNED)["act"] == decision.FAIL_OVER


def test_a_lost_region_is_not_fenced_only_where_that_is_said():
    both = [side(EAST, problem="no answer"), sides()[1]]
    assert "a planned failover needs both regions" in refused(both)
    said = refused(both, mode=decision.UNPLANNED)
    assert "cannot be fenced" in said
    assert "-e dr_failover_unfenced=east" in said
    told = decided(both, mode=decision.UNPLANNED, unfenced=EAST, journals={WEST: None})
    assert (told["act"], told["reachable"], told["fence"], told["databases"]["main"]["former_id"]) == (
        decision.FAIL_OVER, False, "", ""
    )  # fmt: skip


def test_the_cell_that_is_to_write_must_be_read():
    assert "west could not be read" in refused([sides()[0], side(WEST, problem="no answer")])


def test_a_failover_that_did_not_end_is_gone_on_with_as_it_began():
    """The west was promoted, and nothing more: both write, as it looks."""
    both = sides(west=instance(WEST))
    assert "one cell writes" in refused(both)
    mine = begun(WEST, EAST, unfenced=EAST, secrets=["app"], secret_ids={"app": "east-app"})
    told = decided(both, journals={EAST: None, WEST: mine})
    assert (told["act"], told["mode"], told["unfenced"], told["journal"]) == (
        decision.FAIL_OVER,
        "unplanned",
        EAST,
        mine,
    )
    assert (told["secrets"], told["secret_ids"]) == (["app"], {"app": "east-app"})


def test_logins_are_fenced_once_where_nobody_reaches_the_database_any_more():
    found = {"main": {"lsn": "0/1", "roles": ["a"]}}
    done = {"step": "fence logins", "began": "1", "ended": "2", "detail": found}
    mine = begun(
        WEST, EAST, mode="planned", steps=[done, {"step": "fence network", "began": "2", "ended": "", "detail": {}}]
    )
    both = sides()
    assert decided(both, journals={EAST: None, WEST: mine})["logins"] == {}, "it is reached: they are fenced again"
    both[0].of("db_instance")["main"].attributes["security_groups"] = ["nobody"]
    assert decided(both, journals={EAST: None, WEST: mine})["logins"] == found
    assert decided(both)["logins"] == {}, "what another failover found is nothing to this one"


def test_what_was_begun_as_planned_may_go_on_as_unplanned():
    mine = begun(WEST, EAST, mode="planned")
    lost = [side(EAST, problem="no answer"), sides()[1]]
    assert "a planned failover needs both regions" in refused(lost, journals={WEST: mine})
    told = decided(lost, mode=decision.UNPLANNED, unfenced=EAST, journals={WEST: mine})
    assert (told["act"], told["mode"], told["unfenced"]) == (decision.FAIL_OVER, decision.UNPLANNED, EAST)


def test_a_failover_that_ended_is_over():
    ended = begun(WEST, EAST, ended="2026-12-01T00:01:00Z", result="done")
    assert decided(sides(), journals={EAST: None, WEST: ended})["journal"] is None


def test_a_failover_to_the_other_cell_is_called_off_before_its_promotion():
    theirs = begun(WEST, EAST)
    told = decided(sides(), to=EAST, journals={EAST: None, WEST: theirs})
    assert (told["act"], told["bucket"], told["bucket_region"]) == (decision.CALL_OFF, "west-logs", "region-west")


def test_nothing_is_called_off_once_aws_may_have_been_asked_to_promote():
    """For some seconds a replica that is being promoted looks like one: letting its former primary write again would make two."""
    theirs = begun(WEST, EAST, steps=[{"step": "promote", "began": "1", "ended": "", "detail": {}}])
    said = refused(sides(), to=EAST, journals={EAST: None, WEST: theirs})
    assert "has begun to promote and not ended; end it first: -e dr_failover_to=west" in said


def test_and_not_after_it():
    theirs = begun(WEST, EAST)
    both = sides(west=instance(WEST, since="2026-12-01T00:00:00Z"))
    assert "has not ended; end it first" in refused(both, to=EAST, journals={EAST: None, WEST: theirs})


def test_a_former_primary_is_no_standby():
    both = sides(west=instance(WEST, since="2026-12-01T00:00:00Z"))
    assert "it is no replica of west: it was promoted" in refused(both, to=EAST)


def test_a_killed_step_is_begun_again_beside_the_first():
    kept = {"pair": "shop", "began": "1", "ended": "", "steps": []}
    once = journal.with_step(kept, "fence", "2")
    twice = journal.with_step(journal.with_step(once, "fence", "3"), "fence", "4", {"roles": ["a"]})
    assert twice["steps"] == [
        {"step": "fence", "began": "2", "ended": "", "detail": {}},
        {"step": "fence", "began": "3", "ended": "4", "detail": {"roles": ["a"]}},
    ]
    assert kept["steps"] == [], "the journal before is left as it was"
    assert journal.unfinished(twice)
    assert not journal.unfinished(journal.ended(twice, "5"))


@pytest.mark.parametrize(
    ("last", "said"),
    [
        (None, "nobody kept a status"),
        (
            {"at": "2026-12-01T01:30:00+00:00", "ready": True, "standby": WEST, "checks": []},
            "west was ready, 1.5 h ago",
        ),
        (
            {
                "at": "2026-12-01T02:48:00+00:00",
                "ready": False,
                "standby": WEST,
                "checks": [{"cell": WEST, "what": "key data is usable", "detail": "Disabled", "result": "fail"}],
            },
            "west was NOT READY (west: key data is usable: Disabled), 12 min ago",
        ),
    ],
)
def test_what_was_known_of_a_lost_region_is_told_with_its_age(last, said):
    both = [side(EAST, problem="no answer"), sides()[1]]
    request = decision.Request(to=WEST, mode=decision.UNPLANNED, unfenced=EAST)
    told = decision.decide(found(both, {}, **OPTIONS), request, {WEST: None}, last)
    (known,) = [each for each in told["checks"] if "read last" in each["what"]]
    assert (known["result"], said in known["detail"]) == ("note", True), known
    assert not any("read last" in each["what"] for each in decided(sides())["checks"])
