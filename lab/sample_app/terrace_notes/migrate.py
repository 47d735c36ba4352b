# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`terrace-notes-migrate`: brings the tables to where this release wants them, each migration once and in order."""

from __future__ import annotations

import sys
from importlib import resources
from typing import Any

import psycopg
from psycopg.rows import dict_row

from terrace_notes import settings

#: Any number; two migrations at a time wait for each other on it.
LOCK = 728_461


def known() -> dict[str, str]:
    """The migrations of this release, `{name: SQL}` in order."""
    folder = resources.files("terrace_notes") / "migrations"
    return {each.name: each.read_text() for each in sorted(folder.iterdir(), key=lambda each: each.name)}


def missing(connection: psycopg.Connection[Any]) -> list[str]:
    """The names of the migrations the database lacks."""
    there = connection.execute("SELECT to_regclass('schema_migrations') AS there").fetchone()
    if there is None or there["there"] is None:
        return list(known())
    done = {row["name"] for row in connection.execute("SELECT name FROM schema_migrations")}
    return [name for name in known() if name not in done]


def main() -> int:
    """Run what is missing, each in a transaction of its own; status 1 and one line when that fails."""
    try:
        settings.check(names=("DATABASE_HOST", "DATABASE_NAME", "DATABASE_USER", "DATABASE_PASSWORD"))
        with psycopg.connect(**settings.database(), row_factory=dict_row, autocommit=True) as connection:
            connection.execute("SELECT pg_advisory_lock(%s)", [LOCK])
            connection.execute(
                "CREATE TABLE IF NOT EXISTS schema_migrations"
                " (name text PRIMARY KEY, done timestamptz NOT NULL DEFAULT now())"
            )
            for name in missing(connection):
                try:
                    with connection.transaction():
                        connection.execute(known()[name])
                        connection.execute("INSERT INTO schema_migrations (name) VALUES (%s)", [name])
                except psycopg.Error as error:
                    raise RuntimeError(f"migration {name}: {error}".strip()) from error
                print(f"done: {name}")
    except (psycopg.Error, RuntimeError) as error:
        print(f"terrace-notes-migrate: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
