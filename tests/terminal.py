"""A terminal: runs a program in it as a person would, and tells what that person saw."""

from __future__ import annotations

import fcntl
import os
import pathlib
import pty
import re
import struct
import termios
import typing as t
from dataclasses import dataclass, field

ROWS, COLUMNS = 24, 80
#: What moves the cursor, a colour, or a character.
PIECES = re.compile(r"\x1b\[([0-9;]*)([A-Za-z])|(.)", re.DOTALL)


@dataclass
class Seen:
    """What was seen.

    :ivar rows: what stands there at the end, scrolled out or not
    :ivar moments: what stood below the lines that stay, each time before it was erased
    :ivar raw: every character that was written
    """

    rows: list[str]
    moments: list[str]
    raw: str
    status: int = 0

    @property
    def text(self) -> str:
        return "\n".join(self.rows)


@dataclass
class _Paper:
    rows: list[list[str]] = field(default_factory=lambda: [[]])
    y: int = 0
    x: int = 0

    def down(self) -> None:
        self.y, self.x = self.y + 1, 0
        if self.y == len(self.rows):
            self.rows.append([])

    def put(self, character: str, columns: int) -> None:
        if self.x == columns:
            self.down()
        row = self.rows[self.y]
        row += " " * (self.x - len(row))
        row[self.x : self.x + 1] = character
        self.x += 1


def read(written: str, columns: int = COLUMNS) -> Seen:
    """What a terminal shows of what was written to it."""
    paper, moments = _Paper(), []
    for number, move, character in PIECES.findall(written):
        if move == "A":
            paper.y -= int(number or 1)
            assert paper.y >= 0, "the cursor left the terminal"
        elif move == "J":
            moments.append("\n".join("".join(row) for row in paper.rows[paper.y :]))
            del paper.rows[paper.y + 1 :], paper.rows[paper.y][paper.x :]
        elif move:
            assert move == "m", f"what is {move}?"
        elif character == "\n":
            paper.down()
        elif character == "\r":
            paper.x = 0
        else:
            paper.put(character, columns)
    return Seen(["".join(row).rstrip() for row in paper.rows], moments, written)


def run(
    command: list[str],
    folder: pathlib.Path,
    environment: dict[str, str],
    columns: int = COLUMNS,
    when: str = "",
    then: t.Callable[[int, int], object] | None = None,
) -> Seen:
    """Run a program in a terminal until it ends.

    :param when: once this has been written, ``then`` is called with the terminal and the program's process
    """
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))
        os.execvpe(command[0], command, environment)
    written = bytearray()
    while True:
        try:
            data = os.read(terminal, 1 << 16)
        except OSError:  # that is how a terminal says that nobody writes to it any more
            data = b""
        if not data:
            break
        written += data
        if then and when in written.decode(errors="replace"):
            then(terminal, pid)
            then = None
    os.close(terminal)
    _pid, status = os.waitpid(pid, 0)
    seen = read(written.decode(), columns)
    seen.status = os.waitstatus_to_exitcode(status)
    return seen
