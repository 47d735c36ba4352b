# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible's side of the warm connection: run one call at a warm process.

Until `go` is sent a failure raises Unavailable and nothing has been run; after it the module counts as started, whatever
happens, and is never run again.
"""

from __future__ import annotations

import _signal
import contextlib
import dataclasses
import json
import os
import re
import select
import shlex
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Callable

from . import memfd
from .command import Command, Unavailable
from .launch import receive_line, this_run

HEADER = struct.Struct(">I")
# Compared as plain numbers: the names that `signal` gives them take longer than the question.
NUMBERS = tuple(int(number) for number in signal.valid_signals() if number not in (signal.SIGPIPE, signal.SIGXFSZ))


@dataclasses.dataclass(frozen=True)
class Result:
    """What Popen would have given, and for those who want to know how it came about."""

    returncode: int
    stdout: bytes
    stderr: bytes
    pid: int
    cpu: float | None  # seconds, of the module's process; None when the server died
    notes: tuple[str, ...] = ()
    ahead: bool = False  # it was forked before the call


def run(conn: socket.socket, command: Command, payload: bytes, outer: str, cwd: str | bytes | None, timeout: float,
        bound: bool = False) -> Result:  # fmt: skip
    """Run one call over a connection. Raises Unavailable as long as nothing has been run.

    `bound` is for a job: without shells, with this very environment, and the module is killed when this process ends.
    """
    pipes: list[int] = []
    try:
        stdin, stdin_end = os.pipe2(os.O_CLOEXEC)
        os.close(stdin_end)
        pipes.append(stdin)
        for _try in range(2):
            pipes += os.pipe2(os.O_CLOEXEC)
        out, out_end, err, err_end = pipes[1:]
        pipes.append(os.open(cwd or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
        given = [stdin, out_end, err_end, pipes[-1]]
        if bound:
            alive, life = os.pipe2(os.O_CLOEXEC)
            pipes += [alive, life]  # the other end is closed with this process, or at the end of the call
            given.append(alive)
        pipes.append(memfd.sealed("payload", payload))
        given.append(pipes[-1])
        line = prepare(conn, command, outer, cwd, given, timeout)
        for fd in given:
            pipes.remove(fd)
            os.close(fd)
        with forwarded_signals(line["ready"]):
            try:
                conn.sendall(b"G")
            except OSError as ex:
                raise Unavailable(f"the server went away: {ex.strerror}") from ex
            return collect(conn, out, err, line, command, outer)
    finally:
        for fd in pipes:
            os.close(fd)
        conn.close()


def send(conn: socket.socket, meta: dict, fds: list[int], timeout: float) -> None:
    """Send a request and its descriptors. Raises OSError."""
    raw = json.dumps(meta).encode()
    request = HEADER.pack(len(raw)) + raw
    conn.settimeout(timeout)
    conn.sendall(request[socket.send_fds(conn, [request], fds) :])


def announce(conn: socket.socket, payload: bytes, timeout: float) -> None:
    """Tell a warm process of a module that is going to be called, and wait until it is ready for it. Raises OSError."""
    with conn, os.fdopen(memfd.sealed("payload", payload), "rb", buffering=0) as kept:
        send(conn, {"announced": True, "run": this_run()}, [kept.fileno()], timeout)
        while conn.recv(4096):
            pass


def prepare(conn: socket.socket, command: Command, outer: str, cwd: str | bytes | None, fds: list[int],
            timeout: float) -> dict:  # fmt: skip
    """Send the request and wait for `ready`. Raises Unavailable."""
    os.umask(umask := os.umask(0o077))
    meta = {
        "outer": outer, "shell": command.shell, "interpreter": command.interpreter, "assignments": command.assignments,
        "environment": dict(os.environ), "cwd": os.fsdecode(cwd or os.getcwd()), "umask": umask,
        "ignored": [number for number in NUMBERS if _signal.getsignal(number) == _signal.SIG_IGN],
        "blocked": list(_signal.pthread_sigmask(_signal.SIG_BLOCK, ())),
        "run": this_run(), "bound": len(fds) > 5, "argv": command.arguments, "after": command.after,
    }  # fmt: skip
    try:
        send(conn, meta, fds, timeout)
        answer = receive_line(conn.fileno(), time.monotonic() + timeout)
        line = json.loads(answer) if answer else {"refuse": "the server went away", "retry": True}
    except (OSError, ValueError) as ex:
        raise Unavailable(f"the server went away: {ex}", retry=True) from ex
    if "ready" not in line:
        if "status" in line:
            line = {"refuse": f"the child ended with status {line['status']} before the call", "retry": True}
        if line.get("retry"):
            # By the time the connection is closed the process has put its socket away, and no second try finds it.
            with contextlib.suppress(OSError):
                conn.shutdown(socket.SHUT_WR)
                while conn.recv(4096):
                    pass
        raise Unavailable(line.get("refuse", "no answer"), line.get("retry", False))
    conn.settimeout(None)
    return line


class forwarded_signals:  # noqa: N801 - used as a statement
    """While a module runs, what would reach it as a member of this process's group is passed on to it and its group."""

    def __init__(self, group: int) -> None:
        self.group = group
        self.previous: dict[int, Callable] = {}

    def __enter__(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            handler = signal.getsignal(number)
            if callable(handler):
                self.previous[number] = handler
                signal.signal(number, self.forward)

    def forward(self, number: int, frame: object) -> None:
        with contextlib.suppress(OSError):
            os.killpg(self.group, number)
        self.previous[number](number, frame)

    def __exit__(self, *_exc: object) -> None:
        for number, handler in self.previous.items():
            signal.signal(number, handler)


def shells_say(number: int, core: bool, pid: int, command: Command, outer: str) -> tuple[int, bytes]:
    """What the shells of a local call make of a command that a signal ended: their exit status and message.

    Asked of the shells themselves: the same two, with a shell in the module's place that sends itself the signal.
    """
    assignment = "TERRACE_WARM=1 " if command.assignments else ""
    asked = f"{assignment}/bin/sh -c {shlex.quote(f'ulimit -c 0; kill -{number} $$')}"
    # There is no module here whose run_command could be called; the shells are those of ansible.builtin.local.
    done = subprocess.run(  # noqa: S602  # pylint: disable=ansible-bad-function
        f"{command.shell} -c {shlex.quote(asked + command.after)}", shell=True, executable=outer, capture_output=True,
        stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    said, named, rest = done.stderr.partition(asked.encode())
    if named:  # by bash, when there is another command to come: "line 1: PID Killed (core dumped) COMMAND"
        said = re.sub(rb"(?<=: ) *\d+(?= )", b"%5d" % pid, said) + (b"(core dumped) " if core else b"")
        return done.returncode, said + os.fsencode(command.text()) + rest
    if core and said.endswith(b"\n"):
        said = said[:-1] + b" (core dumped)\n"
    return done.returncode, said


def collect(conn: socket.socket, out: int, err: int, line: dict, command: Command, outer: str) -> Result:
    """Read both streams to their end and the report of how the child ended."""
    chunks: dict[int, list[bytes]] = {out: [], err: [], conn.fileno(): []}
    poll = select.poll()
    for fd in chunks:
        poll.register(fd, select.POLLIN)
    left = set(chunks)
    while left:
        for fd, _event in poll.poll():
            try:
                data = os.read(fd, 1 << 18)
            except ConnectionResetError:
                data = b""
            if data:
                chunks[fd].append(data)
            if not data or (fd == conn.fileno() and data.endswith(b"\n")):
                poll.unregister(fd)
                left.discard(fd)
    try:
        report = json.loads(b"".join(chunks[conn.fileno()]))
        status, cpu = report["status"], report["cpu"]
    except ValueError:  # the server is gone, and with it, by its parent-death signal, the child
        status, cpu = int(signal.SIGKILL), None
    code = os.waitstatus_to_exitcode(status)
    if code < 0 and not line["direct"]:
        code, said = shells_say(-code, os.WCOREDUMP(status), line["ready"], command, outer)
        chunks[err].append(said)
    notes = tuple(line.get("notes", ()))
    return Result(
        code, b"".join(chunks[out]), b"".join(chunks[err]), line["ready"], cpu, notes, bool(line.get("ahead"))
    )
