# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One database in two cells: an instance in each, of which one writes and the other is its read replica.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ReadRepl.XRgn.html
"""

from __future__ import annotations

import typing as t

from ...engine.kind import Resource, Settled
from ...shared import pairs
from .rds import INHERITED, OWN_IN_ANOTHER_REGION
from .rds_states import STOPPED

Entry = dict[str, t.Any]


def _replica(entry: Entry, source: str | None) -> Entry:
    """The entry of a replica: what it has from its source is not asked of it.

    :param source: None where it follows what cannot be read
    """
    inherited = dict.fromkeys(INHERITED - OWN_IN_ANOTHER_REGION)
    return {**entry, **inherited, "source": source, "replica": True}


PAIRING = pairs.Pairing(
    source=lambda instance: instance.attributes["source"] or "",
    follower=_replica,
    idle=lambda instance: instance.status in STOPPED,
)


def settled(entry: Entry, mine: Resource | None, others: t.Mapping[str, Resource | None]) -> Settled:
    """The entry of an instance that has a counterpart, as a primary's or a replica's."""
    return pairs.settled(PAIRING, entry, mine, others)


def postponed(entries: dict[str, Entry], observed: dict[str, Resource]) -> dict[str, str]:
    """Replicas that follow an instance of their cell which follows the other cell's, with why they are left alone.

    AWS replicates only what has backups, and creates every replica without them: they are made once their source writes.
    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PostgreSQL.Replication.ReadReplicas.Cascading.html

    :param entries: as :func:`settled` made them
    """
    found = {}
    for name, entry in entries.items():
        source = entry.get("source") or ""
        if not entries.get(source, {}).get("replica"):
            continue
        mine = observed.get(name)
        if mine is None:
            found[name] = f"it is made once {source} writes: {source} is a replica itself, which has no backups"
        elif mine.attributes["source"] != source:
            found[name] = f"it does not follow {source}, which is a replica itself now: it is left as it is"
    return found


def problems(entry: Entry) -> t.Iterator[str]:
    """What is wrong with an entry that has, or ought to have, a counterpart."""
    yield from pairs.problems(entry)
    if not entry.get("counterpart"):
        return
    if entry.get("source"):
        yield "source, counterpart: take one; an instance with a counterpart follows it by itself"
    if entry["storage_encrypted"] and not entry.get("kms_key"):
        yield "kms_key: missing; in another region AWS encrypts a replica with a key of that region"
    if not entry.get("subnet_group"):
        yield "subnet_group: missing"
    if entry.get("backup_retention_period") == 0:
        yield "backup_retention_period: AWS replicates an instance with 1 day of backups at least"
