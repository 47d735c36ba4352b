# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checksum of a project, and the requirements of a bundle."""

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
