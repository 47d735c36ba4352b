# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Children forked ahead of the call: a module that has been called before finds a process waiting.

A spare has done all that does not depend on the call (session, signals, its payload in place, memory touched) and nothing of
the module. What depends on the call it is given with it, and does then: descriptors, directory, environment, umask, masks,
and the look at whether a loaded file has changed. It runs one call and ends.
"""

from __future__ import annotations

import array
import contextlib
import ctypes
import marshal
import os
import re
import socket
import time

LIMIT = 4  # spares of a server
IDLE = 60.0  # seconds a spare waits
AGAIN = 2  # calls of a payload from which on a spare is kept
LARGEST = 100_000  # bytes of a request; a larger one gets a child of its own
DESCRIPTORS = 5
PAGE = os.sysconf("SC_PAGE_SIZE")
MADV_POPULATE_WRITE = 23
PRESENT, OF_A_FILE, EXCLUSIVE = 1 << 63, 1 << 61, 1 << 56


class Spare:
    """A child that waits, seen from the server."""

    def __init__(self, pid: int, channel: socket.socket, entry: object, generation: tuple) -> None:
        self.pid = pid
        self.channel = channel
        self.entry = entry
        self.generation = generation
        self.since = time.monotonic()


class Spares:
    """The spares of a server; at most one a payload."""

    def __init__(self) -> None:
        self.waiting: list[Spare] = []

    def take(self, entry: object, generation: tuple, request: tuple, fds: list[int]) -> int:
        """Give a request and its descriptors to a spare. Returns its process id, or 0 when there is none fit for it."""
        spare = next((spare for spare in self.waiting if spare.entry is entry), None)
        if spare is None:
            return 0
        self.waiting.remove(spare)
        with contextlib.closing(spare.channel):
            data = marshal.dumps(request)
            if spare.generation != generation or len(data) > LARGEST:
                return 0
            try:
                socket.send_fds(spare.channel, [data], fds)
            except OSError:  # it was killed
                return 0
        return spare.pid

    def wanted(self, entry, generation: tuple) -> bool:
        """Whether to fork a spare for this payload now; one that knows less than the server is let go."""
        self.waiting, old = [s for s in self.waiting if s.generation == generation], self.waiting
        for spare in old:
            if spare not in self.waiting:
                spare.channel.close()
        return entry.calls >= AGAIN and not any(spare.entry is entry for spare in self.waiting)

    def add(self, spare: Spare) -> None:
        self.waiting.append(spare)
        while len(self.waiting) > LIMIT:
            self.waiting.pop(0).channel.close()

    def drop(self, seconds: float = 0.0) -> None:
        """Let those go that have waited for so long: they read the end of the channel and exit."""
        until = time.monotonic() - seconds
        while self.waiting and self.waiting[0].since <= until:
            self.waiting.pop(0).channel.close()


def wait(channel: int) -> tuple[tuple, list[int]]:
    """In the spare: wait for the request. Leaves the process when none will come."""
    with socket.socket(fileno=channel) as end:
        end.setblocking(True)
        data, fds, _flags, _address = socket.recv_fds(end, 2 * LARGEST, DESCRIPTORS)
    if not data or len(fds) != DESCRIPTORS:
        os._exit(0)
    return marshal.loads(data), fds  # noqa: S302 - from the process this one was forked from


def touched() -> list[tuple[int, int]]:
    """Address and length of the memory this process no longer shares with its parent, from /proc/self/pagemap."""
    found: list[tuple[int, int]] = []
    with open("/proc/self/maps") as maps, open("/proc/self/pagemap", "rb", buffering=0) as pagemap:
        for first, last in re.findall(r"^(\w+)-(\w+) rw.p", maps.read(), flags=re.MULTILINE):
            start, end = int(first, 16), int(last, 16)
            pagemap.seek(start // PAGE * 8)
            flags = array.array("Q", pagemap.read((end - start) // PAGE * 8))
            for number, flag in enumerate(flags):
                if flag & PRESENT and flag & EXCLUSIVE and not flag & OF_A_FILE:
                    at = start + number * PAGE
                    if found and sum(found[-1]) == at:
                        found[-1] = (found[-1][0], found[-1][1] + PAGE)
                    else:
                        found.append((at, PAGE))
    return found


def touch(libc: ctypes.CDLL, ranges: list) -> None:
    """Copy the pages a call will write to, before it comes. Contents stay; what is not mapped here is passed over."""
    for at, length in ranges:
        libc.madvise(ctypes.c_void_p(at), ctypes.c_size_t(length), MADV_POPULATE_WRITE)
