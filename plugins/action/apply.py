# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes a cell as its inventory says, along the graph. Documented in plugins/modules/apply.py."""

from __future__ import annotations

import time
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.utils.display import Display

from ansible_collections.terrace.aws.plugins.plugin_utils import (
    cell_sessions,
    desired,
    entries,
    events,
    payloads,
    render,
)
from ansible_collections.terrace.aws.plugins.plugin_utils.cell_action import ids, plain
from ansible_collections.terrace.aws.plugins.plugin_utils.engine import lock, plan, registry
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.graph import Graph
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.view import View
from ansible_collections.terrace.aws.plugins.plugin_utils.executor import Executor
from ansible_collections.terrace.aws.plugins.plugin_utils.planning import Planned, PlanningAction
from ansible_collections.terrace.aws.plugins.plugin_utils.sdk import BotoCoreError, ClientError
from ansible_collections.terrace.aws.plugins.plugin_utils.stop import Stop
from ansible_collections.terrace.aws.plugins.plugin_utils.waiting import POLL_FIRST, POLL_MOST, Waiting

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
        found = self.planned(self.chosen_kinds())
        self.refuse(found)
        writes = bool(found.to_do) or not self.trusts_plan()
        if self._task.check_mode:
            self.show(found)
        if self._task.check_mode or not (writes or found.pending):
            return self._result(found, [], changed=self._task.check_mode and bool(found.to_do))
        self._waiting = Waiting(self.cell_name(), self._timeout)
        self._holder: lock.Lock | None = None
        self._executor: Executor | None = None
        with Stop() as self._stop:
            try:
                return self._carried_out(found, writes)
            finally:
                events.tell(self.cell_name(), "end")

    def _carried_out(self, found: Planned, writes: bool) -> dict[str, t.Any]:
        """Write what differs, or wait for what is pending and write what differs then."""
        if not writes:
            found = self._awaited(found) if self.switches()["terrace_wait"] else found
            if not found.to_do:
                return self._result(found, [], changed=False)
            self.refuse(found)
        # While the lock is taken and the cell is looked at once more, the first module gets ready.
        payloads.make_ahead(self, self._steps_ahead(self._graph(found)), self._vars)
        self._holder = self._locked()
        try:
            return self._written(found)
        finally:
            self._release(self._holder)

    def _locked(self) -> lock.Lock:
        """The cell's lock, held.

        :raises AnsibleActionFail: where another run holds it
        """
        holder = lock.Lock(lambda: self.cell().client("ssm"), f"cell/{self.cell_name()}")
        try:
            if taken := holder.take(self.switches()["terrace_take_lock"]):
                display.warning(f"{self.cell_name()}: {taken}")
        except lock.HeldError as error:
            raise AnsibleActionFail(f"{self.cell_name()}: nothing was written: {error}") from error
        return holder

    def _release(self, holder: lock.Lock) -> None:
        """Give the lock back; should that fail, it runs out by itself, and what the run did counts all the same.

        While something of this run is still being written, the lock stays: it is stale once that has ended.
        """
        if self._executor and (kinds := self._executor.left_behind()):
            display.warning(f"{self.cell_name()}: the lock is kept until {', '.join(kinds)} has been written")
            return
        try:
            holder.release()
        except (ClientError, BotoCoreError) as error:
            display.warning(f"{self.cell_name()}: the lock could not be released and runs out by itself: {error}")

    def _written(self, found: Planned) -> dict[str, t.Any]:
        # Another run may have written between this one's look and its lock, also what did not differ then.
        found = self.planned(found.kinds, fresh=registry.with_references(found.kinds))
        self.refuse(found)
        self.show(found)
        graph, view = self._graph(found), self._view(found)
        executor = self._executor = Executor(
            self,
            self.cell_name(),
            registry.all_kinds(),
            graph,
            view,
            desired.variables_with_defaults(self._vars),
            lambda node: entries.written(
                self.cell_name(), node, found.world[node.kind][node.name], found.observed[node.kind]
            ),
            self._waiting,
            self._tick,
        )
        try:
            try:
                executor.run()
            finally:
                self.observations().replace(view.known())
            left = self._verified(found)
        except (AnsibleActionFail, ClientError, BotoCoreError):
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
        if awaited := self._awaited_in_vain(graph):
            raise AnsibleActionFail(
                f"{self.cell_name()}: nothing was written, for these do not exist, and their cells are not part of this run:\n"
                + "\n".join(f"  {kind}/{name}" for kind, name in awaited)
                + "\nprovision those cells before, or in the same run"
            )
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

    def _awaited_in_vain(self, graph: Graph) -> list[tuple[str, str]]:
        """What nodes wait for in cells that this run does not work on, and is not there."""
        working = self._vars.get("ansible_play_hosts_all") or []
        awaited = {address for node in graph.nodes.values() for address in node.ready}
        return sorted(
            (kind, name)
            for kind, name in awaited & self.addresses_elsewhere()
            if name not in self._there.get(kind, {}) and name.partition("/")[0] not in working
        )

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
        weights = graph.weights()
        nodes = sorted(graph.nodes.values(), key=lambda node: -weights[node.key])
        return list(dict.fromkeys((registry.kind(node.kind).role, node.kind, node.action) for node in nodes))

    def _tick(self) -> None:
        """What has to be done now and then while a run goes on."""
        if self._stop.asked:
            raise AnsibleActionFail(
                f"{self.cell_name()}: told to stop; what was begun has ended. Run it again to finish."
            )
        try:
            if self._holder:
                self._holder.renew()
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

    def _verified(self, before: Planned) -> Planned:
        """Look again until nothing differs and nothing is pending. What was read since it was last written is not read again.

        :raises AnsibleActionFail: naming what AWS does not hold
        """
        waits = self.switches()["terrace_wait"]
        found = self.planned(before.kinds)
        for again in range(VERIFY_TRIES):
            found = self._awaited(found) if waits else found
            left = plan.unfinished(found.changes, found.observed)
            if not left and not (waits and found.pending):
                return found
            if again:
                time.sleep(VERIFY_PAUSE)
            found = self.planned(before.kinds, fresh=before.kinds)
        pending = "".join(f"  {kind}/{name} is not ready\n" for kind, name in found.pending)
        raise AnsibleActionFail(
            f"{self.cell_name()}: AWS does not hold what was written:\n{render.changes(left)}{pending}".rstrip()
        )

    def _awaited(self, found: Planned) -> Planned:
        """Wait for all that is pending, in one look at a time; the plan when nothing is any more."""
        pause, pending, observed = POLL_FIRST, found.pending, found.observed
        while pending:
            self._waiting.look((kind, name, observed[kind][name]) for kind, name in pending)
            self._tick()
            time.sleep(pause)
            pause = min(pause * 1.5, POLL_MOST)
            kinds = sorted({kind for kind, _name in pending})
            observed = self.observe(kinds, kinds)
            pending = found.not_ready(observed, kinds)
        kinds = {kind for kind, _name in found.pending}
        return self.planned(found.kinds, fresh=kinds) if kinds else found

    def _result(
        self, found: Planned, steps: list[dict[str, t.Any]], changed: bool, planned: Planned | None = None
    ) -> dict[str, t.Any]:
        """What the role's output holds: resources and ids as they are now, and what was done."""
        told = planned or found
        result: dict[str, t.Any] = {
            "changed": changed,
            "steps": steps,
            "terrace_warnings": found.warnings,
            "terrace_plan": self.summary(told, done=told.to_do if planned else ()),
        }
        # A task's result travels through Ansible several times, and into every job event.
        if self._task.register:
            result["ids"] = ids(found.observed)
            result["resources"] = plain({kind: found.observed[kind] for kind in found.kinds})
        for warning in found.warnings:
            display.warning(f"{self.cell_name()}: {warning}")
        return result
