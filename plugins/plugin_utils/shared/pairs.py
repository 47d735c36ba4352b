# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What two cells hold together: a resource in each, of which one is the primary and the other its replica.

Which one is the primary is read from AWS, never from the inventory: it is no replica. A promotion in one region leaves the
resource of the other as it was, so that neither is a replica then; the one that was promoted last is the primary, as its tag
says, and the other one is the former primary, which is left alone.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..engine.kind import LEAVING, WRITER_TAG, Resource, Settled

PRIMARY, REPLICA = "primary", "replica"

Entry = dict[str, t.Any]


@dataclass(frozen=True)
class Pairing:
    """How a kind tells its two resources apart.

    :ivar source: what a resource replicates, as ``<cell>/<name>`` or an id; empty where it is no replica
    :ivar follower: the entry of a replica of a source, which is None where that cannot be read
    :ivar idle: whether a resource was stopped, so that it is not written to
    """

    source: t.Callable[[Resource], str]
    follower: t.Callable[[Entry, str | None], Entry]
    idle: t.Callable[[Resource], bool] = lambda _resource: False


def settled(pairing: Pairing, entry: Entry, mine: Resource | None, others: t.Mapping[str, Resource | None]) -> Settled:
    """The entry of a resource that has a counterpart, as a primary's or a replica's.

    :param others: the counterpart where it is there; None where it could not be read
    """
    counterpart = entry["counterpart"]
    other, unknown = others.get(counterpart), counterpart in others and others[counterpart] is None
    if other is not None and other.state == LEAVING:
        other = None
    if mine is None or mine.state == LEAVING:
        return _absent(pairing, entry, other, unknown)
    note = f"{counterpart} could not be read" if unknown else ""
    if source := pairing.source(mine):
        return Settled(pairing.follower(entry, None if unknown else source), note)
    if unknown and pairing.idle(mine):
        return Settled(None, f"{note}, so it stays {mine.status}: it may be the former primary")
    if other is None or pairing.source(other):
        return Settled(entry, note)
    first = entry["created_as"] == PRIMARY
    if _rank(pairing, mine, first) > _rank(pairing, other, not first):
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


def _absent(pairing: Pairing, entry: Entry, other: Resource | None, unknown: bool) -> Settled:
    counterpart = entry["counterpart"]
    if unknown:
        return Settled(None, problem=f"{counterpart} cannot be read, and what this one is made as depends on it")
    if other is None and entry["created_as"] == PRIMARY:
        return Settled(entry)
    if other is not None and (source := pairing.source(other)):
        return Settled(
            None, problem=f"{counterpart} is a replica itself (of {source}), so nothing can follow it; promote it first"
        )
    return Settled(pairing.follower(entry, counterpart))


def _rank(pairing: Pairing, resource: Resource, first: bool) -> tuple[str, bool, bool]:
    """Which of two that are no replicas writes: the one promoted last, else the one that runs, else the one made as primary."""
    return _since(resource), not pairing.idle(resource), first


def _since(resource: Resource) -> str:
    """When it was promoted, as UTC in a form that sorts; empty where it never was."""
    return resource.marks.get(WRITER_TAG, "")


def problems(entry: Entry) -> t.Iterator[str]:
    """What is wrong with the options that pair an entry."""
    if entry.get("created_as") and not entry.get("counterpart"):
        yield "created_as: needs counterpart, the same in the other cell"
    if entry.get("counterpart") and not entry.get("created_as"):
        yield "created_as: missing; one of the two is primary, the other replica"
