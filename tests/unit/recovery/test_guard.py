"""What a machine of a pair makes of what both cells say, and which units it stops and starts."""

from __future__ import annotations

import datetime as dt
import importlib.util
import pathlib
import types

import pytest

FILE = pathlib.Path(__file__).parents[3] / "roles/recovery_guard/files/recovery_guard.py"
UNITS = ["notes.service", "notes.socket"]


def at(minute: int) -> dt.datetime:
    return dt.datetime(2026, 12, 1, 3, minute, tzinfo=dt.UTC)


@pytest.fixture
def module(tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location("recovery_guard", FILE)
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    monkeypatch.setattr(made, "FENCED", tmp_path / "fenced")
    return made


class Bucket:
    """The bucket of a region, which may be lost."""

    def __init__(self, **objects):
        self.objects, self.lost = objects, False

    def list_objects_v2(self, Bucket):  # noqa: N803 - boto3's
        if self.lost:
            raise OSError("no route")
        return {"Contents": [{"Key": key, "LastModified": when} for key, when in self.objects.items()]}

    def delete_object(self, Bucket, Key):  # noqa: N803
        del self.objects[Key]


@pytest.fixture
def machine(module):
    """A machine's guard, what it ran, and the buckets of both regions."""
    made = types.SimpleNamespace(own=Bucket(), other=Bucket(), ran=[])
    settings = {"units": UNITS, "interval": 10, "lease": 0}
    settings |= {which: {"bucket": which, "region": which} for which in ("own", "other")}
    clients = {"own": made.own, "other": made.other}
    made.guard = module.Guard(settings, clients, lambda command: made.ran.append(command) or 0)
    made.fenced = module.FENCED.exists
    return made


STOP = ["systemctl", "stop", *UNITS]
START = ["systemctl", "start", "--no-block", *UNITS]


@pytest.mark.parametrize(
    ("mine", "theirs", "fenced"),
    [
        ({}, {}, False),
        ({}, {"writer": at(1)}, True),
        ({"follows": at(2)}, {"writer": at(1)}, False),
        ({"follows": at(1)}, {"writer": at(2)}, True),
        ({"writer": at(1), "follows": at(0)}, {"writer": at(2)}, True),
        ({"writer": at(2)}, {"writer": at(1)}, False),
        ({"writer": at(1)}, {"follows": at(2)}, False),
        ({}, {"follows": at(1)}, False),
    ],
)
def test_who_was_taken_over_from(module, mine, theirs, fenced):
    assert module.fenced(mine, theirs) is fenced


def test_a_region_that_comes_back_stops_and_says_no_more_that_it_writes(machine):
    machine.own.objects["writer"] = at(1)
    machine.guard.look()
    assert (machine.fenced(), machine.ran) == (False, [])
    machine.own.lost = machine.other.lost = True
    machine.guard.look()
    assert (machine.fenced(), machine.ran) == (False, []), "what cannot be read changes nothing"
    machine.own.lost = machine.other.lost = False
    machine.other.objects["writer"] = at(2)
    machine.guard.look()
    assert (machine.fenced(), machine.ran, machine.own.objects) == (True, [STOP], {})


def test_it_starts_again_once_its_database_follows(machine):
    machine.other.objects["writer"] = at(2)
    machine.guard.look()
    machine.own.objects["follows"] = at(3)
    machine.guard.look()
    machine.guard.look()
    assert (machine.fenced(), machine.ran) == (False, [STOP, START])


def test_while_the_other_region_is_lost_nothing_is_stopped_unless_there_is_a_lease(machine, monkeypatch, module):
    machine.other.lost = True
    now = machine.guard.read_at
    monkeypatch.setattr(module.time, "monotonic", lambda: now + 1000)
    machine.guard.look()
    assert machine.ran == []
    machine.guard.settings["lease"] = 600
    machine.guard.look()
    assert (machine.fenced(), machine.ran) == (True, [STOP])
    machine.other.lost = False
    machine.guard.look()
    assert (machine.fenced(), machine.ran) == (False, [STOP, START])


def test_a_failover_to_this_cell_starts_it_while_the_other_region_is_lost(machine):
    machine.other.objects["writer"] = at(2)
    machine.guard.look()
    machine.other.lost = True
    machine.guard.look()
    assert (machine.fenced(), machine.ran) == (True, [STOP])
    machine.own.objects["writer"] = at(1)
    machine.guard.look()
    assert machine.fenced(), "said before the other one took over"
    machine.own.objects["writer"] = at(3)
    assert machine.guard.look()
    assert (machine.fenced(), machine.ran) == (False, [STOP, START])


def test_what_cannot_be_read_or_removed_is_told_once_and_ends_nothing(machine, capsys):
    machine.other.lost = True
    assert [machine.guard.look() for _look in range(3)] == [False] * 3
    assert capsys.readouterr().out.count("cannot be read: no route") == 1
    machine.other.lost = False
    machine.own.objects["writer"], machine.other.objects["writer"] = at(1), at(2)
    machine.own.delete_object = lambda **_named: 1 / 0
    assert machine.guard.look()
    assert "clients may be led here" in capsys.readouterr().out
    assert machine.ran == [STOP]
