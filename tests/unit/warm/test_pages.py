# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps a child from copying its parent's memory during a call; the kernel's count of page faults is the judge."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = "ansible_collections.terrace.aws.plugins.module_utils.warm"
COLLECTIONS = Path(__file__).parents[3] / "collections"
PROGRAM = f"""
import ctypes, os, resource, sys
from {PACKAGE} import immortal, spare
held = [[str(number) + "x"] for number in range(40_000)]


def work():
    copy = [text for item in held for text in item]
    return len(copy)


def faults(before=lambda: None):
    read, write = os.pipe()
    if not (pid := os.fork()):
        before()
        start = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        assert work() == 40_000
        os.write(write, str(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - start).encode())
        os._exit(0)
    os.close(write)
    assert os.waitpid(pid, 0)[1] == 0
    return int(os.read(read, 100))


def learn():
    read, write = os.pipe()
    if not (pid := os.fork()):
        work()
        os.write(write, repr(spare.touched()).encode())
        os._exit(0)
    os.close(write)
    with open(read) as said:
        return eval(said.read())
"""


def run(lines: str) -> list[int]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM + lines], capture_output=True, text=True, timeout=120,
        env={**os.environ, "PYTHONPATH": str(COLLECTIONS)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [int(word) for word in done.stdout.split()]


@pytest.mark.skipif(
    not (3, 12) <= sys.version_info[:2] <= (3, 14), reason="immortal objects are of Python 3.12 to 3.14"
)
def test_a_child_copies_fewer_pages_of_immortal_objects() -> None:
    before, after, again = run(
        "print(faults(), end=' '); immortal.everything(); print(faults(), immortal.everything())"
    )
    assert before > 500
    assert after < before / 4
    assert again < 1000, "what is immortal is met a second time"


@pytest.mark.skipif(
    not (3, 12) <= sys.version_info[:2] <= (3, 14), reason="immortal objects are of Python 3.12 to 3.14"
)
def test_what_comes_later_is_found_where_it_is_kept() -> None:
    code, text, other = run("""
cache, elsewhere = {}, {}
immortal.everything()
cache["code"] = compile("1 + 1", "later", "eval")
cache["text"], elsewhere["text"] = (os.urandom(4).hex() for _ in range(2))
immortal.everything(cache)
print(*(int(sys.getrefcount(thing) >= immortal.LEAST) for thing in (*cache.values(), elsewhere["text"])))
""")
    assert (code, text) == (1, 1)
    assert other == 0, "the test shows nothing when that is found, too"


def test_pages_touched_before_the_call_cost_nothing_in_it() -> None:
    before, after = run(
        "libc = ctypes.CDLL(None); known = learn(); print(faults(), faults(lambda: spare.touch(libc, known)))"
    )
    assert before > 500
    assert after < before / 2


def test_memory_on_huge_pages_is_the_same_and_has_a_smaller_page_table() -> None:
    said, before, after, alike = run("""
text = bytes(range(256)) * (32 << 12)
grown = [bytearray(text) for _ in range(2)]
def huge():
    with open("/proc/self/smaps_rollup") as rollup:
        return next(int(line.split()[1]) << 10 for line in rollup if line.startswith("AnonHugePages:"))
before = huge()
print(immortal.collapse(ctypes.CDLL(None)), before, huge(), int(all(each == text for each in grown)))
""")
    if not said:
        pytest.skip("this kernel does not collapse memory into huge pages on request")
    assert alike
    assert after >= before
    assert after >= 32 << 20, "most of two blocks of 32 MiB"
