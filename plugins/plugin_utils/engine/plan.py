# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan: what is desired minus what is observed, in the inventory's words."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from .kind import MANAGED_TAGS, PENDING, Kind, Resource

CREATE, UPDATE, REPLACE, REMOVE, ORPHAN = "create", "update", "replace", "remove", "orphan"


@dataclass
class Change:
    """One resource's difference.

    :ivar fields: ``{option: {"before": …, "after": …}}``; nested options are given by their path, ``rules.https.ports``
    :ivar reason: why it is refused, or empty
    """

    action: str
    kind: str
    name: str
    fields: dict[str, dict[str, t.Any]] = field(default_factory=dict)
    forced: list[str] = field(default_factory=list)
    refused: str = ""

    @property
    def address(self) -> str:
        return f"{self.kind}/{self.name}"

    def as_dict(self) -> dict[str, t.Any]:
        return {
            "action": self.action,
            "kind": self.kind,
            "name": self.name,
            "fields": self.fields,
            "forced": self.forced,
            "refused": self.refused,
        }


@dataclass
class Rules:
    """What the operator allows.

    :ivar prune: remove what the inventory does not name
    :ivar absent: nothing is desired; everything of the kinds is removed
    :ivar replace: patterns of ``kind/name`` that may be replaced
    :ivar data_loss: patterns of ``kind/name`` that may be removed although they hold data
    """

    prune: bool = False
    absent: bool = False
    replace: tuple[str, ...] = ()
    data_loss: tuple[str, ...] = ()


def matches(address: str, patterns: t.Iterable[str]) -> bool:
    """Whether ``kind/name`` is named by one of the patterns (shell wildcards)."""
    return any(fnmatchcase(address, pattern) for pattern in patterns)


def canonical(value: t.Any, ordered: bool = False) -> t.Any:
    """A value in a form that compares: lists as sets unless ordered, all the way down."""
    if isinstance(value, dict):
        return {str(k): canonical(v, ordered) for k, v in value.items() if v is not None}
    if isinstance(value, list | tuple | set):
        items = [canonical(item, ordered) for item in value]
        return items if ordered else sorted(items, key=repr)
    return value


def difference(before: t.Any, after: t.Any, path: str = "") -> dict[str, dict[str, t.Any]]:
    """Leaf by leaf what differs between two canonical values."""
    if isinstance(before, dict) and isinstance(after, dict):
        found: dict[str, dict[str, t.Any]] = {}
        for key in sorted({*before, *after}):
            found.update(difference(before.get(key), after.get(key), f"{path}.{key}" if path else key))
        return found
    return {} if before == after else {path: {"before": before, "after": after}}


def compare(kind: Kind, entry: dict[str, t.Any], resource: Resource) -> dict[str, dict[str, t.Any]]:
    """The fields of an entry that AWS does not have as desired. An option that is None is left as it is."""
    fields: dict[str, dict[str, t.Any]] = {}
    for option, wanted in kind.normalise(entry).items():
        if option == "tags" or wanted is None:
            continue
        ordered = option in kind.ordered
        fields.update(
            difference(canonical(resource.attributes.get(option), ordered), canonical(wanted, ordered), option)
        )
    if kind.taggable:
        wanted = {k: str(v) for k, v in (entry.get("tags") or {}).items() if k not in MANAGED_TAGS}
        fields.update(difference(resource.tags, wanted, "tags"))
    return fields


def changes(
    kind: Kind, desired: dict[str, dict[str, t.Any]], observed: dict[str, Resource], rules: Rules
) -> list[Change]:
    """Every difference of one kind, refusals marked."""
    found: list[Change] = []
    for name, entry in {} if rules.absent else desired.items():
        resource = observed.get(name)
        if resource is None:
            after = {option: {"before": None, "after": value} for option, value in entry.items() if value is not None}
            found.append(Change(CREATE, kind.name, name, {**after, "id": {"before": None, "after": KNOWN_LATER}}))
            continue
        fields = compare(kind, entry, resource)
        if not fields:
            continue
        forced = sorted({path.split(".")[0] for path in fields} & kind.immutable)
        change = Change(REPLACE if forced else UPDATE, kind.name, name, fields, forced)
        if forced and not matches(change.address, rules.replace):
            change.refused = f"AWS cannot change {', '.join(forced)}; name it in terrace_allow_replace to replace it"
        elif forced and kind.data and not matches(change.address, rules.data_loss):
            change.refused = "replacing it destroys data; name it in terrace_allow_data_loss as well"
        found.append(change)
    for name in sorted(set(observed) - (set() if rules.absent else set(desired))):
        change = Change(REMOVE if rules.absent or rules.prune else ORPHAN, kind.name, name)
        if change.action == REMOVE and kind.data and not matches(change.address, rules.data_loss):
            change.refused = "it holds data; name it in terrace_allow_data_loss to remove it"
        found.append(change)
    return found


#: What stands for a value only AWS can give.
KNOWN_LATER = "(known after apply)"


#: What each action counts as; a replacement is one added and one removed.
COUNTED = {
    CREATE: ("add",),
    UPDATE: ("change",),
    REPLACE: ("add", "remove"),
    REMOVE: ("remove",),
    ORPHAN: ("orphan",),
}


def counts(actions: t.Iterable[str]) -> dict[str, int]:
    """How many are added, changed, removed and orphaned."""
    total = {"add": 0, "change": 0, "remove": 0, "orphan": 0}
    for action in actions:
        for word in COUNTED[action]:
            total[word] += 1
    return total


def unfinished(found: t.Iterable[Change], observed: dict[str, dict[str, Resource]]) -> list[Change]:
    """Differences that are left after an apply; what AWS is still busy making is not judged yet."""
    left = []
    for change in found:
        resource = observed.get(change.kind, {}).get(change.name)
        if change.action == ORPHAN or (change.action == UPDATE and resource and resource.state == PENDING):
            continue
        left.append(change)
    return left
