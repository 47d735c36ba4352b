# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the warm process imports beforehand, and how a child knows that none of it is out of date.

Everything of `ansible` and `ansible_collections` is imported from a zip of the same layout as an AnsiballZ payload, at the
very path at which a call's own payload will lie (PATH), so that file names, package paths and loaders are those of a call.
"""

from __future__ import annotations

import importlib
import io
import os
import struct
import sys
import sysconfig
import tempfile
import zipfile
import zipimport

from . import memfd, models

# The descriptor of the payload. High, so that a module's first open file has the number it would have anyway.
FD = 980
PATH = f"/proc/self/fd/{FD}"
# The header before a file in a zip (APPNOTE 4.3.7): at its end the lengths of the name and of the extra field.
LOCAL_HEADER = struct.Struct("<4s5H3L2H")
OURS = ("ansible", "ansible_collections")

# Modules of ansible.module_utils that every payload holds or that hold values taken from their own path.
BASE = (
    "ansible.module_utils.basic",
    "ansible.module_utils._internal._ansiballz._loader",
    "ansible.module_utils.common.respawn",
    "ansible.module_utils._internal._json._profiles._module_legacy_c2m",
    "ansible.module_utils._internal._json._profiles._module_legacy_m2c",
    "ansible.module_utils._internal._json._profiles._module_modern_c2m",
    "ansible.module_utils._internal._json._profiles._module_modern_m2c",
)

# Group: the collections whose payloads ask for it, and what it imports beside their module_utils.
GROUPS = {
    "aws": (
        ("amazon.aws", "community.aws", "terrace.aws"),
        ("boto3", "boto3.session", "botocore.session", "botocore.client", "botocore.signers", "botocore.waiter",
         "botocore.paginate", "botocore.retries.standard", "botocore.retries.adaptive", "botocore.docs", "s3transfer.manager"),
    ),
    "kubernetes": (
        ("kubernetes.core",),
        ("kubernetes", "kubernetes.client", "kubernetes.config", "kubernetes.dynamic", "jsonpatch"),
    ),
    "postgresql": (("community.postgresql",), ("psycopg", "psycopg.rows", "psycopg.types.json", "psycopg2", "psycopg2.extras")),
}  # fmt: skip


class Environment:
    """Notes which environment variables are read while something is imported."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.original = (os._Environ.__getitem__, os._Environ.__iter__)

    def __enter__(self) -> set[str]:
        getitem, iterate = self.original

        def __getitem__(env, name):  # noqa: N807
            if env is os.environ or env is getattr(os, "environb", None):
                self.names.add(os.fsdecode(name))
            return getitem(env, name)

        def __iter__(env):  # noqa: N807
            self.names.add("*")
            return iterate(env)

        os._Environ.__getitem__, os._Environ.__iter__ = __getitem__, __iter__
        return self.names

    def __exit__(self, *_exc) -> None:
        os._Environ.__getitem__, os._Environ.__iter__ = self.original


class Preload:
    """The imported groups and what they depend on."""

    def __init__(self, config: dict) -> None:
        self.config = config
        self.allowed = set(config["preload"])
        self.loaded: dict[str, set[str]] = {}  # group: names it added to sys.modules
        self.reads: dict[str, set[str]] = {}  # group: variables read at import
        self.values = dict(os.environ)
        self.sources: dict[str, bytes] = {}  # path in the zip: contents
        self.files: dict[str, str] = {}  # path in the zip: file it came from
        self.packed: dict[str, tuple[int, bytes]] = {}  # path in a zip: its contents as they are compressed there
        self.notes: list[str] = []
        self.loaders: list = []  # the zipimporters of what is preloaded
        self.stats: dict[str, tuple | None] = {}
        self.stdlib = tuple(os.path.realpath(sysconfig.get_path(name)) + "/" for name in ("stdlib", "platstdlib"))
        self.site = tuple(sysconfig.get_path(name) for name in ("purelib", "platlib"))
        self.collect()
        os.dup2(memfd.sealed("preload", self.archive()), FD, inheritable=False)
        sys.path[:] = [PATH] + [p for p in sys.path if p not in ("", ".")]
        self.load("base", BASE + tuple(config["modules"]))

    def collect(self) -> None:
        """Read every module_utils file of ansible and of the collections that may be preloaded."""
        config = self.config
        head = b"from pkgutil import extend_path\n__path__=extend_path(__path__,__name__)\n"
        about = f'__version__="{config["version"]}"\n__author__="{config["author"]}"\n'.encode()
        self.add(os.path.join(config["ansible"], "module_utils"), "ansible/module_utils")
        for collection, root in config["collections"].items():
            prefix = f"ansible_collections/{collection.replace('.', '/')}/plugins/module_utils"
            self.add(os.path.join(root, "plugins/module_utils"), prefix)
        for name in list(self.sources):
            while "/" in name:
                name = name.rpartition("/")[0]
                self.sources.setdefault(f"{name}/__init__.py", b"")
        self.sources["ansible/__init__.py"] = head + about
        self.sources["ansible/module_utils/__init__.py"] = head

    def add(self, folder: str, prefix: str) -> None:
        for base, folders, files in os.walk(folder):
            folders[:] = [name for name in folders if name != "__pycache__"]
            for file in files:
                if file.endswith(".py"):
                    path = os.path.join(base, file)
                    name = prefix + path[len(folder) :]
                    with open(path, "rb") as source:
                        self.sources[name] = source.read()
                    self.files[name] = path

    def archive(self) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, source in self.sources.items():
                archive.writestr(zipfile.ZipInfo(name), source)
        return buffer.getvalue()

    def load(self, group: str, modules: tuple[str, ...]) -> None:
        """Import the modules of a group; one that cannot be imported or prints something is left to the children."""
        before = set(sys.modules)
        with Environment() as names:
            for name in modules:
                self.attempt(name)
        self.reads[group] = names
        found = {id(m.__loader__): m.__loader__ for n, m in sys.modules.items() if n.split(".", 1)[0] in OURS}
        self.loaders = [loader for loader in found.values() if hasattr(loader, "_files")]
        self.loaded[group] = set(sys.modules) - before
        if "botocore.loaders" in self.loaded[group]:
            models.install()
        for name in self.loaded[group]:
            self.watch(getattr(sys.modules[name], "__file__", None))
        for entry in sys.path:
            standard = (os.path.realpath(entry) + "/").startswith(self.stdlib)
            if entry != PATH and (not standard or entry in self.site):
                self.stats.setdefault(entry, self.stat(entry))

    def attempt(self, name: str) -> None:
        before = set(sys.modules)
        with tempfile.TemporaryFile() as output:
            saved = os.dup(1), os.dup(2)
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
            error = ""
            try:
                importlib.import_module(name)
            except Exception as ex:
                error = f"{type(ex).__name__}: {ex}"
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os.dup2(saved[0], 1)
                os.dup2(saved[1], 2)
                os.close(saved[0])
                os.close(saved[1])
            printed = output.seek(0, os.SEEK_END)
        if error or printed:
            self.notes.append(f"{name} is not preloaded: {error or 'its import prints something'}")
            for added in set(sys.modules) - before:
                del sys.modules[added]

    def want(self, names: list[str]) -> None:
        """Load the groups that a payload with these files is for, if they are allowed and not there yet."""
        for group, (collections, modules) in GROUPS.items():
            if group in self.loaded or group not in self.allowed:
                continue
            prefixes = tuple(f"ansible_collections/{collection.replace('.', '/')}/" for collection in collections)
            if any(name.startswith(prefixes) for name in names):
                path, sys.path[:] = list(sys.path), [PATH] + [p for p in sys.path if p != PATH]
                utils = tuple(
                    name[:-3].replace("/", ".").removesuffix(".__init__")
                    for name in self.files
                    if name.startswith(prefixes)
                )
                self.load(group, modules + utils)
                sys.path[:] = path

    @staticmethod
    def stat(path: str) -> tuple | None:
        try:
            st = os.stat(path)
        except OSError:
            return None
        return st.st_mtime_ns, st.st_size, st.st_ino

    def watch(self, path: str | None) -> None:
        """Note the state of a file outside the standard library; a child compares before it answers."""
        if path and not path.startswith(PATH) and (not path.startswith(self.stdlib) or path.startswith(self.site)):
            self.stats[path] = self.stat(path)

    def stale(self) -> str:
        """The first file that is not as it was when it was imported, or nothing."""
        for path, seen in self.stats.items():
            if self.stat(path) != seen:
                return path
        return ""

    def differing(self, environment: dict[str, str]) -> tuple[list[str], list[str]]:
        """The groups whose import read a variable that has another value for this call, and the variables."""
        groups, names = [], []
        for group, reads in self.reads.items():
            wrong = [name for name in reads if name != "*" and self.values.get(name) != environment.get(name)]
            if "*" in reads and self.values != environment:
                wrong.append("*")
            if wrong:
                groups.append(group)
                names += wrong
        return groups, names

    def ours(self) -> list[str]:
        return [name for name in sys.modules if name.split(".", 1)[0] in OURS]

    def same(self, archive: zipfile.ZipFile, data: bytes, name: str) -> bool:
        """Whether a file of a zip, whose bytes are `data`, is the preloaded one. What is compressed alike is unpacked once."""
        info = archive.getinfo(name)
        start = info.header_offset + LOCAL_HEADER.size + sum(LOCAL_HEADER.unpack_from(data, info.header_offset)[-2:])
        packed = info.compress_type, data[start : start + info.compress_size]
        if self.packed.get(name) != packed:
            if archive.read(name) != self.sources.get(name):
                return False
            self.packed[name] = packed
        return True

    def outdated(self, name: str) -> bool:
        """Whether the file that a preloaded source came from has changed since."""
        try:
            with open(self.files[name], "rb") as source:
                return source.read() != self.sources[name]
        except (OSError, KeyError):
            return True


def directory() -> dict:
    """The table of contents of the zip that is at PATH now, as zipimport keeps it."""
    return zipimport._read_directory(PATH)
