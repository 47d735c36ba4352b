# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A table is dropped at a known second, under writes, and the database goes back to the second before."""

from __future__ import annotations

import ast
import calendar
import itertools
import time

import pytest

from tests.integration.recovery.pair import EAST, WEST, Pair
from tests.integration.recovery.test_failover import clients, held, nothing_differs

#: Where a run is killed: the last task of each step that changes something.
MOMENTS = (
    "copy | Restore it",
    "copy | Give it the administrator's present password",
    "fence_logins | Disable the logins",
    "exchange | Give the database another identifier",
    "exchange | Give the copy its identifier",
    "exchange | Take the former instance out of the cell",
    "exchange | Take the copy into the cell",
    "follow | Remove them",
    "keep | Stop it",
)


def dropped(pair: Pair) -> str:
    """Make a table of 1,000 rows and drop it in a later second; the second before."""
    pair.sql(EAST, "CREATE TABLE orders AS SELECT generate_series(1, 1000) AS number", secret="owner")
    now = int(ast.literal_eval(pair.sql(EAST, "SELECT extract(epoch FROM clock_timestamp())::bigint"))[0][0])
    second = now + 1
    time.sleep(max(0.0, second + 1.2 - time.time()))
    pair.sql(EAST, "DROP TABLE orders", secret="owner")
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second))


def given(at: str, *words: str) -> list[str]:
    known = ("-e", f"database_recovery_cell={EAST}", "-e", f"database_recovery_time={at}")
    return [*known, "-e", "database_recovery_authorities=/etc/ssl/authorities/rds.pem", *words]


def former_of(pair: Pair, at: str) -> str:
    return f"{EAST}-main-f{''.join(letter for letter in at if letter.isdigit())}"


def follows(pair: Pair) -> None:
    """The other region's replica has what the recovered database is given."""
    source = pair.database(WEST)["ReadReplicaSourceDBInstanceIdentifier"]
    assert source == pair.database(EAST)["DBInstanceArn"]
    pair.sql(EAST, "INSERT INTO numbers (number) VALUES (-7) ON CONFLICT DO NOTHING")
    pair.wait("the row at the replica", lambda: "-7" in pair.ask_alone(WEST, "SELECT number FROM numbers").split(), 30)


def recovered(pair: Pair, at: str) -> None:
    """The table is there again, the former instance is kept and stopped, and every plan is empty."""
    assert pair.sql(EAST, "SELECT count(*) FROM orders", secret="owner").strip() == "[(1000,)]"
    instances = {
        each["DBInstanceIdentifier"]: each for each in pair.client("rds", EAST).describe_db_instances()["DBInstances"]
    }
    former = instances[former_of(pair, at)]
    assert set(instances) == {f"{EAST}-main", former["DBInstanceIdentifier"]}
    pair.wait("the former instance to stop", lambda: state(pair, former["DBInstanceIdentifier"]) == "stopped")
    assert "terrace:cell" not in {tag["Key"] for tag in former["TagList"]}
    follows(pair)
    nothing_differs(pair)


def state(pair: Pair, name: str) -> str:
    found = pair.client("rds", EAST).describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]
    return str(found[0]["DBInstanceStatus"])


def ready(pair: Pair) -> None:
    """The first region writes and the second one follows."""
    if "ReadReplicaSourceDBInstanceIdentifier" not in pair.database(WEST):
        pair.must("dr_rebuild", *pair.rebuilding(WEST))


def test_a_table_that_was_dropped_is_back(pair: Pair) -> None:
    ready(pair)
    client = clients(pair)
    at = dropped(pair)
    told = " ".join(pair.must("recover_database", *given(at)).split())
    assert "shop, public.orders: 1,000 rows in the copy, not there now" in told
    assert "orders" not in pair.sql(EAST, "SELECT relname FROM pg_class WHERE relkind = 'r'"), "nothing was exchanged"
    before = max(client.acknowledged)
    told = " ".join(pair.must("recover_database", *given(at, "-e", "database_recovery_confirm=main")).split())
    assert f"{former_of(pair, at)} keeps what was written since then. It is stopped" in told
    later = len(client.acknowledged)
    pair.wait("an acknowledged write", lambda: len(client.acknowledged) > later + 20)
    wrote = client.end()
    times = sorted(wrote.values())
    pause = max(later - sooner for sooner, later in itertools.pairwise(times))
    print(f"\n{len(wrote)} acknowledged writes; the longest time between two of them, the exchange, was {pause:.1f} s")
    # Exactly what was acknowledged until the second began, and what was written to the copy itself.
    there, until = held(pair, EAST), calendar.timegm(time.strptime(at, "%Y-%m-%dT%H:%M:%SZ"))
    assert {number for number, when in wrote.items() if when < until} <= there
    assert not {number for number, when in wrote.items() if until + 0.5 < when and number <= before} & there
    recovered(pair, at)


@pytest.mark.slow
def test_killed_anywhere_it_is_gone_on_with(pair: Pair) -> None:
    ready(pair)
    for each in pair.client("rds", EAST).describe_db_instances()["DBInstances"]:
        if "-f20" in each["DBInstanceIdentifier"]:
            pair.client("rds", EAST).delete_db_instance(
                DBInstanceIdentifier=each["DBInstanceIdentifier"], SkipFinalSnapshot=True
            )
    pair.sql(EAST, "DROP TABLE IF EXISTS orders", secret="owner")
    at = dropped(pair)
    words = given(at, "-e", "database_recovery_confirm=main")
    for moment in MOMENTS:
        pair.killed_at(moment, "recover_database", *words)
    pair.must("recover_database", *words)
    recovered(pair, at)
