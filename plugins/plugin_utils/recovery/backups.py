# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which databases of a cell can be restored from their backups, and whether what was restored is what it should be."""

from __future__ import annotations

import datetime as dt
import hashlib
import typing as t

from .. import check_table
from ..engine.kind import FAILED, READY
from ..kinds.rds import rds_states
from . import checksums

Check = dict[str, t.Any]
#: The tag of what a verification makes, and of nothing else.
TAG = "terrace:verify"
#: What is restored, and what the copies' identifiers end with.
SNAPSHOT, TIME = "snapshot", "time"
COPIES = {SNAPSHOT: "-verify-snapshot", TIME: "-verify-time"}
LABELS = {SNAPSHOT: "copy of the snapshot", TIME: "copy of the point in time"}
#: https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html
LONGEST = 63
#: So many tables are named in a check's detail; the report has all.
NAMED = 5


def copies(identifier: str) -> dict[str, str]:
    """The identifiers of the copies of an instance."""
    return {which: _shortened(identifier, LONGEST - len(ending)) + ending for which, ending in COPIES.items()}


def _shortened(identifier: str, longest: int) -> str:
    if len(identifier) <= longest:
        return identifier
    mark = hashlib.sha256(identifier.encode()).hexdigest()[:6]
    return f"{identifier[: longest - 7].rstrip('-')}-{mark}"


def selected(
    entries: dict[str, t.Any], instances: dict[str, t.Any], former: list[str], writer: str
) -> dict[str, t.Any]:
    """The databases of a cell that are verified (``checked``), and why others are not (``passed_over``).

    :param entries: of ``database_instances``
    :param instances: as they are, by name
    :param former: names of those that wrote before another cell's did
    :param writer: that cell
    """
    checked: dict[str, t.Any] = {}
    passed_over: dict[str, str] = {}
    follows = []
    for name, entry in (entries or {}).items():
        if not (instance := instances.get(name)):
            passed_over[name] = "there is no such instance"
        elif source := instance["attributes"].get("source"):
            passed_over[name] = f"it is a replica of {source}"
            follows.append(name)
        elif name in former:
            passed_over[name] = f"it wrote before {writer} did, and is to be rebuilt by dr_rebuild.yml"
            follows.append(name)
        elif not instance["attributes"].get("backup_retention_period"):
            passed_over[name] = "its backups are off (backup_retention_period)"
        else:
            checked[name] = {
                "id": instance["id"],
                "port": int(instance["facts"]["port"] or instance["attributes"]["port"]),
                "endpoint": instance["facts"]["endpoint"],
                "credentials": entry.get("credentials") or "",
                "copies": copies(instance["id"]),
            }
    return {
        "checked": checked,
        "passed_over": passed_over,
        "follows": bool(passed_over) and len(follows) == len(passed_over),
    }


def newest(snapshots: list[dict[str, t.Any]], source: dict[str, t.Any]) -> dict[str, t.Any]:
    """The newest available snapshot of an instance; empty where there is none.

    Snapshots of an earlier instance of the same identifier stay when that is removed.

    :param source: the instance, as amazon.aws.rds_instance_info returns it
    """
    mine = [
        each
        for each in snapshots
        if each["status"] == "available"
        and each.get("snapshot_create_time")
        and each.get("dbi_resource_id") in (None, "", source.get("dbi_resource_id"))
    ]
    return max(mine, key=lambda each: when(each["snapshot_create_time"]), default={})


def before(
    checked: dict[str, t.Any],
    instances: list[dict[str, t.Any]],
    snapshots: list[dict[str, t.Any]],
    groups: list[str],
    limits: tuple[int, int],
    now: str,
) -> dict[str, t.Any]:
    """What is asked of databases before anything is made: by name the ``source``, its newest ``snapshot`` or empty, the
    ``checks``, the ``leftovers`` of an earlier run, and whether it is ``ready`` to be restored.

    :param checked: of :func:`selected`
    :param instances: those of the region, as amazon.aws.rds_instance_info returns them
    :param snapshots: those of the databases
    :param groups: ids of security groups of verifications
    :param limits: how many hours old the newest snapshot may be, and how many seconds the latest restorable time may be ago
    """
    known = {each["db_instance_identifier"]: each for each in instances}
    made = {}
    for name, each in checked.items():
        source = known[each["id"]]
        there = [known[copy] for copy in each["copies"].values() if copy in known]
        foreign = [copy["db_instance_identifier"] for copy in there if not _ours(copy, groups)]
        mine = [snapshot for snapshot in snapshots if snapshot["db_instance_identifier"] == each["id"]]
        snapshot = newest(mine, source)
        checks = [*_before(source, snapshot, limits, now)]
        if foreign:
            detail = f"{', '.join(foreign)} is there without the tag {TAG}: rename or remove it"
            checks.append(_check("can be copied", False, detail))
        made[name] = {
            "source": source,
            "snapshot": snapshot,
            "checks": checks,
            "leftovers": [copy["db_instance_identifier"] for copy in there if _ours(copy, groups)],
            "ready": all(map(check_table.good, checks)),
        }
    return made


def _ours(instance: dict[str, t.Any], groups: list[str]) -> bool:
    """Whether a verification made an instance: its tag comes in a second call, its security group in the first one."""
    mine = [each["vpc_security_group_id"] for each in instance["vpc_security_groups"]]
    return TAG in instance.get("tags", {}) or bool(set(mine) & set(groups))


def _before(source: dict[str, t.Any], snapshot: dict[str, t.Any], limits: tuple[int, int], now: str) -> list[Check]:
    hours, seconds = limits
    status = source["db_instance_status"]
    stopped = status in rds_states.STOPPED
    made = [_check("is available", rds_states.state(status) == READY and not stopped, status)]
    what = f"newest snapshot is at most {hours} h old"
    if not snapshot:
        made.append(_check(what, False, "there is no available snapshot"))
    else:
        age = (when(now) - when(snapshot["snapshot_create_time"])).total_seconds() / 3600
        made.append(_check(what, age <= hours, f"{snapshot['db_snapshot_identifier']}, {age:.1f} h"))
    what = f"latest restorable time is at most {seconds} s ago"
    latest = source.get("latest_restorable_time")
    if not latest:
        made.append(_check(what, False, "AWS names none"))
    else:
        behind = (when(now) - when(latest)).total_seconds()
        made.append(_check(what, behind <= seconds, f"{behind:.0f} s"))
    return made


def reached(source: dict[str, t.Any], moment: str) -> bool:
    """Whether an instance can be restored to a moment already."""
    latest = source.get("latest_restorable_time")
    return bool(latest) and when(latest) >= when(moment)


def ended(instances: list[dict[str, t.Any]]) -> list[str]:
    """The identifiers of instances that AWS is done with: they came up, failed to, or were stopped."""
    return sorted(
        each["db_instance_identifier"]
        for each in instances
        if each["db_instance_status"] in ("available", "stopped")
        or rds_states.state(each["db_instance_status"]) == FAILED
    )


def _settings(source: dict[str, t.Any], copy: dict[str, t.Any], version: str, group: str) -> list[Check]:
    """Whether a copy has the network and the settings of its source, and lets nobody else in.

    :param version: the engine's version that is expected
    :param group: the security group that it has to be in alone
    """

    def same(what: str, read: t.Callable[[dict[str, t.Any]], t.Any]) -> Check:
        return _equal(f"has the {what} of its source", read(source), read(copy))

    return [
        same("subnet group", lambda each: each["db_subnet_group"]["db_subnet_group_name"]),
        same("parameter group", lambda each: [g["db_parameter_group_name"] for g in each["db_parameter_groups"]]),
        same("encryption", lambda each: each.get("kms_key_id") or bool(each.get("storage_encrypted"))),
        _equal("has the version of its backup", version, copy["engine_version"]),
        _equal("is not publicly accessible", False, bool(copy.get("publicly_accessible"))),
        _equal(
            "is in the security group of the verification alone",
            [group],
            [each["vpc_security_group_id"] for each in copy["vpc_security_groups"]],
        ),
    ]


def _came_up(copy: dict[str, t.Any] | None, seconds: float | None, minutes: int) -> list[Check]:
    """Whether a copy came up, and in time.

    :param copy: as it is after the wait; None where there is none
    :param seconds: how long that took
    :param minutes: how long it may take; 0 for as long as it does
    """
    status = (copy or {}).get("db_instance_status", "there is no such instance")
    up = status == "available" and seconds is not None
    made = [_check("comes up", up, f"{seconds:.0f} s" if up else status)]
    if minutes and up:
        made.append(_check(f"comes up within {minutes} min", seconds <= minutes * 60, f"{seconds:.0f} s"))
    return made


def _at_moment(
    earlier: checksums.Content, later: checksums.Content, copy: checksums.Content, skipped: list[str]
) -> dict[str, t.Any]:
    """The checks of a copy that was restored to a moment, and its tables."""
    found = checksums.compared(earlier, later, copy, skipped)
    totals = {word: sum(each[word] for each in found) for word in ("rows", "compared", "changed")}
    numbers = f"{totals['compared']} rows are the same; {totals['changed']} buckets changed meanwhile, not compared"
    differing = [each["table"] for each in found if each["result"] == "differs"]
    lacking = [each["table"] for each in found if each["result"] == "missing"]
    compared = _check("holds what the database held", not differing, numbers)
    if differing:
        compared["detail"] = (
            f"differs in {_named(differing)}; rows that were there for a moment only can be the reason, then run it again"
        )
    elif totals["rows"] and not totals["compared"]:
        advice = ": run it while less is written" if totals["changed"] else ""
        compared |= {"result": "unknown", "detail": numbers + advice}
    checks = [
        _check("has every table", not lacking, f"lacks {_named(lacking)}" if lacking else f"{len(found)} tables"),
        compared,
    ]
    return {"checks": [*checks, *_passed_over(found)], "tables": found}


def _of_snapshot(live: checksums.Content, copy: checksums.Content, skipped: list[str]) -> dict[str, t.Any]:
    """The checks of a copy of a snapshot, and its tables beside those of the database, which has gone on since."""
    found = checksums.beside(live, copy, skipped)
    lacking = [each["table"] for each in found if each["result"] == "missing"]
    there = len(checksums.tables(copy))
    rows = f"{sum(each['copied'] for each in found)} rows, the database has {sum(each['rows'] for each in found)}"
    checks = [
        _check("holds tables", not found or there > 0, f"{there} tables, {rows}"),
    ]
    if lacking and there:
        detail = f"{_named(lacking)}: made since, or lost"
        checks.append({"what": "lacks tables that the database has", "result": "note", "detail": detail})
    return {"checks": checks, "tables": found}


def _readable(content: checksums.Content, closed: list[str], skipped: list[str]) -> Check:
    """Whether every table of a database can be read.

    :param closed: databases that the administrator may not connect to
    """
    problems = [
        *(f"{name}: the administrator may not connect to it" for name in closed),
        *checksums.unread(content, skipped),
    ]
    read = [each for each in checksums.tables(content).values() if not each["problem"]]
    detail = _named(problems) if problems else f"{len(read)} tables, {sum(map(checksums.rows, read))} rows"
    return _check("has every table readable", not problems, detail)


def _passed_over(found: list[checksums.Table]) -> list[Check]:
    names = [each["table"] for each in found if each["result"] == "passed over"]
    return [{"what": "has tables that are not compared", "result": "note", "detail": _named(names)}] if names else []


def _of(checks: list[Check], database: str, what: str, cell: str) -> list[Check]:
    """Checks with what they are of.

    :param what: a copy, or empty for the database itself
    """
    front = f"{database}: {what}".strip() + " "
    return [
        {"what": front + each["what"], "cell": cell, "result": each["result"], "detail": each["detail"]}
        for each in checks
    ]


def report(
    cell: str,
    chosen: dict[str, t.Any],
    known: dict[str, t.Any],
    found: list[dict[str, t.Any]],
    problem: str,
    limits: tuple[int, list[str]],
    now: str,
) -> dict[str, t.Any]:
    """Whether the backups of a cell's databases can be restored, check by check.

    :param chosen: of :func:`selected`
    :param known: of :func:`before`
    :param found: of each database that was verified ``name``, ``problem`` where that ended early, and as far as it came
        ``moment``, ``closed`` databases, ``earlier`` and ``later`` contents, and by copy ``copies``: ``instance``, ``seconds``,
        ``group``, ``closed`` and ``content``
    :param problem: why the run ended early, or empty
    :param limits: how many minutes a copy may take to come up, 0 for as long as it does, and tables that need not be read
    """
    verified = {each["name"]: each for each in found}
    checks: list[Check] = []
    databases = {}
    for name, each in known.items():
        told = verified.get(name, {"problem": problem if each["ready"] else ""})
        mine, tables = _judged(name, each, told, cell, limits)
        checks += mine
        databases[name] = {
            "snapshot": each["snapshot"].get("db_snapshot_identifier"),
            "snapshot_created": each["snapshot"].get("snapshot_create_time"),
            "moment": told.get("moment"),
            "seconds": {which: copy["seconds"] for which, copy in told.get("copies", {}).items()},
            "tables": tables,
        }
    if problem and problem not in [each["detail"] for each in checks]:
        checks.append({"what": "the run ends as it should", "cell": cell, "result": "fail", "detail": problem})
    return {
        "cell": cell,
        "at": now,
        "passed": bool(checks) and all(map(check_table.good, checks)),
        "follows": chosen["follows"] and not checks,
        "passed_over": chosen["passed_over"],
        "checks": checks,
        "databases": databases,
    }


def _judged(
    name: str, known: dict[str, t.Any], found: dict[str, t.Any], cell: str, limits: tuple[int, list[str]]
) -> tuple[list[Check], dict[str, t.Any]]:
    """The checks of one database, and its tables by copy."""
    minutes, skipped = limits
    made = _of(known["checks"], name, "", cell)
    tables: dict[str, t.Any] = {}
    if "later" in found:
        made += _of([_readable(found["later"], found["closed"], skipped)], name, "", cell)
    for which, copy in found.get("copies", {}).items():
        checks = _came_up(copy["instance"], copy["seconds"], minutes)
        if checks[0]["result"] == "pass":
            version = known["snapshot"].get("engine_version") if which == SNAPSHOT else ""
            version = version or known["source"]["engine_version"]
            checks += _settings(known["source"], copy["instance"], version, copy["group"])
        if "content" in copy:
            checks.append(_readable(copy["content"], copy["closed"], []))
            data = (
                _at_moment(found["earlier"], found["later"], copy["content"], skipped)
                if which == TIME
                else _of_snapshot(found["later"], copy["content"], skipped)
            )
            checks += data["checks"]
            tables[which] = data["tables"]
        made += _of(checks, name, LABELS[which], cell)
    if found.get("problem"):
        made += _of([_check("is verified to the end", False, found["problem"])], name, "", cell)
    return made, tables


def ours(instances: list[dict[str, t.Any]], groups: list[str]) -> list[str]:
    """The identifiers of instances that a verification made.

    :param groups: ids of security groups of verifications
    """
    return [each["db_instance_identifier"] for each in instances if _ours(each, groups)]


def when(text: str) -> dt.datetime:
    """A time as modules of amazon.aws return it."""
    made = dt.datetime.fromisoformat(text)
    return made if made.tzinfo else made.replace(tzinfo=dt.UTC)


def _equal(what: str, wanted: t.Any, there: t.Any) -> Check:
    def told(value: t.Any) -> str:
        return ", ".join(map(str, value)) if isinstance(value, list) else str(value)

    return _check(what, wanted == there, told(there) if wanted == there else f"{told(there)} instead of {told(wanted)}")


def _check(what: str, passed: bool, detail: str) -> Check:
    return {"what": what, "result": "pass" if passed else "fail", "detail": detail}


def _named(names: list[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")
