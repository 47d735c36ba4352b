"""The built collection, installed elsewhere, does the main job there."""

from __future__ import annotations

import subprocess
import tarfile

import pytest

from .conftest import ROOT

GALAXY = ROOT / ".venv/bin/ansible-galaxy"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("artifact")
    subprocess.run([GALAXY, "collection", "build", "--output-path", folder], cwd=ROOT, check=True, capture_output=True)
    [artifact] = folder.glob("terrace-aws-*.tar.gz")
    with tarfile.open(artifact) as archive:
        names = archive.getnames()
    assert "playbooks/site.yml" in names
    known = {"FILES.json", "LICENSE", "MANIFEST.json", "README.md", "changelogs", "docs", "execution-environment.yml"}
    known |= {"inventories", "meta", "playbooks", "plugins", "requirements.txt", "requirements.yml", "roles"}
    assert {name.partition("/")[0] for name in names} == known
    assert not [name for name in names if name.startswith("inventories/lab")]
    command = [GALAXY, "collection", "install", "--no-deps", "--offline", "-p", folder / "collections", artifact]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder


def test_the_installed_collection_plans_a_platform(installed, operator):
    done = subprocess.run(
        [
            ROOT / ".venv/bin/ansible-playbook",
            *("-i", ROOT / "inventories/three_tier/development", "-i", ROOT / "inventories/lab"),
            *("terrace.aws.site", "--check"),
        ],
        cwd=installed,
        env=operator.environment()
        | {
            "ANSIBLE_COLLECTIONS_PATH": str(installed / "collections"),
            "ANSIBLE_CALLBACKS_ENABLED": "terrace.aws.plan_summary",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert "development-use1: Plan: " in done.stdout
    assert str(installed) not in done.stderr
