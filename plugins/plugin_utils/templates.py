# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Variables templated once each: Ansible templates a variable anew whenever another one's template mentions it.

A tier's expansion alone is mentioned by a dozen variables; compiling and rendering it each time was most of what a run without
changes cost.
"""

from __future__ import annotations

import contextlib
import re
import typing as t

#: What every template has in it.
MARKS = ("{{", "{%", "{#")
WORD = re.compile(r"[A-Za-z_]\w*")


def mentioned(raw: t.Any) -> set[str]:
    """The words of a raw value's templates: variables, filters and whatever else."""
    if isinstance(raw, str):
        return set(WORD.findall(raw)) if any(mark in raw for mark in MARKS) else set()
    if isinstance(raw, dict | list):
        return {word for each in (raw.values() if isinstance(raw, dict) else raw) for word in mentioned(each)}
    return set()


class Templates:
    """Called with a raw variable, returns what it is templated to.

    :param variables: the play's variables, raw; those that were templated are replaced by their values
    :param template: templates a raw value with ``variables`` as they are then
    :param names: the variables that may be templated before they are asked for: those that every run templates anyway
    """

    def __init__(
        self, variables: dict[str, t.Any], template: t.Callable[[t.Any], t.Any], names: t.Iterable[str]
    ) -> None:
        self._variables, self._template = variables, template
        self._names = {name for name in names if name in variables}
        #: By identity, with what was given beside it so that no identity is used again.
        self._done: dict[int, tuple[t.Any, t.Any]] = {}
        self._begun: set[str] = set()

    def __call__(self, raw: t.Any) -> t.Any:
        done = self._done.get(id(raw))
        if done:
            return done[1]
        mentioned: set[str] = set()
        literal = self._scan(raw, mentioned) and isinstance(raw, dict | list)
        for name in sorted(mentioned - self._begun):
            self._resolve(name)
        value = raw if literal else self._template(raw)
        self._done[id(raw)] = (raw, value)
        self._done[id(value)] = (value, value)
        return value

    def _resolve(self, name: str) -> None:
        self._begun.add(name)
        # Whoever needs one that fails is told by its own template.
        with contextlib.suppress(Exception):
            self._variables[name] = self(self._variables[name])

    def _scan(self, raw: t.Any, mentioned: set[str]) -> bool:
        """Whether a value is free of templates and of what only Ansible can read; collects the variables it mentions."""
        if isinstance(raw, str):
            if not any(mark in raw for mark in MARKS):
                return True
            mentioned |= self._names.intersection(WORD.findall(raw))
            return False
        if isinstance(raw, dict | list):
            literal = [self._scan(value, mentioned) for value in (raw.values() if isinstance(raw, dict) else raw)]
            return all(literal)
        return raw is None or isinstance(raw, bool | int | float)
