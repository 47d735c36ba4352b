# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Variables templated once each: Ansible templates a variable anew whenever another one's template mentions it.

A tier's expansion alone is mentioned by a dozen variables; compiling and rendering it each time was most of what a run without
changes cost.
"""

from __future__ import annotations

import re
import typing as t

WORD = re.compile(r"[A-Za-z_]\w*")


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
        self._resolve_mentioned(raw)
        value = self._template(raw)
        self._done[id(raw)] = (raw, value)
        self._done[id(value)] = (value, value)
        return value

    def _resolve_mentioned(self, raw: t.Any) -> None:
        for name in sorted(self._mentioned(raw) - self._begun):
            self._begun.add(name)
            try:
                self._variables[name] = self(self._variables[name])
            except Exception:  # noqa: S112 - whoever needs it is told, by the template that does
                continue

    def _mentioned(self, raw: t.Any) -> set[str]:
        """The variables that templates anywhere in a value mention."""
        if isinstance(raw, str):
            return self._names.intersection(WORD.findall(raw)) if "{{" in raw or "{%" in raw else set()
        if isinstance(raw, dict):
            return set().union(*map(self._mentioned, raw.values()), *map(self._mentioned, raw))
        if isinstance(raw, list | tuple):
            return set().union(*map(self._mentioned, raw))
        return set()
