# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of the database_content role: what is wrong with the variables, and grants one call each."""

from __future__ import annotations

import re
import typing as t

from ..plugin_utils import specs

TABLES = {"read": "SELECT", "write": "SELECT,INSERT,UPDATE,DELETE"}
SEQUENCES = {"read": "SELECT", "write": "USAGE,SELECT"}
#: A name PostgreSQL takes without quotes: what modules and hand-written SQL agree on.
NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")


def database_content_problems(
    roles: dict[str, t.Any], databases: dict[str, t.Any], passwords: dict[str, str]
) -> list[str]:
    """Everything that is wrong with the three variables; never a password."""
    found: list[str] = []
    for variable, entries, point in (("roles", roles, "role"), ("databases", databases, "database")):
        known = specs.entry_point("database_content", point)
        for name, entry in entries.items():
            where = f"database_content_{variable}.{name}"
            if not NAME.fullmatch(str(name)):
                found.append(f"{where}: a name is lower-case letters, digits and underscores, at most 63")
            if not isinstance(entry, dict):
                found.append(f"{where}: must be a dict of options, not {type(entry).__name__}")
            else:
                found += specs.unknown_options(known, entry, where)
    if found:
        return found
    for name, role in roles.items():
        if role.get("login") and not passwords.get(name):
            found.append(f"database_content_passwords.{name}: is missing; {name} signs in")
        found += [
            f"database_content_roles.{name}.member_of: there is no role {other} in database_content_roles"
            for other in role.get("member_of") or []
            if other not in roles
        ]
    for name, database in databases.items():
        where = f"database_content_databases.{name}"
        if database.get("owner") not in roles:
            found.append(f"{where}.owner: {database.get('owner') or 'nobody'} is not in database_content_roles")
        for role, what in (database.get("grants") or {}).items():
            if role not in roles or what not in TABLES:
                found.append(f"{where}.grants.{role}: must be a role of database_content_roles with read or write")
        for table, policy in (database.get("row_security") or {}).items():
            if not isinstance(policy, dict) or set(policy) != {"using", "to"} or policy["to"] not in roles:
                found.append(f"{where}.row_security.{table}: must have using, an SQL condition, and to, a role")
    return found


def database_content_grants(databases: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    """The arguments of one call of community.postgresql.postgresql_privs each, with a ``label``."""
    calls = []
    for name, database in databases.items():
        owner = database["owner"]
        for role, what in (database.get("grants") or {}).items():
            later = {"type": "default_privs", "target_roles": owner}
            wanted: list[dict[str, str]] = [
                {"type": "database", "objs": name, "privs": "CONNECT"},
                {"type": "schema", "objs": "public", "privs": "USAGE"},
                {"type": "table", "objs": "ALL_IN_SCHEMA", "privs": TABLES[what]},
                {"type": "sequence", "objs": "ALL_IN_SCHEMA", "privs": SEQUENCES[what]},
                {**later, "objs": "TABLES", "privs": TABLES[what]},
                {**later, "objs": "SEQUENCES", "privs": SEQUENCES[what]},
            ]
            for each in wanted:
                label = f"{name}: {each['privs']} on {each['type']} {each['objs']} to {role}"
                calls.append({**each, "database": name, "owner": owner, "role": role, "label": label})
    return calls


def database_content_policies(databases: dict[str, t.Any]) -> list[dict[str, str]]:
    """One entry a table with row-level security: ``{database, owner, table, using, to}``."""
    return [
        {"database": name, "owner": database["owner"], "table": table, **policy}
        for name, database in databases.items()
        for table, policy in (database.get("row_security") or {}).items()
    ]


def database_content_passwords(values: dict[str, dict[str, str]], secrets: dict[str, str]) -> dict[str, str]:
    """Passwords by role: of a secret that several roles take turns in, only that of the role it names now.

    :param values: ``{secret: {username, password}}``
    :param secrets: ``{role: secret}``
    """
    found = {role: values.get(secret) or {} for role, secret in secrets.items()}
    return {role: value["password"] for role, value in found.items() if value.get("username") == role}


class FilterModule:
    """Filters ``terrace.aws.*`` of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        names = (
            database_content_problems,
            database_content_grants,
            database_content_policies,
            database_content_passwords,
        )
        return {each.__name__: each for each in names}
