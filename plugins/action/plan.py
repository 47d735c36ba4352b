# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shows what would change, and hands the roles what is to be written. Documented in plugins/modules/plan.py."""

from __future__ import annotations

import time
import typing as t
from dataclasses import replace

from ansible.errors import AnsibleActionFail
from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.terrace.aws.plugins.plugin_utils import desired, payloads, render
from ansible_collections.terrace.aws.plugins.plugin_utils.cell_action import CellAction, ids, plain
from ansible_collections.terrace.aws.plugins.plugin_utils.engine import plan, registry
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.kind import READY, Resource, every_tag

#: How often and how far apart a proof looks again before it says that something does not hold: AWS is eventually
#: consistent, and a describe call may show the old value for a few seconds.
PROOF_TRIES, PROOF_PAUSE = 6, 2.5


class ActionModule(CellAction):
    _VALID_ARGS = frozenset({"role", "kinds", "state", "prove", "leave", "brief", "fresh", "cell", "region"})
    _supports_check_mode = True

    def act(self) -> dict[str, t.Any]:
        left = self.known_kinds(self.option("leave", []))
        kinds = [kind for kind in self._kinds() if kind not in left]
        self._leaving = {kind for kind in kinds if self._is_absent(kind)}
        world = self._world(kinds)
        rules = plan.Rules(
            prune=boolean(self.variable("terrace_prune", False)),
            replace=tuple(self.variable("terrace_allow_replace", [])),
            data_loss=tuple(self.variable("terrace_allow_data_loss", [])),
        )
        prove = boolean(self.option("prove", False))
        observed, changes = self._compared(kinds, world, rules, fresh=prove or boolean(self.option("fresh", False)))
        if prove:
            return self._proven(kinds, world, rules, observed, changes)
        self._refuse_before_creation(world, changes)
        refused = [change for change in changes if change.refused]
        if refused and not self._task.check_mode:
            raise AnsibleActionFail(
                "refused before anything was written:\n"
                + "\n".join(f"  {change.address}: {change.refused}" for change in refused),
                result={"terrace_plan": self._summary(kinds, changes)},
            )
        if boolean(self.option("brief", False)):
            return self._brief(kinds, world, observed, changes)
        return self._result(kinds, world, rules, observed, changes)

    def _is_absent(self, kind: str) -> bool:
        """Whether nothing of a kind is desired: asked for in this task, or for its role in the inventory."""
        state = self.option("state")
        if state is None and not self.option("role"):
            state = self.variable(f"{registry.kind(kind).role}_state", "present")
        return state == "absent"

    def _kinds(self) -> list[str]:
        role = self.option("role")
        if role:
            names = list(registry.of_role(str(role)))
            if not names:
                raise AnsibleActionFail(f"no kind belongs to a role {role}; roles: {', '.join(registry.roles())}")
            return names
        return self.known_kinds(self.option("kinds") or registry.all_kinds())

    def _world(self, kinds: list[str]) -> desired.World:
        nothing: desired.World = {kind: {} for kind in kinds}
        if self._leaving == set(kinds):
            return nothing
        variables = self._vars if self.option("role") else desired.variables_with_defaults(self._vars)
        templar = self._templar.copy_with_new_env(available_variables=variables)
        staying = [kind for kind in kinds if kind not in self._leaving]
        world, problems = desired.of_kinds(staying, variables, templar.template)
        problems = problems or desired.cross_checked(world, self.cell_name())
        if problems:
            self._wrong(problems)
        return nothing | desired.with_tags(world, self.variable("cell_tags", {}))

    def _compared(
        self, kinds: list[str], world: desired.World, rules: plan.Rules, fresh: bool
    ) -> tuple[dict[str, dict[str, Resource]], list[plan.Change]]:
        observed = self.observe(registry.with_references(kinds), kinds if fresh else ())
        leaving = replace(rules, absent=True)
        found = [
            change
            for kind in kinds
            for change in plan.changes(
                registry.kind(kind), world[kind], observed[kind], leaving if kind in self._leaving else rules
            )
        ]
        return observed, found

    def _refuse_before_creation(self, world: desired.World, changes: list[plan.Change]) -> None:
        """What only AWS can tell of entries that are to be created."""
        created: dict[str, dict[str, t.Any]] = {}
        for change in changes:
            if change.action == plan.CREATE:
                created.setdefault(change.kind, {})[change.name] = world[change.kind][change.name]
        cell = self.cell()
        problems = [
            f"{registry.kind(kind).variable}.{problem}"
            for kind, entries in created.items()
            for problem in registry.kind(kind).precreate_errors(cell, entries)
        ]
        if problems:
            self._wrong(problems)

    def _wrong(self, problems: list[str]) -> t.NoReturn:
        raise AnsibleActionFail(
            f"{self.cell_name()}: the inventory is wrong, nothing was written:\n"
            + "\n".join(f"  {problem}" for problem in problems)
        )

    def _proven(self, kinds, world, rules, observed, changes) -> dict[str, t.Any]:
        for _again in range(PROOF_TRIES):
            left = plan.unfinished(changes, observed)
            if not left:
                return self._result(kinds, world, rules, observed, []) | {"proven": True}
            time.sleep(PROOF_PAUSE)
            observed, changes = self._compared(kinds, world, rules, fresh=True)
        raise AnsibleActionFail(
            f"{self.cell_name()}: AWS does not hold what was written:\n" + render.changes(left),
            result={"terrace_plan": self._summary(kinds, left)},
        )

    def _result(self, kinds, world, rules, observed, changes) -> dict[str, t.Any]:
        trusted = self._trusted() or self._leaving == set(kinds)
        touched = {(change.kind, change.name): change for change in changes if change.action != plan.ORPHAN}
        write: dict[str, dict[str, t.Any]] = {}
        gone: dict[str, dict[str, dict[str, t.Any]]] = {"replace": {}, "remove": {}}
        for kind in kinds:
            for name, entry in world[kind].items():
                change = touched.get((kind, name))
                if change or not trusted:
                    write.setdefault(kind, {})[name] = self._entry(kind, name, entry, observed[kind].get(name), change)
        for change in changes:
            if change.action in gone:
                resource = observed[change.kind][change.name]
                gone[change.action].setdefault(change.kind, {})[change.name] = resource.as_dict()
        output = plain({kind: observed[kind] for kind in kinds})
        totals = plan.counts(change.action for change in changes)
        result: dict[str, t.Any] = {
            "changed": self._task.check_mode and any(totals[word] for word in ("add", "change", "remove")),
            "pending": bool(write or gone["replace"] or gone["remove"]),
            "write": write,
            "replace": gone["replace"],
            "remove": gone["remove"],
            "ids": ids(observed),
            "resources": output,
            "terrace_plan": self._summary(kinds, changes),
        }
        if changes:
            role = str(self.option("role") or "cell")
            text = render.changes(changes, f"{self.cell_name()}: {role}")
            if not self.observations().told(role, text):
                result["diff"] = [{"prepared": text}]
        return result

    def _trusted(self) -> bool:
        """Whether only what differs is written; in check mode nothing else is shown either."""
        return boolean(self.variable("terrace_trust_plan", True)) or self._task.check_mode

    def _brief(self, kinds, world, observed, changes) -> dict[str, t.Any]:
        """Whether there is anything for a role to do, to await or to say; and the counts."""
        unsettled = [change.address for change in changes if change.action != plan.ORPHAN]
        for kind, entries in world.items():
            unsettled += [f"{kind}/{notice}" for notice in registry.kind(kind).warnings(entries, observed[kind])]
            unsettled += [
                f"{kind}/{name}: {resource.status or resource.state}"
                for name, resource in observed[kind].items()
                if resource.state != READY
            ]
        totals = plan.counts(change.action for change in changes)
        if unsettled and not self._task.check_mode:
            payloads.make_ahead(self, dict.fromkeys(registry.kind(change.kind).role for change in changes), self._vars)
        return {
            "changed": self._task.check_mode and any(totals[word] for word in ("add", "change", "remove")),
            "settled": self._trusted() and not unsettled,
            "unsettled": unsettled,
            "terrace_plan": self._summary(kinds, changes),
        }

    def _summary(self, kinds: list[str], changes: list[plan.Change]) -> dict[str, t.Any]:
        """What the callback sums up at the end of the run."""
        return {
            "cell": self.cell_name(),
            "role": str(self.option("role") or ""),
            "proof": boolean(self.option("prove", False)),
            "kinds": kinds,
            "counts": plan.counts(change.action for change in changes),
            "changes": [change.as_dict() for change in changes],
        }

    def _entry(self, kind, name, entry, resource, change) -> dict[str, t.Any]:
        cell = self.cell_name()
        return {
            **entry,
            "tags": every_tag(cell, kind, name, entry.get("tags")),
            "aws_name": f"{cell}-{name}",
            "id": resource.id if resource else "",
            "facts": resource.facts if resource else {},
            "action": change.action if change else "",
            "fields": sorted(change.fields) if change else [],
        }
