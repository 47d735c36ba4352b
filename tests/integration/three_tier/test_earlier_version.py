"""What an earlier version provisioned is in sync for this one."""

from __future__ import annotations

import subprocess

import pytest

from .conftest import ROOT, Operator

pytestmark = pytest.mark.slow

CELL = "development-use1"
#: The last commit in which the order was written by hand in the roles and not computed from the references.
EARLIER = "0e2167f"


def git(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def earlier(tmp_path_factory, api):
    """An operator with that version's tree, at the same lab."""
    if git("cat-file", "-e", f"{EARLIER}^{{commit}}").returncode:
        pytest.skip(f"the history does not hold {EARLIER}: a shallow clone, or a copy without git")
    folder = tmp_path_factory.mktemp("earlier") / "tree"
    archive = subprocess.run(["git", "-C", str(ROOT), "archive", EARLIER], stdout=subprocess.PIPE, check=True)
    folder.mkdir()
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return Operator(api, tmp_path_factory.mktemp("earlier-operator"), root=folder)


def test_a_cell_of_an_earlier_version_is_in_sync(api, operator, earlier):
    run = earlier.play("site").ok()
    assert run.summary["cells"][CELL]["done"]["add"] > 60, run.output
    api.reset_calls()
    run = operator.play("site", "--check", "--diff").ok()
    assert run.planned(CELL) == {"add": 0, "change": 0, "remove": 0, "orphan": 0}, run.output
    run = operator.play("site").ok()
    assert f"{CELL}: Done: 0 added, 0 changed, 0 removed" in run.output
    assert api.calls()["writes"] == 0
