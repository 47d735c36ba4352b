# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SQL that finds what a promoted replica lacks, on two servers of this machine: odd names, keys, owners, transactions."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

FILES = Path(__file__).parents[3] / "roles/dr_rebuild/files"
FORMER, WRITER = 1, 2
SETTINGS = """
listen_addresses = ''
unix_socket_directories = '{0}'
fsync = off
shared_buffers = 16MB
track_commit_timestamp = on
"""
#: The administrator of RDS is no superuser, and PUBLIC may do nothing.
ROLES = """
CREATE ROLE terrace LOGIN CREATEDB CREATEROLE IN ROLE pg_monitor;
CREATE DATABASE shop OWNER terrace;
\\c shop terrace
CREATE ROLE application_owner LOGIN; CREATE ROLE stranger LOGIN;
GRANT CREATE ON DATABASE shop TO application_owner;
"""
TABLES = """
CREATE SCHEMA s; GRANT ALL ON SCHEMA s TO stranger;
CREATE TABLE s.numbers (number int PRIMARY KEY);
CREATE TABLE s.apart (id int PRIMARY KEY, tenant text);
ALTER TABLE s.apart ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON s.apart USING (tenant = current_setting('app.tenant', true));
CREATE TABLE s.keyless (a text, n int);
CREATE TABLE s."Odd ""name"" %s '; DROP" ("Key ""1"" a" text, "k%%2" timestamptz, v text, PRIMARY KEY ("Key ""1"" a", "k%%2"));
CREATE TABLE s.parts (id int, at date, v text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE s.parts_1 PARTITION OF s.parts FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE UNLOGGED TABLE s.cache (id int PRIMARY KEY);
CREATE TYPE s.mood AS ENUM ('sad', 'ok');
CREATE TABLE s.types (m s.mood, c char(5), b bytea, n numeric, f float8, row int, j jsonb, UNIQUE (m, c, b, n, f, row));
ALTER TABLE s.types ALTER m SET NOT NULL, ALTER c SET NOT NULL, ALTER b SET NOT NULL, ALTER n SET NOT NULL, ALTER f SET NOT NULL,
  ALTER row SET NOT NULL;
CREATE TABLE s.changed (id int PRIMARY KEY, v text);
CREATE TABLE s.migrated (id int PRIMARY KEY, v text, gone text);
CREATE TABLE s.dropped (id int PRIMARY KEY);
INSERT INTO s.keyless SELECT 'x', 1 FROM generate_series(1, 3);
INSERT INTO s.changed SELECT n, 'old' FROM generate_series(1, 10) AS n;
INSERT INTO s.migrated SELECT n, 'old', 'old' FROM generate_series(1, 10) AS n;
"""
#: Committed when nobody receives it any more; the rest of its time other transactions are replicated.
LATE = """
BEGIN; INSERT INTO s.numbers VALUES (2000); SAVEPOINT one; INSERT INTO s.numbers VALUES (2001); RELEASE one;
"""
RECEIVED = "INSERT INTO s.numbers VALUES ({0}); UPDATE s.changed SET v = 'received' WHERE id = {0}"
LOST = """
INSERT INTO s.numbers SELECT generate_series(3001, 3012);
UPDATE s.changed SET v = 'lost' WHERE id = 1;
UPDATE s.changed SET v = 'given again' WHERE id = 2;
DELETE FROM s.changed WHERE id = 3;
INSERT INTO s.changed VALUES (101, 'lost');
SET app.tenant = 'a';
INSERT INTO s.apart VALUES (11, 'a'), (12, 'a');
INSERT INTO s.keyless VALUES ('x', 1), ('x', 1), ('y', 2);
INSERT INTO s."Odd ""name"" %s '; DROP" VALUES (E'it''s "\\\\ %s {{ x }}', '2026-01-01 00:00:00.123456+02', 'v');
INSERT INTO s.parts VALUES (1, '2026-01-05', 'lost'), (2, '2026-01-06', 'given again');
INSERT INTO s.cache VALUES (1);
INSERT INTO s.types VALUES ('sad', 'b', '\\xbeef', 1.50, 'NaN', 7, '{"a": 1}');
CREATE TABLE s.made (id int PRIMARY KEY); INSERT INTO s.made VALUES (1), (2);
UPDATE s.migrated SET v = 'lost' WHERE id = 1;
UPDATE s.migrated SET gone = 'new' WHERE id = 2;
INSERT INTO s.dropped VALUES (1);
BEGIN; INSERT INTO s.numbers VALUES (9999); ROLLBACK;
VACUUM FREEZE s.numbers;
"""
#: What the application does after the failover.
LATER = """
INSERT INTO s.numbers SELECT generate_series(5001, 5100);
DELETE FROM s.numbers WHERE number = 5;
UPDATE s.changed SET v = 'later' WHERE id = 6;
UPDATE s.changed SET v = 'given again' WHERE id = 2;
INSERT INTO s.parts VALUES (2, '2026-01-06', 'given again');
ALTER TABLE s.migrated DROP COLUMN gone; ALTER TABLE s.migrated ADD COLUMN more int DEFAULT 5;
DROP TABLE s.dropped;
"""
MISSING = {
    ("numbers", str(number), "absent") for number in (2000, 2001, *range(3001, 3013))
} | {
    ("changed", "1", "differs"), ("changed", "101", "absent"), ("apart", "11", "absent"), ("apart", "12", "absent"),
    ("keyless", "(0,4)", "absent"), ("keyless", "(0,5)", "absent"), ("keyless", "(0,6)", "absent"),
    ("Odd \"name\" %s '; DROP", "it's \"\\ %s {{ x }} 2025-12-31 22:00:00.123456+00", "absent"),
    ("parts_1", "1 2026-01-05", "absent"), ("types", "sad b \\xbeef 1.50 NaN 7", "absent"), ("made", "1", "absent"),
    ("made", "2", "absent"), ("migrated", "1", "differs"), ("dropped", "1", "absent"), ("foreign", "5", "absent"),
}  # fmt: skip


class Servers:
    """A primary and its standby, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.user = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}

    def run(self, *words: str, text: str = "") -> str:
        done = subprocess.run(
            words, cwd=self.folder, input=text, capture_output=True, text=True, timeout=60, check=False, **self.user
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def words(self, server: int, user: str, database: str) -> list[str]:
        port = str(55430 + server)
        return [
            "psql",
            "-XqAt",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            str(self.folder),
            "-p",
            port,
            "-U",
            user,
            "-d",
            database,
        ]

    def sql(self, server: int, text: str, user: str = "terrace", database: str = "shop") -> str:
        return self.run(*self.words(server, user, database), text=text)

    def begin(self) -> None:
        self.run("initdb", "-D", "one", "-U", "rdsadmin", "-A", "trust", "-N")
        with (self.folder / "one/postgresql.conf").open("a") as conf:
            conf.write(SETTINGS.format(self.folder) + f"port = {55430 + FORMER}\n")
        self.run("pg_ctl", "-D", "one", "-l", "one.log", "-w", "start")
        self.run(
            "pg_basebackup",
            "-h",
            str(self.folder),
            "-p",
            str(55430 + FORMER),
            "-U",
            "rdsadmin",
            "-D",
            "two",
            "-R",
            "-c",
            "fast",
        )
        with (self.folder / "two/postgresql.conf").open("a") as conf:
            conf.write(f"port = {55430 + WRITER}\n")
        self.run("pg_ctl", "-D", "two", "-l", "two.log", "-w", "start")

    def end(self) -> None:
        for server in ("one", "two"):
            if (self.folder / server / "postmaster.pid").exists():
                self.run("pg_ctl", "-D", server, "-m", "immediate", "stop")

    def received(self) -> None:
        """Wait until the standby has what the primary wrote."""
        until = time.monotonic() + 20
        position = self.sql(FORMER, "SELECT pg_current_wal_lsn()")
        while self.sql(WRITER, f"SELECT pg_last_wal_replay_lsn() >= '{position}'", "rdsadmin", "postgres") != "t":
            assert time.monotonic() < until
            time.sleep(0.1)

    def asked(self, server: int, file: str, asked: Any) -> list[dict[str, Any]]:
        """What a file says, as tasks of the role ask it."""
        literal = json.dumps(asked).replace("'", "''")
        text = (FILES / file).read_text().rstrip()
        parts = [
            "BEGIN",
            f"SET terrace.asked = '{literal}'",
            text,
            "SELECT current_setting('terrace.found')",
            "COMMIT;",
        ]
        return list(json.loads(self.sql(server, ";\n".join(parts))))

    def told(self, server: int, file: str, **given: str) -> str:
        """What a file says, with arguments."""
        text = (FILES / file).read_text()
        for name, value in given.items():
            text = text.replace(f"%({name})s", "'" + value + "'")
        return self.sql(server, text, database="shop")


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    if not all(shutil.which(name) for name in ("initdb", "pg_ctl", "pg_basebackup", "psql")):
        pytest.skip("PostgreSQL is not on this machine")
    if os.geteuid() == 0 and "postgres" not in {each.pw_name for each in pwd.getpwall()}:
        pytest.skip("PostgreSQL does not run as root")
    # A socket's path is short.
    with tempfile.TemporaryDirectory(prefix="terrace-missing-", dir="/tmp") as folder:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        made = Servers(Path(folder))
        try:
            made.begin()
            yield made
        finally:
            made.end()


@pytest.fixture(scope="module")
def snapshot(servers: Servers) -> str:
    """The standby's snapshot when it was cut off; it writes since then, and so did the former primary."""
    servers.sql(FORMER, ROLES, "rdsadmin", "postgres")
    servers.sql(FORMER, TABLES, "application_owner")
    servers.sql(FORMER, "CREATE TABLE s.foreign (id int PRIMARY KEY)", "stranger")
    late = subprocess.Popen(
        servers.words(FORMER, "application_owner", "shop"),
        cwd=servers.folder,
        stdin=subprocess.PIPE,
        text=True,
        **servers.user,
    )
    late.stdin.write(LATE)
    late.stdin.flush()
    time.sleep(0.5)
    for number in (5, 6):
        servers.sql(FORMER, RECEIVED.format(number), "application_owner")
    servers.received()
    servers.sql(WRITER, "ALTER SYSTEM SET primary_conninfo = ''", "rdsadmin", "postgres")
    servers.sql(WRITER, "SELECT pg_reload_conf()", "rdsadmin", "postgres")
    time.sleep(1)
    noted = servers.sql(WRITER, "SELECT pg_current_snapshot()::text", "rdsadmin", "postgres")
    late.stdin.write("COMMIT;")
    late.stdin.close()
    assert late.wait(20) == 0
    servers.sql(FORMER, LOST, "application_owner")
    servers.sql(FORMER, "INSERT INTO s.foreign VALUES (5)", "stranger")
    servers.sql(WRITER, "SELECT pg_promote()", "rdsadmin", "postgres")
    servers.sql(WRITER, LATER, "application_owner")
    return noted


@pytest.fixture(scope="module")
def asked(servers: Servers, snapshot: str) -> dict[str, Any]:
    xmin, xmax, between = snapshot.split(":")
    assert between == "", "a standby does not tell which transactions run"
    numbers = json.loads(servers.told(WRITER, "uncommitted.sql", xmin=xmin, xmax=xmax))
    assert numbers == [int(xmin), int(xmin) + 1], "the late one, and the one in it"
    return {"xmax": xmax, "uncommitted": numbers, "schemas": json.loads(servers.told(WRITER, "columns.sql"))}


def missing(servers: Servers, rows: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    made = set()
    for mine, theirs in zip(rows, servers.asked(WRITER, "look_up.sql", rows), strict=True):
        assert (mine["problem"], theirs["problem"]) == ("", "")
        for number, how in theirs["missing"]:
            key, _digest, _nth, committed, place = mine["rows"][number - 1]
            assert committed
            made.add((mine["table"], " ".join(key) if key else place, how))
    return made


def test_transactions_are_counted(servers: Servers, asked: dict[str, Any]) -> None:
    given = {"xmax": asked["xmax"], "uncommitted": json.dumps(asked["uncommitted"]), "fenced_at": ""}
    transactions, prepared, log, databases, closed = servers.told(FORMER, "former.sql", **given).split("|")
    # Those of LOST that committed, the stranger's, the late one with the one in it; the service may have had some of its own.
    assert 19 <= int(transactions) <= 24
    assert (prepared, log, databases, closed) == ("0", "", "{postgres,shop}", "{}")
    position = servers.sql(FORMER, "SELECT pg_current_wal_lsn()")
    assert servers.told(FORMER, "former.sql", **{**given, "fenced_at": position}).split("|")[2] == "0"


def test_each_row_that_was_lost_is_found_and_no_other(servers: Servers, asked: dict[str, Any]) -> None:
    counts = servers.asked(FORMER, "written_since.sql", asked)
    assert [each["table"] for each in counts if each.get("passed_over")] == ["cache"]
    assert {each["problem"] for each in counts} == {""}
    slices = [{"schema": "s", "table": each["table"], "skip": 0, "size": 100} for each in counts if each["count"]]
    rows = servers.asked(FORMER, "written_since.sql", {**asked, "slices": slices})
    counted = {each["table"]: each["count"] for each in counts if each["count"]}
    assert {each["table"]: len(each["rows"]) for each in rows} == counted
    assert missing(servers, rows) == MISSING


def test_rows_are_read_in_slices(servers: Servers, asked: dict[str, Any]) -> None:
    found = set()
    for table in ("numbers", "keyless"):
        for skip in range(0, 15, 2):
            wanted = {"schema": "s", "table": table, "skip": skip, "size": 2}
            found |= missing(servers, servers.asked(FORMER, "written_since.sql", {**asked, "slices": [wanted]}))
    assert found == {each for each in MISSING if each[0] in ("numbers", "keyless")}


def test_what_reading_takes_is_rolled_back(servers: Servers, asked: dict[str, Any]) -> None:
    for server in (FORMER, WRITER):
        forced = "SELECT relforcerowsecurity FROM pg_class WHERE relname = 'apart'"
        assert servers.sql(server, forced) == "t"
        granted = (
            "SELECT count(*) FROM pg_auth_members WHERE member = 'terrace'::regrole"
            " AND roleid IN ('application_owner'::regrole, 'stranger'::regrole)"
        )
        own = "SELECT CASE WHEN current_setting('server_version_num')::int < 160000 THEN 0 ELSE 2 END"
        assert servers.sql(server, granted) == servers.sql(server, own), "who makes a role may pass it on, from 16 on"
