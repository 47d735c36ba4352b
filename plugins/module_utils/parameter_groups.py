# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parameter groups of RDS and ElastiCache: what is to be set and what goes back to its default."""

from __future__ import annotations

import difflib
import typing as t
from dataclasses import dataclass, field

#: Both services take at most so many parameters in one call.
AT_ONCE = 20


@dataclass
class Changes:
    """What a parameter group needs.

    :ivar set: parameters to set, as the modify call takes them
    :ivar reset: parameters to set back, as the reset call takes them
    :ivar problems: what is wrong with the parameters wanted
    :ivar before: the differing parameters as they are, None where they have their default
    :ivar after: the same as they are to be
    """

    set: list[dict[str, str]] = field(default_factory=list)
    reset: list[dict[str, str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    before: dict[str, str | None] = field(default_factory=dict)
    after: dict[str, str | None] = field(default_factory=dict)


def changes(wanted: dict[str, str], described: list[dict[str, t.Any]], apply_method: bool) -> Changes:
    """Compare the parameters wanted with those a describe call tells.

    :param apply_method: whether the service wants to be told when (RDS): a dynamic parameter at once, a static one at
        the next reboot
    """
    found = Changes()
    known = {each["ParameterName"]: each for each in described}

    def method(name: str) -> dict[str, str]:
        if not apply_method:
            return {}
        return {"ApplyMethod": "immediate" if known[name].get("ApplyType") == "dynamic" else "pending-reboot"}

    for name, value in wanted.items():
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
            found.problems.append(f"there is no parameter {name}" + (f"; did you mean {close[0]}?" if close else ""))
        elif not known[name].get("IsModifiable", True):
            found.problems.append(f"{name} cannot be changed")
        elif not _own(known[name]) or known[name].get("ParameterValue") != value:
            found.set.append({"ParameterName": name, "ParameterValue": value, **method(name)})
            found.before[name] = known[name].get("ParameterValue") if _own(known[name]) else None
            found.after[name] = value
    for name, parameter in known.items():
        if _own(parameter) and name not in wanted:
            found.reset.append({"ParameterName": name, **method(name)})
            found.before[name], found.after[name] = parameter.get("ParameterValue"), None
    return found


def _own(parameter: dict[str, t.Any]) -> bool:
    """Whether the group says it, not the engine's default."""
    return parameter.get("Source") == "user"


def slices(items: list[t.Any]) -> t.Iterator[list[t.Any]]:
    """The items in portions a call takes."""
    for start in range(0, len(items), AT_ONCE):
        yield items[start : start + AT_ONCE]
