# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes a cell as its inventory says, along the graph. Documented in plugins/modules/apply.py."""

from __future__ import annotations

import time
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.utils.display import Display

from ansible_collections.terrace.aws.plugins.plugin_utils import cell_sessions, desired, payloads, render
from ansible_collections.terrace.aws.plugins.plugin_utils.cell_action import ids, plain
from ansible_collections.terrace.aws.plugins.plugin_utils.engine import lock, plan, registry
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.graph import Graph, Node
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.kind import (
    FAILED,
    LOGICAL_TAG,
    NAME_TAG,
    READY,
    Resource,
    every_tag,
)
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.view import View
from ansible_collections.terrace.aws.plugins.plugin_utils.executor import POLL_FIRST, POLL_MOST, Executor
from ansible_collections.terrace.aws.plugins.plugin_utils.planning import Planned, PlanningAction
from ansible_collections.terrace.aws.plugins.plugin_utils.stop import Stop

display = Display()

#: How often and how far apart a verification looks again before it says that something does not hold: AWS is eventually
#: consistent, and a describe call may show the old value for a few seconds.
VERIFY_TRIES, VERIFY_PAUSE = 6, 2.5
#: Seconds that resources of a role's kinds may take to become ready, where the role has no <role>_timeout.
TIMEOUT = 3600.0


class ActionModule(PlanningAction):
    _VALID_ARGS = frozenset({"role", "kinds", "state", "cell", "region"})
    _supports_check_mode = True

    def act(self) -> dict[str, t.Any]:
        kinds = self.chosen_kinds()
        found = self.planned(kinds)
        self.refuse(found)
        if self._task.check_mode or not self._has_to_work(found):
            return self._result(found, [], changed=self._task.check_mode and bool(found.to_do))
        holder = lock.Lock(lambda: self.cell().client("ssm"), f"cell/{self.cell_name()}")
        try:
            if taken := holder.take(self.switches()["terrace_take_lock"]):
                display.warning(f"{self.cell_name()}: {taken}")
        except lock.HeldError as error:
            raise AnsibleActionFail(f"{self.cell_name()}: nothing was written: {error}") from error
        with Stop() as self._stop:
            try:
                return self._work(found, holder)
            finally:
                holder.release()

    def _has_to_work(self, found: Planned) -> bool:
        return bool(found.to_do or found.pending or not self.trusts_plan())

    def _work(self, found: Planned, holder: lock.Lock) -> dict[str, t.Any]:
        # Another run may have written between this one's look and its lock.
        found = self.planned(found.kinds, fresh={change.kind for change in found.changes})
        self.refuse(found)
        graph = self._graph(found)
        view = self._view(found)
        self._entries, self._found = view, found
        executor = Executor(
            self,
            self.cell_name(),
            registry.all_kinds(),
            graph,
            view,
            desired.variables_with_defaults(self._vars),
            self._entry,
            self._timeout,
            lambda: self._tick(holder),
        )
        payloads.make_ahead(self, self._steps_ahead(graph), self._vars)
        try:
            try:
                executor.run()
            finally:
                self.observations().replace(view.known())
            left = self._verified(found, holder, executor)
        except AnsibleActionFail:
            self.observations().keep_unfinished(self.summary(found, done=executor.finished()))
            raise
        steps = [step.as_dict() for step in executor.steps]
        return self._result(left, steps, changed=any(step["changed"] for step in steps), planned=found)

    def _graph(self, found: Planned) -> Graph:
        try:
            graph = Graph(
                registry.all_kinds(),
                found.world,
                found.observed,
                found.to_do,
                everything=not self.trusts_plan(),
                elsewhere=self.addresses_elsewhere(),
            )
        except ValueError as error:
            raise AnsibleActionFail(f"{self.cell_name()}: {error}") from error
        if missing := graph.missing():
            raise AnsibleActionFail(
                f"{self.cell_name()}: nothing was written, for these do not exist:\n"
                + "\n".join(
                    f"  {kind}/{name}, which {', '.join(sorted(set(who)))} needs: provision the role "
                    f"{registry.kind(kind).role} first, or run site.yml"
                    for (kind, name), who in sorted(missing.items())
                )
            )
        return graph

    def _view(self, found: Planned) -> View:
        return View(
            lambda known: self.cell(True, known),
            registry.all_kinds(),
            found.observed,
            self.observations().sources(),
            self.elsewhere,
        )

    def _steps_ahead(self, graph: Graph) -> list[tuple[str, str, str]]:
        """The task files of the graph, in about the order in which they are run."""
        files = {(registry.kind(node.kind).role, node.kind, node.action): None for node in graph.nodes.values()}
        return list(files)

    def _tick(self, holder: lock.Lock) -> None:
        if self._stop.asked:
            raise AnsibleActionFail(
                f"{self.cell_name()}: told to stop; what was begun has ended. Run it again to finish."
            )
        try:
            holder.renew()
        except lock.LostError as error:
            raise AnsibleActionFail(f"{self.cell_name()}: stopped: {error}") from error
        try:
            cell_sessions.renew(self)
        except cell_sessions.SignInError as error:
            raise AnsibleActionFail(str(error)) from error

    def _timeout(self, kind: str) -> float:
        role = registry.kind(kind).role
        default = desired.default(role, f"{role}_timeout", TIMEOUT)
        return float(self.variable(f"{role}_timeout", default) or default)

    def _entry(self, node: Node) -> dict[str, t.Any]:
        """An entry as its tasks get it. What is replaced is created like anything new: it has no id."""
        cell, entry = self.cell_name(), self._found.world[node.kind][node.name]
        action = node.change.action if node.change else ""
        resource = None
        if action not in (plan.CREATE, plan.REPLACE):
            resource = self._found.observed[node.kind].get(node.name)
        return {
            **entry,
            "tags": every_tag(cell, node.kind, node.name, entry.get("tags"), resource.marks if resource else None),
            "aws_name": self._aws_name(node, resource),
            "id": resource.id if resource else "",
            "facts": resource.facts if resource else {},
            "action": plan.CREATE if action == plan.REPLACE else action,
            "fields": sorted(node.change.fields) if node.change else [],
        }

    def _aws_name(self, node: Node, resource: Resource | None) -> str:
        """What AWS calls it: its name, or its Name tag. A new one beside an outgoing one of the same name has a number added."""
        name = f"{self.cell_name()}-{node.name}"
        if resource and resource.facts.get("name"):
            return str(resource.facts["name"])
        if resource:
            return resource.marks.get(NAME_TAG, name) if LOGICAL_TAG in resource.marks else name
        taken = {str(each.facts.get("name")) for each in self._found.observed[node.kind].values()}
        number = 2
        unique = name
        while registry.kind(node.kind).replacement == "create_first" and unique in taken:
            unique, number = f"{name}-{number}", number + 1
        return unique

    def _verified(self, before: Planned, holder: lock.Lock, executor: Executor) -> Planned:
        """Look again until nothing differs and nothing is pending. What was read since it was last written is not read again.

        :raises AnsibleActionFail: naming what AWS does not hold
        """
        waits = self.switches()["terrace_wait"]
        found = self.planned(before.kinds)
        for again in range(VERIFY_TRIES):
            if waits:
                self._await(found, holder, executor)
                pending = {kind for kind, _name in found.pending}
                found = self.planned(before.kinds, fresh=pending) if pending else found
            left = plan.unfinished(found.changes, found.observed)
            if not left and not (waits and found.pending):
                return found
            if again:
                time.sleep(VERIFY_PAUSE)
            found = self.planned(before.kinds, fresh=before.kinds)
        raise AnsibleActionFail(f"{self.cell_name()}: AWS does not hold what was written:\n" + render.changes(left))

    def _await(self, found: Planned, holder: lock.Lock, executor: Executor) -> None:
        """Wait for all that is pending, in one look at a time."""
        begun, pause = time.monotonic(), POLL_FIRST
        pending, observed = found.pending, found.observed
        while pending:
            self._refuse_failed(pending, observed)
            waited = time.monotonic() - begun
            late = [f"{kind}/{name}" for kind, name in pending if waited > self._timeout(kind)]
            if late:
                raise AnsibleActionFail(f"{self.cell_name()}: not ready after {waited:.0f} s: {', '.join(late)}")
            states = [(kind, name, observed[kind][name]) for kind, name in pending]
            executor.tell_waiting([f"{kind} {name} ({res.status or res.state})" for kind, name, res in states])
            self._tick(holder)
            time.sleep(pause)
            pause = min(pause * 1.5, POLL_MOST)
            kinds = {kind for kind, _name in pending}
            observed = self.observe(kinds, kinds)
            pending = [(kind, name) for kind in kinds for name, res in observed[kind].items() if res.state != READY]

    def _refuse_failed(self, pending: list[tuple[str, str]], observed: dict[str, dict[str, Resource]]) -> None:
        failed = []
        for kind, name in pending:
            resource = observed[kind][name]
            if resource.state == FAILED:
                failed.append(f"{kind}/{name}: {resource.facts.get('failure') or resource.status}")
        if failed:
            raise AnsibleActionFail(f"{self.cell_name()}: in a failed state: " + "; ".join(failed))

    def _result(
        self, found: Planned, steps: list[dict[str, t.Any]], changed: bool, planned: Planned | None = None
    ) -> dict[str, t.Any]:
        """What the role's output holds: resources and ids as they are now, and what was done."""
        told = planned or found
        result: dict[str, t.Any] = {
            "changed": changed,
            "ids": ids(found.observed),
            "resources": plain({kind: found.observed[kind] for kind in found.kinds}),
            "steps": steps,
            "terrace_warnings": found.warnings,
            "terrace_plan": self.summary(told, done=told.to_do if planned else ()),
        }
        if diff := self.diff_of(told):
            result["diff"] = diff
        for warning in found.warnings:
            display.warning(f"{self.cell_name()}: {warning}")
        return result
