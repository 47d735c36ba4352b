# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Published applications, from PyPI to HTTPS as docs/deploying.md says: beside the one that serves, in its place, gone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.hosts.cell import CELL, Cell, wait

HTTPBIN = {"wsgi": "httpbin:app", "port": 8001, "health": "/status/200"}
#: It wants a secret of its own; in the place of Redis it has what it is tested with.
SNAPPASS = {
    "wsgi": "snappass.main:app",
    "port": 8001,
    "health": "/",
    "environment": {"MOCK_REDIS": "true"},
    "generated": ["SECRET_KEY"],
    "packages": ["fakeredis==2.41.0", "setuptools==84.2.1"],
    "workers": 1,
}
IN_ITS_PLACE = {**SNAPPASS, "replaces": "httpbin"}
LEFT = """
systemctl is-active {name}.socket {name}.service
ls -d /opt/{name} /etc/systemd/system/{name}* /var/lib/terrace/manifests/application-{name}.json 2>/dev/null
id -un {name} 2>/dev/null
"""
SECRET = "tr '\\0' '\\n' <\"/proc/$(systemctl show -P MainPID snappass)/environ\" | grep ^SECRET_KEY="


def deploy(cell: Cell, name: str, requirement: str, *applications: str) -> None:
    """What docs/deploying.md says, with these applications in the inventory."""
    version = requirement.partition("==")[2]
    chosen = ("-e", f"app_release_name={name}", "-e", f"app_release_version={version}", *applications)
    cell.must("site", *applications)
    cell.must("configure_hosts", *applications)
    cell.must("release_app", "-e", f"app_release_source={requirement}", *chosen)
    cell.must("deploy_app", *chosen)


def given(**applications: dict[str, Any]) -> tuple[str, str]:
    """The further applications of the inventory."""
    return "-e", json.dumps({"three_tier_applications": applications})


@pytest.fixture(scope="module")
def beside(serving: Cell) -> set[str]:
    """What the first application serves, with httpbin deployed beside it."""
    wait("the application tier serves", lambda: len(serving.healthy("app")) == 2, 900)
    versions = serving.served()
    with serving.load():
        deploy(serving, "httpbin", "httpbin==0.10.4", *given(httpbin=HTTPBIN))
    return versions


@pytest.fixture(scope="module")
def replaced(serving: Cell, beside: set[str]) -> Cell:
    """snappass has taken the place of httpbin."""
    assert beside
    with serving.load():
        deploy(serving, "snappass", "snappass==1.6.2", *given(snappass=IN_ITS_PLACE))
    return serving


def test_a_published_application_serves_beside_the_one_that_is_there(serving: Cell, beside: set[str]) -> None:
    name = f"httpbin.{CELL}.example.com"
    told = serving.get("/anything", name=name)
    assert told["url"] == f"https://{name}/anything"
    assert told["headers"]["Host"] == name
    assert serving.served() == beside
    assert serving.get("/health")["database"] == "ok"


@pytest.mark.slow
def test_another_one_takes_its_place_under_its_own_name(replaced: Cell) -> None:
    assert "snappass" in replaced.page("/", name=f"snappass.{CELL}.example.com").lower()
    kept = replaced.client("secretsmanager").get_secret_value(SecretId=f"{CELL}-app-snappass")["SecretString"]
    for machine in replaced.machines("app"):
        states = replaced.shell(machine, "systemctl is-active httpbin.socket httpbin.service", check=False)
        assert states.split() == ["inactive", "inactive"]
        assert replaced.shell(machine, SECRET).strip() == f"SECRET_KEY={json.loads(kept)['SECRET_KEY']}"


@pytest.mark.slow
def test_what_was_generated_for_it_gets_a_new_value_and_no_request_fails(replaced: Cell) -> None:
    manager, secret = replaced.client("secretsmanager"), f"{CELL}-app-snappass"

    def key() -> str:
        return str(json.loads(manager.get_secret_value(SecretId=secret)["SecretString"])["SECRET_KEY"])

    before = key()
    with replaced.load():
        replaced.must("rotate_app_secrets", "-e", "app_release_name=snappass", *given(snappass=IN_ITS_PLACE))
    assert key() != before
    for machine in replaced.machines("app"):
        assert replaced.shell(machine, SECRET).strip() == f"SECRET_KEY={key()}"
    told = replaced.refused("rotate_app_secrets", *given(snappass=IN_ITS_PLACE))
    assert "notes has nothing generated" in told


@pytest.mark.slow
def test_what_is_removed_is_gone_from_the_machines_and_what_serves_goes_on(replaced: Cell) -> None:
    told = replaced.refused("remove_app", "-e", "app_release_name=httpbin")
    assert "nothing was changed. To do so: -e app_release_name=httpbin -e remove_app_confirm=httpbin" in told
    with replaced.load():
        replaced.must("site", "-e", "terrace_prune=true", "-e", "terrace_allow_data_loss=secret/app-snappass")
        for name in ("httpbin", "snappass"):
            replaced.must("remove_app", "-e", f"app_release_name={name}", "-e", f"remove_app_confirm={name}")
            for machine in replaced.machines("app"):
                assert replaced.shell(machine, LEFT.format(name=name), check=False).split() == ["inactive", "inactive"]
    groups = replaced.client("elbv2").describe_target_groups()["TargetGroups"]
    assert {each["TargetGroupName"] for each in groups} == {f"{CELL}-web", f"{CELL}-app"}
    assert replaced.get("/health")["database"] == "ok"
