# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""dr_failover.yml under a write load, with PostgreSQL that streams from one region to another."""

from __future__ import annotations

import ast
import json
import time

from tests.integration.recovery.pair import EAST, WEST, Pair


def held(pair: Pair, cell: str) -> set[int]:
    """The numbers that a cell's database has."""
    return {number for (number,) in ast.literal_eval(pair.sql(cell, "SELECT number FROM numbers"))}


def test_a_switchover_loses_nothing(pair: Pair) -> None:
    pair.begin_writing(EAST, "first")
    time.sleep(2)
    status, told = pair.fail_over(WEST)
    assert status == 0, told[-6000:]
    said = pair.written(EAST, "first")
    acknowledged = {number for _at, number, word in said if word == "ok"}
    assert len(acknowledged) > 50
    assert acknowledged <= held(pair, WEST), "an acknowledged write is lost"
    (kept,) = (pair.folder / "recovery/shop").glob("*.json")
    journal = json.loads(kept.read_text())
    assert [each["step"] for each in journal["steps"]] == ["fence", "replay", "promote", "let in", "secrets", "stop"]
    fence = journal["steps"][0]["detail"]["logins"]["main"]
    assert set(fence["roles"]) == {"application_owner", "application_a"}, "only who could sign in before"
    fenced_at = max(at for at, _number, word in said if word == "ok")
    assert not [number for at, number, word in said if word == "ok" and at > fenced_at]
    assert said[-1][2] != "ok", "the former primary still takes writes"
    pair.sql(WEST, "INSERT INTO numbers (number) VALUES (1000000)")
