# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where releases come from, what deployments are called, what is removed, and the helper that fetches secrets."""

from __future__ import annotations

import importlib.util
import pathlib
import subprocess

import pytest

from ansible_collections.terrace.aws.plugins.filter import flask_app as filters

RIGHT = {
    "name": "shop",
    "version": "1.0",
    "wsgi": "shop:app",
    "source": "shop==1.0",
    "checksum": "",
    "environment": {},
    "secrets": {},
    "migrate_environment": {},
}
HELPER = pathlib.Path(__file__).parents[3] / "roles/flask_app/files/app_environment.py"


@pytest.fixture
def helper():
    spec = importlib.util.spec_from_file_location("app_environment", HELPER)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("s3://b/a/shop-1.whl", {"kind": "wheel", "transport": "s3", "bucket": "b", "key": "a/shop-1.whl"}),
        ("https://h/x/shop.tar.gz?a=b", {"kind": "archive", "transport": "http", "file": "shop.tar.gz"}),
        ("dist/shop.tgz", {"kind": "archive", "transport": "controller", "path": "dist/shop.tgz"}),
        ("git+https://u@h/r.git@v1", {"kind": "git", "url": "https://u@h/r.git", "ref": "v1"}),
        ("shop[web]==1.0", {"kind": "requirement", "requirement": "shop[web]==1.0"}),
    ],
)
def test_sources_are_told_apart(source, expected):
    assert expected.items() <= filters.flask_app_source(source).items()


@pytest.mark.parametrize(
    "source", ["", "shop", "shop>=1", "git+https://h/r", "git+https://u@h/r", "s3://b/readme.txt", "ftp://h/a.whl"]
)
def test_what_is_no_source_is_refused(source):
    with pytest.raises(ValueError, match=r"neither|names no"):
        filters.flask_app_source(source)


def test_everything_wrong_is_said_at_once():
    wrong = {
        "name": "Shop",
        "version": "1/0",
        "wsgi": "shop",
        "source": "shop",
        "checksum": "abc",
        "environment": {"A B": 1, "BOTH": 1},
        "secrets": {"BOTH": {"secret": "s"}, "X": {"field": "f"}, "Y": {"parameter": "/p", "field": "f"}, "Z": "s"},
    }
    found = "\n".join(filters.flask_app_problems({**RIGHT, **wrong}))
    for word in (
        "name",
        "version",
        "wsgi",
        "source",
        "checksum",
        "'A B'",
        "secrets.X",
        "secrets.Y",
        "secrets.Z",
        "both",
    ):
        assert word in found, word
    assert filters.flask_app_problems({**RIGHT, "secrets": {"X": {"secret": "s", "field": "f"}}}) == []


def test_other_settings_make_another_deployment():
    one = filters.flask_app_deployment("1.0", {"a": 1, "b": 2})
    assert one == filters.flask_app_deployment("1.0", {"b": 2, "a": 1})
    assert one != filters.flask_app_deployment("1.0", {"a": 1, "b": 3})
    assert one.startswith("1.0-")
    assert len(one) == len("1.0-") + filters.DIGITS


def test_what_pip_is_asked_for():
    wheel = filters.flask_app_source("x/shop-1.whl")
    assert filters.flask_app_requirements(wheel, "/r", False, "gunicorn", ["a"])["names"] == [
        "/r/shop-1.whl",
        "gunicorn",
        "a",
    ]
    bundle = filters.flask_app_requirements(filters.flask_app_source("x/shop.tgz"), "/r", True, "gunicorn", [])
    assert bundle["names"] == []
    assert "--no-index" in bundle["arguments"]


def listing(*names: str) -> dict:
    return {"files": [{"path": f"/opt/shop/x/{name}", "mtime": number} for number, name in enumerate(names)]}


def test_what_serves_or_did_last_is_never_removed():
    found = [listing(*(f"{number}-aaaaaaaa" for number in range(1, 6))), listing("1", "2", "3", "4", "5", "half")]
    gone = filters.flask_app_leavings(found, ["1-aaaaaaaa", "5-aaaaaaaa", ""], 2)
    assert gone == {"deployments": ["3-aaaaaaaa", "2-aaaaaaaa"], "releases": ["2", "3", "half"]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Starting\napp-environment: secret s has no field p; it has q\napp.service: Failed with result 'exit-code'.",
            "no field p",
        ),
        (
            "Traceback\nModuleNotFoundError: No module named 'x'\n[ERROR] Worker (pid:1) exited with code 3.",
            "named 'x'",
        ),
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\nERROR: gone",
            "No space",
        ),
        (
            "x/migrate: 2: exec: m: Permission denied\na.service: Failed with result 'x'.\nFailed to start a.service - a: b.",
            "Permission",
        ),
        (
            "[x] [INFO] Booting\nFailed to find attribute 'no' in 'm'.\n[x] [ERROR] Reason: App failed to load.",
            "attribute 'no'",
        ),
        (
            "RuntimeError: it dies\n[x] [ERROR] Worker (pid:1) exited with code 3.\nTraceback (most recent call last):\n"
            '  File "gunicorn/arbiter.py", line 1, in run\n    raise HaltServer(reason, self.WORKER_BOOT_ERROR)\n'
            "gunicorn.errors.HaltServer: <HaltServer 'Worker failed to boot.' 3>",
            "it dies",
        ),
        (None, "it said nothing"),
    ],
)
def test_the_line_that_says_why(text, expected):
    assert expected in filters.flask_app_reason(text)


@pytest.mark.parametrize("value", ["plain", 'a"b', "a\\b", "$HOME `id`", "two words", "a\nb"])
def test_values_survive_an_environment_file(helper, value):
    written = filters.flask_app_environment_file({"X": value})
    assert written == helper.line("X", value)
    # A shell knows the same escapes in double quotes.
    told = subprocess.run(["sh", "-c", f'{written}printf %s "$X"'], capture_output=True, text=True, check=True)
    assert told.stdout == value


def test_a_missing_field_is_named_and_no_value_is(helper):
    with pytest.raises(helper.FetchError) as caught:
        helper.secret({"s": '{"user": "hidden"}'}, "s", "password")
    assert "no field password; it has user" in str(caught.value)
    assert "hidden" not in str(caught.value)
