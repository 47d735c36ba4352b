# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the actions that plan share: what is desired of which kinds, what there is, the difference, and what refuses it."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from ansible.errors import AnsibleActionFail

from . import desired, events, render, run_files, specs, switches
from .cell_action import CellAction
from .engine import elsewhere, plan, registry
from .engine.cell import IGNORED_TAGS, Settings
from .engine.kind import READY, Resource
from .kept_entries import KeptEntries
from .sdk import BotoCoreError, ClientError


@dataclass
class Planned:
    """A plan of some kinds of a cell.

    :ivar kinds: the kinds that are planned
    :ivar world: what is desired of them
    :ivar observed: what there is, of them and of all they refer to
    :ivar changes: the difference
    :ivar warnings: what operators are to know although nothing differs
    :ivar left: ``(kind, name)`` of what is neither written nor waited for although the inventory names it
    """

    kinds: list[str]
    world: desired.World
    observed: dict[str, dict[str, Resource]]
    changes: list[plan.Change]
    warnings: list[str]
    left: frozenset[tuple[str, str]] = frozenset()

    @property
    def counts(self) -> dict[str, int]:
        return plan.counts(change.action for change in self.changes)

    @property
    def to_do(self) -> list[plan.Change]:
        """What is to be written: everything but orphans."""
        return [change for change in self.changes if change.action != plan.ORPHAN]

    @property
    def pending(self) -> list[tuple[str, str]]:
        """Resources of the kinds that are not ready, ``(kind, name)``; orphans and what is left alone are not waited for."""
        return self.not_ready(self.observed, self.kinds)

    def not_ready(self, observed: dict[str, dict[str, Resource]], kinds: t.Iterable[str]) -> list[tuple[str, str]]:
        passed = self.left | {(change.kind, change.name) for change in self.changes if change.action == plan.ORPHAN}
        return [
            (kind, name)
            for kind in kinds
            for name, resource in observed[kind].items()
            if resource.state != READY and (kind, name) not in passed
        ]


class PlanningAction(CellAction):
    """An action that compares a cell, or the kinds of one role, with the inventory."""

    def chosen_kinds(self) -> list[str]:
        """The kinds the task is about: those of its role, those it names, or all."""
        role = self.option("role")
        if role:
            names = list(registry.of_role(str(role)))
            if not names:
                raise AnsibleActionFail(f"no kind belongs to a role {role}; roles: {', '.join(registry.roles())}")
            return names
        return self.known_kinds(self.option("kinds") or registry.all_kinds())

    def planned(self, kinds: list[str], fresh: t.Container[str] = ()) -> Planned:
        """Compare the kinds with the inventory.

        :param fresh: kinds that are read from AWS even though this run has read them before
        """
        leaving = {kind for kind in kinds if self._is_absent(kind)}
        world = self._world(kinds, leaving)
        rules = switches.rules(self.switches())
        observed = self.observe(registry.with_references(kinds), fresh)
        world, left, notes = self._settled(world, observed)
        absent = replace(rules, absent=True)
        everything = registry.all_kinds()
        changes = [
            change
            for kind in kinds
            for change in plan.changes(
                everything[kind],
                world[kind],
                {name: resource for name, resource in observed[kind].items() if (kind, name) not in left},
                absent if kind in leaving else rules,
            )
        ]
        changes += plan.follow_ons(everything, world, observed, changes, rules)
        observed = self._with_users(observed, changes)
        plan.refuse_in_use(everything, world, observed, changes)
        warnings = notes + [
            f"{kind}/{warning}" for kind in kinds for warning in everything[kind].warnings(world[kind], observed[kind])
        ]
        return Planned(kinds, world, observed, changes, warnings, frozenset(left))

    def refuse(self, found: Planned) -> None:
        """Everything that has to be refused before the first write, at once.

        :raises AnsibleActionFail: naming what is wrong and what to do
        """
        problems = list(self._wrong_for_aws(found))
        if problems:
            self.wrong(problems)
        if self._task.check_mode:
            return
        most = None if self.option("state") == "absent" else self.switches()["terrace_remove_at_most"]
        if refused := plan.refusals(found.changes, most):
            self.observations().keep_unfinished(self.summary(found))
            lines = "\n".join(f"  {each}" for each in refused)
            raise AnsibleActionFail(f"{self.cell_name()}: refused before anything was written:\n{lines}")

    def wrong(self, problems: list[str]) -> t.NoReturn:
        """Refuse the inventory."""
        raise AnsibleActionFail(
            f"{self.cell_name()}: the inventory is wrong, nothing was written:\n"
            + "\n".join(f"  {problem}" for problem in dict.fromkeys(problems))
        )

    def summary(self, found: Planned, done: t.Iterable[plan.Change] = ()) -> dict[str, t.Any]:
        """What the callback sums up at the end of the run.

        :param done: the changes that were made
        """
        return {
            "cell": self.cell_name(),
            "role": str(self.option("role") or ""),
            "kinds": found.kinds,
            "counts": found.counts,
            "changes": [change.as_dict() for change in found.changes],
            "done": [change.address for change in done],
            "writes": not self._task.check_mode,
        }

    def show(self, found: Planned) -> None:
        """Show the changes field by field, unless this run has shown the same of the cell before."""
        text = render.changes(found.changes, f"{self.cell_name()}: {self.option('role') or 'cell'}")
        if not found.changes or self._task.no_log:
            return
        if run_files.is_new(f"{self.cell_name()}.{self.region()}", text):
            events.tell(self.cell_name(), "plan", text)

    def trusts_plan(self) -> bool:
        """Whether only what differs is written; in check mode nothing else is shown either."""
        return self.switches()["terrace_trust_plan"] or self._task.check_mode

    # -- parts ---------------------------------------------------------------------------------------------------
    def _is_absent(self, kind: str) -> bool:
        """Whether nothing of a kind is desired: asked for in this task, or for its role in the inventory."""
        state = self.option("state")
        if state is None:
            state = self.variable(f"{registry.kind(kind).role}_state", "present")
        return state == "absent"

    def _world(self, kinds: list[str], leaving: set[str]) -> desired.World:
        """What is desired, checked; the renames in it steer what is read from here on."""
        nothing: desired.World = {kind: {} for kind in kinds}
        staying = [kind for kind in kinds if kind not in leaving]
        world = self._desired(staying)
        renames = {
            kind: {str(entry["renamed_from"]): name for name, entry in entries.items() if entry.get("renamed_from")}
            for kind, entries in world.items()
        }
        cells = self._vars.get("groups", {}).get("cells", [])
        self._needed_elsewhere = elsewhere.references(registry.all_kinds(), world, self.cell_name(), cells)
        hard = elsewhere.references(registry.all_kinds(), world, self.cell_name(), cells, counterparts=False)
        self._referred = set(hard)
        if problems := list(self._unfit_counterparts(world)):
            self.wrong(problems)
        self._there = there = self.elsewhere()
        claims = self.variable("cell_claims", {}) or {}
        self.refuse_value("cell_claims", claims)
        shared_zones = self.variable("dns_shared_zones", []) or []
        self.refuse_value("dns_shared_zones", shared_zones, "dns")
        self.settings = Settings(
            ignored_tags=(*IGNORED_TAGS, *self.ignored_tags()),
            claims=specs.plain(claims),
            renames={kind: names for kind, names in renames.items() if names},
            elsewhere={
                kind: {ident: name for name, res in found.items() for ident in (res.id, res.facts.get("arn")) if ident}
                for kind, found in there.items()
            },
            unwanted=self._unwanted(world),
            shared_zones=tuple(shared_zones),
        )
        return nothing | world

    def _unfit_counterparts(self, world: desired.World) -> t.Iterator[str]:
        """Counterparts in cells that cannot hold the same data as this one."""
        for each, entries in world.items():
            kind = registry.kind(each)
            for option in kind.counterparts:
                for name, entry in entries.items():
                    for wanted in kind.names_in(option, entry):
                        other = wanted.partition("/")[0]
                        try:
                            found = self.other_cell(other)
                        except AnsibleActionFail:
                            continue  # of another account, and not signed in: it counts as unreadable
                        where = f"{kind.variable}.{name}.{option}: {wanted}"
                        if found.region == self.region():
                            yield f"{where} is in {found.region} as well; a pair is in two regions, of which one may be lost"
                        elif kind.replicates_tags and (found.name, self.cell_name()) != (other, self._own_host()):
                            yield f"{where}: cells of a pair are called as in the inventory; leave cell_name out of both"

    def _own_host(self) -> str:
        return str(self._vars["inventory_hostname"])

    def ignored_tags(self) -> list[str]:
        """Patterns of tags that the inventory leaves to others.

        :raises AnsibleActionFail: where they are none
        """
        found = self.variable("cell_ignored_tags", []) or []
        if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
            self.wrong([f"cell_ignored_tags: {found!r} is not a list of patterns, such as ['kubernetes.io/*']"])
        return found

    def _unwanted(self, world: desired.World) -> frozenset[str]:
        """Kinds of which nothing is desired, and of which nothing is to be removed either."""
        if self.switches()["terrace_prune"] or self.variable("cell_claims"):
            return frozenset()
        return frozenset(kind for kind, entries in world.items() if not entries)

    #: What was desired when it was last worked out, and of which kinds: a task plans several times, of the same variables.
    _last_desired: tuple[list[str], desired.World] = ([], {})

    def _desired(self, kinds: list[str]) -> desired.World:
        """Every entry of these kinds, checked, with the cell's tags."""
        if kinds != self._last_desired[0]:
            world, problems = self._entries(kinds)
            problems = problems or desired.cross_checked(
                world, self.cell_name(), self.variable("cell_tags", {}) or {}, self._vars["groups"].get("cells", [])
            )
            problems = problems or list(
                desired.ignored_tags_in_use(world, self.variable("cell_tags", {}) or {}, self.ignored_tags())
            )
            if problems:
                self.wrong(problems)
            self._last_desired = (kinds, desired.with_tags(world, self.variable("cell_tags", {})))
        return self._last_desired[1]

    def _entries(self, kinds: list[str]) -> tuple[desired.World, list[str]]:
        """Every entry of these kinds, validated, and what is wrong with them: as the check of the inventory has kept them, else
        worked out now."""
        variables = desired.variables_with_defaults(self._vars)
        template = self._templar.copy_with_new_env(available_variables=variables).template
        if kept := KeptEntries(self.cell_name(), variables, template).load():
            return {kind: kept[kind] for kind in kinds}, []
        return desired.of_kinds(kinds, variables, desired.templates(variables, self._templar))

    def elsewhere(self, kinds: t.Collection[str] | None = None) -> elsewhere.Elsewhere:
        """What is referred to in other cells, of these kinds, as it is now.

        A cell of which only counterparts are looked at may be out of reach, for that is when a pair of cells is needed.
        """
        parts = []
        self._unreadable: set[str] = set()
        for cell, wanted in self._needed_elsewhere.items():
            wanted = {kind: names for kind, names in wanted.items() if kinds is None or kind in kinds}
            if not wanted:
                continue
            try:
                parts.append(
                    elsewhere.named(cell, self.other_cell(cell, cell not in self._referred).observe(wanted), wanted)
                )
            except (ClientError, BotoCoreError, AnsibleActionFail):
                if cell in self._referred:
                    raise
                self._unreadable.add(cell)
        return elsewhere.merged(parts)

    def _settled(
        self, world: desired.World, observed: dict[str, dict[str, Resource]]
    ) -> tuple[desired.World, set[tuple[str, str]], list[str]]:
        """What the entries mean as AWS is now, what is left alone, and what operators are to know of that."""
        settled: desired.World = {}
        left: set[tuple[str, str]] = set()
        notes, problems = [], []
        for each, entries in world.items():
            kind = registry.kind(each)
            settled[each] = {}
            for name, entry in entries.items():
                others = {
                    wanted: self._there.get(other, {}).get(wanted)
                    for option, other in kind.counterparts.items()
                    for wanted in kind.names_in(option, entry)
                    if wanted in self._there.get(other, {}) or wanted.partition("/")[0] in self._unreadable
                }
                found = kind.settled(name, entry, observed[each].get(name), others)
                if found.note:
                    notes.append(f"{each}/{name}: {found.note}")
                if found.problem:
                    problems.append(f"{kind.variable}.{name}: {found.problem}")
                if found.entry is None:
                    left.add((each, name))
                else:
                    settled[each][name] = found.entry
            for name, note in kind.postponed(settled[each], observed[each]).items():
                del settled[each][name]
                left.add((each, name))
                notes.append(f"{each}/{name}: {note}")
        if problems:
            self.wrong(problems)
        return settled, left, notes

    def addresses_elsewhere(self) -> set[tuple[str, str]]:
        """The same as ``(kind, "<cell>/<name>")``, whether it is there or not."""
        return {
            (kind, f"{cell}/{name}")
            for cell, wanted in self._needed_elsewhere.items()
            for kind, names in wanted.items()
            for name in names
        }

    def _with_users(
        self, observed: dict[str, dict[str, Resource]], changes: list[plan.Change]
    ) -> dict[str, dict[str, Resource]]:
        """Also what refers to what is to be removed: it goes before, or forbids it."""
        going = {change.kind for change in changes if change.action in (plan.REMOVE, plan.REPLACE)}
        users = [
            name
            for name, kind in registry.all_kinds().items()
            if name not in observed and going & set(kind.references.values())
        ]
        return {**observed, **self.observe(users)} if users else observed

    def _wrong_for_aws(self, found: Planned) -> t.Iterator[str]:
        """What only AWS can tell of entries that are to be created or changed, and what is wrong although nothing differs."""
        created: desired.World = {}
        written: desired.World = {}
        for change in found.changes:
            if change.action in (plan.CREATE, plan.UPDATE, plan.REPLACE):
                entry = found.world[change.kind][change.name]
                written.setdefault(change.kind, {})[change.name] = entry
                if change.action != plan.UPDATE:
                    created.setdefault(change.kind, {})[change.name] = entry
        going: dict[str, dict[str, Resource]] = {}
        for change in found.changes:
            if change.action in (plan.REMOVE, plan.REPLACE) and not change.refused:
                going.setdefault(change.kind, {})[change.name] = found.observed[change.kind][change.name]
        cell = self.cell()
        for kind, resources in going.items():
            yield from (f"{kind}/{problem}" for problem in registry.kind(kind).removal_errors(cell, resources))
        for kind, entries in written.items():
            each = registry.kind(kind)
            yield from (f"{each.variable}.{problem}" for problem in each.prechange_errors(cell, entries, found.world))
            if kind in created:
                yield from (f"{each.variable}.{problem}" for problem in each.precreate_errors(cell, created[kind]))
        for kind in found.kinds:
            each = registry.kind(kind)
            yield from (
                f"{each.variable}.{problem}" for problem in each.state_errors(found.world[kind], found.observed[kind])
            )
