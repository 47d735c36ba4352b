# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where releases come from, what deployments are called, what is removed, and the helper that fetches secrets."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import pathlib
import subprocess
import types

import jinja2
import pytest

from ansible_collections.terrace.aws.plugins.filter import flask_app as filters

RIGHT = {
    "name": "shop",
    "version": "1.0",
    "wsgi": "shop:app",
    "interface": "wsgi",
    "replaces": "",
    "source": "shop==1.0",
    "checksum": "",
    "environment": {},
    "secrets": {},
    "migrate_environment": {},
    "client_header": "X-Real-IP",
    "scheme_header": "",
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
        "interface": "cgi",
        "replaces": "shop.old",
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
        "interface",
        "replaces",
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


SECRET = 'p@ss"w/rd\\ 1'


@pytest.mark.parametrize(
    "line",
    [
        f"connecting with {SECRET} failed",
        "postgresql://notes:p%40ss%22w%2Frd%5C%201@db/notes",
        "dsn=p%40ss%22w%2Frd%5C+1",
        "RuntimeError('cannot sign in: " + repr(SECRET)[1:-1] + "')",
        json.dumps({"password": SECRET}),
    ],
)
def test_a_secret_is_masked_however_it_is_written(helper, line):
    told = helper.masked(line, [SECRET, "abc"])
    assert helper.MASK in told
    assert "w/rd" not in told
    assert "w%2Frd" not in told


def test_a_password_in_a_url_is_masked_although_nobody_named_it(helper):
    assert helper.masked("postgresql://notes:hidden@db/x", []) == f"postgresql://notes:{helper.MASK}@db/x"
    assert helper.masked("see https://docs.example/a@b and abc", ["abc"]) == "see https://docs.example/a@b and abc"


def test_where_a_secret_cannot_be_read_only_our_own_lines_are_shown(helper, capsys, monkeypatch):
    def fetch(wanted, region):
        if "LOST" in wanted:
            raise helper.FetchError("not there")
        return {"KEY": "hidden-value"}

    monkeypatch.setattr(helper, "fetch", fetch)
    text = "KeyError: hidden-value\napp-environment: secret x has no field y\n"
    settings = {"region": "", "secrets": {"KEY": {"secret": "a"}}}
    assert helper.mask(settings, text, []) == 0
    assert capsys.readouterr().out.splitlines()[0] == f"KeyError: {helper.MASK}"
    settings["secrets"]["LOST"] = {"secret": "b"}
    helper.mask(settings, text, [])
    told = capsys.readouterr().out
    assert "KeyError" not in told
    assert "secret x has no field y" in told
    assert "LOST cannot be read" in told
    assert filters.flask_app_reason(told) == "app-environment: secret x has no field y", "the reason is what is told"


def test_more_values_that_are_not_to_be_seen_are_given_to_it(helper, capsys):
    helper.mask({"region": "", "secrets": {}}, "owner's secret: of-the-owner", ["of-the-owner"])
    assert capsys.readouterr().out == f"owner's secret: {helper.MASK}\n\n"[:-1]


TEMPLATE = pathlib.Path(__file__).parents[3] / "roles/flask_app/templates/gunicorn.conf.py.j2"


def worker(interface, client_header, scheme_header, application):
    """A worker of gunicorn with the application, after the file that gunicorn reads has been at it."""
    environment = jinja2.Environment()
    environment.filters |= {"to_json": json.dumps, "terrace.aws.flask_app_header": filters.flask_app_header}
    names = {"flask_app_client_header": client_header, "flask_app_scheme_header": scheme_header}
    settings = {f"flask_app_{each}": 1 for each in ("workers", "threads", "timeout", "keepalive")}
    text = environment.from_string(TEMPLATE.read_text()).render(
        flask_app_wsgi="app:app",
        flask_app_interface=interface,
        flask_app_name="app",
        ansible_managed="",
        **names,
        **settings,
    )
    space, made = {}, types.SimpleNamespace(wsgi=application)
    exec(text, space)
    space["post_worker_init"](made)
    return made


@pytest.fixture
def seen():
    """What a WSGI application sees of a request, behind the proxy the headers of which are given."""

    def ask(client_header, scheme_header, **headers):
        found = {}
        made = worker("wsgi", client_header, scheme_header, lambda environ, _start: found.update(environ))
        made.wsgi({"REMOTE_ADDR": "10.0.0.9", "wsgi.url_scheme": "http", "HTTP_HOST": "shop.example", **headers}, None)
        return found

    return ask


@pytest.fixture
def scope():
    """The same for an ASGI application."""

    def ask(client_header, scheme_header, kind="http", **headers):
        found = {}

        async def application(given, _receive, _send):
            found.update(given)

        made = worker("asgi", client_header, scheme_header, application)
        sent = [(name.lower().replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        given = {"type": kind, "scheme": "http" if kind == "http" else "ws", "client": ("10.0.0.9", 1)}
        asyncio.run(made.wsgi({**given, "headers": [(b"host", b"shop.example"), *sent]}, None, None))
        return found

    return ask


FORGED = {"HTTP_FORWARDED": "for=evil", "HTTP_X_FORWARDED_HOST": "evil", "HTTP_X_FORWARDED_PREFIX": "/evil"}


def test_behind_two_proxies_the_client_is_who_asked_and_not_who_was_claimed(seen):
    headers = {"HTTP_X_REAL_IP": "198.51.100.7", "HTTP_X_FORWARDED_FOR": "198.51.100.7, 10.0.1.4"}
    schemes = {"HTTP_X_FORWARDED_SCHEME": "https", "HTTP_X_FORWARDED_PROTO": "http"}
    found = seen("X-Real-IP", "X-Forwarded-Scheme", **headers, **schemes, **FORGED)
    assert (found["REMOTE_ADDR"], found["wsgi.url_scheme"]) == ("198.51.100.7", "https")
    assert (found["HTTP_X_FORWARDED_FOR"], found["HTTP_X_FORWARDED_PROTO"]) == ("198.51.100.7", "https")
    assert found["HTTP_X_FORWARDED_HOST"] == "shop.example"
    assert "evil" not in str(found)


def test_behind_a_balancer_alone_the_address_it_has_added_counts(seen):
    found = seen(
        "X-Forwarded-For",
        "X-Forwarded-Proto",
        HTTP_X_FORWARDED_FOR="evil, 198.51.100.7",
        HTTP_X_FORWARDED_PROTO="https",
    )
    assert (found["REMOTE_ADDR"], found["wsgi.url_scheme"]) == ("198.51.100.7", "https")
    assert "evil" not in str(found)


def test_without_a_proxy_a_request_is_what_it_is(seen):
    found = seen("X-Forwarded-For", "", HTTP_X_FORWARDED_PROTO="https")
    assert (found["REMOTE_ADDR"], found["wsgi.url_scheme"]) == ("10.0.0.9", "http")


def test_an_asgi_application_is_told_the_same(scope):
    headers = {"X_REAL_IP": "198.51.100.7", "X_FORWARDED_FOR": "198.51.100.7, 10.0.1.4", "FORWARDED": "for=evil"}
    headers |= {"X_FORWARDED_SCHEME": "https", "X_FORWARDED_PROTO": "http", "X_FORWARDED_HOST": "evil"}
    found = scope("X-Real-IP", "X-Forwarded-Scheme", **headers)
    assert (found["client"], found["scheme"]) == (("198.51.100.7", 0), "https")
    told = [
        value for name, value in found["headers"] if name.startswith(b"x-forwarded") and name != b"x-forwarded-scheme"
    ]
    assert sorted(told) == [b"198.51.100.7", b"https", b"shop.example"]
    assert "evil" not in str(found)
    assert scope("X-Real-IP", "X-Forwarded-Scheme", "websocket", **headers)["scheme"] == "wss"
    assert scope("X-Real-IP", "X-Forwarded-Scheme", "lifespan", **headers)["client"] == ("10.0.0.9", 1)


def test_an_asgi_application_without_a_proxy_sees_a_request_as_it_is(scope):
    found = scope("X-Forwarded-For", "", X_FORWARDED_PROTO="https")
    assert (found["client"], found["scheme"]) == (("10.0.0.9", 1), "http")
    assert b"https" not in dict(found["headers"]).values()
