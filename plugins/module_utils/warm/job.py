# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`async`: Ansible's own async_wrapper, run in a child, starts the module as another child instead of a new Python.

The wrapper itself is not changed: the file of the job, the daemon and the time limit are its own. Only the process it starts is
another one. When that cannot be had the wrapper starts it as ever; a module is not run twice.
"""

from __future__ import annotations

import linecache
import os
import subprocess
from collections.abc import Callable

from . import client, command, launch

TIMEOUT = 60.0


def arrange(expected: list[str], socket: str) -> None:
    """Before the wrapper starts: give it a Popen that asks the warm process at this socket for this one command."""
    subprocess.Popen = popen(expected, socket)
    # By the time it fails, its own payload would be gone: no lines of source in its tracebacks.
    linecache.getlines = lambda *_args: []


def popen(expected: list[str], socket: str, original: type = subprocess.Popen) -> Callable:
    """A stand-in for subprocess.Popen, for the one command the wrapper starts with it; any other one is the real one's."""

    def start(args, **options):
        if [os.fsdecode(word) for word in args] != expected:
            return original(args, **options)  # pylint: disable=ansible-bad-function
        try:
            return Started(run(expected, socket))
        except (command.Unavailable, OSError):
            return original(args, **options)  # pylint: disable=ansible-bad-function

    return start


def run(expected: list[str], socket: str) -> client.Result:
    """Run the module to its end. Raises Unavailable or OSError when nothing has been run."""
    interpreter, path = expected
    with open(path, "rb") as file:
        payload = file.read()
    conn = launch.connect(socket)
    if conn is None:
        raise command.Unavailable("the server is gone")
    called = command.Command("", (), interpreter, (path,))
    return client.run(conn, called, payload, "", None, TIMEOUT, bound=True)


class Started:
    """What the wrapper uses of a Popen."""

    def __init__(self, result: client.Result) -> None:
        self.result = result

    def communicate(self) -> tuple[str, str]:
        """Both streams as text, line ends as subprocess makes them."""
        streams = (self.result.stdout, self.result.stderr)
        texts = (stream.decode("utf-8", "surrogateescape") for stream in streams)
        out, err = (text.replace("\r\n", "\n").replace("\r", "\n") for text in texts)
        return out, err
