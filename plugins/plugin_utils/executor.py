# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries out a graph: whatever can go to work does so, side by side, and all that is pending is awaited together.

Each chunk of nodes of one kind runs its role's task file in a process of its own, forked from the action's. Only this one reads
AWS and decides what comes next.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import time
import traceback
import typing as t
from dataclasses import dataclass, field, replace

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from . import events
from .cell_action import Observations
from .engine.graph import ABSENT, ADOPT, MAKE, PRESENT, RETIRE, Address, Graph, Key, Node
from .engine.kind import LEAVING, PENDING, READY, Kind, Resource
from .engine.plan import UPDATE, Change
from .engine.view import View
from .task_files import Outcome, Runner, load
from .waiting import POLL_FIRST, POLL_MOST, Waiting

display = Display()

#: Chunks that work at once: modules that keep a processor busy, and those that sleep while AWS works.
BUSY, SLEEPING = 4, 24
#: Into how many chunks the nodes of one kind that could all go to work now are divided at most.
PARTS = 3
#: Seconds and pause for which a resource that was just made may be missing from what AWS lists (eventual consistency).
VISIBLE_TIMEOUT, VISIBLE_PAUSE = 60.0, 1.0
#: Seconds running chunks are given to end when the run stops.
GRACE = 60.0
DONE_WORDS = {RETIRE: "marked as outgoing", ADOPT: "tagged", MAKE: "created", PRESENT: "written", ABSENT: "removed"}


@dataclass
class Step:
    """One chunk that was carried out, for people and for the run's record."""

    action: str
    kind: str
    names: list[str]
    seconds: float
    changed: bool
    failures: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, t.Any]:
        return {**vars(self), "seconds": round(self.seconds, 2)}


@dataclass
class Chunk:
    """Nodes of one kind and action that a process works on."""

    nodes: list[Node]
    pid: int
    pipe: int
    begun: float
    sleeps: bool
    data: bytearray = field(default_factory=bytearray)


class Executor:
    """Runs the nodes of a graph for one cell.

    :param action: the action plugin that carries the cell's connection, templar and environment
    :param variables: the play's variables with every role's defaults beneath
    :param entry: the entry of a node as its tasks get it
    :param waiting: judges and tells what is pending
    :param tick: called often while something goes on; may raise to stop
    """

    def __init__(
        self,
        action: ActionBase,
        cell: str,
        kinds: t.Mapping[str, Kind],
        graph: Graph,
        view: View,
        variables: dict[str, t.Any],
        entry: t.Callable[[Node], dict[str, t.Any]],
        waiting: Waiting,
        tick: t.Callable[[], None],
    ) -> None:
        self._action, self._cell, self._kinds, self._graph, self._view = action, cell, kinds, graph, view
        self._variables, self._entry, self._waiting, self._tick = variables, entry, waiting, tick
        self._left = dict(graph.nodes)
        self._done: set[Key] = set()
        self._running: list[Chunk] = []
        self._selector = selectors.DefaultSelector()
        self._weights = graph.weights()
        self.steps: list[Step] = []

    def run(self) -> None:
        """Carry everything out.

        :raises AnsibleActionFail: after what was running has ended, naming what failed
        """
        events.tell(self._cell, "begin", total=self._resources())
        try:
            self._loop()
        except Exception:
            for step in self.steps:
                for failure in step.failures:
                    display.error(f"{self._cell}: {failure}")
            raise
        finally:
            self._drain()
        failures = [failure for step in self.steps for failure in step.failures]
        if failures:
            raise AnsibleActionFail(f"{self._cell}: " + "\n".join(failures))

    def finished(self) -> list[Change]:
        """The changes whose every node is done."""
        open_changes = [id(node.change) for key, node in self._graph.nodes.items() if key not in self._done]
        changes = {id(node.change): node.change for node in self._graph.nodes.values() if node.change}
        return [change for ident, change in changes.items() if ident not in open_changes]

    def _resources(self, left: t.Iterable[Key] | None = None) -> int:
        """How many resources the graph's nodes are about, or those of the nodes with these keys."""
        return len({(kind, name) for _action, kind, name in (self._graph.nodes if left is None else left)})

    def _loop(self) -> None:
        pause = POLL_FIRST
        while self._left or self._running:
            self._tick()
            if any(step.failures for step in self.steps):
                return
            started = self._start_what_can()
            waited_for = self._waited_for()
            if not self._running and not waited_for:
                if started or not self._left:
                    continue
                names = ", ".join(sorted(f"{kind}/{name}" for _action, kind, name in self._left))
                raise AnsibleActionFail(f"{self._cell}: nothing is left that could make these possible: {names}")
            pause = POLL_FIRST if started else min(pause * 1.5, POLL_MOST)
            self._collect(pause if waited_for else 10.0)
            if waited_for:
                self._look_at(waited_for)
            else:
                self._waiting.look(())

    # -- what can go to work -------------------------------------------------------------------------------------
    def _start_what_can(self) -> bool:
        ready = [node for node in self._left.values() if self._can_start(node)]
        ready.sort(key=lambda node: -self._weights[node.key])
        started = False
        for nodes in self._grouped(ready):
            kind = self._kinds[nodes[0].kind]
            if kind.names_itself and any(each.nodes[0].kind == kind.name for each in self._running):
                continue
            for chunk in self._divided(kind, nodes):
                sleeps = kind.sleeps or nodes[0].action == ABSENT
                limit = SLEEPING if sleeps else BUSY
                if sum(each.sleeps == sleeps for each in self._running) >= limit:
                    break
                self._start(kind, chunk, sleeps)
                started = True
        return started

    def _can_start(self, node: Node) -> bool:
        if any(need not in self._done for need in node.after):
            return False
        if not node.ready and not node.gone:
            return True
        return self._graph.satisfied(
            node, self._done, self._view.get({kind for kind, _name in (*node.ready, *node.gone)})
        )

    @staticmethod
    def _grouped(nodes: list[Node]) -> list[list[Node]]:
        groups: dict[tuple[str, str], list[Node]] = {}
        for node in nodes:
            groups.setdefault((node.action, node.kind), []).append(node)
        return list(groups.values())

    @staticmethod
    def _divided(kind: Kind, nodes: list[Node]) -> list[list[Node]]:
        if kind.names_itself and nodes[0].action == ABSENT:
            return [nodes]
        # What was created empty before is written without sleeping.
        sleeps = kind.sleeps and not (kind.created_empty and nodes[0].action == PRESENT)
        size = 1 if sleeps else max(1, -(-len(nodes) // PARTS))
        return [nodes[start : start + size] for start in range(0, len(nodes), size)]

    # -- a chunk -------------------------------------------------------------------------------------------------
    def _start(self, kind: Kind, nodes: list[Node], sleeps: bool) -> None:
        for node in nodes:
            del self._left[node.key]
        variables = {**self._variables, "terrace_step": self._step(kind, nodes)}
        tasks = load(*self._file(kind, nodes[0].action))
        read, write = os.pipe()
        begun = time.monotonic()
        pid = os.fork()
        if pid == 0:
            _child(self._action, tasks, variables, write)
        os.close(write)
        chunk = Chunk(nodes, pid, read, begun, sleeps)
        self._running.append(chunk)
        self._selector.register(read, selectors.EVENT_READ, chunk)
        self._tell("step", nodes)

    def _file(self, kind: Kind, action: str) -> tuple[str, str, str]:
        """The task file of an action: of a kind that takes another's options, that one's, unless it has its own."""
        if action in (RETIRE, ADOPT):
            return ("cell", "resource", action)
        own = (kind.role, kind.name, action)
        if not kind.options_of or load(*own):
            return own
        other = self._kinds[kind.options_of]
        return (other.role, other.name, action)

    def _step(self, kind: Kind, nodes: list[Node]) -> dict[str, t.Any]:
        """What the tasks of a chunk see as ``terrace_step``."""
        action = nodes[0].action
        wanted = list(dict.fromkeys([*kind.references.values(), kind.name]))
        known = self._seen(kind, nodes, wanted) if action in (MAKE, PRESENT) else self._view.get(wanted)
        found = {name: {each: res.as_dict() for each, res in known[name].items()} for name in wanted}
        going = {node.name: node.old.as_dict() for node in nodes if node.old}
        return {
            "action": action,
            "kind": kind.name,
            "refers": dict(kind.references),
            "entries": {node.name: self._entry(node) for node in nodes if action in (MAKE, PRESENT)},
            "resources": going,
            "known": found,
            "ids": {name: {each: res["id"] for each, res in resources.items()} for name, resources in found.items()},
        }

    def _seen(self, kind: Kind, nodes: list[Node], wanted: list[str]) -> dict[str, dict[str, Resource]]:
        """What the nodes refer to, once AWS lists it: what was just made may be missing for some seconds."""
        until = time.monotonic() + VISIBLE_TIMEOUT
        while True:
            known = self._view.get(wanted)
            missing = [
                (kind.references[option], name)
                for node in nodes
                for option in kind.references
                for name in kind.names_in(option, self._graph.desired(node))
                if self._is_missing(kind.references[option], name, known)
            ]
            if not missing:
                return known
            if time.monotonic() > until:
                names = ", ".join(f"{other}/{name}" for other, name in missing)
                raise AnsibleActionFail(f"{self._cell}: AWS does not list {names}, which this run has made")
            time.sleep(VISIBLE_PAUSE)
            self._view.forget([other for other, _name in missing])

    def _is_missing(self, kind: str, name: str, known: dict[str, dict[str, Resource]]) -> bool:
        """Whether this run has made a resource that AWS does not list yet, or lists as the one it replaces."""
        if (PRESENT, kind, name) not in self._done and (MAKE, kind, name) not in self._done:
            return False
        retired = self._graph.nodes.get((RETIRE, kind, name))
        there = known[kind].get(name)
        return there is None or bool(retired and retired.old and retired.old.id == there.id)

    def _collect(self, timeout: float) -> None:
        """Wait for a chunk to end, at most so long, and take what has ended."""
        if not self._running:
            time.sleep(timeout)
            return
        for key, _events in self._selector.select(timeout):
            chunk: Chunk = key.data
            data = os.read(chunk.pipe, 1 << 16)
            if data:
                chunk.data += data
            else:
                self._ended(chunk)

    def _ended(self, chunk: Chunk) -> None:
        self._selector.unregister(chunk.pipe)
        os.close(chunk.pipe)
        os.waitpid(chunk.pid, 0)
        self._running.remove(chunk)
        first = chunk.nodes[0]
        try:
            outcome = Outcome(**json.loads(bytes(chunk.data)))
        except ValueError:
            outcome = Outcome(failures=["its process was killed"])
        names = [node.name for node in chunk.nodes]
        failures = [
            failure if failure.startswith(f"{first.kind} | ") else f"{first.kind}: {failure}"
            for failure in outcome.failures
        ]
        step = Step(first.action, first.kind, names, time.monotonic() - chunk.begun, outcome.changed, failures)
        self.steps.append(step)
        changed_only = first.action in (PRESENT, ADOPT) and all(
            node.change is None or node.change.action == UPDATE for node in chunk.nodes
        )
        self._view.written(first.kind, new_ids=not changed_only)
        if failures:
            self._tell("failed", chunk.nodes, seconds=step.seconds)
            return
        self._done.update(node.key for node in chunk.nodes)
        word = DONE_WORDS[first.action]
        line = f"{self._cell}: {first.kind} {_shown(names)} {word} ({step.seconds:.1f} s)"
        self._tell("done", chunk.nodes, line, seconds=step.seconds, word=word)

    def _tell(self, sort: str, nodes: list[Node], line: str = "", **data: t.Any) -> None:
        """Tell what happens to the nodes of a chunk, and how many resources are finished."""
        open_ = self._resources(key for key in self._graph.nodes if key not in self._done)
        events.tell(
            self._cell,
            sort,
            line,
            action=nodes[0].action,
            kind=nodes[0].kind,
            names=[node.name for node in nodes],
            done=self._resources() - open_,
            **data,
        )

    def _drain(self) -> None:
        """Let what is running end, so that nothing is left half-made that could be whole.

        What takes longer goes on alone: to end a process would not end the module that AWS is answering.
        """
        until = time.monotonic() + GRACE
        while self._running and time.monotonic() < until:
            self._collect(1.0)

    def left_behind(self) -> list[str]:
        """Kinds that are still being written after :meth:`run` has ended."""
        return sorted({node.kind for chunk in self._running for node in chunk.nodes})

    # -- what is pending -----------------------------------------------------------------------------------------
    def _waited_for(self) -> set[Address]:
        """Resources that alone keep a node from going to work."""
        return {
            address
            for node in self._left.values()
            if all(need in self._done for need in node.after)
            for address in (*node.ready, *node.gone)
        }

    def _look_at(self, addresses: set[Address]) -> None:
        """All of them in one look; what failed or takes too long ends the run."""
        kinds = {kind for kind, _name in addresses}
        self._view.forget(kinds)
        observed = self._view.get(kinds)
        going = {address for node in self._left.values() for address in node.gone}
        self._waiting.look(self._waited(observed, address, address in going) for address in sorted(addresses))

    @staticmethod
    def _waited(observed: dict[str, dict[str, Resource]], address: Address, going: bool) -> tuple[str, str, Resource]:
        """A resource that is waited for. What is only to go may be in any state; what is not there has to come."""
        kind, name = address
        resource = observed[kind].get(name) or Resource("", {}, state=READY if going else PENDING, status="not there")
        return kind, name, replace(resource, state=LEAVING) if going and name in observed[kind] else resource


def _shown(names: list[str], most: int = 6) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _child(action: ActionBase, tasks: list[dict[str, t.Any]], variables: dict[str, t.Any], pipe: int) -> t.NoReturn:
    """Run the tasks and tell the outcome through the pipe. Nothing of the parent's is tidied up here."""
    Observations.off = True
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    try:
        outcome = Runner(action, variables).run(tasks)
    except Exception as error:  # whatever it is, the parent has to be told
        display.vvv(traceback.format_exc())
        outcome = Outcome(failures=[str(error)])
    with os.fdopen(pipe, "w") as stream:
        json.dump(vars(outcome), stream)
    os._exit(0)
