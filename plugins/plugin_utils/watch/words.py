# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the callback terrace.aws.watch words what it shows, within the width of a terminal."""

from __future__ import annotations

import textwrap
import typing as t


def seconds(number: float) -> str:
    """A duration: ``2.1 s``, ``5 min 02 s``."""
    if number < 99.95:
        return f"{number:.1f} s"
    minutes, rest = divmod(round(number), 60)
    return f"{minutes} min {rest:02d} s"


def clock(number: float) -> str:
    """A duration that is still running: ``0:42``."""
    minutes, rest = divmod(int(number), 60)
    return f"{minutes}:{rest:02d}"


def counted(number: int, word: str) -> str:
    """``1 task``, ``2 tasks``."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def cut(text: str, width: int) -> str:
    """The text, shortened where it is wider than that."""
    return text if len(text) <= width else text[: max(0, width - 3)] + "..."


def listed(names: t.Sequence[str], width: int) -> str:
    """As many of the names as fit, and how many more there are; at least one."""
    for shown in range(len(names), 1, -1):
        more = f" and {len(names) - shown} more" if shown < len(names) else ""
        if len(text := ", ".join(names[:shown]) + more) <= width:
            return text
    return "".join(names[:1]) + (f" and {len(names) - 1} more" if len(names) > 1 else "")


def spread(left: str, right: str, width: int) -> str:
    """Two texts at both ends of a line; one after the other where it is too narrow."""
    return f"{left}{' ' * max(2, width - len(left) - len(right))}{right}"


def wrapped(text: str, width: int, indent: str, hang: int = 0) -> str:
    """A message whose lines are broken between words; words and the indentation of its lines stay whole.

    :param hang: by how much what follows of a broken line stands further right
    """
    lines: list[str] = []
    for line in text.splitlines():
        inner = indent + line[: len(line) - len(line.lstrip())]
        lines += textwrap.wrap(
            line.strip(),
            max(width, len(inner) + 20),
            initial_indent=inner,
            subsequent_indent=inner + " " * hang,
            break_long_words=False,
            break_on_hyphens=False,
        ) or [""]
    return "\n".join(lines)


def progress_bar(done: int, total: int, width: int) -> str:
    """A progress bar: ``[####....]``."""
    filled = width * done // total if total else width
    return f"[{'#' * filled}{'.' * (width - filled)}]"
