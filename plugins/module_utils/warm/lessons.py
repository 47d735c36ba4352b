# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a child tells the server at its end: names of files and events that it would have been quicker to find in memory.

Only names travel, never data: the server reads the files and looks the events up itself.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import zipimport

from . import models, preload

FD = preload.FD - 2
COMPILED: list[str] = []  # files of the payload that this process had to compile itself


def tell(lesson: dict) -> None:
    """One datagram to the server; a full queue or a server that is gone does not matter."""
    try:
        with socket.socket(fileno=os.dup(FD)) as end:
            end.send(json.dumps(lesson).encode(), socket.MSG_DONTWAIT)
    except OSError:
        pass


class Lessons:
    """The server's end."""

    def __init__(self, payloads) -> None:
        self.payloads = payloads
        ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.read = ends[0]
        self.read.setblocking(False)
        self.write = ends[1].detach()
        self.received: list[dict] = []
        self.original = zipimport._compile_source
        zipimport._compile_source = self.compile

    def compile(self, pathname: str, source: bytes):
        """In place of zipimport's compiler: an answer from memory when source and place are the same."""
        code = self.payloads.code.get((pathname, source))
        if code is None:
            COMPILED.append(pathname)
            code = self.original(pathname, source)
        return code

    def receive(self) -> bool:
        """Hear what children say. True when one of them found something out of date."""
        stale = False
        while True:
            try:
                lesson = json.loads(self.read.recv(1 << 20))
            except (OSError, ValueError):
                return stale
            stale = stale or bool(lesson.get("stale"))
            self.received.append(lesson)

    def learn(self) -> None:
        """Have in memory what the children that were heard had to do themselves."""
        while self.received:
            lesson = self.received.pop(0)
            for path in lesson.get("models", ()):
                if path not in models.PARSED:
                    try:
                        models.remember(path)
                    except Exception as ex:
                        sys.stderr.write(f"{path}: {type(ex).__name__}: {ex}\n")
            for name in lesson.get("aliases", ()):
                models.remember_alias(name)
            entry = self.payloads.entries.get(bytes.fromhex(lesson.get("payload", "")))
            if entry is not None and lesson.get("pages"):
                entry.pages = lesson["pages"]
            if entry is not None and lesson.get("code"):
                os.dup2(entry.fd, preload.FD, inheritable=False)
                for path in lesson["code"]:
                    self.payloads.compile(path, entry)
