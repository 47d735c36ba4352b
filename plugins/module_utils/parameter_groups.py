# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parameter groups of RDS and ElastiCache: what is to be set and what goes back to its default."""

from __future__ import annotations

import difflib
import re
import typing as t
from dataclasses import dataclass, field

#: Both services take at most so many parameters in one call.
AT_ONCE = 20
#: What people and YAML write for the two values of a switch.
TRUE, FALSE = ("1", "on", "true", "yes"), ("0", "off", "false", "no")
#: One of AllowedValues that is a range: ``-1-2147483647``, ``0.0-100.0``, or without an end ``0-``.
_RANGE = re.compile(r"(-?[\d.]+(?:e\d+)?)-(-?[\d.]+(?:e\d+)?)?")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
#: A value that is a word or a number, so that one that is not listed is wrong. AllowedValues may also be a pattern.
_WORD = re.compile(r"[\w.-]*")


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

    found.problems = list(problems(wanted, described))
    for name, value in wanted.items() if not found.problems else ():
        value = spelled(value, known[name])
        if not _own(known[name]) or known[name].get("ParameterValue") != value:
            found.set.append({"ParameterName": name, "ParameterValue": value, **method(name)})
            found.before[name] = known[name].get("ParameterValue") if _own(known[name]) else None
            found.after[name] = value
    for name, parameter in known.items():
        if _own(parameter) and name not in wanted:
            found.reset.append({"ParameterName": name, **method(name)})
            found.before[name], found.after[name] = parameter.get("ParameterValue"), None
    return found


def problems(wanted: dict[str, str], described: list[dict[str, t.Any]]) -> t.Iterator[str]:
    """What is wrong with the parameters wanted, compared with all those an engine has, as a describe call returns them."""
    known = {each["ParameterName"]: each for each in described}
    for name, value in wanted.items():
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
            yield f"there is no parameter {name}" + (f"; did you mean {close[0]}?" if close else "")
        elif not known[name].get("IsModifiable", True):
            yield f"{name} cannot be changed"
        elif not allowed(spelled(value, known[name]), known[name]):
            yield f"{name}: {value} is not allowed; allowed are {known[name]['AllowedValues']}"


def spelled(value: str, parameter: dict[str, t.Any]) -> str:
    """A value as AWS spells it for this parameter: ``off`` is ``0`` where 0 and 1 are allowed, ``0`` is ``off`` elsewhere."""
    options = (parameter.get("AllowedValues") or "").split(",")
    if value in options:
        return value
    for words in (TRUE, FALSE):
        if value.lower() in words:
            return next((option for option in options if option.lower() in words), value)
    return next((option for option in options if option.lower() == value.lower()), value)


def allowed(value: str, parameter: dict[str, t.Any]) -> bool:
    """Whether a value, spelled as AWS spells it, is one of the parameter's; True where AWS alone can tell.

    Formulas (``{DBInstanceClassMemory/32768}``, ``GREATEST(…)``), lists and patterns are left to AWS.
    """
    options = [option for option in (parameter.get("AllowedValues") or "").split(",") if option]
    if not options or value in options or parameter.get("DataType") == "list" or re.search(r"[{(,]", value):
        return True
    if _NUMBER.fullmatch(value):
        for low, high in (match.groups() for match in map(_RANGE.fullmatch, options) if match):
            if float(low) <= float(value) and (high is None or float(value) <= float(high)):
                return True
    # A range or a word that is not met says the value is wrong; anything else (a pattern) says nothing.
    return not all(_RANGE.fullmatch(option) or _WORD.fullmatch(option) for option in options)


def folded(value: t.Any, true: str, false: str) -> str:
    """A value in the form both sides are compared in: every spelling of a switch as ``true`` or ``false``."""
    text = str(value)
    if text.lower() in (*TRUE[1:], true):
        return true
    return false if text.lower() in (*FALSE[1:], false) else text


def _own(parameter: dict[str, t.Any]) -> bool:
    """Whether the group says it, not the engine's default."""
    return parameter.get("Source") == "user"


def slices(items: list[t.Any]) -> t.Iterator[list[t.Any]]:
    """The items in portions a call takes."""
    for start in range(0, len(items), AT_ONCE):
        yield items[start : start + AT_ONCE]
