"""What of a database's backups is kept: the last base backups, the log since the first of these, and what is in use."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from lab.machines.backups import BASES, LOG_MIB, SEGMENT_MIB, Backups
from lab.machines.plan import Plan
from lab.machines.util import write_json


@pytest.fixture
def backups(tmp_path: Path) -> Backups:
    """Those of one database, with nothing in them."""
    told: list[dict[str, object]] = []
    api = SimpleNamespace(post=lambda _path, data: told.append(data), told=told)
    made = Backups(SimpleNamespace(state=tmp_path, api=api))  # type: ignore[arg-type]
    (made.instance("db-A") / "wal").mkdir(parents=True)
    return made


def base(backups: Backups, path: Path, node: str, segment: int, timeline: int = 1) -> None:
    path.mkdir(parents=True)
    write_json(
        path.with_name(f"{path.name}.json"), {"node": node, "stop": segment, "wal": f"{timeline:08X}{segment:016X}"}
    )


def log(backups: Backups, *segments: int, timeline: int = 1) -> None:
    for segment in segments:
        (backups.instance("db-A") / "wal" / f"{timeline:08X}{segment:016X}").touch()


def test_a_base_backup_is_due_at_first_after_a_failover_and_after_much_log(backups: Backups) -> None:
    first = backups._due("db-A", "node-0")
    assert first == backups.instance("db-A") / "base" / "000001"
    base(backups, first, "node-0", 2)
    assert backups._due("db-A", "node-0") is None
    assert backups._due("db-A", "node-1") == first.with_name("000002")
    last = 2 + LOG_MIB // SEGMENT_MIB
    log(backups, *range(1, last))
    assert backups._due("db-A", "node-0") is None
    log(backups, last)
    assert backups._due("db-A", "node-0") == first.with_name("000002")


def test_the_oldest_backups_go_with_their_log(backups: Backups) -> None:
    for number in range(1, BASES + 3):
        base(backups, backups.instance("db-A") / "base" / f"{number:06}", "node-0", 10 * number, timeline=number)
        log(backups, 10 * number - 1, 10 * number, timeline=number)
    (backups.instance("db-A") / "wal" / "00000002.history").touch()
    with backups._using(backups.instance("db-A")):
        backups._prune("db-A")
        assert len(backups.bases("db-A")) == BASES + 2, "a restore is reading them"
    backups._prune("db-A")
    assert [each["stop"] for each in backups.bases("db-A")] == [30, 40, 50, 60]
    left = sorted(path.name for path in (backups.instance("db-A") / "wal").iterdir())
    assert left[:2] == ["00000002.history", f"{3:08X}{30:016X}"]


def test_what_the_api_has_no_more_goes_unless_it_is_read(backups: Backups, tmp_path: Path) -> None:
    for name in ("kept", "gone", "read"):
        backups.content(name).mkdir(parents=True)
    with backups._using(backups.content("read")):
        backups.follow(Plan(contents={"kept"}, kept={"db-A"}), {})
    assert {path.name for path in (tmp_path / "backups/snapshots").iterdir()} == {"kept", "read"}
    assert backups.instance("db-A").exists()
    backups.follow(Plan(), {})
    assert not backups.instance("db-A").exists()


def test_a_snapshot_of_what_is_not_there_has_failed(backups: Backups) -> None:
    pending = {"db-A": ["living"], "db-B": ["has a node"], "db-C": ["lost"], "db-D": ["made"]}
    backups.content("made").mkdir(parents=True)
    backups.follow(Plan(pending=pending, living={"db-A"}, contents={"made"}), {"rds-b-0": "db-B"})
    told = backups.lab.api.told  # type: ignore[attr-defined]
    assert told == [{"content": "lost", "failed": True}, {"content": "made", "failed": False}]
