# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings, from the environment alone."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

#: What must be set; a process without it says so and does not start.
REQUIRED = ("DATABASE_HOST", "DATABASE_NAME", "DATABASE_USER", "DATABASE_PASSWORD", "REDIS_HOST")
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"


class SettingsError(RuntimeError):
    """The environment lacks something; the message names it, never a value."""


def check(environment: Mapping[str, str] = os.environ, names: tuple[str, ...] = REQUIRED) -> None:
    """Raise SettingsError naming every variable that is not set."""
    missing = [name for name in names if not environment.get(name)]
    if missing:
        raise SettingsError(f"not set in the environment: {', '.join(missing)}")


def database(environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """What psycopg.connect is called with."""
    return {
        "host": environment["DATABASE_HOST"],
        "port": int(environment.get("DATABASE_PORT") or 5432),
        "dbname": environment["DATABASE_NAME"],
        "user": environment["DATABASE_USER"],
        "password": environment["DATABASE_PASSWORD"],
        "sslmode": environment.get("DATABASE_SSLMODE") or "verify-full",
        "sslrootcert": environment.get("DATABASE_SSLROOTCERT") or AUTHORITIES,
        "connect_timeout": 5,
        "application_name": "terrace-notes",
    }


def redis(environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """What redis.Redis is called with."""
    secure = (environment.get("REDIS_TLS") or "true").lower() == "true"
    trust = {"ssl_ca_certs": environment.get("REDIS_SSLROOTCERT") or AUTHORITIES} if secure else {}
    return {
        "host": environment["REDIS_HOST"],
        "port": int(environment.get("REDIS_PORT") or 6379),
        "password": environment.get("REDIS_PASSWORD") or None,
        "ssl": secure,
        "socket_timeout": 2,
        "socket_connect_timeout": 2,
        **trust,
    }
