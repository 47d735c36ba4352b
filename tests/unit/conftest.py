"""What the unit tests share: the collection importable by its name, and one emulated AWS API for all of them."""

from __future__ import annotations

import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "collections"))
sys.path.insert(0, str(ROOT))


@pytest.fixture(scope="session")
def shared_lab():
    """The emulated API, started once a session; use ``lab`` to get it empty."""
    from lab.api.testing import running_lab

    with running_lab() as lab:
        yield lab


@pytest.fixture
def lab(shared_lab, monkeypatch):
    """The emulated API, empty, and the environment pointing at it."""
    shared_lab.reset()
    for name, value in shared_lab.environment("us-east-1").items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    return shared_lab


@pytest.fixture
def cell(lab):
    """A fresh view of the cell ``test`` at the emulated API; call it again to look again."""
    from ansible_collections.terrace.aws.plugins.plugin_utils.engine import registry
    from ansible_collections.terrace.aws.plugins.plugin_utils.engine.cell import Cell

    return lambda: Cell("test", "us-east-1", registry.all_kinds())


@pytest.fixture
def tags():
    """AWS tag lists as Terrace writes them: ``tags("subnet", "web-a", Own="1")``."""
    from ansible_collections.terrace.aws.plugins.plugin_utils.engine.kind import every_tag

    def make(kind: str, logical: str, **own: str) -> list[dict[str, str]]:
        return [{"Key": key, "Value": value} for key, value in every_tag("test", kind, logical, own).items()]

    return make
