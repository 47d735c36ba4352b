"""One patched and one plain emulator for all tests of the lab."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
for entry in (str(ROOT), str(Path(__file__).parent)):
    if entry not in sys.path:
        sys.path.insert(0, entry)

from lab.api.testing import Lab, running_lab  # noqa: E402


@pytest.fixture(scope="session")
def patched_server() -> Iterator[Lab]:
    """Run the emulator as the lab does."""
    with running_lab() as lab:
        yield lab


@pytest.fixture(scope="session")
def plain_server() -> Iterator[Lab]:
    """Run moto without our patches (but with the same server around it)."""
    with running_lab(patches=False) as lab:
        yield lab


@pytest.fixture
def lab(patched_server: Lab) -> Lab:
    """Return the patched emulator, empty."""
    patched_server.reset()
    return patched_server


@pytest.fixture
def plain(plain_server: Lab) -> Lab:
    """Return plain moto, empty."""
    plain_server.reset()
    return plain_server
