# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters for pairs of cells that take over from each other."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

#: How results read in a table; what is not as it should be catches the eye.
WORDS = {"pass": "ok", "note": "note", "fail": "FAIL", "unknown": "UNKNOWN"}


def recovery_pairs_told_by(pairs: dict[str, t.Any], cell: str, working: list[str]) -> list[str]:
    """The pairs this cell reports in a run: each pair is reported by the first of its cells that is still working.

    :param working: the play's hosts that have not failed
    :raises AnsibleFilterError: where the inventory names no pair of this cell
    """
    mine = {name: pair.get("cells") or [] for name, pair in (pairs or {}).items()}
    mine = {name: cells for name, cells in mine.items() if cell in cells}
    if not mine:
        raise AnsibleFilterError(f"recovery_pairs names no pair of {cell}; limit the run to the cells of a pair")
    return [name for name, cells in mine.items() if next(each for each in cells if each in working) == cell]


def recovery_table(status: dict[str, t.Any]) -> str:
    """A pair's status for people."""
    checks = status["checks"]
    bad = [check for check in checks if check["result"] in ("fail", "unknown")]
    who = (
        f"{status['primary']} writes, {status['standby']} "
        if status["primary"]
        else "no cell could be told to write, and none "
    )
    lines = [
        f"{status['pair']}: {'READY' if status['ready'] else 'NOT READY'}",
        f"{who}{'could take over' if status['ready'] else 'is not ready to take over'}",
        f"{status['tier']}: within {status['rto_minutes']} min, at most {status['rpo_minutes']} min of writes lost",
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
