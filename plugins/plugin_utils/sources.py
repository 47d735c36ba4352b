# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which option of an inventory a wrong value of a role's variable was written as, where that is certain.

A blueprint gives its options (``three_tier_app_size``) to the roles' variables (``tier_groups.app.size``), which are checked. An
option is certain where the value carries the place in the file at which that option has it, or where the template of the value
names one option and nothing else.
"""

from __future__ import annotations

import re
import typing as t

from .shapes import Origin
from .texts import shown

#: A template that is one variable, as it is or through filters.
ONE_VARIABLE = re.compile(r"\s*\{\{\s*([A-Za-z_]\w*)\s*(\|[^{}]*)?\}\}\s*")


class Sources:
    """The inventory's options as they were written.

    :param options: their names (``terrace_inventory_options``)
    :param raw: all variables, as they were written
    """

    def __init__(self, options: t.Iterable[str], raw: dict[str, t.Any]) -> None:
        self._options, self._raw = set(options), raw

    def of(self, problem: str, value: t.Any) -> str:
        """`` (set by <option> in <file>)``; empty where that is not certain.

        :param problem: ``<variable>.<key>…: what is wrong``
        :param value: what the variable comes to
        """
        name = re.split(r"[:.\[ ]", problem, maxsplit=1)[0]
        if name in self._options or name not in self._raw:
            return ""
        path = problem[len(name) :]
        found = list(_along(value, path))[-1]
        if option := self._at(_place(found)):
            return f" (set by {option}{_in_file(found)})"
        option, how = self._named(_along(self._raw[name], path))
        return f" ({how} {option}{_in_file(self._raw[option])})" if option else ""

    def _at(self, place: t.Any) -> str:
        """The option that has a value at this place of a file."""
        if not place:
            return ""
        return next((each for each in sorted(self._options & set(self._raw)) if _holds(self._raw[each], place)), "")

    def _named(self, raw: t.Iterable[t.Any]) -> tuple[str, str]:
        """The one option that the template of a value names, and how: ``set by`` or ``made from``."""
        *_outer, text = raw
        match = ONE_VARIABLE.fullmatch(text) if isinstance(text, str) else None
        if not match or match[1] not in self._options & set(self._raw):
            return "", ""
        filters = match[2] or ""
        if self._options.intersection(re.findall(r"\w+", filters)) or re.search(r"\b(if|else)\b", filters):
            return "", ""
        return match[1], "made from" if filters else "set by"


def _along(value: t.Any, path: str) -> t.Iterator[t.Any]:
    """A value, and what lies along a path such as ``.app.size.min: …`` in it as far as there is something. Keys may have dots."""
    yield value
    while path and path[0] in ".[":
        if isinstance(value, dict) and path[0] == ".":
            keys = [key for key in value if re.match(rf"{re.escape(f'.{key}')}(?=[.\[: ]|$)", path)]
            if not keys:
                return
            key = max(keys, key=lambda each: len(str(each)))
            value, path = value[key], path[len(f".{key}") :]
        elif isinstance(value, list | tuple) and (match := re.match(r"\[(\d+)\]", path)) and int(match[1]) < len(value):
            value, path = value[int(match[1])], path[match.end() :]
        else:
            return
        yield value


def _place(value: t.Any) -> t.Any:
    """Where a value was written, to the column; None where that is not known."""
    found = Origin.get_tag(value) if Origin else None
    return found if found and found.path and found.line_num else None


def _holds(value: t.Any, place: t.Any) -> bool:
    """Whether a value, or one in it, was written at this place."""
    if _place(value) == place:
        return True
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(_holds(each, place) for each in inside)


def _in_file(value: t.Any) -> str:
    """`` in <file>:<line>``, from where the operator is; empty where it is not known."""
    place = _place(value)
    return f" in {shown(place.path)}:{place.line_num}" if place else ""
