# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan as an operator reads it."""

from __future__ import annotations

import difflib
import hashlib
import json
import typing as t

from .engine import plan

SIGNS = {plan.CREATE: "+", plan.UPDATE: "~", plan.REPLACE: "-/+", plan.REMOVE: "-", plan.ORPHAN: "?"}
NOTES = {
    plan.REPLACE: "is replaced",
    plan.REMOVE: "is removed",
    plan.ORPHAN: "is not in the inventory; terrace_prune=true removes it",
}


#: A text of more lines than these is told by their number and a checksum; a user-data script has hundreds.
LINES = 3


def value(what: t.Any) -> str:
    """A value on one line."""
    if isinstance(what, str):
        lines = what.count("\n") + 1
        if lines > LINES:
            return f"{lines} lines, sha256 {hashlib.sha256(what.encode()).hexdigest()[:12]}"
        return what if what else '""'
    return json.dumps(what, default=str, ensure_ascii=False)


def text_difference(before: str, after: str) -> list[str]:
    """The lines of a long text that differ, as C(diff) shows them."""
    told = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=1)
    return [f"            {line}" for line in list(told)[2:]]


def change(one: plan.Change) -> str:
    """One resource: a headline, then a line a field."""
    notes = [NOTES[one.action]] if one.action in NOTES else []
    notes += [f"because {', '.join(one.forced)} cannot be changed"] if one.forced else []
    notes += [one.how] if one.how else []
    notes += [f"REFUSED: {one.refused}"] if one.refused else []
    lines = [f"  {SIGNS[one.action]:>3} {one.kind} {one.name}" + (f"  ({'; '.join(notes)})" if notes else "")]
    for field, both in one.fields.items():
        if one.action == plan.CREATE:
            lines.append(f"          {field}: {value(both['after'])}")
        else:
            lines.append(f"          {field}: {value(both['before'])} -> {value(both['after'])}")
            if all(isinstance(each, str) and each.count("\n") >= LINES for each in both.values()):
                lines += text_difference(both["before"], both["after"])
    return "\n".join(lines)


def changes(found: t.Iterable[plan.Change], title: str = "") -> str:
    """Several, under a title."""
    text = "\n".join(change(one) for one in found)
    return f"{title}\n{text}\n" if title else text
