# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order of everything, computed from the references between resources.

A node is one action on one resource. Creating and changing walk the references forward, removing walks them backward, and a
replacement does both around whatever refers to the resource.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .kind import CREATE_FIRST, LEAVING, PENDING, READY, Kind, Resource
from .plan import CREATE, REMOVE, REPLACE, UPDATE, Change, names_observed, only_claimed, outgoing_name

#: What is done to a resource: made empty, written, removed. The name is that of the task file in
#: ``roles/<role>/tasks/<kind>/``.
MAKE, PRESENT, ABSENT = "create", "present", "absent"
#: What is done to a resource of any kind, in ``roles/cell/tasks/resource/``: marked as about to be replaced, tagged as the
#: cell's that claims it.
RETIRE, ADOPT = "retire", "adopt"

#: An action on a resource: ``(action, kind, logical name)``.
Key = tuple[str, str, str]
#: A resource: ``(kind, logical name)``.
Address = tuple[str, str]
World = dict[str, dict[str, dict[str, t.Any]]]
Observed = dict[str, dict[str, Resource]]


@dataclass
class Node:
    """One action on one resource.

    :ivar change: the difference it removes; None where the plan is not trusted and everything is written
    :ivar old: the resource an ABSENT, RETIRE or ADOPT is about
    :ivar after: nodes that must be done before
    :ivar ready: resources that must be ready before, as ``(kind, name)``
    :ivar gone: resources that must be gone before
    """

    action: str
    kind: str
    name: str
    change: Change | None = None
    old: Resource | None = None
    after: set[Key] = field(default_factory=set)
    ready: set[Address] = field(default_factory=set)
    gone: set[Address] = field(default_factory=set)

    @property
    def key(self) -> Key:
        return (self.action, self.kind, self.name)


def referred(kind: Kind, entry: dict[str, t.Any]) -> dict[str, list[str]]:
    """Option -> logical names it refers to."""
    return {option: kind.names_in(option, entry) for option in kind.references}


class Graph:
    """The nodes of a plan and what each waits for.

    :param kinds: every kind by name
    :param world: what is desired, ``{kind: {name: entry}}``
    :param observed: what there is
    :param changes: the plan
    :param elsewhere: what is referred to in other cells, ``(kind, "<cell>/<name>")``
    :param everything: write every desired entry, also those that do not differ
    """

    def __init__(
        self,
        kinds: t.Mapping[str, Kind],
        world: World,
        observed: Observed,
        changes: t.Iterable[Change],
        everything: bool = False,
        elsewhere: t.Collection[Address] = (),
    ) -> None:
        self._kinds, self._world, self._observed, self._elsewhere = kinds, world, observed, elsewhere
        self.nodes: dict[Key, Node] = {}
        for change in changes:
            self._add(change)
        if everything:
            for kind, entries in world.items():
                for name in entries:
                    if (PRESENT, kind, name) not in self.nodes:
                        self._put(Node(PRESENT, kind, name))
        for node in list(self.nodes.values()):
            self._link(node)
        self._refuse_circles()

    # -- nodes ---------------------------------------------------------------------------------------------------
    def _put(self, node: Node) -> None:
        self.nodes[node.key] = node

    def _add(self, change: Change) -> None:
        kind, old = self._kinds[change.kind], self._observed.get(change.kind, {}).get(change.name)
        if change.action == REMOVE:
            self._put(Node(ABSENT, change.kind, change.name, change, old))
        elif change.action == REPLACE:
            outgoing = change.name
            if kind.replacement == CREATE_FIRST and old:
                self._put(Node(RETIRE, change.kind, change.name, change, old))
                outgoing = outgoing_name(change.name, old)
            self._put(Node(ABSENT, change.kind, outgoing, change, old))
            self._create(change)
        elif change.action == CREATE:
            self._create(change)
        elif change.action == UPDATE:
            if old and old.claimed_by:
                self._put(Node(ADOPT, change.kind, change.name, change, old))
            if not (old and old.claimed_by and only_claimed(change)):
                self._put(Node(PRESENT, change.kind, change.name, change))

    def _create(self, change: Change) -> None:
        if self._kinds[change.kind].created_empty:
            self._put(Node(MAKE, change.kind, change.name, change))
        self._put(Node(PRESENT, change.kind, change.name, change))

    def _first(self, kind: str, name: str) -> Key | None:
        """What brings a resource into being in this run; None where it is there or nobody makes it."""
        for action in (MAKE, PRESENT):
            if (action, kind, name) in self.nodes:
                return (action, kind, name)
        return None

    def desired(self, node: Node) -> dict[str, t.Any]:
        """The entry a node writes."""
        return self._world[node.kind][node.name]

    # -- edges ---------------------------------------------------------------------------------------------------
    def _link(self, node: Node) -> None:
        if node.action in (MAKE, PRESENT):
            self._link_forward(node)
        elif node.action == ABSENT:
            self._link_backward(node)
            self._link_exclusive(node)

    def _link_forward(self, node: Node) -> None:
        kind = self._kinds[node.kind]
        resource = self._observed.get(node.kind, {}).get(node.name)
        replaced = node.change is not None and node.change.action == REPLACE
        if replaced and kind.replacement == CREATE_FIRST:
            node.after.add((RETIRE, node.kind, node.name))
        elif node.action == PRESENT and (MAKE, node.kind, node.name) in self.nodes:
            pass  # What was created empty has waited for the old one, and has its name now.
        elif replaced:
            node.after.add((ABSENT, node.kind, node.name))
            node.gone.add((node.kind, node.name))
        elif resource and resource.state == LEAVING:
            node.gone.add((node.kind, node.name))
        elif resource and kind.waits_for_itself and resource.state == PENDING:
            node.ready.add((node.kind, node.name))
        for before in (MAKE, ADOPT) if node.action == PRESENT else ():
            if (before, node.kind, node.name) in self.nodes:
                node.after.add((before, node.kind, node.name))
        for option, names in referred(kind, self._world[node.kind][node.name]).items():
            for name in names:
                self._link_reference(node, kind, option, name)
        node.after |= {key for key in self.nodes if key[0] == PRESENT and key[1] in kind.after_kinds}

    def _link_reference(self, node: Node, kind: Kind, option: str, name: str) -> None:
        other = kind.references[option]
        if (other, name) == (node.kind, node.name):
            return
        if (other, name) in self._elsewhere:
            node.ready.add((other, name))
            return
        # Resources that name each other are made before any of them is written: what is made needs no other of its kind.
        if node.action == MAKE and (other == node.kind or option in kind.precedes):
            return
        # One that is there already has nothing to create before.
        first = self._first(node.kind, node.name)
        created = not kind.created_empty or (first is not None and first[0] == MAKE)
        if option in kind.precedes and created and (PRESENT, other, name) in self.nodes:
            self.nodes[PRESENT, other, name].after.add(first or node.key)
        # Where both are there already, neither has to come first for the other's sake.
        each_other = option in kind.precedes or (other == node.kind and kind.created_empty)
        first = self._first(other, name)
        if first and not (each_other and first[0] == PRESENT):
            node.after.add(first)
        if option in kind.needs_ready:
            node.ready.add((other, name))
            if (PRESENT, other, name) in self.nodes and (option not in kind.precedes or kind.created_empty):
                node.after.add((PRESENT, other, name))

    def _link_exclusive(self, node: Node) -> None:
        """What holds something that one of its kind can hold is removed after the one that takes it over was written."""
        kind = self._kinds[node.kind]
        if node.change is not None and node.change.action == REPLACE:
            return
        for option in kind.exclusive if node.old else ():
            held = set(names_observed(kind, option, node.old))
            for name, entry in self._world.get(node.kind, {}).items():
                if held & set(kind.names_in(option, entry)) and (PRESENT, node.kind, name) in self.nodes:
                    node.after.add((PRESENT, node.kind, name))

    def _link_backward(self, node: Node) -> None:
        """A resource goes after what refers to it has gone, or has been written so that it no longer does."""
        name = node.change.name if node.change else node.name
        if node.old and node.old.state == PENDING and self._kinds[node.kind].waits_for_itself:
            node.ready.add((node.kind, node.name))
        # Also where nothing refers to it: it goes once the new one is there.
        if (RETIRE, node.kind, name) in self.nodes:
            node.after.add((PRESENT, node.kind, name))
        for user in list(self.nodes.values()):
            if user.action == ABSENT and node.kind in self._kinds[user.kind].after_kinds:
                node.after.add(user.key)
                node.gone.add((user.kind, user.name))
        for other in self._kinds.values():
            if node.kind in other.after_kinds:
                node.gone |= {(other.name, who) for who in self._leaving(other.name)}
        for other in self._kinds.values():
            options = [option for option, kind in other.references.items() if kind == node.kind]
            if not options:
                continue
            for who, resource in self._observed.get(other.name, {}).items():
                named = {each for option in options for each in names_observed(other, option, resource)}
                if named & {name, node.name}:
                    if resource.state == LEAVING:
                        node.gone.add((other.name, who))
                    self._link_user(node, other, who)

    def _leaving(self, kind: str) -> list[str]:
        """What is on its way out already, of an earlier run."""
        return [name for name, res in self._observed.get(kind, {}).items() if res.state == LEAVING]

    def _link_user(self, node: Node, other: Kind, who: str) -> None:
        if (other.name, who) in ((node.kind, node.name), (node.kind, node.change.name if node.change else "")):
            return
        both_go = other.name == node.kind and other.names_itself
        if (ABSENT, other.name, who) in self.nodes:
            if not both_go:
                node.after.add((ABSENT, other.name, who))
                node.gone.add((other.name, who))
        elif (PRESENT, other.name, who) in self.nodes and not self._comes_before(node, other.name, who):
            node.after.add((PRESENT, other.name, who))

    def _comes_before(self, node: Node, kind: str, who: str) -> bool:
        """Whether the user is itself written only after this removal: it refers to what replaces the resource."""
        replaced = node.change is not None and node.change.action == REPLACE
        return replaced and self._kinds[node.kind].replacement != CREATE_FIRST

    # -- order ---------------------------------------------------------------------------------------------------
    def _refuse_circles(self) -> None:
        left = {key: {need for need in node.after if need in self.nodes} for key, node in self.nodes.items()}
        for key, node in self.nodes.items():
            node.after = set(left[key])
        while free := [key for key, needs in left.items() if not needs]:
            for key in free:
                del left[key]
            for needs in left.values():
                needs.difference_update(free)
        if left:
            names = ", ".join(sorted(f"{kind}/{name}" for _action, kind, name in left))
            raise ValueError(f"these refer to each other in a circle, so that none can come first: {names}")

    def weights(self) -> dict[Key, int]:
        """How long the chain is that hangs on each node: the longest goes to work first."""
        users: dict[Key, list[Key]] = {key: [] for key in self.nodes}
        for key, node in self.nodes.items():
            for need in node.after:
                users[need].append(key)
        weights: dict[Key, int] = {}

        def weigh(key: Key) -> int:
            if key not in weights:
                weights[key] = 1 + max((weigh(user) for user in users[key]), default=0)
            return weights[key]

        for key in self.nodes:
            weigh(key)
        return weights

    def missing(self) -> dict[Address, list[str]]:
        """References to what neither exists nor is made in this run: ``(kind, name)`` -> who needs it."""
        found: dict[Address, list[str]] = {}
        for node in self.nodes.values():
            if node.action not in (MAKE, PRESENT):
                continue
            kind = self._kinds[node.kind]
            for option, names in referred(kind, self._world[node.kind][node.name]).items():
                other = kind.references[option]
                for name in names:
                    there = name in self._observed.get(other, {}) or self._first(other, name)
                    there = there or (other, name) in self._elsewhere
                    if not there:
                        found.setdefault((other, name), []).append(f"{node.kind}/{node.name}")
        return found

    def satisfied(self, node: Node, done: t.Container[Key], observed: Observed) -> bool:
        """Whether a node can go to work, given what is done and what there is now."""
        if any(need not in done for need in node.after):
            return False
        for kind, name in node.ready:
            resource = observed.get(kind, {}).get(name)
            if resource is None or resource.state != READY:
                return False
        return all(name not in observed.get(kind, {}) for kind, name in node.gone)
