# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run knows of a cell while it writes: what it has written, and whatever is derived from that, is read again."""

from __future__ import annotations

import typing as t

from .cell import Cell
from .kind import Kind, Resource

Observed = dict[str, dict[str, Resource]]


class View:
    """A cell's resources by kind, each as last read, and never older than the last write it depends on.

    :param look: opens the cell for another look, given the kinds that are still as they were read
    :param kinds: every kind by name; a kind names the ids of what it refers to
    :param observed: what was read before
    :param elsewhere: reads what is referred to of these kinds in other cells
    :param sources: kind -> kinds that were looked at while it was read: what they are decides what it says
    """

    def __init__(
        self,
        look: t.Callable[[Observed], Cell],
        kinds: t.Mapping[str, Kind],
        observed: Observed,
        sources: dict[str, set[str]] | None = None,
        elsewhere: t.Callable[[t.Collection[str]], Observed] | None = None,
    ) -> None:
        self._look, self._observed = look, dict(observed)
        self._elsewhere = elsewhere or (lambda _kinds: {})
        self._others = self._elsewhere(list(observed))
        self._named = {name: set(kind.references.values()) for name, kind in kinds.items()}
        self._sources: dict[str, set[str]] = {}
        self._learn(self._sources, sources or {})
        self._stale: set[str] = set()

    @staticmethod
    def _learn(where: dict[str, set[str]], found: dict[str, set[str]]) -> None:
        for kind, others in found.items():
            where.setdefault(kind, set()).update(others)

    def written(self, kind: str, new_ids: bool) -> None:
        """A kind was written: it and all that is derived from it is not known any more.

        :param new_ids: resources were created, replaced or removed, so that what says their ids by name says others now
        """
        queue = [(kind, new_ids)]
        seen: set[str] = set()
        while queue:
            each, ids = queue.pop()
            if each in seen:
                continue
            seen.add(each)
            queue += [(name, False) for name, others in self._sources.items() if each in others]
            if ids:
                queue += [(name, False) for name, others in self._named.items() if each in others]
        self._stale |= seen

    def forget(self, kinds: t.Iterable[str]) -> None:
        """AWS itself changes these kinds: look at them again, and not at what is derived from them."""
        self._stale.update(kinds)

    def get(self, kinds: t.Iterable[str]) -> Observed:
        """These kinds, read again where they are not known."""
        wanted = list(dict.fromkeys(kinds))
        missing = [kind for kind in wanted if kind in self._stale or kind not in self._observed]
        if missing:
            # What a stale kind is derived from may be stale as well; it is then read on the way.
            cell = self._look(self.known())
            read = cell.observe(missing)
            self._learn(self._sources, cell.sources)
            self._learn(self._named, cell.named)
            self._observed.update(read)
            self._stale.difference_update(read)
            self._others |= self._elsewhere(missing)
        return {kind: {**self._observed[kind], **self._others.get(kind, {})} for kind in wanted}

    def known(self) -> Observed:
        """What is known as it is now, without reading."""
        return {kind: found for kind, found in self._observed.items() if kind not in self._stale}

    def last(self) -> Observed:
        """Everything as it was last read, also what is not known any more."""
        return self._observed


def with_sources(kinds: t.Iterable[str], sources: t.Mapping[str, t.Collection[str]]) -> set[str]:
    """The kinds and whatever theirs is derived from: a group's outdated machines come from its template's version.

    :param sources: kind -> kinds that were looked at while it was read
    """
    found: set[str] = set()
    left = list(kinds)
    while left:
        kind = left.pop()
        if kind not in found:
            found.add(kind)
            left += sources.get(kind, ())
    return found
