"""The table of patches in docs/lab.md is the patches'."""

from __future__ import annotations

from pathlib import Path

from lab.api import patching

DOCUMENT = Path(__file__).parents[3] / "docs/lab.md"


def test_the_document_lists_every_patch_as_it_is() -> None:
    assert patching.table() in DOCUMENT.read_text(), "put the output of `lab.api.patching.table()` into docs/lab.md"
