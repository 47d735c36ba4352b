# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan: what is desired minus what is observed, in the inventory's words."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from .kind import (
    CELL_TAG,
    CREATE_FIRST,
    FAILED,
    KIND_TAG,
    LEAVING,
    LOGICAL_TAG,
    MANAGED_TAGS,
    OUTGOING_TAG,
    PENDING,
    READY,
    REMAKE,
    RETRY,
    Kind,
    Resource,
)

CREATE, UPDATE, REPLACE, REMOVE, ORPHAN = "create", "update", "replace", "remove", "orphan"
#: Options of an entry that are not attributes of the resource.
NOT_COMPARED = frozenset({"tags", "renamed_from"})


@dataclass
class Change:
    """One resource's difference.

    :ivar fields: ``{option: {"before": …, "after": …}}``; nested options are given by their path, ``rules.https.ports``
    :ivar forced: options that AWS cannot change, which make it a replacement
    :ivar refused: why it is refused, or empty
    :ivar how: in which order a replacement goes
    """

    action: str
    kind: str
    name: str
    fields: dict[str, dict[str, t.Any]] = field(default_factory=dict)
    forced: list[str] = field(default_factory=list)
    refused: str = ""
    how: str = ""

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
            "how": self.how,
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
    """The fields of an entry that AWS does not have as desired. An option that is None is left as it is, tags too."""
    fields: dict[str, dict[str, t.Any]] = {}
    for option, wanted in kind.normalise(entry).items():
        if option in NOT_COMPARED or wanted is None:
            continue
        ordered = option in kind.ordered
        fields.update(
            difference(canonical(resource.attributes.get(option), ordered), canonical(wanted, ordered), option)
        )
    if kind.taggable and entry.get("tags", {}) is not None:
        wanted = {k: str(v) for k, v in entry.get("tags", {}).items() if k not in MANAGED_TAGS}
        fields.update(difference(resource.tags, wanted, "tags"))
    return fields


def outgoing_name(name: str, resource: Resource) -> str:
    """The name of a resource that another one of its name replaces."""
    return f"{name} [outgoing {resource.id}]"


def is_outgoing(resource: Resource) -> bool:
    return OUTGOING_TAG in resource.marks


def changes(
    kind: Kind, desired: dict[str, dict[str, t.Any]], observed: dict[str, Resource], rules: Rules
) -> list[Change]:
    """Every difference of one kind, refusals marked."""
    found: list[Change] = []
    for name, entry in {} if rules.absent else desired.items():
        resource = observed.get(name)
        if resource is None or resource.state == LEAVING:
            found.append(_creation(kind, name, entry))
        elif change := _difference(kind, name, entry, resource, rules):
            found.append(change)
    for name in sorted(set(observed) - (set() if rules.absent else set(desired))):
        # What is only claimed carries no tags that would say it may be removed.
        theirs = bool(observed[name].claimed_by) or (not rules.absent and kind.kept(observed[name]))
        if observed[name].state != LEAVING and not theirs:
            found.append(_removal(kind, name, observed[name], rules))
    return found


def _creation(kind: Kind, name: str, entry: dict[str, t.Any]) -> Change:
    after = {
        option: {"before": None, "after": value}
        for option, value in entry.items()
        if value is not None and option != "renamed_from"
    }
    return Change(CREATE, kind.name, name, {**after, "id": {"before": None, "after": KNOWN_LATER}})


def _difference(kind: Kind, name: str, entry: dict[str, t.Any], resource: Resource, rules: Rules) -> Change | None:
    """What is to be done about an existing resource; None where nothing is."""
    fields = compare(kind, entry, resource)
    if resource.renamed_from:
        fields["tags.Name"] = {"before": resource.renamed_from, "after": name}
    if resource.claimed_by:
        marks = claim_tags(kind.name, name, resource)
        fields |= {f"tags.{tag}": {"before": None, "after": value} for tag, value in marks.items()}
    forced = sorted({path.split(".")[0] for path in fields} & kind.immutable)
    change = Change(REPLACE if forced else UPDATE, kind.name, name, fields, forced)
    if resource.state == FAILED:
        _repair(kind, change, entry, resource)
    fields.update(kind.condition(name, entry, resource))
    if not fields:
        return None
    if change.action == REPLACE:
        change.how = _replaced_how(kind)
        if forced and not matches(change.address, rules.replace):
            change.refused = f"AWS cannot change {', '.join(forced)}; name it in terrace_allow_replace to replace it"
        elif kind.data and not matches(change.address, rules.data_loss):
            change.refused = "replacing it destroys data; name it in terrace_allow_data_loss as well"
    if not change.refused:
        change.refused = kind.refusal(name, fields, entry, resource)
    return change


def _repair(kind: Kind, change: Change, entry: dict[str, t.Any], resource: Resource) -> None:
    """A failed resource is a difference like any other; the kind says what is done about it."""
    remedy = kind.remedy(change.name, entry, resource)
    failure = str(resource.facts.get("failure") or "")
    before = f"{resource.status or FAILED}{f' ({failure})' if failure else ''}"
    change.fields["state"] = {"before": before, "after": READY}
    if remedy == REMAKE:
        change.action = REPLACE
    elif remedy != RETRY:
        change.refused = remedy


def _replaced_how(kind: Kind) -> str:
    if kind.replacement == CREATE_FIRST:
        return "the new one is created first; what refers to it follows; then the old one is removed"
    return f"the old one is removed first, because {kind.replacement_reason}"


def _removal(kind: Kind, name: str, resource: Resource, rules: Rules) -> Change:
    """What the inventory does not name. What a replacement left behind is removed without being asked again."""
    base = name.partition(" [outgoing ")[0]
    allowed = matches(f"{kind.name}/{base}", rules.data_loss)
    left_behind = is_outgoing(resource) and (allowed or not kind.holds_data(resource))
    change = Change(REMOVE if rules.absent or rules.prune or left_behind else ORPHAN, kind.name, name)
    if change.action == REMOVE:
        if kind.holds_data(resource) and not allowed:
            change.refused = "it holds data; name it in terrace_allow_data_loss to remove it"
        else:
            change.refused = kind.refusal(name, {}, {}, resource)
    return change


def follow_ons(
    kinds: t.Mapping[str, Kind],
    world: dict[str, dict[str, dict[str, t.Any]]],
    observed: dict[str, dict[str, Resource]],
    found: list[Change],
    rules: Rules,
) -> list[Change]:
    """What has to be written only because something it refers to is replaced, or changes in a way it follows.

    Fields are added to changes in ``found`` as well: whatever refers to a replaced resource names another id afterwards.
    """
    known = {(change.kind, change.name): change for change in found if change.action != ORPHAN}
    added: list[Change] = []
    queue = [change for change in found if change.action in (REPLACE, UPDATE)]
    #: What each option of a change names that is replaced or changes: one option may name several.
    followed: dict[tuple[str, str, str], dict[str, str]] = {}
    while queue:
        cause = queue.pop()
        for kind, name, option in _users(kinds, world, cause):
            if cause.action == UPDATE and (option not in kind.follows or _only_tags(cause)):
                continue
            if name not in observed.get(kind.name, {}):
                continue
            change = known.get((kind.name, name))
            if change is None:
                change = known[kind.name, name] = Change(UPDATE, kind.name, name)
                added.append(change)
                queue.append(change)
            elif change.action in (CREATE, REMOVE) or (
                (change.kind, name, option) not in followed and option in change.fields
            ):
                continue
            word = "replaced" if cause.action == REPLACE else "changed"
            told = followed.setdefault((change.kind, name, option), {})
            told[cause.name] = f"{cause.name} ({word})"
            change.fields[option] = {
                "before": ", ".join(sorted(told)),
                "after": ", ".join(told[each] for each in sorted(told)),
            }
            if cause.action == REPLACE and option.split(".")[0] in kind.immutable and change.action != REPLACE:
                change.action, change.forced, change.how = REPLACE, [option], _replaced_how(kind)
                if not matches(change.address, rules.replace):
                    change.refused = (
                        f"{cause.address} is replaced; AWS cannot change {option}: name it in terrace_allow_replace"
                    )
                elif kind.data and not matches(change.address, rules.data_loss):
                    change.refused = "replacing it destroys data; name it in terrace_allow_data_loss as well"
                queue.append(change)
    return added


def _users(
    kinds: t.Mapping[str, Kind], world: dict[str, dict[str, dict[str, t.Any]]], cause: Change
) -> t.Iterator[tuple[Kind, str, str]]:
    """Desired entries that refer to a changed resource: ``(kind, name, option)``."""
    for name, entries in world.items():
        kind = kinds[name]
        for option in (option for option, other in kind.references.items() if other == cause.kind):
            for who, entry in entries.items():
                if cause.name in kind.names_in(option, entry) and (name, who) != (cause.kind, cause.name):
                    yield kind, who, option


def claim_tags(kind: str, name: str, resource: Resource) -> dict[str, str]:
    """The tags by which a claimed resource becomes its cell's; whatever it carries stays."""
    return {CELL_TAG: resource.claimed_by, KIND_TAG: kind, LOGICAL_TAG: name}


def only_claimed(change: Change) -> bool:
    """Whether a change does nothing but give a claimed resource its cell's tags."""
    return set(change.fields) <= {f"tags.{tag}" for tag in (CELL_TAG, KIND_TAG, LOGICAL_TAG)}


def _only_tags(change: Change) -> bool:
    return all(path == "tags" or path.startswith("tags.") for path in change.fields)


def refuse_in_use(
    kinds: t.Mapping[str, Kind],
    world: dict[str, dict[str, dict[str, t.Any]]],
    observed: dict[str, dict[str, Resource]],
    found: list[Change],
) -> None:
    """Refuse to remove or replace what stays in use, in the plan and not in the middle of a run."""
    going = {(c.kind, c.name) for c in found if c.action == REMOVE}
    replaced_first = {
        (c.kind, c.name) for c in found if c.action == REPLACE and kinds[c.kind].replacement != CREATE_FIRST
    }
    replaced_after = {(c.kind, c.name) for c in found if c.action == REPLACE} - replaced_first
    for change in found:
        address = (change.kind, change.name)
        if change.refused or address not in going | replaced_first | replaced_after:
            continue
        users = []
        for kind in kinds.values():
            for option, other in kind.references.items():
                if other != change.kind or option in kind.loose or (kind.names_itself and other == kind.name):
                    continue
                for who, resource in observed.get(kind.name, {}).items():
                    if resource.state == LEAVING:  # the graph waits until it is gone
                        continue
                    stays = (kind.name, who) not in going | replaced_first and (kind.name, who) != address
                    entry = world.get(kind.name, {}).get(who)
                    # A user that is desired without it is written before, and one that is desired with what replaces it
                    # follows. An orphan, and a kind that is not planned now, stays as it is.
                    keeps = entry is None or (
                        address not in replaced_after and change.name in kind.names_in(option, entry)
                    )
                    if stays and keeps and change.name in names_observed(kind, option, resource):
                        users.append(f"{kind.name}/{who}")
        if users:
            verb = "removed" if address in going else "replaced"
            change.refused = (
                f"it cannot be {verb} while it is used by {', '.join(sorted(set(users)))}; "
                "remove or change these as well, with site.yml where they are of another role"
            )


def names_observed(kind: Kind, option: str, resource: Resource) -> list[str]:
    """The logical names an observed resource refers to; none where AWS tells it in another shape than an entry has."""
    try:
        return kind.names_in(option, resource.attributes)
    except (KeyError, TypeError, AttributeError):
        return []


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


def refusals(found: list[Change], most: int | None) -> list[str]:
    """Why a plan is not carried out, all of it at once; empty where it may be.

    :param most: how many resources may be removed, for a limit that went wrong, or an inventory that came out empty, must not
        take a platform down; None where removing is what was asked for
    """
    number = counts(change.action for change in found)["remove"]
    told = []
    if most is not None and number > most:
        told.append(
            f"{number} resources would be removed, and terrace_remove_at_most is {most}. Look at the plan (--check --diff); if "
            f"it is right: -e terrace_remove_at_most={number}"
        )
    return told + [f"{change.address}: {change.refused}" for change in found if change.refused]


def unfinished(found: t.Iterable[Change], observed: dict[str, dict[str, Resource]]) -> list[Change]:
    """Differences that are left after an apply; what AWS is still busy making is not judged yet."""
    left = []
    for change in found:
        resource = observed.get(change.kind, {}).get(change.name)
        if change.action == ORPHAN or (change.action == UPDATE and resource and resource.state == PENDING):
            continue
        left.append(change)
    return left
