"""Where a machine's disk is written: never below a mounted overlay, and never on the host."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from lab.machines import machine
from lab.machines.util import LabError


@pytest.fixture
def coming_up(tmp_path, monkeypatch):
    """A machine whose first process runs, and still has the host's root."""
    if os.geteuid() != 0:
        pytest.skip("namespaces need root")
    made = machine.Machine("box", tmp_path)
    monkeypatch.setattr(machine.Machine, "cgroup", property(lambda _self: tmp_path / "cgroup"))
    monkeypatch.setattr(machine, "COMES_UP", 0.2)
    monkeypatch.setattr(machine.Machine, "running", lambda _self: True)
    with subprocess.Popen(["unshare", "--pid", "--fork", "sleep", "60"]) as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        while not (first := children.read_text().strip()):
            pass
        (tmp_path / "cgroup/machine").mkdir(parents=True)
        (tmp_path / "cgroup/machine/cgroup.procs").write_text(first)
        yield made
        os.kill(int(first), 9)


def test_a_machine_that_comes_up_has_no_disk_yet(coming_up):
    assert coming_up.pid() is None
    with pytest.raises(LabError, match="box does not come up"):
        coming_up.disk  # noqa: B018 - it is a property


def test_a_machine_that_does_not_run_is_written_from_below(coming_up, monkeypatch):
    monkeypatch.setattr(machine.Machine, "running", lambda _self: False)
    assert coming_up.disk == coming_up.upper
