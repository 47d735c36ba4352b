# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one vocabulary: what a kind is and what reading AWS returns.

A kind reads every resource of its sort that belongs to a cell, in bulk, and describes it with the attribute names the
inventory uses. Plan, drift, orphans, adoption, destruction and proof are all made of nothing else.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

if t.TYPE_CHECKING:
    from .cell import Cell

#: Tags Terrace itself keeps on every resource; everything else under a resource's tags is the inventory's.
CELL_TAG = "terrace:cell"
KIND_TAG = "terrace:kind"
NAME_TAG = "Name"
#: The logical name of a resource that keeps a Name of its own, because it was made by something else.
LOGICAL_TAG = "terrace:name"
#: Marks a resource that another one replaces: it is removed once nothing refers to it any more.
OUTGOING_TAG = "terrace:outgoing"
#: The other cell that a resource belongs to as well, where a service replicates it there with its tags.
COUNTERPART_TAG = "terrace:counterpart"
MANAGED_TAGS = frozenset({NAME_TAG, CELL_TAG, KIND_TAG, LOGICAL_TAG, OUTGOING_TAG, COUNTERPART_TAG})
#: When a database that two cells hold was promoted, UTC: the one that was promoted last writes.
WRITER_TAG = "terrace:writer-since"
#: Tags that AWS, its controllers and runbooks write. They are neither compared nor removed; an inventory can name more.
IGNORED_TAGS = (
    "aws:*",
    "kubernetes.io/*",
    "k8s.io/*",
    "eks:*",
    "karpenter.sh/*",
    "elasticbeanstalk:*",
    "ec2launch:*",
    WRITER_TAG,
)


def every_tag(
    cell: str,
    kind: str,
    logical: str,
    own: dict[str, t.Any] | None = None,
    marks: dict[str, str] | None = None,
    counterpart: str = "",
) -> dict[str, str]:
    """All the tags a resource carries: Terrace's over the inventory's ``own``.

    :param marks: tags it carries that are not the inventory's; others' stay, and so does a Name that is not Terrace's
    :param counterpart: the other cell that it belongs to as well; one that was replicated keeps the cell it was made in
    """
    marks = marks or {}
    if counterpart and marks.get(COUNTERPART_TAG) == cell:
        cell, counterpart = marks[CELL_TAG], cell
    tags = {key: value for key, value in marks.items() if key not in MANAGED_TAGS and not key.startswith("aws:")}
    tags |= {str(key): str(value) for key, value in (own or {}).items()}
    tags |= {NAME_TAG: f"{cell}-{logical}", CELL_TAG: cell, KIND_TAG: kind}
    if counterpart:
        tags[COUNTERPART_TAG] = counterpart
    if LOGICAL_TAG in marks:
        tags[LOGICAL_TAG] = logical
        if NAME_TAG in marks:
            tags[NAME_TAG] = marks[NAME_TAG]
        else:
            del tags[NAME_TAG]
    return tags


READY, PENDING, FAILED, LEAVING = "ready", "pending", "failed", "leaving"

#: Where a kind's resources live. What is global is read and written in the partition's main region, whichever the cell is in.
REGION, ACCOUNT, GLOBAL = "region", "account", "global"

#: How a resource is replaced: the new one first where AWS allows two to exist, else the old one goes first.
CREATE_FIRST, REMOVE_FIRST = "create_first", "remove_first"

#: What is done about a failed resource: written again, replaced, or (any other text) left to the operator, who is told it.
RETRY, REMAKE = "retry", "remake"


@dataclass
class Settled:
    """What an entry means as AWS is now.

    :ivar entry: the entry to compare with; None where the resource is left alone
    :ivar note: what operators are to know of it
    :ivar problem: why nothing can be said, so that nothing is written
    """

    entry: dict[str, t.Any] | None
    note: str = ""
    problem: str = ""


@dataclass
class Resource:
    """One resource as it is.

    :ivar id: what other AWS calls name it by (an id, an ARN or a name, whichever that service's calls take)
    :ivar attributes: the inventory's words for it, references given as logical names
    :ivar facts: what only AWS knows and later roles or operators want (ARN, endpoint, address)
    :ivar tags: the inventory's own tags, without those Terrace keeps
    :ivar marks: its other tags: Terrace's, AWS's, and those of controllers
    :ivar renamed_from: the logical name its tags still say, where the inventory gives it another one
    :ivar state: ready, pending, failed or leaving
    :ivar status: the same in AWS's word, for people
    :ivar claimed_by: the cell that claims it (``cell_claims``) and whose tags it does not carry yet
    """

    id: str
    attributes: dict[str, t.Any]
    facts: dict[str, t.Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    state: str = READY
    status: str = ""
    marks: dict[str, str] = field(default_factory=dict)
    renamed_from: str = ""
    claimed_by: str = ""

    def as_dict(self) -> dict[str, t.Any]:
        """Its fields; what they hold is not copied."""
        return dict(vars(self))


class Kind:
    """How one sort of AWS resource is read and judged. Subclass it in ``kinds/<service>/<name>.py``; that is all it takes.

    What an entry may hold (types, defaults, choices) is written once, in the argument specs of the role that owns the
    kind, under the entry point named like the kind. This class adds what an argument spec cannot say.
    """

    #: The name plans, tags and the inventory use.
    name: str = ""
    #: The role that owns it and that role's variable with the entries, ``{logical name: {option: value}}``.
    role: str = ""
    variable: str = ""
    #: The kind whose options the entries take (a bastion's template has those of any launch template); empty for its own.
    options_of: str = ""
    #: Path of an option that holds named entries -> entry point of the same role's argument specs that describes one:
    #: ``{"listeners": "listener", "listeners.rules": "listener_rule"}``; ``*`` stands for names without options between.
    shapes: t.ClassVar[dict[str, str]] = {}
    #: Options AWS cannot change on an existing resource: a difference means replacement.
    immutable: frozenset[str] = frozenset()
    #: Option -> kind, for options that name another resource (a string, a list or a dict's keys).
    references: t.ClassVar[dict[str, str]] = {}
    #: Option -> kind, for options that name the resource of another cell that holds the same data. It is looked at and never
    #: waited for: which of the two leads is read from AWS (:meth:`settled`).
    counterparts: t.ClassVar[dict[str, str]] = {}
    #: Options whose resource must be ready, not only exist, before this one is written.
    needs_ready: frozenset[str] = frozenset()
    #: Options whose resource must not be changed before this one is written (a group starts machines once it has its hooks).
    precedes: frozenset[str] = frozenset()
    #: Kinds whose resources all come before this one's, and go after, although no option names them: what has a public
    #: address needs the VPC's internet gateway.
    after_kinds: frozenset[str] = frozenset()
    #: Options whose resources belong to one of the kind at a time (a subnet has one route table): the one that gets such a
    #: resource is written before the one that had it is removed.
    exclusive: frozenset[str] = frozenset()
    #: Options where any change of the resource they name is a reason to write this one too (a template's machines).
    follows: frozenset[str] = frozenset()
    #: Options whose resource AWS deletes although this one names it (a DNS record's target).
    loose: frozenset[str] = frozenset()
    #: Resources of the kind name each other: they are created empty (``tasks/<kind>/create.yml``) before any is written.
    created_empty: bool = False

    #: Its resource type in the Resource Groups Tagging API, where that lists every resource of the kind: what is made with its
    #: tags, and is of a region (what is global is listed in the main one alone). A look may then pass over the kind
    #: (``Cell._nothing_there``).
    #: https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/supported-services.html
    resource_type: str = ""
    #: Where its resources live: REGION, ACCOUNT or GLOBAL.
    scope: str = REGION
    #: CREATE_FIRST or REMOVE_FIRST, and for the latter what forbids two at once, as the plan says it.
    replacement: str = REMOVE_FIRST
    replacement_reason: str = "its name is unique"
    #: The published module sleeps while AWS works: entries are written side by side.
    sleeps: bool = False
    #: AWS changes or removes only what is ready: what is still being made is awaited first.
    waits_for_itself: bool = False
    #: Lists whose order means something; all others are compared as sets.
    ordered: frozenset[str] = frozenset()
    #: Holds what cannot be made again: removal must be allowed by name.
    data: bool = False
    #: Its service replicates it to another region with its tags: both resources of a pair carry those of the cell they were
    #: first made in, and name the other cell beside it (:data:`COUNTERPART_TAG`).
    replicates_tags: bool = False
    #: False where AWS keeps no tags on it; it is then read through its parent.
    taggable: bool = True
    #: What AWS names it where a name must be unique: at most this many characters (None: only a tag).
    longest_name: int | None = None

    @property
    def names_itself(self) -> bool:
        """Whether its resources refer to others of the kind in both directions, so that they can only be removed together."""
        return self.created_empty and self.name in self.references.values()

    def read(self, cell: Cell) -> dict[str, Resource]:
        """Every resource of this kind in the cell, by logical name. Bulk calls only, through ``cell.pages``."""
        raise NotImplementedError(f"kind {self.name} does not say how it is read")

    def check(self, name: str, entry: dict[str, t.Any], world: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        """What is wrong with an entry beyond types and references; ``world`` is every desired entry by kind."""
        return iter(())

    def precreate_errors(self, cell: Cell, entries: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        """What is wrong with entries that are to be created and only AWS can tell; asked before the first write."""
        return iter(())

    def prechange_errors(
        self, cell: Cell, entries: dict[str, dict[str, t.Any]], world: dict[str, dict[str, dict[str, t.Any]]]
    ) -> t.Iterator[str]:
        """The same of entries that are to be created or changed; ``world`` is every desired entry by kind."""
        return iter(())

    def removal_errors(self, cell: Cell, resources: dict[str, Resource]) -> t.Iterator[str]:
        """What forbids to remove or replace these resources and only AWS can tell; asked before the first write."""
        return iter(())

    def state_errors(self, entries: dict[str, dict[str, t.Any]], observed: dict[str, Resource]) -> t.Iterator[str]:
        """What is wrong with resources although nothing differs, so that nothing must be written before it is mended."""
        return iter(())

    def warnings(self, entries: dict[str, dict[str, t.Any]], observed: dict[str, Resource]) -> t.Iterator[str]:
        """What operators are to know although nothing differs, one sentence each."""
        return iter(())

    def settled(
        self, name: str, entry: dict[str, t.Any], resource: Resource | None, others: t.Mapping[str, Resource | None]
    ) -> Settled:
        """What an entry means as AWS is now, where that decides it.

        :param resource: what there is of it
        :param others: the counterparts that there are, by ``<cell>/<name>``; None for one that could not be read
        """
        return Settled(entry)

    def postponed(self, entries: dict[str, dict[str, t.Any]], observed: dict[str, Resource]) -> dict[str, str]:
        """Entries that are left alone because of another one of the kind, with what operators are to know of it.

        :param entries: what :meth:`settled` made of the kind's entries, without those that it leaves alone
        """
        return {}

    def kept(self, resource: Resource) -> bool:
        """Whether a resource that the inventory does not name is somebody else's: neither an orphan nor ever pruned."""
        return False

    def holds_data(self, resource: Resource) -> bool:
        """Whether removing it must be allowed by name."""
        return self.data

    def condition(self, name: str, entry: dict[str, t.Any], resource: Resource) -> dict[str, dict[str, t.Any]]:
        """What is not as it should be although every option is, ``{word: {"before": …, "after": …}}``: machines behind their
        template, a stopped database. The resource is then planned as changed."""
        return {}

    def refusal(
        self, name: str, fields: dict[str, dict[str, t.Any]], entry: dict[str, t.Any], resource: Resource
    ) -> str:
        """Why AWS would not make this change to the resource as it is now, and what to do first; empty where it would."""
        return ""

    def remedy(self, name: str, entry: dict[str, t.Any], resource: Resource) -> str:
        """What is done about a resource in a failed state: RETRY, REMAKE, or what the operator is to do."""
        return f"AWS reports it as {resource.status or 'failed'}; repair or delete it there"

    def normalise(self, entry: dict[str, t.Any]) -> dict[str, t.Any]:
        """The entry as :meth:`read` would describe it; for values with more than one spelling."""
        return entry

    def names_in(self, option: str, entry: dict[str, t.Any]) -> list[str]:
        """The logical names an option refers to."""
        value = entry.get(option)
        if not value:
            return []
        return [value] if isinstance(value, str) else [str(each) for each in value]
