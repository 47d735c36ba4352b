# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One pair of cells on real machines for all tests of this folder, in a lab of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.api.testing import free_port
from lab.machines.util import owner
from tests.integration.recovery.pair import EAST, ROOT, ZONE, Pair

sys.path.insert(0, str(ROOT / "collections"))


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Both cells, provisioned; the database has its users, and a table for numbers."""
    if os.geteuid() != 0:
        pytest.skip("the lab's machines need root")
    if owner():
        pytest.skip(f"another lab runs on this machine (state in {owner()})")
    # A socket's path is short, so the state is not in pytest's deep folders.
    made = Pair(
        Path(f"/tmp/terrace-recovery-{os.getpid()}"), free_port(), tmp_path_factory.mktemp("recovery").resolve()
    )
    made.write_inventory()
    try:
        made.lab("up")
        made.client("route53", EAST).create_hosted_zone(Name=ZONE, CallerReference="somebody")
        made.must("site")
        made.fetch_authorities()
        made.must("configure_database", "--limit", f"{EAST},cell_{EAST.replace('-', '_')}")
        made.sql(EAST, "CREATE TABLE numbers (number int PRIMARY KEY)", secret="owner")
        made.serve()
        yield made
    finally:
        made.lab("down")
        print("\n" + ", ".join(made.seconds))
