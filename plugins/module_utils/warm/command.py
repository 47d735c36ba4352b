# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one command that can be run warm, a pipelined Python module: recognised and taken apart."""

from __future__ import annotations

import dataclasses
import os
import re
import shlex

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
# Variables to which a shell itself gives a meaning, or which it refuses to set.
SHELLS_OWN = frozenset(
    ("BASHOPTS", "BASH_ENV", "BASH_VERSINFO", "ENV", "EUID", "GROUPS", "IFS", "LINENO", "OLDPWD", "OPTIND", "POSIXLY_CORRECT",
     "PPID", "PWD", "RANDOM", "SECONDS", "SHELLOPTS", "SHLVL", "UID", "_")
)  # fmt: skip


class Unavailable(Exception):  # noqa: N818 - an answer, not an error
    """The call cannot be run warm; nothing of it has been run."""

    def __init__(self, reason: str, retry: bool = False) -> None:
        super().__init__(reason)
        self.retry = retry


@dataclasses.dataclass(frozen=True)
class Command:
    """`shell -c 'NAME=value … interpreter'`, taken apart."""

    shell: str
    assignments: tuple[tuple[str, str], ...]
    interpreter: str


def recognise(cmd: str, in_data: bytes | None) -> Command | None:
    """Take the command of a pipelined Python module apart; None when it is anything else.

    The parts are put together again and compared, so what is recognised holds no shell syntax whatever.
    """
    if not in_data or b"_ANSIBALLZ_WRAPPER" not in in_data[:4096]:
        return None
    try:
        shell, flag, inner = shlex.split(cmd)
        words = shlex.split(inner)
    except ValueError:
        return None
    if flag != "-c" or cmd != f"{shell} -c {shlex.quote(inner)}" or not words:
        return None
    *assigned, interpreter = words
    pairs = tuple((name, value) for name, _, value in (word.partition("=") for word in assigned))
    rebuilt = " ".join([f"{name}={shlex.quote(value)}" for name, value in pairs] + [shlex.quote(interpreter)])
    if rebuilt != inner or not all(NAME.match(name) and name not in SHELLS_OWN for name, _ in pairs):
        return None
    if not os.path.isabs(interpreter) or not os.path.isabs(shell):
        return None
    return Command(shell, pairs, interpreter)
