# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checksum of a project, and the requirements of a bundle."""

import pytest
from ansible.errors import AnsibleFilterError

import commands
from ansible_collections.terrace.aws.plugins.filter import app_release as filters


def files(**contents: str) -> list[dict]:
    return [{"path": f"/p/{name.replace('__', '/')}", "checksum": text} for name, text in contents.items()]


def test_a_checksum_tells_names_and_contents_apart_and_not_order():
    one = filters.app_release_digest(files(a="1", b="2"), "/p")
    assert one == filters.app_release_digest(files(b="2", a="1"), "/p")
    assert one != filters.app_release_digest(files(a="2", b="1"), "/p")
    assert one != filters.app_release_digest(files(a="1"), "/p")


def test_what_building_leaves_does_not_count():
    one = filters.app_release_digest(files(a="1"), "/p")
    assert one == filters.app_release_digest(files(a="1", dist__x="9", **{"shop.egg-info__PKG": "3"}), "/p")


def test_requirements_name_versions_and_checksums():
    wheels = [{"path": "/w/psycopg_pool-3.3.3-py3-none-any.whl", "checksum": "ab"}]
    assert filters.app_release_requirements(wheels) == "psycopg-pool==3.3.3 --hash=sha256:ab\n"


def test_a_project_or_a_wheel_says_its_version(tmp_path):
    assert filters.app_release_own_version("/p/shop_app-1.4.0-py3-none-any.whl") == "1.4.0"
    assert filters.app_release_own_version("/p/shop.tar.gz") == ""
    assert filters.app_release_own_version(str(tmp_path)) == ""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "shop"\ndynamic = ["version"]\n')
    assert filters.app_release_own_version(str(tmp_path)) == ""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "shop"\nversion = "1.4.0"\n')
    assert filters.app_release_own_version(str(tmp_path)) == "1.4.0"
    (tmp_path / "pyproject.toml").write_text("[project")
    with pytest.raises(AnsibleFilterError, match="app_release_source"):
        filters.app_release_own_version(str(tmp_path))
    assert filters.app_release_own_version("shop==1.4.0") == "1.4.0"


@pytest.mark.parametrize(
    ("source", "requirement"),
    [
        ("httpbin==0.10.4", "httpbin==0.10.4"), (" Flask_App [B, a.c] == 1!2.0+cpu ", "flask-app[a-c,b]==1!2.0+cpu"),
        ("httpbin", ""), ("httpbin>=0.10", ""), ("httpbin==0.10.*", ""), ("httpbin===0.10.4", ""), ("httpbin==0.10.4,<1", ""),
        ("httpbin==0.10.4; python_version > '3'", ""), ("httpbin @ https://example.org/httpbin.whl", ""),
        ("../httpbin==0.10.4", ""), ("--index-url==1", ""), ("", ""), (None, ""),
    ],
)  # fmt: skip
def test_a_published_project_is_named_with_one_version(source, requirement):
    assert filters.app_release_requirement(source) == requirement


@pytest.mark.parametrize(
    "app",
    ["httpbin==0.10.4", "Flask_App [B, a.c] == 1!2.0+cpu", "httpbin", "httpbin==0.10.*", "a===1", "a==1; b", "../a==1"],
)
def test_make_deploy_knows_a_published_project_by_the_same(app):
    # commands.py belongs to a clone, not to the collection, and imports nothing from it.
    assert commands.PINNED.pattern == filters.PINNED.pattern
    assert bool(commands.PINNED.fullmatch(app)) == bool(filters.app_release_requirement(app))


def test_a_file_or_folder_comes_before_a_published_project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop==1.0").mkdir()
    assert filters.app_release_requirement("shop==1.0") == ""
    assert filters.app_release_problem("shop==1.0", "sha256:0") == ""


def test_a_release_of_a_published_project_is_what_it_is_made_from():
    one = filters.app_release_origin("httpbin==0.10.4", ["gunicorn==27.0.1", "argon2-cffi"])
    assert one == "httpbin==0.10.4 with argon2-cffi, gunicorn==27.0.1"
    assert one == filters.app_release_origin("httpbin==0.10.4", ["argon2-cffi", "gunicorn==27.0.1"])
    assert filters.app_release_origin("httpbin==0.10.4", []) == "httpbin==0.10.4"


def test_what_cannot_be_released_is_said_beforehand(tmp_path):
    assert filters.app_release_problem("httpbin==0.10.4") == ""
    assert filters.app_release_problem(str(tmp_path)) == ""
    assert filters.app_release_problem("") == ""
    for source in ("httpbin", "httpbin>=0.10", "httpbin==0.*", "../nowhere"):
        assert filters.app_release_problem(source).startswith(
            f"{source} (app_release_source) is not there; it is a project's"
        )
    assert "app_release_checksum" in filters.app_release_problem("httpbin==0.10.4", "sha256:0")


@pytest.mark.parametrize(
    ("own", "version", "same"),
    [
        ("1.4.0", "1.4.0", True), ("1.4", "1.4.0", True), ("1.0rc1", "1.0-rc.1", True), ("", "9", True),
        ("1.4.0", "1.4.1", False), ("1.4.0", "4f2a9c1", False), ("2026.1", "2026.01", True),
    ],
)  # fmt: skip
def test_a_release_is_called_as_the_project_calls_itself(own, version, same):
    assert filters.app_release_same(own, version) == same
