# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One database in two cells: an instance in each, of which one writes and the other is its read replica.

Which one writes is read from AWS, never from the inventory: it is no replica. A promotion in one region leaves the instance of
the other as it was, so that neither is a replica then; the one that was promoted last writes, as its tag says, and the other one
is the former primary, which is left alone.
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ReadRepl.XRgn.html
"""

from __future__ import annotations

import typing as t

from ...engine.kind import LEAVING, WRITER_TAG, Resource, Settled
from .rds import INHERITED, OWN_IN_ANOTHER_REGION
from .rds_states import STOPPED

PRIMARY, REPLICA = "primary", "replica"

Entry = dict[str, t.Any]


def settled(entry: Entry, mine: Resource | None, others: t.Mapping[str, Resource | None]) -> Settled:
    """The entry of an instance that has a counterpart, as a primary's or a replica's.

    :param others: the counterpart where it is there; None where it could not be read
    """
    counterpart = entry["counterpart"]
    other, unknown = others.get(counterpart), counterpart in others and others[counterpart] is None
    if other is not None and other.state == LEAVING:
        other = None
    if mine is None or mine.state == LEAVING:
        return _absent(entry, other, unknown)
    note = f"{counterpart} could not be read" if unknown else ""
    if mine.attributes["source"]:
        return Settled(_replica(entry, None if unknown else mine.attributes["source"]), note)
    if unknown and mine.status in STOPPED:
        return Settled(None, f"{note}, so it stays {mine.status}: it may be the former primary")
    if other is None or other.attributes["source"]:
        return Settled(entry, note)
    first = entry["created_as"] == PRIMARY
    if _rank(mine, first) > _rank(other, not first):
        return Settled(entry, f"{counterpart} does not follow it: no other region has its data")
    if _since(mine) == _since(other):
        return Settled(
            None, f"it does not follow {counterpart}, and neither says that it was promoted: it is left as it is"
        )
    return Settled(
        None,
        f"{counterpart} was promoted at {_since(other)} and writes since then; this former primary is left as it is, with what"
        " was written to it alone",
    )


def _absent(entry: Entry, other: Resource | None, unknown: bool) -> Settled:
    counterpart = entry["counterpart"]
    if unknown:
        return Settled(None, problem=f"{counterpart} cannot be read, and what this one is made as depends on it")
    if other is None and entry["created_as"] == PRIMARY:
        return Settled(entry)
    if other is not None and other.attributes["source"]:
        source = other.attributes["source"]
        return Settled(
            None, problem=f"{counterpart} is a replica itself (of {source}), so nothing can follow it; promote it first"
        )
    return Settled(_replica(entry, counterpart))


def _replica(entry: Entry, source: str | None) -> Entry:
    """The entry of a replica: what it has from its source is not asked of it.

    :param source: None where it follows what cannot be read
    """
    inherited = dict.fromkeys(INHERITED - OWN_IN_ANOTHER_REGION)
    return {**entry, **inherited, "source": source, "replica": True}


def _rank(instance: Resource, first: bool) -> tuple[str, bool, bool]:
    """Which of two that are no replicas writes: the one promoted last, else the one that runs, else the one made as primary."""
    return _since(instance), instance.status not in STOPPED, first


def _since(instance: Resource) -> str:
    """When it was promoted, as UTC in a form that sorts; empty where it never was."""
    return instance.marks.get(WRITER_TAG, "")


def problems(entry: Entry) -> t.Iterator[str]:
    """What is wrong with an entry that has, or ought to have, a counterpart."""
    if not entry.get("counterpart"):
        if entry.get("created_as"):
            yield "created_as: needs counterpart, the instance of the other cell"
        return
    if entry.get("source"):
        yield "source, counterpart: take one; an instance with a counterpart follows it by itself"
    if not entry.get("created_as"):
        yield "created_as: missing; one of the two is primary, the other replica"
    if entry["storage_encrypted"] and not entry.get("kms_key"):
        yield "kms_key: missing; in another region AWS encrypts a replica with a key of that region"
    if not entry.get("subnet_group"):
        yield "subnet_group: missing"
    if entry.get("backup_retention_period") == 0:
        yield "backup_retention_period: AWS replicates an instance with 1 day of backups at least"
