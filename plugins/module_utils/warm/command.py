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


# Ansible up to 2.20 adds this to every command. With it the shell stays while the module runs.
PAUSE = " && sleep 0"


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
    arguments: tuple[str, ...] = ()
    after: str = ""  # what the shell does after it

    def text(self) -> str:
        """As the shell is given it, without what comes after it."""
        words = [f"{name}={shlex.quote(value)}" for name, value in self.assignments]
        return " ".join([*words, shlex.join([self.interpreter, *self.arguments])])


def take_apart(cmd: str, count: int) -> Command | None:
    """`shell -c 'NAME=value … interpreter argument …'` with that many arguments; None when it is anything else.

    The parts are put together again and compared, so what is recognised holds no shell syntax whatever.
    """
    try:
        shell, flag, inner = shlex.split(cmd)
        after = PAUSE if inner.endswith(PAUSE) else ""
        words = shlex.split(inner.removesuffix(after))
    except ValueError:
        return None
    if flag != "-c" or cmd != f"{shell} -c {shlex.quote(inner)}" or len(words) <= count:
        return None
    assigned = words[: len(words) - count - 1]
    interpreter, *arguments = words[len(assigned) :]
    pairs = tuple((name, value) for name, _equals, value in (word.partition("=") for word in assigned))
    command = Command(shell, pairs, interpreter, tuple(arguments), after)
    if command.text() + after != inner or not all(
        NAME.match(name) and name not in SHELLS_OWN for name, _value in pairs
    ):
        return None
    return command if os.path.isabs(interpreter) and os.path.isabs(shell) else None


def recognise(cmd: str, in_data: bytes | None) -> Command | None:
    """The command of a pipelined Python module, taken apart; None when it is anything else."""
    if not in_data or b"_ANSIBALLZ_WRAPPER" not in in_data[:4096]:
        return None
    return take_apart(cmd, 0)


def recognise_job(cmd: str, in_data: bytes | None) -> tuple[Command, bytes] | None:
    """The command that starts a module with `async`, and the async_wrapper's payload; None when it is anything else.

    `interpreter async_wrapper.py jid seconds preserve module interpreter module`, the files put there by Ansible just now.
    """
    if in_data or "/async_wrapper.py " not in cmd or not (found := take_apart(cmd, 7)):
        return None
    wrapper, _jid, _seconds, _preserve, path, interpreter, module = found.arguments
    if path != module or interpreter != found.interpreter or os.path.basename(wrapper) != "async_wrapper.py":
        return None
    try:
        with open(wrapper, "rb") as file:
            payload = file.read()
    except OSError:
        return None
    return (found, payload) if b"_ANSIBALLZ_WRAPPER" in payload[:4096] else None
