# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Closes a run with what it did, or in check mode would do, to each cell."""

from __future__ import annotations

import json
import os
import typing as t

from ansible.plugins.callback import CallbackBase

from ansible_collections.terrace.aws.plugins.plugin_utils.engine.plan import counts
from ansible_collections.terrace.aws.plugins.plugin_utils.run_files import take_unfinished

DOCUMENTATION = r"""
name: plan_summary
type: aggregate
short_description: Sum up what a run planned and did, cell by cell
version_added: 0.1.0
description:
  - Ends a run with how much is to be added, changed and removed in each cell in check mode, and with what was done otherwise.
    Only what was read back from AWS afterwards counts as done. Orphans are named.
  - Can write the same, with every changed field, as JSON.
options:
  json_file:
    description: Where to write the summary as JSON. Nothing is written by default.
    type: path
    env:
      - name: TERRACE_PLAN_JSON
    ini:
      - section: callback_plan_summary
        key: json_file
author:
  - The Terrace developers
"""

WORDS = ("add", "change", "remove", "orphan")
ORPHANS_SHOWN = 20


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "terrace.aws.plan_summary"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *args: t.Any, **kwargs: t.Any) -> None:
        super().__init__(*args, **kwargs)
        self._check_mode = False
        #: cell -> its plans in order
        self._plans: dict[str, list[dict[str, t.Any]]] = {}

    def v2_playbook_on_play_start(self, play: t.Any) -> None:
        self._check_mode = bool(play.check_mode)

    def v2_runner_on_ok(self, result: t.Any) -> None:
        self._keep(result)

    def v2_runner_on_failed(self, result: t.Any, ignore_errors: bool = False) -> None:
        self._keep(result)
        for plan in take_unfinished():
            self._plans.setdefault(plan["cell"], []).append(plan)

    def _keep(self, result: t.Any) -> None:
        data = getattr(result, "result", None) or getattr(result, "_result", {})
        data = (data.get("result") or {}) if "terrace_plan" not in data else data
        plan = data.get("terrace_plan") if isinstance(data, dict) else None
        if not plan:
            return
        self._plans.setdefault(plan["cell"], []).append(plan)

    def v2_playbook_on_stats(self, stats: t.Any) -> None:
        if not self._plans:
            return
        summary = {cell: self._summed(plans) for cell, plans in sorted(self._plans.items())}
        self._display.banner("PLAN" if self._check_mode else "CELLS")
        for cell, sums in summary.items():
            self._display.display(f"{cell}: {self._sentence(sums)}")
            for line in self._orphans(sums):
                self._display.display(line)
        path = self.get_option("json_file")
        if path:
            self._write(os.path.expanduser(path), summary)

    def _summed(self, plans: list[dict[str, t.Any]]) -> dict[str, t.Any]:
        """What a cell's plans come to. One that was listed and then carried out is the same change, told twice."""
        last: dict[tuple[str, str, str], dict[str, t.Any]] = {}
        done: dict[tuple[str, str, str], dict[str, t.Any]] = {}
        for plan in plans:
            for change in plan["changes"]:
                key = (change["kind"], change["name"], change["action"])
                last[key] = {**change, "role": plan["role"]}
                if f"{change['kind']}/{change['name']}" in plan["done"]:
                    done[key] = change
        planned = counts(change["action"] for change in last.values())
        return {
            "planned": planned,
            "done": counts(change["action"] for change in done.values()),
            "changes": list(last.values()),
        }

    def _sentence(self, sums: dict[str, t.Any]) -> str:
        planned, done = sums["planned"], sums["done"]
        orphans = f"; {planned['orphan']} not in the inventory" if planned["orphan"] else ""
        if self._check_mode:
            return (
                f"Plan: {planned['add']} to add, {planned['change']} to change, {planned['remove']} to remove{orphans}"
            )
        left = sum(planned[word] - done[word] for word in WORDS[:3])
        unfinished = f"; {left} planned and not finished" if left else ""
        return f"Done: {done['add']} added, {done['change']} changed, {done['remove']} removed{unfinished}{orphans}"

    @staticmethod
    def _orphans(sums: dict[str, t.Any]) -> t.Iterator[str]:
        """What the inventory does not name: no layer works on it, so it is shown here."""
        orphans = (change for change in sums["changes"] if change["action"] == "orphan")
        found = list(dict.fromkeys(f"{change['kind']} {change['name']}" for change in orphans))
        for address in found[:ORPHANS_SHOWN]:
            yield f"    ? {address} is not in the inventory; terrace_prune=true removes it"
        if len(found) > ORPHANS_SHOWN:
            yield f"    ? and {len(found) - ORPHANS_SHOWN} more, which TERRACE_PLAN_JSON writes out"

    def _write(self, path: str, summary: dict[str, t.Any]) -> None:
        with open(path, "w", encoding="utf-8") as stream:
            json.dump({"check_mode": self._check_mode, "cells": summary}, stream, indent=2, default=str)
            stream.write("\n")
