# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a failover has done so far, kept in a bucket of the region that survives: one object a run."""

from __future__ import annotations

import json
import typing as t

from ..engine.cell import Cell

#: Objects of a pair are ``<FOLDER>/<pair>/<when it began>.json``, so that the newest is the last.
FOLDER = "recovery"
DONE = "done"
#: What the list of missing writes of a run is called, after its place.
MISSING = "-missing.json"
#: What of a decision is kept.
DECIDED = frozenset(
    {
        "pair",
        "from",
        "to",
        "mode",
        "who",
        "unfenced",
        "accepted",
        "checks",
        "rto_minutes",
        "rpo_minutes",
        "secrets",
        "secret_ids",
    }
)

Journal = dict[str, t.Any]


def place(journal: Journal) -> str:
    """What the objects of a run are called, but for what they end with."""
    return f"{FOLDER}/{journal['pair']}/{journal['began']}"


def latest(cell: Cell, bucket: str, pair: str) -> Journal | None:
    """The journal of the last failover to a cell; None where there was none.

    :param bucket: the bucket's name on AWS
    """
    listed = cell.pages("s3", "list_objects_v2", "Contents", Bucket=bucket, Prefix=f"{FOLDER}/{pair}/")
    keys = [each["Key"] for each in listed]
    names = sorted(key for key in keys if key.endswith(".json") and not key.endswith(MISSING))
    if not names:
        return None
    body = cell.client("s3").get_object(Bucket=bucket, Key=names[-1])["Body"].read()
    return t.cast(Journal, json.loads(body))


def missing(cell: Cell, bucket: str, journal: Journal) -> dict[str, t.Any]:
    """What an earlier comparison found missing after a failover; empty where there was none."""
    name = f"{place(journal)}{MISSING}"
    listed = cell.pages("s3", "list_objects_v2", "Contents", Bucket=bucket, Prefix=name)
    if name not in [each["Key"] for each in listed]:
        return {}
    return t.cast(dict[str, t.Any], json.loads(cell.client("s3").get_object(Bucket=bucket, Key=name)["Body"].read()))


def status_place(pair: str) -> str:
    """The object of the last status of a pair that was kept, beside the journals and not among them."""
    return f"{FOLDER}/{pair}.status.json"


def last_status(cell: Cell, bucket: str, pair: str) -> dict[str, t.Any] | None:
    """The last status of a pair that was kept in a cell's bucket; None where there is none."""
    found = cell.call("s3", "get_object", absent=("NoSuchKey",), Bucket=bucket, Key=status_place(pair))
    return t.cast(dict[str, t.Any], json.loads(found["Body"].read())) if found else None


def unfinished(journal: Journal | None) -> bool:
    """Whether a failover began that did not end."""
    return journal is not None and not journal["ended"]


def begun(decision: dict[str, t.Any], now: str) -> Journal:
    """The journal of a run that begins.

    :param decision: what was decided
    """
    return {**{word: decision[word] for word in DECIDED}, "began": now, "ended": "", "result": "", "steps": []}


def with_step(journal: Journal, step: str, now: str, detail: dict[str, t.Any] | None = None) -> Journal:
    """The journal with a step that begins, or, with ``detail``, that has ended.

    A step that a killed run began is begun again by the next one, as an entry of its own.
    """
    made = plain(journal)
    detail = None if detail is None else plain(detail)
    mine = [each for each in made["steps"] if each["step"] == step and not each["ended"]]
    if detail is None:
        made["steps"].append({"step": step, "began": now, "ended": "", "detail": {}})
    elif mine:
        mine[-1].update(ended=now, detail=detail)
    else:
        made["steps"].append({"step": step, "began": now, "ended": now, "detail": detail})
    return made


def ended(journal: Journal, now: str, result: str = DONE) -> Journal:
    """The journal of a run that has ended."""
    return {**plain(journal), "ended": now, "result": result}


def plain(value: t.Any) -> t.Any:
    """A copy without Ansible's containers, which resolve templates while they are read and cannot be copied whole."""
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list | tuple) else value
