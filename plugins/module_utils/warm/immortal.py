# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make what is preloaded immortal (PEP 683), so that a child does not copy its pages by counting references.

Python counts references in the object itself. Each preloaded object a child merely looks at makes the kernel copy the page
it lies on: some thousand pages a call. An immortal object is not counted. Nothing that is preloaded is ever freed anyway.
There is no Python interface; the count is written to memory, in the layout of Python 3.12 to 3.14, after a try on an object
of our own. Where that does not work, nothing is done and calls cost a little more.
"""

from __future__ import annotations

import ctypes
import gc
import re
import sys
import sysconfig
import types

LEAST = 0xC0000000
ADDRESSES = 1 << 57  # more than a 64-bit Linux gives a program
MADV_COLLAPSE = 25  # Linux 6.1, madvise(2)
HUGE = 2 << 20
RUNNING = (types.FrameType, types.GeneratorType, types.CoroutineType, types.TracebackType)
PARTS = ("co_consts", "co_names", "co_filename", "co_name", "co_qualname", "co_linetable", "co_exceptiontable")


def memory() -> memoryview:
    """The memory of this process as words of 32 bits; the number of a word is its address divided by four."""
    return memoryview((ctypes.c_char * ADDRESSES).from_address(0)).cast("B").cast("I")


def mark() -> int | None:
    """The count of references that an immortal object has in this Python, as None has it; None when that is not known."""
    if sys.implementation.name != "cpython" or not (3, 12) <= sys.version_info[:2] <= (3, 14):
        return None
    if sys.maxsize < 2**32 or sys.byteorder != "little" or sysconfig.get_config_var("Py_GIL_DISABLED"):
        return None
    words = memory()
    count = words[id(None) >> 2]
    if count < LEAST:
        return None
    trial = [object()]
    words[id(trial[0]) >> 2] = count
    before = sys.getrefcount(trial[0])
    held = [trial[0]] * 10
    return count if sys.getrefcount(held[0]) == before >= LEAST else None


def everything(*known: object) -> int:
    """Make every object there is immortal, and hide it from the garbage collector. Returns how many are new.

    To be called when nothing is under way, because what exists now stays. What was hidden before is not looked at again, but for
    what `known` refers to: objects that hold new ones the collector does not keep, such as code.
    """
    immortal = mark()
    if immortal is None:
        new = len(gc.get_objects())
        gc.freeze()
        return new
    count, counted, words = 0, sys.getrefcount, memory()
    level = [thing for thing in gc.get_objects() + gc.get_referents(*known) if counted(thing) < LEAST]
    while level:
        parts: list = []
        for thing in level:
            # A thing can be met twice; running frames belong to whoever runs them.
            if counted(thing) < LEAST and not isinstance(thing, RUNNING):
                words[id(thing) >> 2] = immortal
                count += 1
                # A proxy's __class__, which isinstance asks, would run code of whoever made it.
                if type(thing) is types.CodeType:  # pylint: disable=unidiomatic-typecheck
                    parts += [getattr(thing, name) for name in PARTS]
        parts += gc.get_referents(*level)
        level = [thing for thing in parts if counted(thing) < LEAST]
    gc.freeze()
    return count


def collapse(libc: ctypes.CDLL) -> int:
    """Put this process's memory on huge pages, where there are enough of it in a row: a fork then copies one entry of the
    page table instead of 512, and a child that ends has as many fewer to free. Returns how many bytes; 0 where the kernel cannot.
    """
    done = 0
    with open("/proc/self/maps") as maps:
        # Private memory of no file: what Python's own allocator has, and the heap of C.
        found = re.findall(r"^(\w+)-(\w+) rw-p \w+ 00:00 0 +(?:\[heap\])?$", maps.read(), flags=re.MULTILINE)
    for first, last in found:
        start, end = -(-int(first, 16) // HUGE) * HUGE, int(last, 16) // HUGE * HUGE
        if start < end and not libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), MADV_COLLAPSE):
            done += end - start
    return done
