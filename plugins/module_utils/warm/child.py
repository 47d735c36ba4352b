# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The forked child: becomes what `sh -c 'NAME=value python' < payload` would be, says `ready`, and runs the module at `go`."""

from __future__ import annotations

import _signal
import atexit
import contextlib
import ctypes
import gc
import importlib
import json
import os
import pathlib
import resource
import signal
import socket
import sys
import tempfile
import threading
import time
import zipimport
from collections.abc import Callable

from . import lessons, models, preload, spare

CONNECTION_FD = preload.FD - 1
PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15
LIBC = ctypes.CDLL(None, use_errno=True)
# What Python ignores from its start on.
IGNORED = {signal.SIGPIPE, signal.SIGXFSZ}
SIGNALS = [number for number in signal.valid_signals() if number not in (signal.SIGKILL, signal.SIGSTOP)]


class Refusal(Exception):  # noqa: N818 - an answer, not an error
    """This call cannot be run warm. `retry` when a new server could."""

    def __init__(self, reason: str, retry: bool = False) -> None:
        super().__init__(reason)
        self.retry = retry


KEPT: list = []  # what is the server's and must not be finalized here, because it would close descriptors


def prepare(server, entry, request: tuple, fds: list[int], channel: int) -> tuple[Callable, dict]:
    """Everything from the fork to the start of the module. Returns what runs it; leaves the process when it is not to run.

    `request` is what Server.start() found out; a spare is forked without one and gets it from `channel`.
    """
    try:
        KEPT.extend((server, entry))
        warm = server.warm
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != server.pid:
            os._exit(1)
        become(warm, entry, fds, channel)
        if not request:
            spare.touch(LIBC, entry.pages or ())
            request, fds = spare.wait(CONNECTION_FD)
            take(fds)
            for fd in fds:
                os.close(fd)
        meta, arguments, environment, direct = request
        conn = socket.socket(fileno=CONNECTION_FD)
        conn.setblocking(True)
        try:
            settle(warm, meta, environment)
            answer = {"ready": os.getpid(), "direct": direct, "ahead": channel >= 0, "notes": warm.preload.notes}
        except Refusal as ex:
            if ex.retry:
                lessons.tell({"stale": str(ex)})
            answer = {"refuse": str(ex), "retry": ex.retry}
        conn.sendall(json.dumps(answer).encode() + b"\n")
        if conn.recv(1) != b"G":
            os._exit(0)
        conn.close()
    except Exception as ex:  # the client reads the end of the connection as a refusal
        sys.__excepthook__(type(ex), ex, ex.__traceback__)
        os._exit(70)
    if meta["argv"]:
        sys.argv[:] = meta["argv"]
        if arguments["module_fqn"] == "ansible.modules.async_wrapper":
            from . import job

            job.arrange(sys.argv[-2:], server.config["socket"])
    return loader(entry, arguments)


def take(fds: list[int]) -> None:
    """Give the descriptors of a call their places: the connection a high one, 0, 1, 2, and the directory as cwd."""
    connection, stdin, stdout, stderr, cwd = fds
    os.dup2(connection, CONNECTION_FD, inheritable=False)
    for target, fd in enumerate((stdin, stdout, stderr)):
        os.dup2(fd, target)
    os.fchdir(cwd)


def become(warm, entry, fds: list[int], channel: int) -> None:
    """Descriptors, session, signals and sys.modules of a fresh process, as far as they are the same for every call."""
    # A collection here must not copy all there is.
    gc.freeze()
    gc.enable()
    # What the server found out for itself is no news to it.
    lessons.COMPILED.clear()
    models.MISSED.clear()
    models.ALIASED.clear()
    os.dup2(entry.fd, preload.FD, inheritable=False)
    os.dup2(warm.lessons.write, lessons.FD, inheritable=False)
    if channel >= 0:
        os.dup2(channel, CONNECTION_FD, inheritable=False)
    else:
        take(fds)
    os.closerange(3, lessons.FD)
    os.closerange(preload.FD + 1, preload.FD + 4096)
    resource.setrlimit(resource.RLIMIT_NOFILE, warm.nofile)
    os.setsid()
    os.setsid = setsid
    LIBC.prctl(PR_SET_NAME, warm.comm)
    signal.set_wakeup_fd(-1)
    for number in SIGNALS:
        _signal.signal(number, _signal.SIG_IGN if number in IGNORED else _signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    tempfile.tempdir = None
    for name in (*entry.purge, *(warm.preload.ours() if entry.mismatch else ())):
        forget(name)
    place(entry, warm.preload.loaders)


def settle(warm, meta: dict, environment: dict[bytes, bytes]) -> None:
    """Signals, umask and environment of this call, and what depends on them. Raises Refusal."""
    for number in meta["ignored"]:
        _signal.signal(number, _signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, meta["blocked"])
    os.umask(meta["umask"])
    stale = warm.preload.stale()
    if stale:
        raise Refusal(f"{stale} has changed", retry=True)
    os.environb.clear()
    os.environb.update(environment)
    time.tzset()
    groups, names = warm.preload.differing(dict(os.environ))
    if "base" in groups:
        raise Refusal(f"{', '.join(sorted(names))} is read when Python starts")
    for group in groups:
        for name in warm.preload.loaded[group]:
            forget(name)


def setsid(original=os.setsid) -> None:
    """os.setsid for a module: the child leads a session already, which is what the module wants."""
    if os.getpid() != os.getsid(0):
        original()


def forget(name: str) -> None:
    """Take a module out of sys.modules and off its package, so that an import loads it anew."""
    if sys.modules.pop(name, None) is not None:
        package, _dot, leaf = name.rpartition(".")
        if package in sys.modules:
            sys.modules[package].__dict__.pop(leaf, None)


def place(entry, loaders: list) -> None:
    """Let zipimport see the call's payload where the preloaded one was."""
    zipimport._zip_directory_cache[preload.PATH] = entry.contents
    for path in [path for path in sys.path_importer_cache if path.startswith(preload.PATH)]:
        del sys.path_importer_cache[path]
    for loader in loaders:
        loader._files = entry.contents
    excluded = {"", ".", preload.PATH, os.path.dirname(os.path.realpath("<stdin>"))}
    sys.path[:] = [preload.PATH] + [path for path in sys.path if path not in excluded]


def loader(entry, arguments: dict) -> tuple[Callable, dict]:
    """What AnsiballZ's wrapper does before it runs the module, and the function and arguments with which it does that."""
    limit = arguments["rlimit_nofile"]
    if limit:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = min(hard, limit)
        if wanted != soft:
            with contextlib.suppress(ValueError):
                resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    # Another process that imports from the payload (a respawned module) cannot say /proc/self.
    outside = f"/proc/{os.getpid()}/fd/{preload.FD}"
    if entry.mismatch:
        sys.path[0] = outside
        zipimport._zip_directory_cache.pop(preload.PATH, None)
    else:
        respawn = sys.modules.get("ansible.module_utils.common.respawn")
        if respawn is not None:
            respawn._ANSIBLE_PARENT_PATH = pathlib.Path(outside)
    return importlib.import_module("ansible.module_utils._internal._ansiballz._loader").run_module, {
        "json_params": arguments["params"].encode(),
        "profile": arguments["profile"],
        "module_fqn": arguments["module_fqn"],
        "modlib_path": outside,
        "extensions": {},
    }


def ended(ex: BaseException | None) -> None:
    """What Python does when the main program has ended, with or without an exception. Does not return."""
    status = 70
    try:
        if isinstance(ex, SystemExit):
            status = exit_status(ex.code)
        elif ex is None:
            status = 0
        else:
            # By now the wrapper would have removed the payload: no lines of source in the traceback.
            os.close(preload.FD)
            zipimport._zip_directory_cache.clear()
            sys.excepthook(type(ex), ex, ex.__traceback__)
            status = 1
        died = isinstance(ex, KeyboardInterrupt)
        if ex is not None:
            # The frames of the module hang on it, and with them what is to be finalized.
            ex.__traceback__ = ex.__context__ = ex.__cause__ = None
        status = finish(status, died, KEPT[1])
    finally:
        os._exit(status)


def exit_status(code: object) -> int:
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    sys.stderr.write(f"{code}\n")
    return 1


def finish(status: int, died: bool, entry) -> int:
    """End as Python does: threads, atexit, objects with a finalizer, standard streams. Without freeing what was preloaded."""
    told = {"models": models.MISSED, "aliases": models.ALIASED, "code": lessons.COMPILED}
    if entry.pages is None and entry.calls >= spare.AGAIN:
        with contextlib.suppress(OSError):
            told["pages"] = spare.touched()
    if any(told.values()):
        lessons.tell({**told, "payload": entry.digest.hex()})
    for step in (threading._shutdown, atexit._run_exitfuncs, gc.collect):
        try:
            step()
        except BaseException as ex:
            sys.excepthook(type(ex), ex, ex.__traceback__)
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None and not stream.closed:
                stream.flush()
        except BaseException as ex:
            if stream is sys.stdout:
                status = 120
                with contextlib.suppress(BaseException):
                    sys.stderr.write(f"Exception ignored in: {stream!r}\n{type(ex).__name__}: {ex}\n")
    if died:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    return status
