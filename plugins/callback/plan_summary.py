# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Closes a run with what it did, or in check mode would do, to each cell."""

from __future__ import annotations

DOCUMENTATION = r"""
name: plan_summary
type: aggregate
short_description: Sum up what a run planned and did, cell by cell
version_added: 0.1.0
description:
  - Ends a run with how much is to be added, changed and removed in each cell in check mode, and with what was done otherwise.
    Only what was read back from AWS afterwards counts as done. Orphans are named.
  - Can write the same, with every changed field, as JSON.
  - Where P(terrace.aws.watch#callback) shows the run, it closes it as well, and this one only writes the JSON.
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
  - The Terrace developers (@terrace)
"""

import json
import os
import typing as t

from ansible.plugins.callback import CallbackBase

from ansible_collections.terrace.aws.plugins.plugin_utils.events import Watching
from ansible_collections.terrace.aws.plugins.plugin_utils.plan_sums import PlanSums


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "terrace.aws.plan_summary"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *args: t.Any, **kwargs: t.Any) -> None:
        super().__init__(*args, **kwargs)
        self._sums = PlanSums()

    def v2_playbook_on_play_start(self, play: t.Any) -> None:
        self._sums.check_mode = bool(play.check_mode)

    def v2_runner_on_ok(self, result: t.Any) -> None:
        self._keep(result)

    def v2_runner_on_failed(self, result: t.Any, ignore_errors: bool = False) -> None:
        self._keep(result)
        self._sums.keep_unfinished()

    def _keep(self, result: t.Any) -> None:
        self._sums.keep(getattr(result, "result", None) or getattr(result, "_result", {}))

    def v2_playbook_on_stats(self, stats: t.Any) -> None:
        summary = self._sums.summary()
        if not summary:
            return
        if not Watching.on:
            self._display.banner("PLAN" if self._sums.check_mode else "CELLS")
            for cell, sums in summary.items():
                for line in self._sums.lines(cell, sums):
                    self._display.display(line)
        path = self.get_option("json_file")
        if path:
            self._write(os.path.expanduser(path), summary)

    def _write(self, path: str, summary: dict[str, t.Any]) -> None:
        with open(path, "w", encoding="utf-8") as stream:
            json.dump({"check_mode": self._sums.check_mode, "cells": summary}, stream, indent=2, default=str)
            stream.write("\n")
