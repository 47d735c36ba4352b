# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The warm process: preloads, listens on a private Unix socket and forks a child a call.

It runs under the interpreter of the modules (Python 3.9 or later), not under Ansible's, and is started by
launch.Server.start() through standard input, so that its interpreter state is that of `python < module`.
One thread, one event loop. It never runs module code itself; a child does, see child.py.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import selectors
import signal
import socket
import struct
import time

from . import immortal, memfd, shells, spare

HEADER = struct.Struct(">I")
MAX_META = 64 << 20
MAX_PAYLOAD = 512 << 20
MAX_FDS = 6
MAX_CALLS = 500
UNSETTLED = 8
MANY = 20_000  # objects, some MiB
PEER = struct.Struct("3i")


class Call:
    """One connection: what has been received so far, and later the child that runs it."""

    def __init__(self, conn: socket.socket) -> None:
        self.conn = conn
        self.data = bytearray()
        self.fds: list[int] = []
        self.pid = 0
        self.entry = None
        self.life = -1

    def watch(self, selector, fd: int) -> None:
        """Kill the module when the process that started it has ended, as the time limit of a job kills both."""
        self.life = fd
        selector.register(fd, selectors.EVENT_READ, lambda _: self.kill(selector))

    def kill(self, selector) -> None:
        selector.unregister(self.life)
        os.close(self.life)
        self.life = -1
        with contextlib.suppress(OSError):
            os.killpg(self.pid, signal.SIGKILL)

    def close(self) -> None:
        for fd in self.fds:
            os.close(fd)
        self.fds = []
        self.conn.close()


class Forked(BaseException):
    """Raised in the child, so that it leaves the event loop and its stack is that of a module."""


class Runs:
    """The ansible runs that use this server, so that it ends when the last of them has."""

    def __init__(self) -> None:
        self.seen: dict[tuple, int | None] = {}

    @staticmethod
    def started(pid: int) -> str:
        """Start time of a process, which tells it from a later one with the same id; empty when it has ended."""
        try:
            with open(f"/proc/{pid}/stat", "rb") as stat:
                fields = stat.read().rpartition(b")")[2].split()
            return "" if fields[0] in (b"Z", b"X") else fields[19].decode()
        except (OSError, IndexError):
            return ""

    def add(self, pid: int, started: str) -> None:
        """Stay for a run; one that has ended before it was looked at has no start time."""
        if started:
            self.seen.setdefault((pid, started), None)

    def alive(self) -> bool:
        for run in [run for run in self.seen if self.started(run[0]) != run[1]]:
            del self.seen[run]
        return bool(self.seen)


class Server:
    """The event loop."""

    def __init__(self, config: dict, warm, listener: socket.socket, pid: int) -> None:
        self.config = config
        self.warm = warm
        self.listener = listener
        self.pid = pid
        self.retired = False
        self.calls: dict[int, Call] = {}
        self.shells = shells.Shells()
        self.runs = Runs()
        self.runs.add(*config["run"])
        self.spares = spare.Spares()
        self.settled: tuple = ()  # the generation that was made immortal
        self.since = 0  # calls since then
        self.last = time.monotonic()
        self.selector = selectors.DefaultSelector()
        self.wake_read, self.wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def run(self) -> None:
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self.wake_write, warn_on_full_buffer=False)
        self.listener.setblocking(False)
        self.selector.register(self.listener, selectors.EVENT_READ, self.accept)
        self.selector.register(self.wake_read, selectors.EVENT_READ, self.reap)
        while not self.finished():
            ready = self.selector.select(timeout=self.patience())
            for key, _events in ready:
                key.data(key.fileobj)
            self.settle(idle=not ready)
        # A client that connected meanwhile sees the end of its connection, before anything was run, and starts another.
        self.retire()

    def patience(self) -> float:
        if self.calls:
            return 2.0
        return 0.1 if self.settled != self.warm.generation() else 0.5

    def settle(self, idle: bool) -> None:
        """Between calls: make immortal what was loaded, when there is time or when it has not been done for long."""
        self.spares.drop(spare.IDLE)
        if self.calls or self.retired or not (idle or self.since > UNSETTLED):
            return
        generation = self.warm.generation()
        if generation == self.settled:
            return
        self.settled, self.since = generation, 0
        ahead = [waiting.entry for waiting in self.spares.waiting]
        self.spares.drop()
        if immortal.everything(*self.warm.caches()) > MANY:
            immortal.collapse(self.warm.child.LIBC)
            for entry in self.warm.payloads.entries.values():
                entry.pages = None
        for entry in ahead:
            self.fork_ahead(entry)

    def finished(self) -> bool:
        """Nothing in flight, and retired, idle for too long, socket taken away or every run gone."""
        if self.calls:
            return False
        if self.retired:
            return True
        idle = time.monotonic() - self.last
        if idle > self.config["idle"] or not self.own_socket():
            return True
        return not self.runs.alive() and idle > self.config["linger"]

    def own_socket(self) -> bool:
        try:
            return os.stat(self.config["socket"]).st_ino == self.config["inode"]
        except OSError:
            return False

    def retire(self) -> None:
        """Take no new call: what was preloaded is out of date. The next client starts a new server."""
        if self.retired:
            return
        self.retired = True
        self.spares.drop()
        if self.own_socket():
            os.unlink(self.config["socket"])
        self.selector.unregister(self.listener)
        self.listener.close()

    def accept(self, listener: socket.socket) -> None:
        try:
            conn, _address = listener.accept()
        except OSError:
            return
        peer = PEER.unpack(conn.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, PEER.size))
        if peer[1] != os.geteuid() or len(self.calls) > MAX_CALLS:
            conn.close()
            return
        conn.setblocking(False)
        self.selector.register(conn, selectors.EVENT_READ, self.read)
        self.calls[conn.fileno()] = Call(conn)
        self.last = time.monotonic()

    def drop(self, call: Call) -> None:
        """Forget a connection."""
        with contextlib.suppress(KeyError):
            self.selector.unregister(call.conn)
        if call.life >= 0:
            self.selector.unregister(call.life)
            os.close(call.life)
        self.calls.pop(call.conn.fileno(), None)
        call.close()
        self.last = time.monotonic()

    def read(self, conn: socket.socket) -> None:
        """Receive a part of a request; fork when it is complete."""
        call = self.calls[conn.fileno()]
        try:
            data, ancillary, _flags, _address = conn.recvmsg(1 << 16, socket.CMSG_SPACE(MAX_FDS * 4))
        except BlockingIOError:
            return
        except OSError:
            data, ancillary = b"", []
        for level, kind, raw in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                call.fds += [fd for (fd,) in struct.iter_unpack("i", raw[: len(raw) - len(raw) % 4])]
        if not data or len(call.fds) > MAX_FDS:
            self.drop(call)
            return
        call.data += data
        if len(call.data) < HEADER.size:
            return
        (size,) = HEADER.unpack_from(call.data)
        if size > MAX_META:
            self.drop(call)
            return
        if len(call.data) >= HEADER.size + size:
            self.start(call)

    def start(self, call: Call) -> None:
        """Check the request and fork the child that answers it. The child itself says `ready` and waits for `go`."""
        try:
            meta = json.loads(call.data[HEADER.size :])
            call.data = bytearray()
            announced = meta.get("announced", False)
            if len(call.fds) != (1 if announced else 6 if meta["bound"] else 5):
                raise ValueError("the request came without its descriptors")
            self.runs.add(*meta["run"])
            with os.fdopen(call.fds.pop(), "rb", buffering=0) as payload:
                entry, arguments = self.warm.payloads.register(memfd.view(payload.fileno(), MAX_PAYLOAD))
            if entry.outdated:
                self.retire()
            if announced:
                self.drop(call)
                return
            environment, direct = self.shells.environment(meta)
            if meta["bound"]:
                call.watch(self.selector, call.fds.pop())
        except Exception as ex:
            self.refuse(call, f"{type(ex).__name__}: {ex}")
            return
        # From here on the child does the talking. A client that goes away does not end it, as under `local`.
        self.selector.unregister(call.conn)
        entry.calls += 1
        self.since += 1
        call.entry = entry
        request = (meta, arguments, environment, direct)
        fds = [call.conn.fileno(), *call.fds]
        call.pid = self.spares.take(entry, self.warm.generation(), request, fds) or self.fork(entry, request, fds)
        for fd in call.fds:
            os.close(fd)
        call.fds = []

    def fork(self, entry, request: tuple = (), fds: list[int] | None = None, channel: int = -1) -> int:
        pid = os.fork()
        if pid == 0:
            raise Forked(self, entry, request, fds or [], channel)
        return pid

    def fork_ahead(self, entry) -> None:
        """Fork the child of the next call of this payload, if it is one that is called repeatedly."""
        generation = self.warm.generation()
        if self.retired or self.warm.payloads.entries.get(entry.digest) is not entry:
            return
        if self.spares.wanted(entry, generation):
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            channel = theirs.detach()
            pid = self.fork(entry, channel=channel)
            os.close(channel)
            ours.settimeout(1)
            self.spares.add(spare.Spare(pid, ours, entry, generation))

    def refuse(self, call: Call, reason: str) -> None:
        try:
            call.conn.setblocking(True)
            call.conn.settimeout(1)
            call.conn.sendall(json.dumps({"refuse": reason, "retry": False}).encode() + b"\n")
        except OSError:
            pass
        self.drop(call)

    def reap(self, _fd: int) -> None:
        """Tell each client how its child ended, and learn from the child what would have been good to have in memory."""
        with contextlib.suppress(BlockingIOError):
            os.read(self.wake_read, 4096)
        done = []
        with contextlib.suppress(ChildProcessError):
            while (ended := os.wait4(-1, os.WNOHANG))[0]:
                done.append(ended)
        if self.warm.lessons.receive():
            self.retire()
        entries = []
        for pid, status, usage in done:
            call = next((call for call in self.calls.values() if call.pid == pid), None)
            if call is None:  # a spare that was let go
                continue
            report = {"status": status, "cpu": usage.ru_utime + usage.ru_stime}
            with contextlib.suppress(OSError):
                call.conn.sendall(json.dumps(report).encode() + b"\n")
            self.drop(call)
            entries.append(call.entry)
        # Nobody waits for this.
        self.warm.lessons.learn()
        for entry in entries:
            self.fork_ahead(entry)


def listen(path: str) -> socket.socket:
    """A listening socket at a path; an earlier one there is known to be dead, because the caller holds the lock."""
    try:
        os.unlink(path)
    except OSError as ex:
        if ex.errno != errno.ENOENT:
            raise
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    os.chmod(path, 0o600)
    listener.listen(512)
    return listener
