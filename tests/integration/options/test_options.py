"""Every option of every kind is written and read: with one value, then with another, each read back with boto3.

An option that the task does not write is not on AWS as it should be; one that the kind does not read is not in the plan of
the second round, and each run's own verification finds it missing. The values are those of samples.yml.

``OPTIONS_OF="bucket iam_role" pytest tests/integration/options`` tries those kinds alone.
"""

from __future__ import annotations

import json
import os
import re
import typing as t
from dataclasses import dataclass

import pytest

from tests.integration.three_tier.conftest import Operator, Run

from . import read_compute, read_data, read_names, read_network
from .aws import READERS, Aws
from .packing import Packed, Probe
from .samples import EVERY, Sample

ONLY = os.environ.get("OPTIONS_OF", "").split()
REGION, ACCOUNT = "us-east-1", "123456789012"
MODULES = (read_compute, read_data, read_names, read_network)
#: Options AWS never tells, or that only say what Terrace does, with what would have to be tried instead.
NOT_TOLD = {
    "secret.required": "tests/unit/kinds: a secret without such a field is refused",
    "launch_template.image_follow": "tests/unit/kinds: a newer image is then a change",
    "autoscaling_group.scaled": "tests/unit/kinds: the group's size is then not compared",
    "autoscaling_group.refresh.protected": "tests/unit/filters/test_tier.py: what a refresh is asked for",
    "autoscaling_group.refresh.enabled": "tests/unit: no refresh starts",
    "db_instance.allow_promotion": "tests/unit/kinds: the change is refused without it",
    "db_instance.allow_major_version_upgrade": "the upgrade in the second round is refused without it",
    "db_instance.apply_immediately": "tests/unit/kinds: the change is not pending afterwards",
    "replication_group.apply_immediately": "tests/unit/kinds: the change is not pending afterwards",
    "replication_group.credentials": "the emulated API keeps no token; AuthTokenEnabled says that there is one",
}
#: What the modules of a run that trusts no plan report as changed although nothing is, with the reason.
CHANGED_FOR_EVER: dict[str, str] = {}


@dataclass
class Rounds:
    """What the runs and boto3 said.

    :ivar aws: for each round, what each probe's options are on AWS, by cell and address
    :ivar changes: the plan before the second round, by cell and address
    """

    packed: Packed
    aws: list[dict[tuple[str, str], dict[str, t.Any]]]
    changes: dict[str, dict[str, dict[str, t.Any]]]
    after: Run
    untrusting: Run

    def probe(self, sample: Sample) -> Probe:
        [found] = [probe for probe in self.packed.probes if sample in probe.samples]
        return found


def images(lab) -> dict[str, str]:
    """Two images, by what samples.yml calls them."""
    root = [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 8}}]
    return {
        f"ami-{digit * 17}": lab.client("ec2", REGION).register_image(
            Name=f"sample-{digit}", Architecture="x86_64", RootDeviceName="/dev/xvda", BlockDeviceMappings=root
        )["ImageId"]
        for digit in "12"
    }


def inventory_of(cells: dict[str, t.Any], registered: dict[str, str]) -> str:
    """A round's inventory, in which everything may be replaced."""
    common = {
        "ansible_connection": "terrace.aws.warm",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "cell_region": REGION,
        "cell_account": ACCOUNT,
        "terrace_allow_replace": ["*"],
        "terrace_allow_data_loss": ["*"],
    }
    text = json.dumps({"cells": {"hosts": {cell: {**common, **variables} for cell, variables in cells.items()}}})
    for sample, image in registered.items():
        text = text.replace(sample, image)
    return text


def read_back(lab, packed: Packed) -> dict[tuple[str, str], dict[str, t.Any]]:
    """What boto3 says of every probe."""
    views = {cell: Aws(lambda service: lab.client(service, REGION), cell) for cell in packed.rounds[0]}
    return {
        (probe.cell, probe.address): READERS[probe.kind.name](views[probe.cell], probe.name) for probe in packed.probes
    }


@pytest.fixture(scope="module")
def monkeypatch_module() -> t.Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def rounds(tmp_path_factory, monkeypatch_module) -> t.Iterator[Rounds]:
    """Both rounds, on an emulated API of their own."""
    from lab.api.testing import running_lab

    folder = tmp_path_factory.mktemp("options")
    packed = Packed(ONLY)
    # Requested certificates are pending for some seconds: only then ACM tells what validates them.
    monkeypatch_module.setenv("MOTO_ACM_VALIDATION_WAIT", "5")
    with running_lab() as lab:
        operator, registered = Operator(lab, folder), images(lab)
        lab.client("route53").create_hosted_zone(Name="elsewhere.example", CallerReference="elsewhere")
        values = {"TOKEN": "the token", "FIRST": "the first token", "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"}
        paths = []
        for number, cells in enumerate(packed.rounds):
            paths.append(folder / f"round-{number}.json")
            paths[-1].write_text(inventory_of(cells, registered))

        def site(number: int, *arguments: str) -> Run:
            return operator.play("site", *arguments, inventory=paths[number], environment=values)

        site(0).ok()
        told = [read_back(lab, packed)]
        planned = site(1, "-C").ok()
        changes = {cell: planned.changes(cell) for cell in packed.rounds[1]}
        site(2).ok()
        told.append(read_back(lab, packed))
        for reading in told:
            for options in reading.values():
                if options.get("image") in registered.values():
                    options["image"] = next(name for name, image in registered.items() if image == options["image"])
        yield Rounds(packed, told, changes, site(2, "-C"), site(2, "-v", "-e", "terrace_trust_plan=false"))


def canonical(value: t.Any) -> t.Any:
    """A value in a form that compares: lists in any order."""
    if isinstance(value, dict):
        return {str(key): canonical(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set):
        return sorted((canonical(each) for each in value), key=repr)
    return value


def problem(sample: Sample, number: int, told: dict[str, t.Any]) -> str:
    """What is not on AWS as a round wants it; empty where all is."""
    found = canonical(told.get(sample.path))
    words = sample.aws or sample.values
    if sample.refused:
        number = 0
    if number < len(words) and (not number or not sample.not_compared):
        return "" if found == canonical(words[number]) else f"is {found!r} on AWS, not {words[number]!r}"
    return f"is still {found!r} on AWS" if not sample.not_compared and found == canonical(words[0]) else ""


TRIED = [
    sample
    for sample in EVERY
    if sample.values and "name in the inventory" not in sample.not_compared and (not ONLY or sample.kind.name in ONLY)
]


def test_every_option_has_a_reader(rounds):
    untold = {
        str(sample)
        for sample in TRIED
        if not any(
            sample.path in reading[rounds.probe(sample).cell, rounds.probe(sample).address] for reading in rounds.aws
        )
    }
    assert untold == {str(sample) for sample in TRIED} & set(NOT_TOLD)


@pytest.mark.parametrize("sample", [each for each in TRIED if str(each) not in NOT_TOLD], ids=str)
def test_an_option_is_written(rounds, sample):
    probe = rounds.probe(sample)
    first, last = (reading[probe.cell, probe.address] for reading in rounds.aws)
    if sample.not_compared and sample.path not in first:
        first = last  # What AWS is told at each refresh, of which the second round makes one.
    assert (problem(sample, 0, first), problem(sample, 1, last)) == ("", "")


@pytest.mark.parametrize("sample", [each for each in TRIED if not each.not_compared], ids=str)
def test_an_option_is_read(rounds, sample):
    probe = rounds.probe(sample)
    fields = rounds.changes[probe.cell][probe.address]["fields"]
    assert any(path == sample.shows or path.startswith(f"{sample.shows}.") for path in fields), fields


def test_the_plan_names_nothing_else(rounds):
    more = []
    for cell, changes in rounds.changes.items():
        probes = {probe.address: probe for probe in rounds.packed.probes if probe.cell == cell}
        more += [f"{cell}: {address}" for address in changes if address not in probes]
        for address, probe in probes.items():
            allowed = tuple(f"{path}." for path in probe.shown + probe.also_shown)
            shown = changes.get(address, {}).get("fields", {})
            more += [f"{cell}: {address} {path}" for path in shown if not f"{path}.".startswith(allowed)]
    assert more == []


def test_nothing_is_left_to_do(rounds):
    rounds.after.ok()
    for cell in rounds.packed.rounds[1]:
        assert rounds.after.changes(cell) == {}, cell


def test_the_published_modules_agree(rounds):
    failed = [line for line in rounds.untrusting.output.splitlines() if line.startswith("fatal:")]
    assert rounds.untrusting.status == 0, "\n".join(failed)
    assert changed_steps(rounds.untrusting) == set(CHANGED_FOR_EVER)


def changed_steps(run: Run) -> set[str]:
    """Kinds whose modules reported a change, from the results as ``-v`` shows them."""
    shown = [
        line.partition(" => ")[2] for line in run.output.splitlines() if re.match(r"(ok|changed): \[\w+\] => {", line)
    ]
    steps = [step for each in shown for step in json.loads(each).get("steps", [])]
    assert steps, "the run did not say what it did"
    return {step["kind"] for step in steps if step["changed"]}
