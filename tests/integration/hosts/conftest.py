# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One cell on real machines for all tests of this folder: a lab of their own, or the running one that LAB_STATE_DIR names.

Each fixture brings the cell one step further: lab → provisioned → configured → serving. In a lab where it serves already they
do nothing. The files are run in the order of ORDER, so that what is dear is done once.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import process
from lab.api.testing import free_port
from lab.machines.util import owner
from tests.integration.hosts.cell import Cell
from tests.integration.hosts.releases import Releases
from tests.integration.hosts.traces import traces

ORDER = ("serving", "deploying", "interrupted", "trouble", "upkeep", "applications", "nothing_left")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The order of the story; in a file, as written."""
    items.sort(key=lambda item: next((n for n, name in enumerate(ORDER) if item.path.stem == f"test_{name}"), -1))


@pytest.fixture(scope="session")
def before() -> dict[str, set[str]]:
    """What was on this machine before the lab was."""
    return traces()


@pytest.fixture(scope="session")
def own_lab() -> bool:
    """Whether the lab is the tests' own, to be taken down by them."""
    if os.geteuid() != 0:
        pytest.skip("the lab's machines need root")
    running, named = owner(), os.environ.get("LAB_STATE_DIR")
    if running and (not named or Path(named).resolve() != Path(str(running)).resolve()):
        pytest.skip(f"another lab runs on this machine (state in {running}); LAB_STATE_DIR={running} uses it")
    return not running


@pytest.fixture(scope="session")
def lab(own_lab: bool, before: dict[str, set[str]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cell]:
    """A lab with machines."""
    folder = tmp_path_factory.mktemp("hosts").resolve()
    if not own_lab:
        state = Path(str(owner()))
        running = process.running(state)
        assert running, f"the machines of {state} run, but their API does not"
        yield Cell(state, int(running["port"]), folder)
        return
    # A socket's path is short, so the state is not in pytest's deep folders.
    cell = Cell(Path(f"/tmp/terrace-hosts-{os.getpid()}"), free_port(), folder)
    try:
        cell.lab("up")
        yield cell
    finally:
        cell.lab("down")
        print("\n" + ", ".join(cell.seconds))


@pytest.fixture(scope="session")
def provisioned(lab: Cell) -> Cell:
    """site.yml has been run."""
    if not lab.serves():
        lab.must("site")
    return lab


@pytest.fixture(scope="session")
def releases(provisioned: Cell) -> Releases:
    """What the tests deploy; in a new lab it is made while the machines are configured."""
    return Releases(provisioned)


@pytest.fixture(scope="session")
def configured(provisioned: Cell, releases: Releases) -> Cell:
    """What `make configure` does."""
    if not provisioned.serves():
        provisioned.must("release_configuration")
        releases.begin()
        provisioned.must("configure_hosts", "playbooks/configure_database.yml")
    return provisioned


@pytest.fixture(scope="session")
def serving(configured: Cell, releases: Releases) -> Cell:
    """The sample application is deployed: to both machines at once, for nobody is served yet."""
    if not configured.serves():
        first = releases["first"]
        configured.must("deploy_app", "-e", f"app_release_version={first}", "-e", "deploy_app_batch=100%")
    return configured
