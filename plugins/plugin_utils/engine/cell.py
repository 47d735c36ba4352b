# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cell's connection to AWS: paginated reads that are made once, whoever asks for them."""

from __future__ import annotations

import threading
import typing as t
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from ..sdk import ClientError, Config
from . import service_models
from .kind import (
    CELL_TAG,
    COUNTERPART_TAG,
    GLOBAL,
    IGNORED_TAGS,
    KIND_TAG,
    LOGICAL_TAG,
    MANAGED_TAGS,
    NAME_TAG,
    OUTGOING_TAG,
    Kind,
    Resource,
)

#: Enough to have every service answer at once, few enough not to be throttled by one of them.
THREADS = 8
#: How a region is asked that may be out of reach, and whose answer is not needed.
HURRY: dict[str, t.Any] = {
    "connect_timeout": 3,
    "read_timeout": 10,
    "retries": {"total_max_attempts": 2, "mode": "standard"},
}
#: Services that tell tags one resource (or twenty) a call, in the words of the tagging API.
TAGGED_APART = ["acm", "elasticache", "elasticloadbalancing", "kms", "rds", "s3"]


def tags_of(pairs: t.Any) -> dict[str, str]:
    """AWS's tag lists (``Key``/``Value``, ``key``/``value``, ``TagKey``/``TagValue``) or a dict, as a dict."""
    if isinstance(pairs, dict):
        return dict(pairs)
    tags = {}
    for pair in pairs or []:
        key = next((pair[k] for k in ("Key", "key", "TagKey") if k in pair), None)
        value = next((pair[k] for k in ("Value", "value", "TagValue") if k in pair), "")
        if key is not None:
            tags[key] = value
    return tags


class Once:
    """Computes each key's value one time, in the thread that asks first; the others wait for that."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._slots: dict[t.Any, tuple[threading.Lock, list[t.Any]]] = {}

    def get(self, key: t.Any, compute: t.Callable[[], t.Any]) -> t.Any:
        with self._lock:
            lock, box = self._slots.setdefault(key, (threading.Lock(), []))
        with lock:
            if not box:
                box.append(compute())
            return box[0]


@dataclass(frozen=True)
class Settings:
    """What an inventory says of reading.

    :ivar ignored_tags: patterns of tags that others write
    :ivar renames: ``{kind: {old logical name: new one}}``
    :ivar elsewhere: ``{kind: {id: "<cell>/<logical name>"}}`` of what is referred to in other cells
    :ivar unwanted: kinds of which the inventory names nothing
    :ivar claims: ``{kind: {id: logical name}}`` of resources that are the cell's although they do not carry its tags yet
    :ivar shared_zones: domains of public hosted zones of others in which the cell has records
    """

    ignored_tags: tuple[str, ...] = IGNORED_TAGS
    renames: t.Mapping[str, t.Mapping[str, str]] = field(default_factory=dict)
    elsewhere: t.Mapping[str, t.Mapping[str, str]] = field(default_factory=dict)
    claims: t.Mapping[str, t.Mapping[str, str]] = field(default_factory=dict)
    unwanted: frozenset[str] = frozenset()
    shared_zones: tuple[str, ...] = ()


class Cell:
    """One environment in one region of one account, seen through the AWS API.

    Credentials and the endpoint come from the environment, as for every AWS tool.

    :param name: the cell's name, the value of the tag ``terrace:cell``
    :param region: AWS region
    :param exact: after a write; a look at the whole cell takes tags from the tagging API, which answers for many services
        in one call and lags behind by some seconds
    :param kinds: how each kind is read
    :param known: kinds that have been read and are not to be read again
    :param settings: what the inventory says of reading
    :param environment: credentials and settings over those of the process, for a cell that is not the task's
    :param hurried: what does not answer within seconds counts as out of reach
    """

    def __init__(
        self,
        name: str,
        region: str,
        kinds: t.Mapping[str, Kind],
        exact: bool = False,
        known: dict[str, dict[str, Resource]] | None = None,
        settings: Settings | None = None,
        environment: t.Mapping[str, str] | None = None,
        hurried: bool = False,
    ) -> None:
        self.name, self.exact = name, exact
        self._kinds = kinds
        self._settings = settings or Settings()
        self._marks: dict[tuple[str, str], dict[str, str]] = {}
        self._former: dict[tuple[str, str], str] = {}
        self._untagged: set[tuple[str, str]] = set()
        self._thread = threading.local()
        #: Kind -> kinds that were looked at while it was read: what it says is derived from theirs.
        self.sources: dict[str, set[str]] = {}
        #: Kind -> kinds whose ids it says by name.
        self.named: dict[str, set[str]] = {}
        #: Kinds that were not read, because the tagging API knows nothing of them.
        self.passed_over: set[str] = set()
        self.region, self._hurried = region, hurried
        self._session = service_models.session(environment)
        self._once = Once()
        self._client_lock = threading.Lock()
        self._clients: dict[tuple[str, str], t.Any] = {}
        for kind, found in (known or {}).items():
            self._once.get(("kind", kind), lambda found=found: found)

    # -- names ---------------------------------------------------------------------------------------------------
    def aws_name(self, logical: str) -> str:
        """What the resource is called on AWS: in its Name tag, and as its name where AWS wants one."""
        return f"{self.name}-{logical}"

    def logical(self, aws_name: str | None) -> str | None:
        """The inventory's name for something called so on AWS; None where it is not of this cell."""
        prefix = f"{self.name}-"
        return aws_name[len(prefix) :] if aws_name and aws_name.startswith(prefix) else None

    # -- calls ---------------------------------------------------------------------------------------------------
    def client(self, service: str, region: str | None = None) -> t.Any:
        """A botocore client, which is what boto3 calls one, made once a service and shared by the threads.

        :param region: another than the cell's; a kind that is global is read in its partition's main region anyway
        """
        reading = getattr(self._thread, "reading", [])
        if region is None and reading and self._kinds[reading[-1]].scope == GLOBAL:
            region = service_models.global_region(self.region)
        key = (service, region or self.region)
        with self._client_lock:
            if key not in self._clients:
                # Retries are the environment's affair: AWS_RETRY_MODE and AWS_MAX_ATTEMPTS, which a cell's environment holds.
                config = Config(max_pool_connections=THREADS, **(HURRY if self._hurried else {}))
                self._clients[key] = self._session.create_client(service, region_name=key[1], config=config)
            return self._clients[key]

    def pages(self, service: str, operation: str, result: str, **arguments: t.Any) -> list[t.Any]:
        """Every item of a describe or list call, all pages of it, asked for once.

        :param operation: boto3's name of it (``describe_subnets``)
        :param result: the key of the answer that holds the items
        """

        def ask() -> list[t.Any]:
            client = self.client(service)
            if not client.can_paginate(operation):
                return list(getattr(client, operation)(**arguments).get(result) or [])
            found: list[t.Any] = []
            for page in client.get_paginator(operation).paginate(**arguments):
                found.extend(page.get(result) or [])
            return found

        return self._once.get((service, operation, result, repr(sorted(arguments.items()))), ask)

    def call(self, service: str, operation: str, absent: tuple[str, ...] = (), **arguments: t.Any) -> t.Any:
        """One call for what has no bulk form, made once; None where AWS answers with an error code in ``absent``."""

        def ask() -> t.Any:
            try:
                return getattr(self.client(service), operation)(**arguments)
            except ClientError as error:
                if error.response["Error"]["Code"] in absent:
                    return None
                raise

        return self._once.get((service, operation, repr(sorted(arguments.items()))), ask)

    def resource_tags(self, arn: str, ask: t.Callable[[], t.Any]) -> dict[str, str]:
        """The tags of one resource of a service that tells them one resource a call.

        :param ask: that call's tag list, made where the tagging API does not know the resource or may be behind
        """
        return (None if self.exact else self.tagged().get(arn)) or tags_of(ask())

    def tagged(self) -> dict[str, dict[str, str]]:
        """Tags by ARN of the cell's resources in services whose own lists carry none, and of the kinds that it does not use.

        https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html
        """
        found = self.pages(
            "resourcegroupstaggingapi",
            "get_resources",
            "ResourceTagMappingList",
            TagFilters=[{"Key": CELL_TAG, "Values": [self.name]}],
            ResourceTypeFilters=TAGGED_APART + self._unwanted_types(),
            TagsPerPage=500,
        )
        return {each["ResourceARN"]: tags_of(each["Tags"]) for each in found}

    def _unwanted_types(self) -> list[str]:
        kinds = (self._kinds[kind] for kind in self._settings.unwanted if kind in self._kinds)
        types = {kind.resource_type for kind in kinds if self._listed_here(kind)} - {""}
        return sorted(each for each in types if each.partition(":")[0] not in TAGGED_APART)

    def _listed_here(self, kind: Kind) -> bool:
        """Whether the tagging API of the cell's region lists a kind: what is global is listed in the main region alone."""
        return kind.scope != GLOBAL or self.region == service_models.global_region(self.region)

    def _nothing_there(self, kind: str) -> bool:
        """Whether the tagging API says that the cell has nothing of a kind it does not use: that costs no call of its own.

        That API lags behind by some seconds. So it is not asked about what the inventory names, which would be created a second
        time, nor after a write; what the inventory does not name is shown a little later.
        """
        if self.exact or kind not in self._settings.unwanted or not self._kinds[kind].resource_type:
            return False
        if not self._listed_here(self._kinds[kind]):
            return False
        return all(tags.get(KIND_TAG) != kind for tags in self.tagged().values())

    def map(self, function: t.Callable[[t.Any], t.Any], items: t.Iterable[t.Any]) -> list[t.Any]:
        """``function`` of every item, several at a time: for services that only answer one resource a call."""
        items = list(items)
        if len(items) < 2:
            return [function(item) for item in items]
        with ThreadPoolExecutor(max_workers=min(THREADS, len(items))) as pool:
            return list(pool.map(function, items))

    # -- reading -------------------------------------------------------------------------------------------------
    def mine(self) -> list[dict[str, t.Any]]:
        """The EC2 filter that picks this cell's resources; none where some of them do not carry its tags yet."""
        if self._settings.claims:
            return []
        return [{"Name": f"tag:{CELL_TAG}", "Values": [self.name]}]

    def ec2(self, operation: str, result: str) -> list[t.Any]:
        """This cell's items of an EC2 describe call."""
        return self.pages("ec2", operation, result, Filters=self.mine())

    def claims(self, kind: str, ident: str) -> bool:
        """Whether a resource is this cell's although it may not carry its tags yet."""
        return ident in self._settings.claims.get(kind, {})

    @property
    def shared_zones(self) -> tuple[str, ...]:
        """Domains of public hosted zones that are not the cell's and in which it has records."""
        return self._settings.shared_zones

    def claimed(self, kind: str) -> list[str]:
        """The ids of those resources of a kind."""
        return sorted(self._settings.claims.get(kind, {}))

    def owned(
        self, kind: str, items: t.Iterable[t.Any], tags: t.Callable[[t.Any], t.Any], ident: t.Callable[[t.Any], str]
    ) -> t.Iterator[tuple[str, t.Any, dict[str, str]]]:
        """Those of ``items`` that are this cell's and of this kind: ``(logical name, item, inventory's tags)``.

        A resource is known by its tags, whatever AWS calls it; one that does not carry them yet, by the cell's claims. Where
        two carry the same name, all but the first by id are given the id in brackets as part of their name: such a double is
        an orphan like any other, shown and prunable. One that is being replaced says so in its name.
        """
        found = []
        untagged: set[str] = set()
        for item in items:
            every = tags_of(tags(item))
            logical = self._logical_by(kind, every) if every.get(KIND_TAG) == kind else None
            if logical is not None:
                found.append((logical, item, every))
            elif CELL_TAG not in every and (name := self._settings.claims.get(kind, {}).get(ident(item))):
                # Its Name stays its own: what it will carry says so.
                found.append((name, item, {**every, LOGICAL_TAG: name}))
                untagged.add(ident(item))
        found.sort(key=lambda each: (OUTGOING_TAG in each[2], each[0], ident(each[1])))
        renamed = self._renamed(kind, {logical for logical, _item, _every in found})
        taken: set[str] = set()
        for logical, item, every in found:
            unique = name = renamed.get(logical, logical)
            if OUTGOING_TAG in every:
                unique = f"{name} [outgoing {ident(item)}]"
            elif name in taken:
                unique = f"{name} ({ident(item)})"
            taken.add(name)
            own = {key: value for key, value in every.items() if not self._is_mark(key)}
            self._marks[kind, unique] = {key: value for key, value in every.items() if key not in own}
            if ident(item) in untagged:
                self._untagged.add((kind, unique))
            if logical != name:
                self._former[kind, unique] = logical
            yield unique, item, own

    def _logical_by(self, kind: str, every: dict[str, str]) -> str | None:
        """The inventory's name that tags say; None where they are not of this cell."""
        shared = every.get(COUNTERPART_TAG) if self._kinds[kind].replicates_tags else None
        if self.name not in (every.get(CELL_TAG), shared):
            return None
        # What was replicated from another cell is called as there.
        prefix = f"{every.get(CELL_TAG)}-"
        called = every.get(NAME_TAG, "")
        return every.get(LOGICAL_TAG) or (called.removeprefix(prefix) if called.startswith(prefix) else None)

    def _renamed(self, kind: str, there: set[str]) -> dict[str, str]:
        """Old name -> new name of entries that say ``renamed_from``, where only the old one is there."""
        renames = self._settings.renames.get(kind, {})
        return {old: new for old, new in renames.items() if old in there and new not in there}

    def _is_mark(self, tag: str) -> bool:
        return tag in MANAGED_TAGS or any(fnmatchcase(tag, pattern) for pattern in self._settings.ignored_tags)

    def observed(self, kind: str) -> dict[str, Resource]:
        """Every resource of one kind, read once."""
        self._record(self.sources, kind)
        return self._observed(kind)

    def _record(self, where: dict[str, set[str]], kind: str) -> None:
        reading = getattr(self._thread, "reading", [])
        if reading:
            where.setdefault(reading[-1], set()).add(kind)

    def _observed(self, kind: str) -> dict[str, Resource]:
        if kind in getattr(self._thread, "reading", []):
            raise RuntimeError(f"the kind {kind} asks for its own resources while it is read")
        return self._once.get(("kind", kind), lambda: self._read(kind))

    def _read(self, kind: str) -> dict[str, Resource]:
        reading = self._thread.__dict__.setdefault("reading", [])
        reading.append(kind)
        try:
            if self._nothing_there(kind):
                self.passed_over.add(kind)
                return {}
            found = self._kinds[kind].read(self)
        finally:
            reading.pop()
        for name, resource in found.items():
            resource.marks = self._marks.get((kind, name), {})
            resource.renamed_from = self._former.get((kind, name), "")
            resource.claimed_by = self.name if (kind, name) in self._untagged else ""
        return found

    def name_of(self, kind: str, ident: str | None) -> str:
        """The logical name behind an id; the id itself where nothing the inventory names has it (so that it shows)."""
        if not ident:
            return ""
        self._record(self.named, kind)
        names = self._once.get(("names", kind), lambda: {res.id: name for name, res in self._observed(kind).items()})
        return names.get(ident) or self._settings.elsewhere.get(kind, {}).get(ident, ident)

    def named_elsewhere(self, kind: str, ident: str) -> str:
        """The name behind an id or ARN of another cell's resource, ``<cell>/<name>``; empty where nothing refers to it."""
        return self._settings.elsewhere.get(kind, {}).get(ident, "")

    def names_of(self, kind: str, idents: t.Iterable[str]) -> list[str]:
        return sorted(self.name_of(kind, ident) for ident in idents)

    def observe(self, kinds: t.Iterable[str]) -> dict[str, dict[str, Resource]]:
        """Several kinds at once, in threads: ``{kind: {logical name: resource}}``."""
        kinds = list(kinds)
        with ThreadPoolExecutor(max_workers=THREADS) as pool:
            return dict(zip(kinds, pool.map(self.observed, kinds), strict=True))
