# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds what a platform consists of, and its inventory. Documented in plugins/modules/adopt_info.py."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ansible.errors import AnsibleActionFail

from ansible_collections.terrace.aws.plugins.plugin_utils.adoption import entries, members, names, region
from ansible_collections.terrace.aws.plugins.plugin_utils.cell_action import CellAction, plain
from ansible_collections.terrace.aws.plugins.plugin_utils.engine import registry
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.cell import IGNORED_TAGS, Cell, Settings


class ActionModule(CellAction):
    _VALID_ARGS = frozenset({"cell", "region"})
    _supports_check_mode = True

    def act(self) -> dict[str, t.Any]:
        self.settings = Settings(ignored_tags=(*IGNORED_TAGS, *(self.variable("cell_ignored_tags", []) or [])))
        chosen = self.switches()
        selected = bool(chosen["adopt_vpc"] or chosen["adopt_ids"] or chosen["adopt_tags"])
        found, claims = members.Members(), {}
        if selected:
            if len(self._vars.get("ansible_play_hosts_all", [])) > 1:
                raise AnsibleActionFail(
                    "adopt_vpc, adopt_ids, adopt_tags: a platform is adopted as one cell; add --limit"
                )
            try:
                found, claims = self._search(chosen)
            except ValueError as error:
                raise AnsibleActionFail(f"{self.cell_name()}: nothing was written: {error}") from error
        made = entries.inventory(self._look, self.cell_name(), claims)
        return {
            "changed": False,
            "resources": plain(made.resources),
            "claims": made.claims,
            "passed_over": self._sentences({**found.passed_over, **made.passed_over}),
            "shared": [f"{what}: used by {', '.join(who)} as well" for what, who in found.shared.items()],
            "not_compared": self._sentences(made.not_compared),
        }

    def _search(self, chosen: dict[str, t.Any]) -> tuple[members.Members, entries.Claims]:
        """What belongs to the platform, and the names it is to have.

        :raises ValueError: where what was chosen is not there
        """
        whole = region.Region(self.cell_name(), self.region(), settings=self.settings)
        search = members.Search(whole)
        addresses = [region.address(each) for each in chosen["adopt_ids"]]
        vpcs = [ident for kind, ident in addresses if kind == "vpc"]
        vpcs += [chosen["adopt_vpc"]] if chosen["adopt_vpc"] else []
        seeds = set(addresses) | (search.everything_in(vpcs) if vpcs else set())
        if chosen["adopt_tags"]:
            seeds |= search.tagged(chosen["adopt_tags"])
        found = search.close(seeds)
        if missing := sorted(f"{kind} {ident}" for kind, ident in set(addresses) - set(found.resources)):
            reasons = [found.passed_over.get(each.replace(" ", "/", 1), "is not there") for each in missing]
            raise ValueError("; ".join(f"{each}: {why}" for each, why in zip(missing, reasons, strict=True)))
        if not found.resources:
            raise ValueError(f"adopt_tags: nothing in {self.region()} carries {chosen['adopt_tags']}")
        return found, names.proposed(self.cell_name(), found.resources, whole.carried)

    def _look(self, claims: entries.Claims) -> Cell:
        settings = replace(self.settings, claims=claims)
        return Cell(self.cell_name(), self.region(), registry.all_kinds(), exact=True, settings=settings)

    @staticmethod
    def _sentences(found: dict[str, str]) -> list[str]:
        return [f"{what}: {why}" for what, why in sorted(found.items())]
