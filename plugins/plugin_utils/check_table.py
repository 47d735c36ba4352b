# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks as a table for people: what failed or is unknown comes first."""

from __future__ import annotations

import typing as t

#: How results read in a table; what is not as it should be catches the eye.
WORDS = {"pass": "ok", "note": "note", "fail": "FAIL", "unknown": "UNKNOWN"}


def lines(checks: list[dict[str, t.Any]]) -> list[str]:
    """The rows of a table.

    :param checks: each with ``what``, ``cell``, ``result`` (a key of :data:`WORDS`) and ``detail``
    """
    bad = [check for check in checks if not good(check)]
    rows = [
        (WORDS[each["result"]], each["cell"], each["what"], each["detail"])
        for each in [*bad, *(check for check in checks if good(check))]
    ]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)) + f"  {row[3]}" for row in rows
    ]


def good(check: dict[str, t.Any]) -> bool:
    """Whether a check passed, or counts neither way."""
    return check["result"] in ("pass", "note")
