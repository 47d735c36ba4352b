# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups of RDS instances: the data of snapshots, and base backups with the log since, from which instances are restored.

`backups/snapshots/<content>` is the data folder of one snapshot and its copies; `backups/instances/<DbiResourceId>` has
`base/<number>` (data folders), `<number>.json` beside them, and `wal/`. A server puts its log into a folder of its disk.
"""

from __future__ import annotations

import contextlib
import datetime
import math
import os
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.machines.machine import Machine
from lab.machines.plan import Endpoint, Plan
from lab.machines.replica_lag import HEARTBEAT
from lab.machines.service import folder, place
from lab.machines.util import LabError, read_json, run, write_json

if TYPE_CHECKING:
    from lab.machines.daemon import Lab
    from lab.machines.postgres import Databases

HOME = "var/lib/postgresql"
#: The size of a log segment, as initdb is told.
SEGMENT_MIB = 4
#: After so much log there is a new base backup, and so many are kept: what is older cannot be restored any more.
LOG_MIB = 128
BASES = 4
ARCHIVE = f"""[ -d /{HOME}/archive ] || exit 0
cp "$1" "/{HOME}/archive/$2.part" && mv "/{HOME}/archive/$2.part" "/{HOME}/archive/$2"
"""


class RestoreError(LabError):
    """What an instance is to be restored from is not there, and never will be."""


class Backups:
    """Makes backups of nodes, lays them out for new ones, and deletes what the API no longer has."""

    def __init__(self, lab: Lab) -> None:
        self.lab, self.folder = lab, lab.state / "backups"
        self.lock = threading.RLock()
        self.used: Counter[Path] = Counter()

    def content(self, name: str) -> Path:
        """The data folder of a snapshot."""
        return self.folder / "snapshots" / name

    def instance(self, resource: str) -> Path:
        """Where the backups of an instance are."""
        return self.folder / "instances" / resource

    def bases(self, resource: str) -> list[dict[str, Any]]:
        """The base backups of an instance, the oldest first."""
        paths = sorted((self.instance(resource) / "base").glob("*.json"))
        return [dict(found) | {"path": path.with_suffix("")} for path in paths if (found := read_json(path))]  # type: ignore[call-overload]

    def step(self, databases: Databases, machine: Machine, endpoint: Endpoint) -> None:
        """Keep the log of a running node, and make what backups are due of an active one."""
        want = endpoint.want
        resource, archive = want["resource"], machine.disk / HOME / "archive"
        if want["backups"]:
            folder(archive, databases.user)
            self.collect(machine, resource)
        else:
            shutil.rmtree(archive, ignore_errors=True)
        if not want["active"]:
            return
        contents = self._missing(resource)
        base = self._due(resource, endpoint.name) if want["backups"] else None
        if targets := [*([base] if base else []), *map(self.content, contents)]:
            self._copy(databases, machine, targets)
        for content in contents:
            self._tell(content)
        if base:
            label = (base / "backup_label").read_text()
            start = label.split("(file ", 1)[1].split(")", 1)[0]
            facts = {"node": endpoint.name, "stop": math.ceil(time.time()), "wal": start}
            write_json(base.with_name(f"{base.name}.json"), facts)
            self._prune(resource)
        bases = self.bases(resource) if want["backups"] else []
        if bases and want["earliest"] != bases[0]["stop"]:
            self.lab.api.post("/lab/machines/backups", {"resource": resource, "earliest": bases[0]["stop"]})

    def ending(self, databases: Databases, machine: Machine) -> None:
        """End a server as it should be, with a last transaction: none before that is the last one of its log."""
        with contextlib.suppress(LabError):
            databases.sql(machine, HEARTBEAT)
        machine.stop(signal.SIGINT, 10)

    def ended(self, machine: Machine, resource: str, active: bool) -> None:
        """Take what a node that has ended leaves: the rest of its log, and its data for snapshots that wait for it."""
        if resource in self.lab.plan.kept:
            self.collect(machine, resource)
        for content in self._missing(resource) if active else ():
            data = machine.upper / HOME / "data"
            if (data / "PG_VERSION").exists():
                _store(data, self.content(content))
                self._tell(content)

    def follow(self, plan: Plan, nodes: dict[str, str]) -> None:
        """Delete what the API no longer has; a snapshot whose database has no node any more has failed."""
        for resource, contents in plan.pending.items():
            if resource not in plan.living and resource not in nodes.values():
                for content in contents:
                    self._tell(content, failed=not self.content(content).exists())
        with self.lock:
            places = ((self.folder / "snapshots", plan.contents), (self.folder / "instances", plan.kept))
            for where, wanted in places:
                for path in where.iterdir() if where.exists() else ():
                    if path.name.removesuffix(".new") not in wanted and not self.used[path]:
                        shutil.rmtree(path, ignore_errors=True)

    def collect(self, machine: Machine, resource: str) -> None:
        """Move the log that a node has archived."""
        archive, kept = machine.disk / HOME / "archive", self.instance(resource) / "wal"
        with self.lock:
            for path in sorted(archive.iterdir()) if archive.exists() else ():
                if path.suffix != ".part":
                    kept.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(path, kept / f"{path.name}.part")
                    os.chown(kept / f"{path.name}.part", path.stat().st_uid, path.stat().st_gid)
                    (kept / f"{path.name}.part").replace(kept / path.name)
                    path.unlink()

    def _missing(self, resource: str) -> list[str]:
        """The snapshots that wait for an instance's data."""
        wanted = self.lab.plan.pending.get(resource, [])
        for content in wanted:
            if self.content(content).exists():
                self._tell(content)
        return [content for content in wanted if not self.content(content).exists()]

    def _tell(self, content: str, failed: bool = False) -> None:
        self.lab.api.post("/lab/machines/content", {"content": content, "failed": failed})

    def _due(self, resource: str, node: str) -> Path | None:
        """Where a base backup is to be made now: the first, one of a node that took over, or one after much log."""
        bases = self.bases(resource)
        if bases and bases[-1]["node"] == node:
            since = sum(name[8:24] > bases[-1]["wal"][8:24] for name in self._segments(resource))
            if since * SEGMENT_MIB < LOG_MIB:
                return None
        number = int(bases[-1]["path"].name) + 1 if bases else 1
        return self.instance(resource) / "base" / f"{number:06}"

    def _segments(self, resource: str) -> list[str]:
        return [path.name for path in (self.instance(resource) / "wal").glob("*") if len(path.name) == 24]

    def _copy(self, databases: Databases, machine: Machine, targets: list[Path]) -> None:
        """Copy the data of a running server; the copies are read only, so they are one."""
        made = machine.disk / HOME / "copy"
        shutil.rmtree(made, ignore_errors=True)
        words = ("pg_basebackup", "-D", f"/{HOME}/copy", "-X", "stream", "-c", "fast", "--no-sync")
        databases.command(machine, *words)
        _store(made, targets[0])
        shutil.rmtree(made)
        for other in targets[1:]:
            _store(targets[0], other, "-al")

    def _prune(self, resource: str) -> None:
        with self.lock:
            bases = self.bases(resource)
            for old in bases[:-BASES]:
                if not self.used[self.instance(resource)]:
                    old["path"].with_suffix(".json").unlink()
                    shutil.rmtree(old["path"])
            first = self.bases(resource)[0]["wal"][8:24]
            for path in (self.instance(resource) / "wal").glob("*"):
                if path.suffix != ".history" and path.name[8:24] < first:
                    path.unlink()

    @contextlib.contextmanager
    def _using(self, path: Path) -> Iterator[Path]:
        with self.lock:
            self.used[path] += 1
        try:
            yield path
        finally:
            with self.lock:
                self.used[path] -= 1

    def restore(self, databases: Databases, machine: Machine, wanted: dict[str, str]) -> dict[str, str]:
        """Lay out the data of a new node; return what its start has to know."""
        home = machine.upper / HOME
        for name in ("data", "restore", "archive"):
            shutil.rmtree(home / name, ignore_errors=True)
        if content := wanted.get("content"):
            with self._using(self.content(content)) as path:
                if not path.exists():
                    raise RestoreError(f"{machine.name}: the data of its snapshot is not there")
                _lay(path, home / "data", databases.user)
            return {}
        resource = wanted["resource"]
        with self._using(self.instance(resource)) as path:
            self._flush(databases, resource)
            until = datetime.datetime.fromisoformat(wanted["time"]).timestamp()
            fitting = [base for base in self.bases(resource) if base["stop"] <= until]
            if not fitting:
                raise RestoreError(f"{machine.name}: no backup of its source is from before {wanted['time']}")
            _lay(fitting[-1]["path"], home / "data", databases.user)
            folder(home / "restore", databases.user)
            for segment in (path / "wal").iterdir():
                os.link(segment, home / "restore" / segment.name)
        place(home / "data" / "recovery.signal", "", databases.user, 0o600)
        return {"RECOVER_TO": wanted["time"]}

    def _flush(self, databases: Databases, resource: str) -> None:
        """Have the log of a source here up to now, with a transaction that is later than any time it can be restored to."""
        active = [each for each in self.lab.plan.endpoints.values() if each.kind == "database" and each.want["active"]]
        source = next((each for each in active if each.want["resource"] == resource), None)
        if source is None or not source.running:
            names = [name for name, of in list(databases.nodes.items()) if of == resource]
            if any(databases.server(name).running() for name in names):
                raise LabError(f"the source of a restore, {resource}, is still ending")
            return
        machine = databases.server(source.name)
        segment = databases.sql(machine, f"{HEARTBEAT};\nSELECT pg_walfile_name(pg_switch_wal())").splitlines()[-1]
        limit = time.monotonic() + 30
        while not (self.instance(resource) / "wal" / segment).exists():
            if time.monotonic() > limit:
                raise LabError(f"{source.name} does not archive {segment}")
            self.collect(machine, resource)
            time.sleep(0.1)


def _store(data: Path, target: Path, how: str = "-a") -> None:
    """Copy a data folder in one go."""
    fresh = target.with_name(f"{target.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    run("cp", how, data, fresh)
    fresh.replace(target)


def _lay(source: Path, data: Path, user: tuple[int, int]) -> None:
    """Copy a backup to where a server of another instance starts on it, without what was the old one's own."""
    run("cp", "-a", source, data)
    for name in ("postmaster.pid", "standby.signal", "recovery.signal"):
        (data / name).unlink(missing_ok=True)
    for left in (*(data / "pg_wal/archive_status").iterdir(), *(data / "pg_replslot").iterdir()):
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    place(data / "postgresql.auto.conf", "", user, 0o600)
