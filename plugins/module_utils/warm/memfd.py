# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files in memory that nobody can change any more: how payloads are kept, and handed over without a copy."""

from __future__ import annotations

import fcntl
import mmap
import os

SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


def sealed(name: str, data: bytes) -> int:
    """A file that never touches a disk, sealed against changes."""
    fd = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, SEALS)
    return fd


def view(fd: int, limit: int) -> mmap.mmap:
    """The contents of such a file, without a copy. Raises ValueError for another one, and above a limit in bytes."""
    if fcntl.fcntl(fd, fcntl.F_GET_SEALS) & SEALS != SEALS:
        raise ValueError("the payload can still be changed")
    if not 0 < os.fstat(fd).st_size <= limit:
        raise ValueError("the payload is empty or too large")
    return mmap.mmap(fd, 0, access=mmap.ACCESS_READ)
