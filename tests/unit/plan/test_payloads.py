"""Payloads that are made ahead of the tasks."""

from __future__ import annotations

import os
import pathlib
import re
import time
import types

import pytest
from ansible import constants

from ansible_collections.terrace.aws.plugins.plugin_utils import payloads, specs


class Action:
    """Stands in for an action: making a payload is a line in a file, and takes a while."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path

    def _configure_module(self, name, arguments, variables):
        if name.endswith("ec2_vpc_net"):
            raise ValueError("this one cannot be made")
        with self.path.open("a") as stream:
            stream.write(f"{name} {arguments} {variables}\n")
        time.sleep(0.05)


def wait(condition) -> bool:
    until = time.monotonic() + 20
    while not (found := condition()) and time.monotonic() < until:
        time.sleep(0.02)
    return found


def files_of(role: str) -> list[tuple[str, str, str]]:
    """A role's task files of its kinds: role, kind, action."""
    return [(role, path.parent.name, path.stem) for path in sorted((specs.ROLES / role / "tasks").glob("*/*.yml"))]


@pytest.mark.parametrize("role", ["network", "tier", "storage", "database", "bastion"])
def test_a_roles_modules_are_those_its_tasks_call(role):
    text = "\n".join(path.read_text() for path in (specs.ROLES / role / "tasks").glob("*/*.yml"))
    called = set(re.findall(r"^ +((?:amazon|community|terrace)\.aws\.\w+):", text, flags=re.MULTILINE))
    found = payloads.modules_of(files_of(role))
    assert called - {"terrace.aws.cell_info"} == set(found)
    assert len(found) == len(set(found))


def test_they_are_made_once_a_run_and_a_fault_stops_none(tmp_path, monkeypatch):
    run = tmp_path / "run"
    run.mkdir()
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(run))
    made = tmp_path / "made"
    for _plan in range(2):
        payloads.make_ahead(Action(made), files_of("network") + files_of("keys"), {"a": 1})
    wanted = payloads.modules_of(files_of("network") + files_of("keys"))
    wanted = [f"{name} {{}} {{'a': 1}}" for name in wanted if not name.endswith("ec2_vpc_net")]
    assert wait(lambda: made.exists() and len(made.read_text().splitlines()) >= len(wanted))
    os.wait()
    assert made.read_text().splitlines() == wanted


class Announcing(Action):
    """With a connection that can get ready before a module is called."""

    def __init__(self, path: pathlib.Path, told: pathlib.Path) -> None:
        super().__init__(path)
        self._connection = types.SimpleNamespace(announce=lambda *what: told.open("a").write(f"{what}\n"))

    def _configure_module(self, name, arguments, variables):
        super()._configure_module(name, arguments, variables)
        return types.SimpleNamespace(shebang="#!/usr/bin/python3", b_module_data=name.encode()), ""

    def _compute_environment_string(self, environment):
        environment["A"] = "b"


def test_a_connection_is_told_of_the_first_alone(tmp_path, monkeypatch):
    run = tmp_path / "run"
    run.mkdir()
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(run))
    told = tmp_path / "told"
    payloads.make_ahead(Announcing(tmp_path / "made", told), files_of("keys"), {})
    os.wait()
    assert wait(told.exists)
    first = payloads.modules_of(files_of("keys"))[0].encode()
    assert wait(lambda: told.read_text()) == f"{('/usr/bin/python3', {'A': 'b'}, first)}\n"


def test_it_ends_with_the_run(tmp_path, monkeypatch):
    run = tmp_path / "run"
    run.mkdir()
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(run))
    made = tmp_path / "made"
    payloads.make_ahead(Action(made), files_of("network"), {})
    assert wait(made.exists)
    (run / "terrace.payloads").unlink()
    run.rmdir()
    os.wait()
    assert len(made.read_text().splitlines()) < len(payloads.modules_of(files_of("network"))) - 1
