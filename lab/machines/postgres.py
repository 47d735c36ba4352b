# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""RDS instances as real PostgreSQL servers: TLS, the master user without superuser rights, parameters, replicas.

As on RDS the superuser is the service's own (`rdsadmin`, over the local socket only), static parameters wait for a
reboot, replication does not pass security groups, and a Multi-AZ standby takes over at a reboot with failover. What an
instance is restored from, see backups.py.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import signal
import time
from typing import TYPE_CHECKING, Any

from lab.machines import authority, image
from lab.machines.backups import ARCHIVE, HOME, SEGMENT_MIB, RestoreError
from lab.machines.machine import Machine
from lab.machines.network import namespace
from lab.machines.plan import Endpoint
from lab.machines.service import Servers, account, folder, place
from lab.machines.util import LabError, read_json, write_json

if TYPE_CHECKING:
    from lab.machines.daemon import Lab

BIN = "/usr/lib/postgresql/17/bin"
DATA = f"/{HOME}/data"
#: The lab's sizes fit many servers on one machine; a parameter group does not change them.
KEPT = {"shared_buffers", "effective_cache_size", "maintenance_work_mem", "max_connections", "huge_pages", "port",
        "listen_addresses", "data_directory", "ssl", "ssl_cert_file", "ssl_key_file", "hba_file"}  # fmt: skip
AVAILABLE_LIBRARIES = {"pg_stat_statements", "auto_explain", "pg_prewarm"}
CLOSED = "local all rdsadmin peer map=lab\nlocal replication rdsadmin peer map=lab\n"
BASE = f"""\
listen_addresses = '*'
unix_socket_directories = '/{HOME}'
shared_buffers = 24MB
max_connections = 100
huge_pages = off
wal_level = replica
max_wal_senders = 8
max_replication_slots = 8
wal_keep_size = 64MB
max_wal_size = 256MB
hot_standby = on
ssl = on
ssl_cert_file = '/{HOME}/server.pem'
ssl_key_file = '/{HOME}/server.key'
password_encryption = scram-sha-256
log_destination = stderr
fsync = off
archive_mode = on
archive_command = '/bin/sh /{HOME}/archive.sh %p %f'
"""
START = f"""set -eu
if [ ! -s {DATA}/PG_VERSION ]; then
  if [ -n "${{UPSTREAM:-}}" ]; then
    rm -rf {DATA}
    {BIN}/pg_basebackup -d "$UPSTREAM" -D {DATA} -R -X stream -c fast
  else
    {BIN}/initdb -D {DATA} -U rdsadmin -E UTF8 --locale=C.UTF-8 --auth-local=peer --auth-host=scram-sha-256 \
      --wal-segsize={SEGMENT_MIB} -N >/dev/null
  fi
fi
cp /{HOME}/postgresql.conf /{HOME}/pg_hba.conf /{HOME}/pg_ident.conf {DATA}/
chmod 700 {DATA}
if [ -n "${{RECOVER_TO:-}}" ]; then
  set -- -c "restore_command=cp /{HOME}/restore/%f %p" -c "recovery_target_time=$RECOVER_TO" -c recovery_target_action=promote
fi
exec {BIN}/postgres -D {DATA} -p "$PORT" "$@"
"""


class Databases(Servers):
    """The driver of database nodes."""

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        self.user = account("postgres")
        self.ready: set[str] = set()
        self.nodes: dict[str, str] = {}  # the instance a node is of, by its DbiResourceId

    def step(self, endpoint: Endpoint) -> None:
        """Bring one node to what the API says."""
        machine, want = self.server(endpoint.name), endpoint.want
        record = machine.directory / "database.json"
        known: dict[str, Any] = dict(read_json(record, {}))  # type: ignore[call-overload]
        if known.get("resource", want["resource"]) != want["resource"]:
            # Another instance had the name.
            self.remove(endpoint.name)
            machine, known = self.server(endpoint.name), {}
        self.nodes[endpoint.name] = want["resource"]
        if not endpoint.running:
            if machine.running():
                self.lab.backups.ending(self, machine)
                self.lab.log(f"{endpoint.name} stopped")
            self.lab.backups.ended(machine, want["resource"], want["active"])
            return
        if want["upstream"] and want["upstream"] != known.get("upstream") and known.get("initialized"):
            # It was a primary, or followed another one: begin anew from where the data now is.
            machine.stop(signal.SIGINT, 10)
            self.lab.backups.ended(machine, want["resource"], active=False)
            shutil.rmtree(machine.upper / HOME / "data", ignore_errors=True)
            known = {}
        # A failover is a reboot too, but the standby takes over as it is.
        over = known.get("failovers", want["failovers"]) != want["failovers"]
        if machine.running() and not over and known.get("reboots", want["reboots"]) != want["reboots"]:
            machine.stop(signal.SIGINT, 10)
            self.lab.log(f"{endpoint.name} reboots")
        try:
            if not machine.running() and not self._start(machine, endpoint, known):
                return
        except RestoreError as error:
            self.lab.log(str(error))
            self.lab.api.post("/lab/machines/incompatible", {"arn": want["arn"]})
            return
        self._await(machine)
        if _restores(want, known):
            self._await(machine, "SELECT pg_is_in_recovery()", "f")
            shutil.rmtree(machine.disk / HOME / "restore", ignore_errors=True)
        if known.get("upstream") and not want["upstream"]:
            self._promote(machine, known)
        counts = {"reboots": want["reboots"], "failovers": want["failovers"]}
        state = known | {"upstream": want["upstream"], "initialized": True} | counts
        state |= {"resource": want["resource"], "active": want["active"]}
        if not want["upstream"]:
            state = self._content(machine, endpoint, state)
        if state != known:
            write_json(record, state)
        if endpoint.name not in self.ready and want["active"]:
            self.lab.api.post("/lab/machines/ready", {"resource": want["resource"]})
            self.ready.add(endpoint.name)
        self.lab.backups.step(self, machine, endpoint)

    def remove(self, name: str) -> None:
        """The database is deleted."""
        machine = self.server(name)
        known: dict[str, Any] = dict(read_json(machine.directory / "database.json", {}))  # type: ignore[call-overload]
        resource = known.get("resource", "")
        try:
            if resource in self.lab.plan.kept or resource in self.lab.plan.pending:
                self.lab.backups.ending(self, machine)
                self.lab.backups.ended(machine, resource, known["active"])
        except (LabError, OSError) as error:
            self.lab.log(f"{name}: its last backup: {error}")
        super().remove(name)
        self.ready.discard(name)
        self.nodes.pop(name, None)

    def _start(self, machine: Machine, endpoint: Endpoint, state: dict[str, Any]) -> bool:
        """Start the server; False when its upstream is not ready to be copied."""
        want = endpoint.want
        machine.kill()
        home = folder(machine.upper / HOME, self.user)
        upstream = ""
        if want["upstream"]:
            source = self.lab.plan.endpoints.get(want["upstream"])
            if source is None or not source.replication or not self.server(source.name).running():
                return False
            password = self._replication_password()
            upstream = f"host={source.replication} port={source.want['port']} user=rdsrepladmin sslmode=require"
            upstream += f" password={password}"
            if not (read_json(self.server(source.name).directory / "database.json", {}) or {}).get("replication"):  # type: ignore[union-attr]
                return False
        recovery = self.lab.backups.restore(self, machine, want["restore"]) if _restores(want, state) else {}
        names = [*want["certified"], endpoint.address]
        if read_json(machine.directory / "tls" / "names.json") != names:
            certificate, key = authority.issue(self.lab.state, names, machine.directory / "tls")
            place(home / "server.pem", certificate.read_bytes(), self.user)
            place(home / "server.key", key.read_bytes(), self.user, 0o600)
            write_json(machine.directory / "tls" / "names.json", names)
        place(home / "postgresql.conf", BASE, self.user)
        place(home / "pg_ident.conf", "lab postgres rdsadmin\nlab root rdsadmin\n", self.user)
        # A new server takes connections once its parameters, roles and first database are there.
        place(home / "pg_hba.conf", self._access(want) if upstream or state.get("opened") else CLOSED, self.user)
        place(home / "start.sh", START, self.user)
        place(home / "archive.sh", ARCHIVE, self.user)
        self.lab.log(
            f"{endpoint.name} starts at {endpoint.address}" + (f", following {want['upstream']}" if upstream else "")
        )
        machine.start(
            [self.lab.host_layer, image.services(), image.base()],
            namespace(endpoint.name),
            argv=["/bin/sh", f"/{HOME}/start.sh"],
            user="postgres",
            env={"UPSTREAM": upstream, "PORT": str(want["port"]), "HOME": f"/{HOME}", "LC_ALL": "C.UTF-8"} | recovery,
        )
        return True

    @staticmethod
    def _access(want: dict[str, Any]) -> str:
        """pg_hba.conf: plain connections only where the parameter group does not force TLS (the default from 15 on)."""
        default = "0" if int("".join(c for c in want["family"] or "16" if c.isdigit()) or 16) < 15 else "1"
        forced = (want["parameters"].get("rds.force_ssl") or default) == "1"
        kind = "hostssl" if forced else "host"
        lines = [*CLOSED.splitlines(), "hostssl replication rdsrepladmin 198.18.128.0/18 scram-sha-256"]
        lines += ["host all rdsadmin,rdsrepladmin 0.0.0.0/0 reject", f"{kind} all all 0.0.0.0/0 scram-sha-256"]
        return "\n".join(lines) + "\n"

    def _await(self, machine: Machine, question: str = "SELECT 1", answer: str = "1") -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with contextlib.suppress(LabError):
                if self.sql(machine, question) == answer:
                    return
            if not machine.running():
                text = machine.console.read_text(errors="replace")[-400:] if machine.console.exists() else ""
                raise LabError(f"{machine.name} ended: {text}")
            time.sleep(0.1)
        raise LabError(f"{machine.name} does not answer; see {machine.console}")

    def sql(self, machine: Machine, text: str, database: str = "postgres") -> str:
        """Run statements as the service's own superuser and return what they print."""
        words = ("psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", database)
        return self.command(machine, *words, stdin=text).strip()

    def command(self, machine: Machine, program: str, *words: str, stdin: str | None = None) -> str:
        """Run one of PostgreSQL's programs as the service's own superuser."""
        port = str((read_json(machine.directory / "spec.json") or {})["env"]["PORT"])  # type: ignore[index]
        user = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")
        server = ("-h", f"/{HOME}", "-p", port, "-U", "rdsadmin")
        return machine.enter(*user, f"{BIN}/{program}", *server, *words, stdin=stdin)

    def _replication_password(self) -> str:
        key = (self.lab.state / "authority" / "ca.key").read_bytes()
        return hashlib.sha256(b"replication" + key).hexdigest()

    def _promote(self, machine: Machine, known: dict[str, Any]) -> None:
        if self.sql(machine, "SELECT pg_is_in_recovery()") == "t":
            # A primary that hands over first ends: until then it sends its standby all that was written.
            old = self.lab.plan.endpoints.get(known["upstream"])
            until = time.monotonic() + 10
            if old is not None and old.want["upstream"] == machine.name:
                first = read_json(self.server(old.name).directory / "keeper.json")
                while self.server(old.name).running() and time.monotonic() < until:
                    if read_json(self.server(old.name).directory / "keeper.json") != first:
                        break
                    time.sleep(0.05)
            self.sql(machine, "SELECT pg_promote(true, 30)")
            self.lab.log(f"{machine.name} promoted (followed {known['upstream']})")

    def _content(self, machine: Machine, endpoint: Endpoint, state: dict[str, Any]) -> dict[str, Any]:
        """Roles, the first database and the parameters of a primary."""
        want = endpoint.want
        if not state.get("replication"):
            self.sql(machine, ROLES.format(password=self._replication_password()))
            state = state | {"replication": True}
        mark = hashlib.sha256(f"{want['user']}/{want['password']}".encode()).hexdigest()
        if state.get("master") != mark and want["user"] and want["password"]:
            # The password goes through standard input; pg_stat_activity of an idle server shows it to nobody else.
            user, password = _identifier(want["user"]), _literal(want["password"])
            self.sql(machine, MASTER.format(literal=_literal(want["user"]), user=user, password=password))
            state = state | {"master": mark}
        if want["name"] and not state.get("database"):
            names = {
                "name": _identifier(want["name"]),
                "user": _identifier(want["user"]),
                "literal": _literal(want["name"]),
            }
            self.sql(machine, DATABASE.format(**names))
            state = state | {"database": want["name"]}
        state = self._parameters(machine, want, state)
        access = self._access(want)
        path = machine.disk / HOME / "pg_hba.conf"
        if path.read_text() != access:
            place(path, access, self.user)
            place(machine.disk / HOME / "data" / "pg_hba.conf", access, self.user)
            self.sql(machine, "SELECT pg_reload_conf()")
        return state | {"opened": True}

    def _parameters(self, machine: Machine, want: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
        """Set what the parameter group says; a static parameter counts from the next start, as on RDS."""
        wanted = {
            key: value
            for key, value in want["parameters"].items()
            if value is not None and not key.startswith("rds.") and key not in KEPT and "{" not in str(value)
        }
        if want["parameters"].get("rds.logical_replication") == "1":
            wanted["wal_level"] = "logical"
        if libraries := wanted.get("shared_preload_libraries"):
            named = [word.strip() for word in libraries.split(",")]
            wanted["shared_preload_libraries"] = ",".join(word for word in named if word in AVAILABLE_LIBRARIES)
        before = state.get("parameters", {})
        if wanted == before:
            return state
        for key in {*wanted, *before}:
            if wanted.get(key) == before.get(key):
                continue
            value = _literal(str(wanted[key])) if key in wanted else None
            name = ".".join(_identifier(word) for word in key.split("."))
            # Each name of a list is a value of its own to ALTER SYSTEM.
            if key == "shared_preload_libraries" and value:
                value = ", ".join(_literal(word) for word in wanted[key].split(",") if word) or "''"
            try:
                self.sql(machine, f"ALTER SYSTEM SET {name} = {value}" if value else f"ALTER SYSTEM RESET {name}")
            except LabError as error:
                self.lab.log(f"{machine.name}: parameter {key}: {str(error).splitlines()[-1]}")
        self.sql(machine, "SELECT pg_reload_conf()")
        if (
            "parameters" not in state
            and self.sql(machine, "SELECT count(*) FROM pg_settings WHERE pending_restart") != "0"
        ):
            # A new server starts with its parameter group in force.
            machine.stop(signal.SIGINT, 10)
            spec = read_json(machine.directory / "spec.json")
            assert isinstance(spec, dict)
            machine.start(**_again(spec))
            self._await(machine)
        return state | {"parameters": wanted}


def _again(spec: dict[str, Any]) -> dict[str, Any]:
    """The arguments of Machine.start for the same start once more."""
    keys = ("layers", "namespace", "argv", "hostname", "user", "env")
    return {key: spec[key] for key in keys if key in spec}


def _restores(want: dict[str, Any], state: dict[str, Any]) -> bool:
    """Whether a node has to begin with the data its instance is restored from."""
    return bool(want["restore"]) and not want["upstream"] and not state.get("initialized")


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _identifier(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


ROLES = """
SELECT format('CREATE ROLE %I NOLOGIN', name)
  FROM unnest('{{rdsrepladmin,rds_superuser,rds_replication,rds_password,rds_iam}}'::text[]) name
 WHERE name NOT IN (SELECT rolname FROM pg_roles) \\gexec
ALTER ROLE rdsrepladmin LOGIN REPLICATION PASSWORD '{password}';
GRANT pg_monitor, pg_signal_backend, pg_checkpoint, rds_replication, rds_password TO rds_superuser WITH ADMIN OPTION;
"""
MASTER = """
SET log_statement = 'none';
SELECT format('CREATE ROLE %I LOGIN CREATEDB CREATEROLE IN ROLE rds_superuser', {literal})
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {literal}) \\gexec
ALTER ROLE {user} PASSWORD {password};
GRANT ALL ON DATABASE postgres TO {user};
GRANT CREATE ON SCHEMA public TO {user};
"""
DATABASE = """
SELECT 'CREATE DATABASE {name} OWNER {user}' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = {literal}) \\gexec
"""
