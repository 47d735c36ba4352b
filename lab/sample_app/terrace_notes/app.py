# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The web application."""

from __future__ import annotations

import atexit
import contextlib
import json
import socket
from importlib import metadata
from typing import Any

import psycopg
import redis
from flask import Flask, Response, abort, jsonify, request
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool, PoolTimeout
from werkzeug.exceptions import HTTPException

from terrace_notes import migrate, settings

#: Seconds a note stays in Redis.
KEPT = 60
#: Characters a note may have.
LONGEST = 10_000


def create_app() -> Flask:
    """The application; raises SettingsError when the environment lacks something."""
    settings.check()
    app = Flask("terrace_notes")
    version = metadata.version("terrace-notes")
    # Connections that a failover or a changed password broke are noticed before a request gets them.
    pool = ConnectionPool(
        kwargs={**settings.database(), "row_factory": dict_row},
        min_size=1,
        max_size=4,
        timeout=5,
        max_lifetime=600,
        check=ConnectionPool.check_connection,
        open=True,
    )
    # Its threads would otherwise hold up a worker that is told to stop.
    atexit.register(pool.close)
    cache = redis.Redis(**settings.redis())

    @app.errorhandler(HTTPException)
    def as_json(error: HTTPException) -> tuple[Response, int]:
        return jsonify(error=error.description), error.code or 500

    @app.errorhandler(psycopg.OperationalError)
    @app.errorhandler(PoolTimeout)
    def unavailable(error: Exception) -> tuple[Response, int]:
        app.logger.error("database: %s", error)
        return jsonify(error="the database does not answer"), 503

    @app.post("/notes")
    def add() -> tuple[Response, int]:
        body = request.get_json()
        text = body.get("text") if isinstance(body, dict) else None
        if not isinstance(text, str) or not 0 < len(text) <= LONGEST:
            abort(400, f"text must be a string of 1 to {LONGEST} characters")
        with pool.connection() as connection:
            row = connection.execute("INSERT INTO notes (text) VALUES (%s) RETURNING *", [text]).fetchone()
        return jsonify(_note(row)), 201

    @app.get("/notes")
    def newest() -> Response:
        with pool.connection() as connection:
            rows = connection.execute("SELECT * FROM notes ORDER BY id DESC LIMIT 50").fetchall()
        return jsonify(notes=[_note(row) for row in rows])

    @app.get("/notes/<int:number>")
    def one(number: int) -> Response:
        # Redis makes it quicker; without it the rows are still there.
        with contextlib.suppress(redis.RedisError):
            kept = cache.get(f"note:{number}")
            if kept:
                return Response(kept, mimetype="application/json", headers={"X-Cache": "hit"})
        with pool.connection() as connection:
            row = connection.execute("SELECT * FROM notes WHERE id = %s", [number]).fetchone()
        if row is None:
            abort(404, f"there is no note {number}")
        text = json.dumps(_note(row))
        with contextlib.suppress(redis.RedisError):
            cache.set(f"note:{number}", text, ex=KEPT)
        return Response(text, mimetype="application/json", headers={"X-Cache": "miss"})

    @app.get("/healthz")
    def alive() -> Response:
        return jsonify(status="ok")

    @app.get("/health")
    def health() -> tuple[Response, int]:
        found = {"database": _database(pool), "redis": _redis(cache)}
        return jsonify(version=version, **found), 200 if set(found.values()) == {"ok"} else 503

    @app.get("/version")
    def told() -> Response:
        return jsonify(version=version, host=socket.gethostname())

    return app


def _note(row: dict[str, Any] | None) -> dict[str, Any]:
    """A row as JSON shows it."""
    assert row is not None
    return {"id": row["id"], "text": row["text"], "created": row["created"].isoformat()}


def _database(pool: ConnectionPool) -> str:
    """`ok`, or why not."""
    try:
        with pool.connection(timeout=3) as connection:
            missing = migrate.missing(connection)
    except (psycopg.Error, PoolTimeout) as error:
        return f"{type(error).__name__}: {error}"
    return f"migrations are missing: {', '.join(missing)}" if missing else "ok"


def _redis(cache: redis.Redis) -> str:
    """`ok`, or why not."""
    try:
        cache.ping()
    except redis.RedisError as error:
        return f"{type(error).__name__}: {error}"
    return "ok"
