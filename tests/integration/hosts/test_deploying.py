# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases come and go under load, and no visitor notices; what cannot work is told in one message and never stays."""

from __future__ import annotations

import json

import pytest

from tests.integration.hosts.cell import BUCKET, CELL, Cell, recorded
from tests.integration.hosts.releases import DEADLY, Releases

#: One machine's releases on a file system of their own, with what is there and 20 MB to spare.
FULL_DISK = """
set -e
mkdir /mnt/full
mount -t tmpfs -o size=$(( $(du -sk /opt/notes/releases | cut -f1) + 20480 ))k tmpfs /mnt/full
cp -a /opt/notes/releases/. /mnt/full/
mount --bind /mnt/full /opt/notes/releases
"""
ROOM_AGAIN = "umount /opt/notes/releases; umount /mnt/full && rmdir /mnt/full"


def deployed(cell: Cell) -> str:
    """The version that is filed as deployed, for machines that start by themselves."""
    filed = cell.client("s3").get_object(Bucket=BUCKET, Key="notes/current.json")["Body"].read()
    return str(json.loads(filed)["flask_app_version"])


def owner_password(cell: Cell) -> str:
    """What migrations sign in with."""
    secret = cell.client("secretsmanager").get_secret_value(SecretId=f"{CELL}-database-owner")
    return str(json.loads(secret["SecretString"])["password"])


def refused(cell: Cell, message: str, version: str, verbosity: str = "-e{}", **variables: object) -> str:
    """Deploy what cannot be: it says why, in one message a machine at most, and what served goes on."""
    before = cell.served()
    told = cell.refused("deploy_app", verbosity, "-e", json.dumps({"app_release_version": version, **variables}))
    assert message in told, told[-3000:]
    assert told.count("fatal:") <= len(cell.machines("app")), told[-3000:]
    assert cell.served() == {deployed(cell)} == before
    return told


def test_what_cannot_be_deployed_is_told_and_fails_no_request(serving: Cell, releases: Releases) -> None:
    """Also a checksum that differs and a secret that lacks a field are tried with the role alone (molecule/flask_app)."""
    s3, version = serving.client("s3"), releases["second"]
    manifest = json.loads(s3.get_object(Bucket=BUCKET, Key=f"notes/notes-{version}.json")["Body"].read())
    archive = {"Bucket": BUCKET, "Key": manifest["object"]}
    content = s3.get_object(**archive)["Body"].read()
    machine = max(serving.machines("app"))
    with serving.load():
        refused(serving, "notes 9.9.9 (app_release_version) is not released", "9.9.9")
        s3.delete_object(**archive)
        refused(serving, "(flask_app_source) could not be fetched", version)
        s3.put_object(**archive, Body=content)
        serving.shell(machine, FULL_DISK)
        refused(serving, "MB are free in /opt/notes/releases, a release needs 300", version)
        serving.shell(machine, ROOM_AGAIN)
        dying = "was tried and does not answer 200 at /health"
        refused(serving, dying, version, flask_app_wsgi="terrace_notes:create_ap()")
        told = refused(serving, "division by zero", releases["bad migration"], verbosity="-vv")
    assert owner_password(serving) not in told
    assert "'password': '********'" in told


def test_the_next_deploy_succeeds_and_a_rollback_too_and_no_request_fails(serving: Cell, releases: Releases) -> None:
    before, version = serving.served(), releases["second"]
    with serving.load() as report:
        serving.must("deploy_app", "-e", f"app_release_version={version}")
        assert serving.served() == {deployed(serving)} == {version}
        told = serving.must("deploy_app", "-e", f"app_release_version={version}")
        assert "changed: [" not in told, "deploying what is deployed changes nothing"
        serving.must("rollback_app")
    assert serving.served() == {deployed(serving)} == before
    assert set(report["versions"]) == before | {version}


def test_a_release_that_dies_on_the_second_machine_is_undone_on_both_and_no_request_fails(
    serving: Cell, releases: Releases
) -> None:
    before, version = serving.served(), releases["dies later"]
    _first, second = sorted(serving.machines("app"))
    serving.shell(second, DEADLY)
    with serving.load() as report:
        told = serving.refused("deploy_app", "-e", f"app_release_version={version}", "-e", "deploy_app_batch=1")
    assert "dies once it serves" in told
    assert f"notes {version} is not deployed" in told
    assert "Everything serves again what it served before" in told
    assert serving.served() == {deployed(serving)} == before
    assert set(report["versions"]) == before | {version}, "the first machine served it before the second failed"
    assert recorded(serving)["state"] == "undone"


@pytest.mark.slow
def test_what_the_balancer_refuses_is_undone_and_no_request_fails(serving: Cell, releases: Releases) -> None:
    """The predecessor is still there, although deployments are kept for no rollback."""
    before, version = serving.served(), releases["refuses the balancer"]
    with serving.load() as report:
        told = serving.refused(
            "deploy_app",
            "-e",
            json.dumps({"app_release_version": version, "flask_app_keep": 1, "deploy_app_timeout": 20}),
        )
    assert f"notes {version} is not deployed" in told
    assert "which asks for /healthz at port 8000: Health checks failed with these codes: [500]" in told
    assert serving.served() == {deployed(serving)} == before
    assert set(report["versions"]) == before
    assert len(serving.healthy("app")) == 2
