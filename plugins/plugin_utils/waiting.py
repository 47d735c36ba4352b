# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting for what AWS is still making: told, bounded, and ended by what failed."""

from __future__ import annotations

import time
import typing as t

from ansible.errors import AnsibleActionFail

from . import events
from .engine.kind import FAILED, LEAVING, READY, Resource

#: Seconds between two looks at what is pending, at first and at most.
POLL_FIRST, POLL_MOST = 0.5, 3.0
#: Seconds after which what is waited for is told again although nothing changed.
REPEAT = 30.0


class Waiting:
    """What one cell waits for.

    :param timeout: seconds that resources of a kind may take to become ready, or to be gone
    """

    def __init__(self, cell: str, timeout: t.Callable[[str], float]) -> None:
        self._cell, self._timeout = cell, timeout
        self._since: dict[tuple[str, str, str], float] = {}
        self._told: list[str] = []
        self._told_at = 0.0

    def look(self, resources: t.Iterable[tuple[str, str, Resource]]) -> None:
        """Judge what is pending now, and tell it when it changed.

        :param resources: ``(kind, name, resource)``
        :raises AnsibleActionFail: for a resource in a failed state, or one that takes too long
        """
        now = time.monotonic()
        words, pending = [], []
        for kind, name, resource in resources:
            if resource.state == READY:
                continue
            state = resource.status or resource.state
            since = self._since.setdefault((kind, name, resource.state), now)
            if resource.state == FAILED:
                reason = resource.facts.get("failure") or state
                raise AnsibleActionFail(f"{self._cell}: {kind}/{name} is in a failed state: {reason}")
            if now - since > self._timeout(kind):
                raise AnsibleActionFail(f"{self._cell}: {kind}/{name} is still {state} after {now - since:.0f} s")
            words.append(f"{kind} {name} ({state})")
            leaving = resource.state == LEAVING
            pending.append({"kind": kind, "name": name, "status": state, "leaving": leaving})
        if words != self._told or (words and now - self._told_at > REPEAT):
            line = f"{self._cell}: waiting for {', '.join(words)}" if words else ""
            events.tell(self._cell, "pending", line, resources=pending)
            self._told, self._told_at = words, now
