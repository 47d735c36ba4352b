# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start of the warm process: detach, listen, preload, say so, serve."""

from __future__ import annotations

import gc
import json
import os
import resource
import sys
import threading
from collections.abc import Callable

from . import child, lessons, models, payload, preload, server


class Warm:
    """The parts of a warm process."""

    def __init__(self, config: dict) -> None:
        with open("/proc/self/comm", "rb") as comm:
            self.comm = comm.read().strip()
        self.child = child
        self.nofile = config["nofile"]
        self.preload = preload.Preload(config)
        self.payloads = payload.Payloads(self.preload)
        self.lessons = lessons.Lessons(self.payloads)

    def generation(self) -> tuple:
        """What changes when there is more in memory than before."""
        return tuple(self.preload.loaded), len(self.payloads.code), len(models.PARSED), len(models.ALIASES)

    def caches(self) -> tuple[dict, ...]:
        """What is filled call by call."""
        return self.payloads.code, models.PARSED, models.BUILT, models.ALIASES, models.SERVICES


def main(config: dict, status: int) -> tuple[tuple[Callable, dict], Callable]:
    """Serve until the end; does not return in the server. Returns in each child, with what launch.Server.boot() has to call.

    `status` is the pipe on which the client that holds the lock waits for one line.
    """
    if os.fork():
        os._exit(0)
    os.setsid()
    os.chdir("/")
    os.umask(0o077)
    null = os.open(os.devnull, os.O_RDWR)
    log = os.open(config["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    os.dup2(null, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    # Room for the high descriptors; a child gets the limit back that it would have had.
    config["nofile"] = soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(4096, soft), hard), hard))
        warm = Warm(config)
        if threading.active_count() > 1 or len(os.listdir("/proc/self/task")) > 1:
            raise RuntimeError("a preloaded library has started a thread")
        gc.collect()
        gc.disable()
        listener = server.listen(config["socket"])
        config["inode"] = os.stat(config["socket"]).st_ino
        child.LIBC.prctl(child.PR_SET_NAME, b"terrace-warm")
        answer = {"ready": os.getpid()}
    except Exception as ex:
        answer = {"error": f"{type(ex).__name__}: {ex}"}
    os.write(status, json.dumps(answer).encode() + b"\n")
    os.close(status)
    forked = None
    if "ready" in answer:
        try:
            server.Server(config, warm, listener, os.getpid()).run()
        except server.Forked as ex:
            forked = ex.args
        except BaseException as ex:
            sys.__excepthook__(type(ex), ex, ex.__traceback__)
    if forked is None:
        sys.stderr.flush()
        os._exit(0)
    return child.prepare(*forked), child.ended
