"""Packs the samples into as few cells as can hold them: a few entries a kind, with only what these refer to."""

from __future__ import annotations

import copy
import typing as t
from dataclasses import dataclass, field

from ansible_collections.terrace.aws.plugins.plugin_utils.engine import registry
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.kind import Kind

from .samples import EVERY, KINDS, SAMPLES, Sample, Variables, put, variables, world_of

#: The inventories: with the first values, with the last ones as they are planned, and as they are applied, which is without
#: those that are refused. Given as arguments of Probe.entry().
ROUNDS = ((False, False), (True, True), (True, False))


@dataclass
class Probe:
    """One entry that holds several options: with their first values, later with their second ones.

    :ivar claims: path of an option -> the value it has in the first round; what must be said beside others too
    """

    kind: Kind
    name: str
    replaced: bool
    samples: list[Sample] = field(default_factory=list)
    claims: dict[str, t.Any] = field(default_factory=dict)
    cell: str = ""

    @property
    def address(self) -> str:
        return f"{self.kind.name}/{self.name}"

    @property
    def shown(self) -> list[str]:
        """The paths a plan shows between the first and the second round."""
        return [sample.shows for sample in self.samples if not sample.not_compared]

    @property
    def also_shown(self) -> list[str]:
        """What else it may show: what had to be said beside a value that is gone in the second round."""
        return [path for sample in self.samples if not sample.with_last for path in sample.beside]

    def entry(self, last: bool, refused: bool = False) -> dict[str, t.Any]:
        """The entry of the first round or of the last one, in which a sample of one value has the entry's own again.

        :param refused: also with the changes that are refused
        """
        made = copy.deepcopy(SAMPLES[self.kind.role][self.kind.name]["entry"])
        for sample in self.samples:
            for path, value in sample.beside.items() if sample.with_last or not last else ():
                made = put(made, path, value)
        for sample in self.samples:
            if sample.not_compared or not last or (sample.refused and not refused):
                made = put(made, sample.path, sample.values[0])
            elif len(sample.values) > 1:
                made = put(made, sample.path, sample.values[1])
        return made

    def takes(self, sample: Sample) -> bool:
        """Whether a sample fits beside those that are here; it is then one of them."""
        claims = {**sample.beside, sample.path: sample.values[0]}
        theirs = {each.path for each in self.samples}
        for path, value in claims.items():
            for other, there in self.claims.items():
                if path == other and (path == sample.path or path in theirs or value != there):
                    return False
                if path.startswith(f"{other}.") or other.startswith(f"{path}."):
                    return False
        self.samples.append(sample)
        self.claims |= claims
        return True

    def valid(self) -> bool:
        """Whether the inventory's check takes each_round entries."""
        return not any(world_of(self.kind, self.name, self.entry(*each))[1] for each in ROUNDS)


def probes_of(kind: Kind) -> list[Probe]:
    """The entries a kind's samples are packed into; what AWS cannot change stands apart from what it can."""
    left = [each for each in EVERY if each.kind is kind and each.values]
    left = [sample for sample in left if "name in the inventory" not in sample.not_compared]
    found: list[Probe] = []
    while left:
        found.append(probe := _filled(left))
        left = [sample for sample in left if sample not in probe.samples]
    return found


def _filled(samples: list[Sample]) -> Probe:
    """An entry with the first sample and as many of the others as can stand beside it."""
    first = samples[0]
    probe = Probe(first.kind, first.name, _replaces(first))
    alike = [each for each in samples if (each.name, _replaces(each)) == (probe.name, probe.replaced)]
    taken = [sample for sample in alike if probe.takes(sample)]
    if probe.valid():
        return probe
    # Some exclude each other by what the kind's check says: one by one.
    probe = Probe(first.kind, first.name, probe.replaced)
    for sample in taken:
        tried = Probe(probe.kind, probe.name, probe.replaced, [*probe.samples], {**probe.claims})
        if tried.takes(sample) and tried.valid():
            probe = tried
    assert probe.samples, f"{first}: its sample is not valid"
    return probe


def _replaces(sample: Sample) -> bool:
    return sample.shows.split(".")[0] in sample.kind.immutable


def needed(probe: Probe, last: bool, refused: bool) -> Variables:
    """The entry with what it refers to, however far, and nothing else."""
    entry = probe.entry(last, refused)
    inventory = variables(probe.kind, {probe.name: entry})
    world, problems = world_of(probe.kind, probe.name, entry)
    assert problems == []
    kept: dict[str, set[str]] = {}
    queue = [(probe.kind.name, probe.name)]
    while queue:
        name, key = queue.pop()
        if key in kept.setdefault(name, set()) or key not in world[name]:
            continue
        kept[name].add(key)
        kind = registry.kind(name)
        for option, other in kind.references.items():
            queue += [(other, each) for each in kind.names_in(option, world[name][key])]
        queue += [(other, each) for other in kind.after_kinds for each in world[other]]
    made: Variables = {}
    for name, keys in kept.items():
        variable = registry.kind(name).variable
        entries = {str(key): entry for key, entry in inventory.get(variable, {}).items()}
        made.setdefault(variable, {}).update({key: entries[key] for key in keys if key in entries})
    return made


class Packed:
    """The cells: what their inventory holds in each round, and the probes in them."""

    def __init__(self, kinds: t.Iterable[str] = ()) -> None:
        self.rounds: list[dict[str, Variables]] = [{}, {}, {}]
        self.probes: list[Probe] = []
        chosen = [kind for kind in KINDS.values() if not kinds or kind.name in kinds]
        for probe in (probe for kind in chosen for probe in probes_of(kind)):
            self._place(probe)

    def _place(self, probe: Probe) -> None:
        each_round = [needed(probe, *each) for each in ROUNDS]
        number = 0
        while not self._fits(f"options{number}", probe, each_round):
            number += 1
        probe.cell = f"options{number}"
        self.probes.append(probe)
        needs = merged(each_round)
        for each, own in zip(self.rounds, each_round, strict=True):
            cell = each.setdefault(probe.cell, {})
            for variable, entries in {**needs}.items():
                cell.setdefault(variable, {}).update(entries)
            cell[probe.kind.variable][probe.name] = own[probe.kind.variable][probe.name]

    def _fits(self, cell: str, probe: Probe, each_round: list[Variables]) -> bool:
        """Whether nothing in the cell has one of the names with another entry."""
        for each, own in zip(self.rounds, each_round, strict=True):
            there = each.get(cell, {})
            for variable, entries in own.items():
                for name, entry in entries.items():
                    if name in there.get(variable, {}) and there[variable][name] != entry:
                        return False
        return True


def merged(each_round: list[Variables]) -> Variables:
    """What either round needs is there in each_round, so that nothing but the probes differs."""
    made: Variables = {}
    for each in each_round:
        for variable, entries in each.items():
            made.setdefault(variable, {}).update(entries)
    return made
