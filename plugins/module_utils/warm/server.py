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
import gc
import json
import os
import selectors
import signal
import socket
import struct
import subprocess
import time

HEADER = struct.Struct(">IQ")
MAX_META = 64 << 20
MAX_PAYLOAD = 512 << 20
MAX_FDS = 4
MAX_CALLS = 500
PEER = struct.Struct("3i")


class Call:
    """One connection: what has been received so far, and later the child that runs it."""

    def __init__(self, conn: socket.socket) -> None:
        self.conn = conn
        self.data = bytearray()
        self.fds: list[int] = []
        self.pid = 0

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
        """Start time of a process, which tells it from a later one with the same id; empty when it is gone."""
        try:
            with open(f"/proc/{pid}/stat", "rb") as stat:
                return stat.read().rpartition(b")")[2].split()[19].decode()
        except (OSError, IndexError):
            return ""

    def add(self, pid: int, started: str) -> None:
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
        self.shells: dict[tuple, tuple[dict[bytes, bytes], bool]] = {}
        self.runs = Runs()
        self.runs.add(*config["run"])
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
            for key, _ in self.selector.select(timeout=0.5 if not self.calls else 2.0):
                key.data(key.fileobj)
        # A client that connected meanwhile sees the end of its connection, before anything was run, and starts another.
        self.retire()

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
        if self.own_socket():
            os.unlink(self.config["socket"])
        self.selector.unregister(self.listener)
        self.listener.close()

    def accept(self, listener: socket.socket) -> None:
        try:
            conn, _ = listener.accept()
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
        self.calls.pop(call.conn.fileno(), None)
        call.close()
        self.last = time.monotonic()

    def read(self, conn: socket.socket) -> None:
        """Receive a part of a request; fork when it is complete."""
        call = self.calls[conn.fileno()]
        try:
            data, ancillary, _, _ = conn.recvmsg(1 << 20, socket.CMSG_SPACE(MAX_FDS * 4))
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
        meta_size, payload_size = HEADER.unpack_from(call.data)
        if meta_size > MAX_META or payload_size > MAX_PAYLOAD:
            self.drop(call)
            return
        if len(call.data) >= HEADER.size + meta_size + payload_size:
            self.start(call, meta_size)

    def start(self, call: Call, meta_size: int) -> None:
        """Check the request and fork the child that answers it. The child itself says `ready` and waits for `go`."""
        try:
            meta = json.loads(bytes(call.data[HEADER.size : HEADER.size + meta_size]))
            payload = bytes(memoryview(call.data)[HEADER.size + meta_size :])
            call.data = bytearray()
            if len(call.fds) != MAX_FDS:
                raise ValueError("the request came without its descriptors")
            self.runs.add(*meta["run"])
            entry, arguments = self.warm.payloads.register(payload)
            if entry.outdated:
                self.retire()
            environment, direct = self.environment(meta)
        except Exception as ex:
            self.refuse(call, f"{type(ex).__name__}: {ex}")
            return
        # From here on the child does the talking. A client that goes away does not end it, as under `local`.
        self.selector.unregister(call.conn)
        # Children must not copy all there is by collecting it.
        gc.freeze()
        pid = os.fork()
        if pid == 0:
            raise Forked(self, call.conn.fileno(), call.fds, meta, entry, arguments, environment, direct)
        call.pid = pid
        for fd in call.fds:
            os.close(fd)
        call.fds = []

    def refuse(self, call: Call, reason: str) -> None:
        try:
            call.conn.setblocking(True)
            call.conn.settimeout(1)
            call.conn.sendall(json.dumps({"refuse": reason, "retry": False}).encode() + b"\n")
        except OSError:
            pass
        self.drop(call)

    def environment(self, meta: dict) -> tuple[dict[bytes, bytes], bool]:
        """What the shells of a local call make of the client's environment, and whether they exec the interpreter.

        dash drops names that are no identifiers and sets PWD, bash adds _ and SHLVL: asked of the real shells once for
        each environment and directory, with `cat` in the module's place.
        """
        raw = {os.fsencode(k): os.fsencode(v) for k, v in meta["environment"].items()}
        key = (meta["outer"], meta["shell"], meta["cwd"], bool(meta["assignments"]), frozenset(raw.items()))
        if key not in self.shells:
            probe = ("TERRACE_WARM=1 " if meta["assignments"] else "") + "/bin/cat /proc/self/stat /proc/self/environ"
            # The same two shells, in the same way, as ansible.builtin.local uses.
            with subprocess.Popen(  # noqa: S602
                f"{meta['shell']} -c '{probe}'", shell=True, executable=meta["outer"], cwd=meta["cwd"], env=raw,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            ) as process:  # fmt: skip
                out = process.communicate(timeout=10)[0]
            if process.returncode:
                raise ValueError(f"the shell {meta['shell']} failed with {process.returncode}")
            stat, _, rest = out.partition(b"\n")
            seen = dict(item.split(b"=", 1) for item in rest.split(b"\0") if b"=" in item)
            seen.pop(b"TERRACE_WARM", None)
            if seen.get(b"_") == b"/bin/cat":
                seen[b"_"] = os.fsencode(meta["interpreter"])
            if len(self.shells) > 200:
                self.shells.clear()
            self.shells[key] = (seen, int(stat.split()[0]) == process.pid)
        base, direct = self.shells[key]
        return {**base, **{os.fsencode(k): os.fsencode(v) for k, v in meta["assignments"]}}, direct

    def reap(self, _fd: int) -> None:
        """Tell each client how its child ended, and learn from the child what would have been good to have in memory."""
        with contextlib.suppress(BlockingIOError):
            os.read(self.wake_read, 4096)
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            call = next((call for call in self.calls.values() if call.pid == pid), None)
            if self.warm.lessons.learn():
                self.retire()
            if call is None:
                continue
            report = {"status": status, "cpu": usage.ru_utime + usage.ru_stime}
            with contextlib.suppress(OSError):
                call.conn.sendall(json.dumps(report).encode() + b"\n")
            self.drop(call)


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
