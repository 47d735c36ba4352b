"""dr_failover.yml on the API: what is refused before anything is touched, what is done to databases, secrets and groups."""

from __future__ import annotations

import json
import os
import typing as t

import pytest
import yaml

from tests.integration.three_tier.conftest import ROOT
from tests.integration.three_tier.pairs import (
    EAST,
    PAIR,
    REGIONS,
    WEST,
    instance,
    lag,
    nothing_differs,
    on_cells,
    says_it_writes,
    secret,
    status,
)


@pytest.fixture(scope="module")
def pair(api, cells) -> dict[str, t.Any]:
    cells.play("site", PAIR).ok()
    lag(api, 1, minutes_ago=3)
    return PAIR


@pytest.fixture
def fail_over(cells, pair, tmp_path):
    """Run dr_failover.yml to a cell; the run, and what it said on one line."""

    def run(to: str, *words: str, mode: str = "unplanned", confirm: bool = True, inventory=pair):
        wanted = {"to": to, "mode": mode, "directory": str(tmp_path), **({"confirm": to} if confirm else {})}
        given = [word for name, value in wanted.items() for word in ("-e", f"dr_failover_{name}={value}")]
        done = cells.play("dr_failover", inventory, *given, *words)
        return done, " ".join(done.output.split())

    return run


def groups(api, cell: str) -> list[str]:
    """The names of the security groups an instance is in."""
    ids = [each["VpcSecurityGroupId"] for each in instance(api, cell)["VpcSecurityGroups"]]
    found = api.client("ec2", REGIONS[cell]).describe_security_groups(GroupIds=ids)["SecurityGroups"]
    return [each["GroupName"] for each in found]


def journals(api, cell: str) -> list[dict[str, t.Any]]:
    """The journals in a cell's bucket, the newest last."""
    s3 = api.client("s3", REGIONS[cell])
    bucket = next(each["Name"] for each in s3.list_buckets()["Buckets"] if each["Name"].startswith(f"{cell}-journal"))
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket, Prefix="recovery/shop/").get("Contents", [])]
    return [
        json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read()) for key in sorted(keys) if key.endswith("json")
    ]


def untouched(api) -> bool:
    """Whether the west still follows the east, whose database is reached."""
    return bool(instance(api, WEST).get("ReadReplicaSourceDBInstanceIdentifier")) and groups(api, EAST) == [
        f"{EAST}-database"
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "name the cell that is to write once more: -e dr_failover_confirm=pair-usw2"),
        (["-e", f"dr_failover_confirm={EAST}"], f"dr_failover_confirm is {EAST}"),
        (
            ["-e", f"dr_failover_confirm={WEST}", "-e", "dr_failover_mode=planned"],
            "it cannot be seen that nothing is lost",
        ),
        (["-e", f"dr_failover_confirm={WEST}", "--limit", WEST], f"{EAST} can be read and is not part of this run"),
        (["-e", f"dr_failover_confirm={WEST}", "-e", f"dr_failover_unfenced={WEST}"], f"would not be fenced is {EAST}"),
        (["-e", "dr_failover_pair=shp"], "recovery_pairs has no pair shp"),
    ],
)
def test_what_is_not_clear_is_refused(api, fail_over, words, said):
    run, told = fail_over(WEST, *words, confirm=False)
    assert (run.status, said in told) == (2, True), run.output
    assert "Nothing was changed" in told or "nothing was changed" in told
    assert untouched(api)
    assert journals(api, WEST) == []


def test_a_standby_that_is_not_ready_is_refused(api, cells, pair, fail_over):
    lag(api, 5000, minutes_ago=2)
    run, told = fail_over(WEST)
    assert (run.status, "lags less than the recovery point: 5000 s of 900 s (fail)" in told) == (2, True), run.output
    without = {
        name: {**each, "recovery_pairs": {"shop": {"cells": [EAST, WEST], "clients": ""}}}
        for name, each in pair.items()
    }
    run, told = fail_over(WEST, inventory=without)
    assert run.status == 2
    assert "recovery_pairs.shop.journal_bucket: missing" in told
    assert "recovery_pairs.shop.fence_group: missing" in told
    assert untouched(api)


def test_a_status_is_kept_in_both_regions(api, cells, pair):
    cells.play("dr_status", pair, "-e", "dr_status_keep=true")
    for cell, region in REGIONS.items():
        kept = api.client("s3", region).get_object(
            Bucket=f"{cell}-journal-123456789012", Key="recovery/shop.status.json"
        )
        told = json.loads(kept["Body"].read())
        assert (told["pair"], told["primary"], told["standby"]) == ("shop", EAST, WEST)
    assert journals(api, WEST) == []


def test_a_rehearsal_says_what_would_be_done(api, fail_over):
    lag(api, 1)
    run, told = fail_over(WEST, "--check")
    assert run.status == 0, run.output
    assert f"shop: unplanned failover from {EAST} to {WEST}" in told
    assert told.index("fence main") < told.index("promote main") < told.index("stop main")
    assert untouched(api)


def test_a_failover_is_killed_behind_its_fence(api, cells, pair, tmp_path):
    wanted = {"to": WEST, "confirm": WEST, "mode": "unplanned", "directory": str(tmp_path)}
    given = [word for name, value in wanted.items() for word in ("-e", f"dr_failover_{name}={value}")]
    with cells.operator.started("dr_failover", *given, inventory=cells.inventory(pair)) as run:
        run.until(lambda: groups(api, EAST) == [f"{EAST}-nobody"])
    (journal,) = journals(api, WEST)
    assert [each["step"] for each in journal["steps"]][:2] == ["fence logins", "fence network"]
    assert journal["ended"] == ""
    assert instance(api, WEST)["ReadReplicaSourceDBInstanceIdentifier"]


def test_a_failover_is_called_off(api, cells, pair, fail_over):
    run, told = fail_over(EAST)
    assert run.status == 0, run.output
    assert f"the failover to {WEST} was called off; {EAST} writes" in told
    assert untouched(api)
    assert [each["result"] for each in journals(api, WEST)] == ["called off"]
    nothing_differs(cells, pair)


def test_the_second_region_takes_over(api, cells, pair, fail_over, tmp_path):
    before = secret(api, EAST)["value"]
    # As after a failback, or one that was killed before it had this removed.
    api.client("s3", "us-east-1").put_object(Bucket=f"{EAST}-traffic-123456789012", Key="writer", Body=b"")
    run, _told = fail_over(WEST)
    assert run.status == 0, run.output
    promoted = instance(api, WEST)
    assert "ReadReplicaSourceDBInstanceIdentifier" not in promoted
    assert promoted["BackupRetentionPeriod"] == 3, "not the day that AWS gives"
    assert "terrace:writer-since" in {tag["Key"] for tag in promoted["TagList"]}
    assert groups(api, EAST) == [f"{EAST}-nobody"]
    status(api, EAST, "stopped")
    own = secret(api, WEST)
    assert (own.get("PrimaryRegion"), own["value"]) in ((None, before), ("us-west-2", before))
    assert "terrace:writer-since" in {tag["Key"] for tag in own["Tags"]}
    journal = journals(api, WEST)[-1]
    assert [each["step"] for each in journal["steps"]] == [
        "fence logins",
        "fence network",
        "promote",
        "secrets",
        "traffic",
        "stop",
    ]
    assert (says_it_writes(api, WEST), says_it_writes(api, EAST)) == (True, False)
    assert all(each["began"] <= each["ended"] for each in journal["steps"])
    assert journal["result"] == "done"
    (page,) = tmp_path.glob("shop/*.html")
    assert "<svg" in page.read_text()
    assert json.loads(page.with_suffix(".json").read_text()) == journal
    nothing_differs(cells, pair)


def test_the_same_once_more_does_nothing(api, fail_over):
    api.reset_calls()
    run, told = fail_over(WEST)
    assert (run.status, f"{WEST} writes already" in told) == (0, True), run.output
    assert not {"rds:ModifyDBInstance", "rds:PromoteReadReplica", "s3:PutObject"} & set(
        api.calls()["writes_by_operation"]
    )


def test_a_former_primary_is_not_configured(cells, pair, tmp_path):
    """Nobody reaches it: whoever tried to would wait for minutes."""
    (tmp_path / "find.yml").write_text(yaml.safe_dump([on_cells("find_database")]))
    run = cells.play(
        os.path.relpath(tmp_path / "find", ROOT / "playbooks"), pair, "-e", json.dumps({"database_content_secrets": {}})
    ).ok()
    said = " ".join(run.output.split())
    assert f"{EAST}: passed over; its database wrote before {WEST}/main, and is to be rebuilt by dr_rebuild.yml" in said
    assert f"{WEST}: passed over" not in said


def test_the_way_back_needs_a_replica(api, fail_over):
    """The former primary follows nothing: failing over to it would lose what was written since."""
    run, told = fail_over(EAST)
    assert (run.status, "it is no replica" in told) == (2, True), run.output
    assert "ReadReplicaSourceDBInstanceIdentifier" not in instance(api, WEST)


def test_a_former_primary_is_not_removed_before_it_was_compared(api, cells, pair):
    """No machine reaches the databases of this pair, and nothing was read from PostgreSQL when the west took over."""
    given = ("-e", f"dr_rebuild_cell={EAST}", "-e", f"dr_rebuild_confirm={EAST}")
    run = cells.play("dr_rebuild", pair, *given)
    told = " ".join(run.output.split())
    assert (run.status, "recovery_pairs has no clients" in told) == (2, True), run.output
    assert "-e dr_rebuild_compare=false; the final snapshots keep it" in told
    assert instance(api, EAST)["DBInstanceStatus"] == "stopped"


def test_a_cell_of_another_pair_is_not_rebuilt(api, cells, pair):
    run = cells.play(
        "dr_rebuild",
        pair,
        "-e",
        f"dr_rebuild_cell={EAST}",
        "-e",
        f"dr_rebuild_confirm={EAST}",
        "-e",
        "dr_rebuild_pair=shp",
    )
    assert (run.status, f"{EAST} is no cell of the pair shp" in " ".join(run.output.split())) == (2, True), run.output
    assert "ReadReplicaSourceDBInstanceIdentifier" not in instance(api, EAST)


def test_a_former_primary_has_not_said_that_it_follows(cells, pair):
    run = cells.play("dr_status", pair)
    assert "FAIL pair-use1 the standby has said that it follows" in " ".join(run.output.split()), run.output


def test_a_rebuild_takes_back_what_a_lost_region_still_says(api, cells, pair):
    """Nobody could remove it while the region was lost, and clients would be led there."""
    api.client("s3", "us-east-1").put_object(Bucket=f"{EAST}-traffic-123456789012", Key="writer", Body=b"")
    run = cells.play("dr_status", pair)
    assert "says that it writes" in " ".join(run.output.split()), run.output
    given = ("-e", f"dr_rebuild_cell={EAST}", "-e", f"dr_rebuild_confirm={EAST}", "-e", "dr_rebuild_compare=false")
    cells.play("dr_rebuild", pair, *given).ok()
    assert (says_it_writes(api, WEST), says_it_writes(api, EAST)) == (True, False)
    assert instance(api, EAST)["ReadReplicaSourceDBInstanceIdentifier"] == instance(api, WEST)["DBInstanceArn"]
    run = cells.play("dr_status", pair)
    assert "ok pair-use1 the standby has said that it follows" in " ".join(run.output.split()), run.output


def test_clients_are_led_again_where_somebody_removed_what_leads_them(api, cells, pair, fail_over):
    api.client("s3", "us-west-2").delete_object(Bucket=f"{WEST}-traffic-123456789012", Key="writer")
    run = cells.play("dr_failover", pair, "-e", f"dr_failover_to={WEST}")
    told = " ".join(run.output.split())
    assert (run.status, f"it does not say so in {WEST}-traffic-123456789012" in told) == (2, True), run.output
    assert not says_it_writes(api, WEST), "nothing without the approval"
    run, told = fail_over(WEST)
    assert (run.status, says_it_writes(api, WEST), says_it_writes(api, EAST)) == (0, True, False), run.output
    said = " ".join(cells.play("dr_status", pair).output.split())
    assert "ok pair-use1 the standby has said that it follows" in said
    run, told = fail_over(WEST)
    assert (run.status, "there is nothing to do" in told) == (0, True), run.output
