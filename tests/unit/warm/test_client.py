# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is recognised as a pipelined Python module, and which directories are private."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from plugins.module_utils.warm import command, launch

PAYLOAD = b"#!/usr/bin/python\n_ANSIBALLZ_WRAPPER = True\n"


def shell(inner: str) -> str:
    return f"/bin/sh -c {shlex.quote(inner)}"


def test_a_module_is_recognised() -> None:
    assert command.recognise(shell("/usr/bin/python3"), PAYLOAD) == command.Command("/bin/sh", (), "/usr/bin/python3")


def test_assignments_keep_their_values() -> None:
    value = 'it\'s "q" $HOME `x` ;&|\n\\ ü'
    taken = command.recognise(shell(f"A={shlex.quote(value)} B='' /usr/bin/python3"), PAYLOAD)
    assert taken is not None
    assert taken.assignments == (("A", value), ("B", ""))


def test_what_ansible_adds_up_to_2_20_is_known() -> None:
    taken = command.recognise(shell("A='b c' /usr/bin/python3 && sleep 0"), PAYLOAD)
    assert taken is not None
    assert (taken.after, taken.text()) == (" && sleep 0", "A='b c' /usr/bin/python3")


@pytest.mark.parametrize(
    "inner",
    [
        "/usr/bin/python3 -u",
        "A=$HOME /usr/bin/python3",
        "/usr/bin/python3; true",
        "/usr/bin/python3 && true",
        "/usr/bin/python3 && sleep 1",
        "/usr/bin/python3 && sleep 0 && sleep 0",
        "cd /tmp && /usr/bin/python3",
        "sudo -H -S -n -u other /bin/sh -c 'echo BECOME-SUCCESS-x ; /usr/bin/python3'",
        "A.B=1 /usr/bin/python3",
        "PWD=/x /usr/bin/python3",
        "ü=1 /usr/bin/python3",
        "python3",
        "",
        "'unclosed",
    ],
)
def test_anything_else_is_not(inner: str) -> None:
    assert command.recognise(shell(inner), PAYLOAD) is None


@pytest.mark.parametrize("data", [None, b"", b"#!/usr/bin/python\nprint(1)\n"])
def test_other_input_is_not(data: bytes | None) -> None:
    assert command.recognise(shell("/usr/bin/python3"), data) is None


def test_elsewhere_than_on_linux_there_is_no_warm_process() -> None:
    program = "import sys; sys.platform = 'darwin'\n"
    program += "from ansible_collections.terrace.aws.plugins.connection import warm; print(warm.client)"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3] / "collections")}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout == "None\n", done.stderr


def test_a_private_directory_is_made_private(tmp_path: Path) -> None:
    path = launch.private_directory(str(tmp_path / "s"))
    assert path.stat().st_mode & 0o777 == 0o700


def test_a_link_and_an_open_directory_are_refused(tmp_path: Path) -> None:
    tmp_path.joinpath("open").mkdir(mode=0o755)
    tmp_path.joinpath("private").mkdir(mode=0o700)
    tmp_path.joinpath("link").symlink_to(tmp_path / "private")
    for name in ("open", "link", "private/" + "x" * 100):
        with pytest.raises(command.Unavailable):
            launch.private_directory(str(tmp_path / name))
