# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SQL that reads checksums of tables, on a server of this machine and a standby that becomes its copy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.terrace.aws.plugins.plugin_utils.recovery import checksums
from tests.integration.recovery.test_missing_writes import FORMER, ROLES, WRITER, Servers, servers

__all__ = ["servers"]
FILES = Path(__file__).parents[3] / "roles/backup_check/files"
LIVE, COPY = FORMER, WRITER
TABLES = """
CREATE SCHEMA s; GRANT ALL ON SCHEMA s TO stranger;
CREATE TABLE s.numbers (number int PRIMARY KEY, v text);
INSERT INTO s.numbers SELECT n, 'first' FROM generate_series(1, 20000) AS n;
ANALYZE s.numbers;
CREATE TABLE s.keyless (a text, n int); INSERT INTO s.keyless SELECT 'x', 1 FROM generate_series(1, 3);
CREATE TABLE s.empty (id int PRIMARY KEY);
CREATE TABLE s."Odd ""name"" %s '; DROP" ("Key ""1"" a" text PRIMARY KEY, v float8);
INSERT INTO s."Odd ""name"" %s '; DROP" VALUES (E'it''s \\\\', 0.1), ('b', 'NaN');
CREATE TABLE s.parts (id int, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE s.parts_1 PARTITION OF s.parts FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
INSERT INTO s.parts VALUES (1, '2026-01-05');
CREATE UNLOGGED TABLE s.cache (id int PRIMARY KEY);
CREATE MATERIALIZED VIEW s.sums AS SELECT count(*) FROM s.numbers;
CREATE MATERIALIZED VIEW s.none AS SELECT 1 WITH NO DATA;
CREATE TABLE s.apart (id int PRIMARY KEY, tenant text); INSERT INTO s.apart VALUES (1, 'a'), (2, 'b');
ALTER TABLE s.apart ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON s.apart USING (tenant = current_setting('app.tenant', true));
"""
EARLIER = """
UPDATE s.numbers SET v = 'second' WHERE number <= 3; INSERT INTO s.numbers VALUES (30000, 'new');
INSERT INTO s.keyless VALUES ('y', 2);
"""
LATER = "DELETE FROM s.numbers WHERE number = 4; INSERT INTO s.numbers VALUES (30001, 'newer')"


def asked(servers: Servers, server: int, sizes: Any = None, only: str = ", READ ONLY") -> dict[str, Any]:
    """What the file says, as tasks of the role ask it."""
    literal = json.dumps({"buckets": sizes or {}}).replace("'", "''")
    parts = [
        f"BEGIN ISOLATION LEVEL REPEATABLE READ{only}",
        f"SET terrace.asked = '{literal}'",
        (FILES / "checksums.sql").read_text().rstrip(),
        "SELECT current_setting('terrace.found')",
        "COMMIT;",
    ]
    return {"shop": json.loads(servers.sql(server, ";\n".join(parts)))}


@pytest.fixture(scope="module")
def read(servers: Servers) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """What the database held, before and after its standby became a copy of it, and what that one held then."""
    servers.sql(LIVE, ROLES, "rdsadmin", "postgres")
    servers.sql(LIVE, TABLES, "application_owner")
    servers.sql(LIVE, "CREATE TABLE s.foreign (id int PRIMARY KEY); INSERT INTO s.foreign VALUES (5)", "stranger")
    # As the role database_content has it.
    servers.sql(LIVE, "GRANT application_owner TO terrace")
    before = asked(servers, LIVE)
    servers.sql(LIVE, EARLIER, "application_owner")
    servers.received()
    servers.sql(COPY, "SELECT pg_promote()", "rdsadmin", "postgres")
    servers.sql(LIVE, LATER, "application_owner")
    after = asked(servers, LIVE, checksums.sizes(before["shop"]))
    return before, after, asked(servers, COPY, checksums.sizes(before["shop"]), "")


def test_the_live_database_is_read_without_writing(read):
    before, _after, _copy = read
    found = {each["table"]: each for each in before["shop"]}
    assert {name: each["passed_over"] != "" for name, each in found.items() if each["passed_over"]} == {
        "cache": True,
        "none": True,
    }
    problems = {name: each["problem"] for name, each in found.items() if each["problem"]}
    assert set(problems) == {"apart", "foreign"}
    assert "row-level security" in problems["apart"]
    assert checksums.rows(found["numbers"]) == 20000
    assert (found["numbers"]["size"], found["keyless"]["size"]) == (200, 64)
    assert "parts" not in found
    assert checksums.rows(found["parts_1"]) == 1


def test_every_table_of_a_copy_is_read_and_nothing_of_that_stays(servers: Servers, read):
    assert {each["problem"] for each in read[2]["shop"]} == {""}
    rows = {each["table"]: checksums.rows(each) for each in read[2]["shop"]}
    assert (rows["apart"], rows["foreign"], rows["numbers"], rows["sums"]) == (2, 1, 20001, 1)
    assert servers.sql(COPY, "SELECT relforcerowsecurity FROM pg_class WHERE relname = 'apart'") == "t"


def test_what_did_not_change_is_the_same_in_the_copy(read):
    found = {each["table"]: each for each in checksums.compared(*read)}
    assert {each["result"] for name, each in found.items() if name not in ("shop.s.apart", "shop.s.foreign")} == {
        "same"
    }
    numbers = found["shop.s.numbers"]
    # Six keys changed, in at most as many of 200 buckets.
    assert 0 < numbers["changed"] <= 6
    assert 19000 < numbers["compared"] < 20000
    assert (found["shop.s.keyless"]["compared"], found["shop.s.keyless"]["changed"]) == (3, 1)


def test_a_row_that_is_lost_or_differs_is_found(servers: Servers, read):
    before, after, _copy = read
    servers.sql(COPY, "UPDATE s.numbers SET v = 'wrong' WHERE number = 10000; DROP TABLE s.empty", "application_owner")
    copy = asked(servers, COPY, checksums.sizes(before["shop"]), "")
    found = {each["table"]: each["result"] for each in checksums.compared(before, after, copy)}
    assert (found["shop.s.numbers"], found["shop.s.empty"], found["shop.s.parts_1"]) == ("differs", "missing", "same")
