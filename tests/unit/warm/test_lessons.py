# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The warm process does each piece of work once, and only for the payload it was asked about."""

from __future__ import annotations

import contextlib
import json
import os
import zipimport
from collections.abc import Iterator

import pytest

from plugins.module_utils.warm import lessons, payload, preload


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Names of the files that were compiled; every file of every payload holds its table's entry as source."""
    seen: list[str] = []
    monkeypatch.setattr(payload, "COMPILE", lambda name, source: seen.append(name) or source)
    monkeypatch.setattr(zipimport, "_get_data", lambda _archive, entry: entry)
    monkeypatch.setattr(zipimport, "_compile_source", zipimport._compile_source)
    yield seen
    with contextlib.suppress(OSError):
        os.close(preload.FD)


def known(payloads: payload.Payloads, digest: bytes, **files: bytes) -> None:
    entry = payload.Entry(os.open(os.devnull, os.O_RDONLY), digest)
    entry.contents = {f"{name}.py": source for name, source in files.items()}
    payloads.entries[digest] = entry


def send(server: lessons.Lessons, **lesson: object) -> None:
    os.write(server.write, json.dumps(lesson).encode())


def test_a_lesson_is_for_its_payload_alone_and_compiled_once(compiled: list[str]) -> None:
    payloads = payload.Payloads(None)
    for digest in (b"\1", b"\2", b"\3"):
        known(payloads, digest, module=b"source of " + digest)
    server = lessons.Lessons(payloads)
    path = f"{preload.PATH}/module.py"
    for _ in range(3):
        send(server, payload="02", code=[path])
    assert server.receive() is False
    server.learn()
    assert compiled == [path]
    assert list(payloads.code) == [(path, b"source of \2")]


def test_every_lesson_that_waits_is_taken_in(compiled: list[str]) -> None:
    payloads = payload.Payloads(None)
    known(payloads, b"\1", a=b"a", b=b"b")
    server = lessons.Lessons(payloads)
    send(server, payload="01", code=[f"{preload.PATH}/a.py"])
    send(server, stale="a file has changed")
    send(server, payload="01", code=[f"{preload.PATH}/b.py"])
    assert server.receive() is True
    server.learn()
    assert len(compiled) == 2


def test_an_unknown_payload_and_noise_do_no_harm(compiled: list[str]) -> None:
    server = lessons.Lessons(payload.Payloads(None))
    send(server, payload="09", code=["/x.py"], models=[], aliases=[])
    assert server.receive() is False
    server.learn()
    assert compiled == []
