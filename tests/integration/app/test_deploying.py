# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases come and go under load, and no visitor notices; what cannot work says why in one message and changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.app.conftest import CELL, Site

pytestmark = pytest.mark.slow

BUCKET = f"{CELL}-releases-123456789012"


def edit(path: str, old: str, new: str) -> Callable[[Path], None]:
    """A change of one file of a release."""

    def change(source: Path) -> None:
        file = source / path
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new, 1))

    return change


BROKEN = edit("terrace_notes/app.py", "    settings.check()\n", '    raise RuntimeError("this release is broken")\n')


def bad_migration(source: Path) -> None:
    """A migration that fails after its first statement."""
    (source / "terrace_notes/migrations/0002_bad.sql").write_text("CREATE TABLE half (x int); SELECT 1 / 0;")


def test_a_row_is_written_and_read_back(site: Site):
    note = site.get("/notes", {"text": "over HTTPS"})
    assert site.get(f"/notes/{note['id']}")["text"] == "over HTTPS"
    health = site.get("/health")
    assert (health["database"], health["redis"]) == ("ok", "ok")


def test_a_deploy_and_a_rollback_under_load_fail_no_request(site: Site):
    before = site.served()
    version = site.release()
    with site.load() as report:
        site.must("deploy_app", "-e", f"app_release_version={version}")
    assert report["failed"] == 0, report
    assert set(report["versions"]) == before | {version}
    assert site.served() == {version}
    with site.load() as report:
        site.must("rollback_app")
    assert report["failed"] == 0, report
    assert site.served() == before


def test_deploying_what_is_deployed_changes_nothing(site: Site):
    current = json.loads(site.client("s3").get_object(Bucket=BUCKET, Key="notes/current.json")["Body"].read())
    for trust in ("true", "false"):
        more = ["-e", f"app_release_version={current['flask_app_version']}", "-e", f"terrace_trust_plan={trust}"]
        told = site.must("deploy_app", *more)
        assert "changed: [" not in told
        assert ("Make it ready beside what serves" in told) == (trust == "false")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (BROKEN, "was tried and does not answer 200 at /health (RuntimeError: this release is broken)"),
        (bad_migration, "division by zero"),
    ],
    ids=["a unit that starts and dies", "a failing migration"],
)
def test_a_release_that_does_not_work_is_never_switched_to(site: Site, change, message):
    before = site.served()
    version = site.release(change)
    with site.load() as report:
        told = site.refused("deploy_app", "-e", f"app_release_version={version}")
    assert message in told
    assert "goes on serving" in told
    assert report["failed"] == 0, report
    assert site.served() == before


def test_a_release_that_dies_once_it_serves_is_rolled_back(site: Site):
    """It answers in the trial and not behind the socket: only the switch can find out."""
    before = site.served()
    only_in_trial = 'if "trial" not in open("/proc/self/cgroup").read(): raise RuntimeError("dies once it serves")'
    version = site.release(
        edit("terrace_notes/app.py", "    settings.check()\n", f"    settings.check()\n    {only_in_trial}\n")
    )
    with site.load() as report:
        told = site.refused("deploy_app", "-e", f"app_release_version={version}")
    assert "Rolled back" in told
    assert "dies once it serves" in told
    assert report["failed"] == 0, report
    assert site.served() == before
    assert version not in report["versions"]


def test_bad_input_is_refused_and_the_next_run_recovers(site: Site):
    before = site.served()
    told = site.refused("deploy_app", "-e", "app_release_version=9.9.9")
    assert "notes 9.9.9 (app_release_version) is not released" in told

    version = site.release()
    s3 = site.client("s3")
    manifest = json.loads(s3.get_object(Bucket=BUCKET, Key=f"notes/notes-{version}.json")["Body"].read())
    archive = s3.get_object(Bucket=BUCKET, Key=manifest["object"])["Body"].read()

    s3.put_object(Bucket=BUCKET, Key=manifest["object"], Body=archive + b"tampered")
    told = site.refused("deploy_app", "-e", f"app_release_version={version}")
    assert f"flask_app_checksum says {manifest['checksum']}" in told

    s3.delete_object(Bucket=BUCKET, Key=manifest["object"])
    told = site.refused("deploy_app", "-e", f"app_release_version={version}")
    assert "(flask_app_source) could not be fetched" in told

    s3.put_object(Bucket=BUCKET, Key=manifest["object"], Body=archive)
    told = site.refused(
        "deploy_app", "-e", f"app_release_version={version}", "-e", json.dumps({"flask_app_space": 10**8})
    )
    assert "(flask_app_space)" in told

    lacking = {"DATABASE_USER": {"secret": f"{CELL}-app-database", "field": "usrname"}}
    told = site.refused(
        "deploy_app", "-e", f"app_release_version={version}", "-e", json.dumps({"flask_app_secrets": lacking})
    )
    assert f"secret {CELL}-app-database has no field usrname" in told

    assert site.served() == before
    site.must("deploy_app", "-e", f"app_release_version={version}")
    assert site.served() == {version}


def test_the_applications_credentials_change_under_load(site: Site):
    manager = site.client("secretsmanager")

    def credentials() -> dict[str, str]:
        return json.loads(manager.get_secret_value(SecretId=f"{CELL}-app-database")["SecretString"])

    before = credentials()
    with site.load() as report:
        site.must("rotate_credentials")
    after = credentials()
    assert report["failed"] == 0, report
    assert {before["username"], after["username"]} == {"application_a", "application_b"}
    assert before["password"] != after["password"]
    assert site.get("/health")["database"] == "ok"
