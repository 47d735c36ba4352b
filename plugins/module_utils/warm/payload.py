# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AnsiballZ payloads: taking one apart, and remembering what a payload needs from one call to the next."""

from __future__ import annotations

import ast
import base64
import hashlib
import io
import mmap
import os
import re
import zipfile
import zipimport

from . import memfd
from . import preload as preloading

# A wrapper up to its last argument, the zip; and what stands before and after the data of that.
KNOWN = re.compile(
    rb"\A#![^\n]*\n(?P<code>.*?\n)\n\nif __name__ == \"__main__\":\n    _ansiballz_main\(\n(?P<arguments>.*)\Z",
    re.DOTALL,
)
ZIP, END = b"\nzip_data='", b"',\n)\n"
ARGUMENTS = {
    "ansible_module",
    "module_fqn",
    "profile",
    "date_time",
    "rlimit_nofile",
    "params",
    "extensions",
    "zip_data",
}

# SHA-256 of the wrapper's code (without its first line) whose work child.run() does. Another wrapper is run by `local`.
WRAPPERS = {
    "3056be487750873c399dded49b63f573e9632a5e23af334d6c8651fd221f6696",  # ansible-core 2.19 and 2.20
    "6b47aa53da8ef6dce8a02790ba2f0bc56ca27fd8e13b5cfd4bf28b08f3ef56d1",  # ansible-core 2.21
}

COMPILE = zipimport._compile_source  # zipimport's own; lessons.py puts another in its place
SITECUSTOMIZE = 'import sys\nsys.path.insert(0, __file__.rpartition("/")[0])\n'


class Unknown(ValueError):  # noqa: N818 - an answer, not an error
    """This is no payload that can be run warm."""


class Entry:
    """One distinct zip: its memfd and what was found out about it."""

    def __init__(self, fd: int, digest: bytes) -> None:
        self.fd = fd
        self.digest = digest
        self.names: list[str] = []
        self.contents: dict = {}  # as zipimport keeps it
        self.purge: list[str] = []  # preloaded modules that this payload does not have
        self.mismatch: list[str] = []  # preloaded modules whose source is another one here
        self.outdated = False
        self.groups: tuple = ()
        self.calls = 0
        self.pages: list | None = None  # memory a call writes to, when a child has said so


class Payloads:
    """The payloads seen, by digest."""

    def __init__(self, preload, limit: int = 64) -> None:
        self.preload = preload
        self.limit = limit
        self.entries: dict[bytes, Entry] = {}
        self.code: dict[tuple[str, bytes], object] = {}

    def register(self, payload: mmap.mmap) -> tuple[Entry, dict]:
        """Take a wrapper apart, without a copy of the zip. Raises Unknown when it is none of a known ansible-core."""
        start, end = payload.find(ZIP), len(payload) - len(END)
        found = KNOWN.match(payload[: max(start, 0)])
        if not found or payload[end:] != END:
            raise Unknown("not an AnsiballZ module")
        if hashlib.sha256(found["code"]).hexdigest() not in WRAPPERS:
            raise Unknown("the AnsiballZ wrapper of this ansible-core is not known")
        arguments = {"zip_data": None}
        for line in found["arguments"].split(b"\n"):
            name, _equals, value = line.partition(b"=")
            if name == b"date_time":
                arguments["date_time"] = None
            else:
                arguments[name.decode()] = ast.literal_eval(value.decode()[:-1])
        if set(arguments) != ARGUMENTS:
            raise Unknown("the AnsiballZ wrapper has other arguments")
        if arguments["extensions"]:
            raise Unknown("a debugger or coverage is on")
        zipped = memoryview(payload)[start + len(ZIP) : end]
        digest = hashlib.sha256(zipped).digest()
        entry = self.entries.pop(digest, None)
        if entry is None or entry.groups != tuple(self.preload.loaded):
            if entry is not None:
                os.close(entry.fd)
            entry = self.open(base64.b64decode(zipped), digest, arguments["module_fqn"])
        self.entries[digest] = entry  # last is newest
        while len(self.entries) > self.limit:
            os.close(self.entries.pop(next(iter(self.entries))).fd)
        return entry, arguments

    def open(self, data: bytes, digest: bytes, module: str) -> Entry:
        """Compare a zip with what is preloaded, load the groups it is for, and compile its module."""
        buffer = io.BytesIO(data)
        with zipfile.ZipFile(buffer, "a") as archive:
            names = archive.namelist()
            self.preload.want(names)
            archive.writestr(zipfile.ZipInfo("sitecustomize.py"), SITECUSTOMIZE)
        entry = Entry(memfd.sealed("payload", buffer.getvalue()), digest)
        os.dup2(entry.fd, preloading.FD, inheritable=False)
        entry.names = names
        entry.groups = tuple(self.preload.loaded)
        entry.contents = preloading.directory()
        with zipfile.ZipFile(buffer) as archive:
            have = {name for name in names if name.endswith(".py")}
            for name in self.preload.ours():
                path = name.replace(".", "/")
                file = next((f for f in (f"{path}/__init__.py", f"{path}.py") if f in have), None)
                if file is None:
                    entry.purge.append(name)
                elif not self.preload.same(archive, data, file):
                    entry.mismatch.append(name)
                    entry.outdated = entry.outdated or self.preload.outdated(file)
        self.compile(f"{preloading.PATH}/{module.replace('.', '/')}.py", entry)
        return entry

    def compile(self, pathname: str, entry: Entry) -> None:
        """Compile a file of a payload as zipimport would, for the children to find."""
        name = pathname[len(preloading.PATH) + 1 :]
        toc = entry.contents.get(name)
        if toc is None:
            return
        try:
            source = zipimport._get_data(preloading.PATH, toc)
            if (pathname, source) not in self.code:
                self.code[pathname, source] = COMPILE(pathname, source)
        except Exception:  # the module's own fault: the child meets it again, where it belongs
            return
        while len(self.code) > 500:
            del self.code[next(iter(self.code))]
