# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the plans of a run come to, cell by cell, for the callbacks that close a run."""

from __future__ import annotations

import typing as t

from .engine.plan import counts
from .run_files import unfinished

WORDS = ("add", "change", "remove", "orphan")
ORPHANS_SHOWN = 20


class PlanSums:
    """The plans of a run.

    :ivar check_mode: whether the run writes nothing
    """

    def __init__(self) -> None:
        self.check_mode = False
        #: cell -> its plans in order
        self._plans: dict[str, list[dict[str, t.Any]]] = {}

    def keep(self, data: dict[str, t.Any]) -> bool:
        """Keep the plan of a task's result; whether it has one."""
        data = (data.get("result") or {}) if "terrace_plan" not in data else data
        plan = data.get("terrace_plan") if isinstance(data, dict) else None
        if plan:
            self._plans.setdefault(plan["cell"], []).append(plan)
        return bool(plan)

    def keep_unfinished(self) -> None:
        """Keep the plans that came to no end until now, once a task has failed."""
        for plan in unfinished():
            self._plans.setdefault(plan["cell"], []).append(plan)

    def summary(self) -> dict[str, dict[str, t.Any]]:
        """What each cell's plans come to: ``planned`` and ``done`` by counts, whether it was ``written``, and the ``changes``."""
        return {cell: _summed(plans) for cell, plans in sorted(self._plans.items())}

    def lines(self, cell: str, sums: dict[str, t.Any]) -> list[str]:
        """A cell's sentence, and its orphans."""
        return [f"{cell}: {self._sentence(sums)}", *_orphans(sums)]

    def _sentence(self, sums: dict[str, t.Any]) -> str:
        planned, done = sums["planned"], sums["done"]
        orphans = f"; {planned['orphan']} not in the inventory" if planned["orphan"] else ""
        to_do = f"{planned['add']} to add, {planned['change']} to change, {planned['remove']} to remove"
        if refused := sum(1 for change in sums["changes"] if change.get("refused")):
            to_do += f"; {refused} refused, so nothing would be written" if self.check_mode else f"; {refused} refused"
        if self.check_mode:
            return f"Plan: {to_do}{orphans}"
        if not sums["written"]:
            return f"Found: {to_do}{orphans}; nothing was written"
        left = sum(planned[word] - done[word] for word in WORDS[:3])
        unfinished_ = f"; {left} planned and not finished" if left else ""
        return f"Done: {done['add']} added, {done['change']} changed, {done['remove']} removed{unfinished_}{orphans}"


def _summed(plans: list[dict[str, t.Any]]) -> dict[str, t.Any]:
    """What a cell's plans come to. One that was listed and then carried out is the same change, told twice."""
    last: dict[tuple[str, str, str], dict[str, t.Any]] = {}
    done: dict[tuple[str, str, str], dict[str, t.Any]] = {}
    for plan in plans:
        for change in plan["changes"]:
            key = (change["kind"], change["name"], change["action"])
            last[key] = {**change, "role": plan["role"]}
            if f"{change['kind']}/{change['name']}" in plan["done"]:
                done[key] = change
    return {
        "planned": counts(change["action"] for change in last.values()),
        "done": counts(change["action"] for change in done.values()),
        "written": any(plan["writes"] for plan in plans),
        "changes": list(last.values()),
    }


def _orphans(sums: dict[str, t.Any]) -> t.Iterator[str]:
    """What the inventory does not name: no layer works on it, so it is shown here."""
    orphans = (change for change in sums["changes"] if change["action"] == "orphan")
    found = list(dict.fromkeys(f"{change['kind']} {change['name']}" for change in orphans))
    for address in found[:ORPHANS_SHOWN]:
        yield f"    ? {address} is not in the inventory; terrace_prune=true removes it"
    if len(found) > ORPHANS_SHOWN:
        yield f"    ? and {len(found) - ORPHANS_SHOWN} more, which TERRACE_PLAN_JSON writes out"
