# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters for pairs of cells that take over from each other."""

from __future__ import annotations

import typing as t

#: How results read in a table; what is not as it should be catches the eye.
WORDS = {"pass": "ok", "note": "note", "fail": "FAIL", "unknown": "UNKNOWN"}


def recovery_pairs_told_by(pairs: dict[str, t.Any], cell: str, working: list[str]) -> list[str]:
    """The pairs this cell reports in a run: each pair is reported by the first of its cells that is still working.

    :param working: the play's hosts that have not failed
    """
    cells = {name: pair.get("cells") or [] for name, pair in (pairs or {}).items()}
    return [name for name, both in cells.items() if cell == next((each for each in both if each in working), "")]


def recovery_table(status: dict[str, t.Any]) -> str:
    """A pair's status for people."""
    checks = status["checks"]
    bad = [check for check in checks if check["result"] in ("fail", "unknown")]
    if not status["primary"]:
        who = "it could not be told which cell writes"
    else:
        able = "could take over" if status["ready"] else "is not ready to take over"
        who = f"{status['primary']} writes, {status['standby']} {able}"
    lines = [
        f"{status['pair']}: {'READY' if status['ready'] else 'NOT READY'}",
        who,
        f"{status['tier']}: recovery within {status['rto_minutes']} min, at most {status['rpo_minutes']} min of writes lost",
        "",
    ]
    rows = [
        (WORDS[each["result"]], each["cell"], each["what"], each["detail"])
        for each in [*bad, *(c for c in checks if c not in bad)]
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines += [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)) + f"  {row[3]}" for row in rows
    ]
    return "\n".join(lines)


class FilterModule:
    """Filters ``terrace.aws.*`` of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"recovery_pairs_told_by": recovery_pairs_told_by, "recovery_table": recovery_table}
