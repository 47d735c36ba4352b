"""Sites of the reverse_proxy role, judged before nginx sees them."""

from __future__ import annotations

import pytest

from ansible_collections.terrace.aws.plugins.filter.reverse_proxy import proxy_misfits

UPSTREAMS = {"app": ["app.internal:80"]}


def test_what_is_right_passes():
    sites = {
        "main": {"upstream": "app", "paths": {"/api/": "app"}, "tls": {"certificate": "/c", "key": "/k"}},
        "other": {"upstream": "app", "names": ["other.example.com"]},
    }
    assert proxy_misfits(sites, UPSTREAMS) == []


@pytest.mark.parametrize(
    ("sites", "upstreams", "word"),
    [
        ({"main": {"upstream": "web"}}, UPSTREAMS, "no upstream web; there are app"),
        ({"main": {"upstream": "app", "paths": {"/x": "gone"}}}, UPSTREAMS, "main.paths./x: there is no upstream gone"),
        ({"main": {}}, UPSTREAMS, "upstream is missing"),
        ({"main": {"upstream": "app", "name": ["x"]}}, UPSTREAMS, "there is no option name"),
        ({"a": {"upstream": "app"}, "b": {"upstream": "app"}}, UPSTREAMS, "a, b have no names"),
        ({"main": {"upstream": "app", "tls": {"key": "/k"}}}, UPSTREAMS, "names certificate and key"),
        ({}, {"app": ["app.internal"]}, "has no port"),
        ({}, {"app": []}, "has no server"),
    ],
)
def test_what_is_wrong_is_named(sites, upstreams, word):
    [said] = proxy_misfits(sites, upstreams)
    assert word in said
