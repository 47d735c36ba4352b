# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far a database's way back to a second has come: read from RDS, for a run that was killed is finished by another one.

The copy is made beside the database. Then the database gives its identifier away, the copy takes it, and both change their tags.
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_RenameInstance.html
"""

from __future__ import annotations

import re
import typing as t

Instance = dict[str, t.Any]
CELL, TO, OF = "terrace:cell", "terrace:restored-to", "terrace:restored-for"
LONGEST = 63
#: The stages: the copy is made or awaited; the database has given its identifier away; all of it is done.
COPY, EXCHANGE, DONE = "copy", "exchange", "done"
#: In these an instance serves, and can be renamed.
#: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html
SERVING = ("available", "storage-optimization")
#: amazon.aws.rds_instance sends a change of these that boto3 refuses, unless it is told their size and speed.
UNWRITABLE = ("io1", "io2")
_COPY, _FORMER = "-restored", re.compile(r"-f(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$")


def settle(instances: list[Instance], wanted: dict[str, t.Any]) -> dict[str, t.Any]:
    """What a recovery works on: ``id``, ``copy_id`` and ``former_id``, ``time``, ``stage``, the instance that is recovered
    (``damaged``) and what was restored (``restored``; both empty where there is none), the ARNs of what follows the first one
    (``replicas``), and the ``problem``, if any.

    :param instances: those of the region, as amazon.aws.rds_instance_info returns them
    :param wanted: the ``cell``, its ``region``, the database's ``name``, the identifier that the cell's ``resource`` has now, the
        ``time`` or ``latest``, and whether it is ``confirmed``
    """
    there = {each["db_instance_identifier"]: each for each in instances}
    mine = f"{wanted['cell']}/{wanted['name']}"
    ours = next((each for each in there if _tag(there[each], OF) == mine), f"{wanted['cell']}-{wanted['name']}")
    known = wanted["resource"] or ours
    moved = _FORMER.search(known)
    name = _FORMER.sub("", known).removesuffix(_COPY)
    now, copy = there.get(name, {}), there.get(name + _COPY, {})
    begun = "{}-{}-{}T{}:{}:{}Z".format(*moved.groups()) if moved else _tag(copy, TO) or _tag(now, TO)
    latest = _second(now.get("latest_restorable_time") or "")
    time = (begun or latest) if wanted["time"] == "latest" else wanted["time"]
    former_id = f"{name}-f{re.sub('[^0-9]', '', time)}"
    former = there.get(former_id, {})
    done = bool(former and _tag(now, CELL) == wanted["cell"] and not _tag(now, TO) and not copy)
    made = {
        "name": wanted["name"],
        "id": name,
        "copy_id": name + _COPY,
        "former_id": former_id,
        "time": time,
        "damaged": former or now,
        "restored": copy or (now if former else {}),
        "replicas": replicas(former or now),
        "stage": DONE if done else EXCHANGE if former else COPY,
    }
    return {**made, "problem": _problem(made, wanted, begun, latest)}


def _problem(made: dict[str, t.Any], wanted: dict[str, t.Any], begun: str, latest: str) -> str:
    """Why nothing is done; empty where nothing speaks against it."""
    name, time, damaged, restored = made["id"], made["time"], made["damaged"], made["restored"]
    region, mine = wanted["region"], f"{wanted['cell']}/{wanted['name']}"
    if begun and begun != time:
        undo = f" --region {region} --skip-final-snapshot --db-instance-identifier {made['copy_id']}"
        undo = f", or delete the copy: aws rds delete-db-instance{undo}" if restored and made["stage"] == COPY else ""
        return f"a recovery of {name} to {begun} has begun; finish it with that time{undo}"
    if not damaged:
        return f"there is no instance {name}"
    if len(made["former_id"]) > LONGEST:
        return f"the identifier {made['former_id']} would have more than the {LONGEST} characters that RDS takes"
    if damaged.get("storage_type") in UNWRITABLE:
        return f"{name} has storage of the type {damaged['storage_type']}, which this playbook cannot write; restore it by hand"
    if made["stage"] == EXCHANGE:
        if not restored:
            back = f"--db-instance-identifier {made['former_id']} --new-db-instance-identifier {name}"
            return (
                f"{name} has lost its identifier, and its copy is gone; give it back: aws rds modify-db-instance"
                f" --region {region} --apply-immediately {back}"
            )
        ours = {_tag(restored, OF), f"{_tag(restored, CELL)}/{wanted['name']}"}
        if mine not in ours:
            return f"{restored['db_instance_identifier']} was not made by this playbook for {mine}"
        if not wanted["confirmed"]:
            finish = f"-e database_recovery_confirm={wanted['name']}"
            return f"{made['copy_id']} is taking the place of {name}; have that finished: {finish}"
        return ""
    if made["stage"] == DONE:
        return ""
    if _tag(damaged, CELL) != wanted["cell"]:
        return f"{name} is not of this cell (tag {CELL})"
    if damaged["db_instance_status"] not in (*SERVING, "storage-full", "backing-up"):
        return f"{name} is {damaged['db_instance_status']}; run this again once it is available"
    if restored:
        return "" if _tag(restored, OF) == mine else f"{made['copy_id']} was not made by this playbook for {mine}"
    if not damaged.get("backup_retention_period"):
        return f"{name} keeps no backups (backup_retention_period)"
    if not latest:
        return f"RDS has made no backup of {name} yet"
    if time > latest:
        return f"{name} can be restored to {latest} at the latest; RDS uploads its log every five minutes"
    return ""


def is_former(identifier: str) -> bool:
    """Whether an instance has the identifier of one that has given its own away."""
    return bool(_FORMER.search(identifier))


def replicas(instance: Instance) -> list[str]:
    """The ARNs of what follows an instance; RDS calls what is in its own region by the identifier."""
    home = instance.get("db_instance_arn", "").rpartition(":")[0]
    known = instance.get("read_replica_db_instance_identifiers") or []
    return [each if ":" in each else f"{home}:{each}" for each in known]


def followers(instances: list[Instance], former: Instance, cell: str) -> list[str]:
    """The identifiers of a cell's replicas that follow an instance, as both sides say it.

    :param instances: those of the cell's region
    :param former: the instance that they follow, in whichever region
    """
    known = replicas(former)
    return sorted(
        each["db_instance_identifier"]
        for each in instances
        if each["db_instance_arn"] in known
        and each.get("read_replica_source_db_instance_identifier")
        and _tag(each, CELL) == cell
    )


def _tag(instance: Instance, key: str) -> str:
    return str((instance.get("tags") or {}).get(key, ""))


def _second(time: str) -> str:
    """A time as modules of amazon.aws return it, to the second."""
    return re.sub(r"(\.\d+)?\+00:00$", "Z", time)
