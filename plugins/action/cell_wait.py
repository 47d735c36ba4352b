# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waits for slow resources, all at once, saying what for. Documented in plugins/modules/cell_wait.py."""

from __future__ import annotations

import time
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.utils.display import Display

from ansible_collections.terrace.aws.plugins.plugin_utils.cell_action import CellAction, plain
from ansible_collections.terrace.aws.plugins.plugin_utils.engine import registry
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.kind import FAILED, PENDING, Resource

display = Display()


class ActionModule(CellAction):
    _VALID_ARGS = frozenset({"kinds", "names", "fresh", "timeout", "interval", "cell", "region"})
    _supports_check_mode = True

    def act(self) -> dict[str, t.Any]:
        kinds = self.known_kinds(self.option("kinds") or registry.all_kinds())
        timeout, interval = float(self.option("timeout", 3600)), float(self.option("interval", 2))
        begun, told = time.monotonic(), 0.0
        observed = self.observe(kinds, kinds if boolean(self.option("fresh", True)) else ())
        self._refuse_failed(observed)
        while pending := self._waiting(observed):
            waited = time.monotonic() - begun
            what = ", ".join(name for names in pending.values() for name in names)
            if self._task.check_mode:
                break
            if waited > timeout:
                raise AnsibleActionFail(f"{self.cell_name()}: after {waited:.0f} s still waiting for {what}")
            if waited - told >= 10 or not told:
                display.display(f"{self.cell_name()}: waiting for {what} ({waited:.0f} s)")
                told = max(waited, 0.01)
            time.sleep(min(interval, max(0.2, timeout - waited)))
            observed |= self.observe(pending, pending)
            self._refuse_failed(observed)
        waited = time.monotonic() - begun
        if told:
            display.display(f"{self.cell_name()}: all there after {waited:.0f} s")
        return {"changed": False, "waited": round(waited, 1), "resources": plain(observed)}

    def _waiting(self, observed: dict[str, dict[str, Resource]]) -> dict[str, list[str]]:
        """What is still being made, by kind, as it is shown."""
        names = self.option("names")
        waiting: dict[str, list[str]] = {}
        for kind, found in observed.items():
            for name, resource in found.items():
                if resource.state == PENDING and (not names or name in names):
                    waiting.setdefault(kind, []).append(f"{kind} {name} [{resource.status}]")
        return waiting

    def _refuse_failed(self, observed: dict[str, dict[str, Resource]]) -> None:
        failed = [
            f"{kind} {name} [{resource.status}] {resource.facts.get('failure', '')}".rstrip()
            for kind, found in observed.items()
            for name, resource in found.items()
            if resource.state == FAILED
        ]
        if failed:
            raise AnsibleActionFail(f"{self.cell_name()}: AWS gave up on {', '.join(failed)}")
