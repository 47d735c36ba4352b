# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A failure as people read it: what is wrong first, then where, then what the program said."""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass

#: What programs said, in results: a command's, and a module's that could not be run.
STREAMS = ("stderr", "stdout", "module_stderr", "module_stdout")
#: Lines of what a program said that are shown, the last ones.
SAID = 20
#: What ansible-core puts before the message of an action.
PREFIXES = ("Task failed: ", "Action failed: ", "Module failed: ")


@dataclass
class Failure:
    """What failed on a host.

    :ivar where: ``(word, value)``, such as the task and its file
    :ivar said: what a program wrote, by the stream's name
    """

    host: str
    title: str
    message: str
    where: list[tuple[str, str]]
    said: dict[str, list[str]]

    @property
    def in_short(self) -> str:
        """Its first line, and the task where the message does not begin with the host's name."""
        line = self.message.splitlines()[0]
        return line if line.startswith(f"{self.host}: ") else f"{self.host}: {self.title}: {line}"


def of_result(host: str, label: str, title: str, path: str, data: dict[str, t.Any], item: t.Any = None) -> Failure:
    """The failure in a result as Ansible gives it to callbacks, where what ``no_log`` covers is gone already.

    :param label: the host's name, and to which the task was delegated
    """
    message = data.get("msg") or data.get("censored") or "failed without a message"
    message = "\n".join(map(str, message)) if isinstance(message, list) else str(message).strip()
    said = {} if "censored" in data else {name: _tail(data.get(name)) for name in STREAMS}
    for prefix in PREFIXES:
        message = message.removeprefix(prefix)
    where = [("host", label), ("task", title)]
    where += [("item", str(item))] if item is not None else []
    where += [("file", _short(path))] if path else []
    where += [("status", str(data["rc"]))] if data.get("rc") else []
    return Failure(host, title, message, where, {name: lines for name, lines in said.items() if lines})


def _tail(text: t.Any) -> list[str]:
    return str(text or "").strip().splitlines()[-SAID:]


def _short(path: str) -> str:
    """The path from where the operator is, where it is below; a collection may be found through a link."""
    inside = os.path.relpath(os.path.realpath(path))
    return path if inside.startswith("..") else inside
