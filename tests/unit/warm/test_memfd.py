# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A payload is handed over in memory that nobody can change under the process that reads it."""

from __future__ import annotations

import mmap
import os

import pytest

from plugins.module_utils.warm import memfd


def test_what_was_written_is_read_without_a_file_name() -> None:
    fd = memfd.sealed("payload", b"x" * 200_000)
    with memfd.view(fd, 1 << 20) as view:
        assert view[:] == b"x" * 200_000
    assert os.stat(fd).st_nlink == 0
    os.close(fd)


def test_it_cannot_be_changed_any_more() -> None:
    fd = memfd.sealed("payload", b"before")
    for change in (lambda: os.write(fd, b"after"), lambda: os.ftruncate(fd, 1), lambda: mmap.mmap(fd, 6)):
        with pytest.raises(PermissionError):
            change()
    os.close(fd)


def test_one_that_can_be_changed_is_refused() -> None:
    fd = os.memfd_create("payload", os.MFD_ALLOW_SEALING)
    os.write(fd, b"payload")
    with pytest.raises(ValueError, match="can still be changed"):
        memfd.view(fd, 100)
    os.close(fd)


@pytest.mark.parametrize("size", [0, 101])
def test_an_empty_and_a_large_one_are_refused(size: int) -> None:
    fd = memfd.sealed("payload", b"x" * size)
    with pytest.raises(ValueError, match="empty or too large"):
        memfd.view(fd, 100)
    os.close(fd)
