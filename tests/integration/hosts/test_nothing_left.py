# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last act: the lab is taken down with everything in it, and nothing is left on this machine."""

from __future__ import annotations

import time

import pytest

from tests.integration.hosts.cell import Cell
from tests.integration.hosts.traces import left, traces


def test_the_lab_leaves_nothing(lab: Cell, before: dict[str, set[str]], own_lab: bool) -> None:
    if not own_lab:
        pytest.skip("the lab is not the tests' own")
    running = left(before, traces(lab.port))
    assert {"network namespaces", "mounts", "processes"} <= set(running), "else nothing is seen"
    lab.lab("down")
    # What other tests run in namespaces of their own comes and goes meanwhile; what the lab leaves stays.
    until, found = time.monotonic() + 120, left(before, traces(lab.port))
    while found and time.monotonic() < until:
        time.sleep(1)
        found = {
            kind: stays
            for kind, more in left(before, traces(lab.port)).items()
            if (stays := more & found.get(kind, set()))
        }
    assert found == {}
