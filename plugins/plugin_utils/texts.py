# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts that YAML made something else of: ``1.10`` is the number 1.1, ``yes`` a boolean, ``2026-11-29`` a date.

Ansible's validator makes a text of them again, but no longer the one that was meant: version 1.10 becomes 1.1.
"""

from __future__ import annotations

import typing as t
from datetime import date

from .shapes import Shape


def sort_of(value: t.Any) -> str:
    """What a value is, as an inventory's author calls it."""
    sorts = (
        (bool, "a boolean"),
        (int | float, "a number"),
        (date, "a date"),
        (dict, "a dict"),
        (list | tuple, "a list"),
    )
    return next((word for sort, word in sorts if isinstance(value, sort)), "a text")


def not_text(where: str, value: t.Any) -> str:
    """What is wrong with a value that is to be a text; empty where nothing is. A whole number is the text it was."""
    if not isinstance(value, bool | float | date):
        return ""
    text = ("yes" if value else "no") if isinstance(value, bool) else str(value)
    why = " (YAML reads 1.10 as 1.1)" if isinstance(value, float) else ""
    return f'{where}: {str(value).lower()} is {sort_of(value)} and not a text{why}; write it in quotes, for example "{text}"'


def misread(options: dict[str, t.Any], value: t.Any, where: str, shape: Shape | None = None) -> t.Iterator[str]:
    """Every value in an entry, at any depth, that its option takes as a text and that is none.

    :param options: the options as in an argument spec
    :param shape: the shape of the entry, where it holds named entries
    """
    entries = shape.entries if shape else {}
    parts = shape.parts if shape else {}
    if shape and shape.each and isinstance(value, dict):
        yield from _each(shape.each, value, where)
    elif isinstance(value, dict):
        for name, item in value.items():
            here = f"{where}.{name}"
            if name in entries and isinstance(item, dict):
                yield from _held(entries[name], item, here)
            elif name in parts:
                yield from misread(parts[name].options, item, here, parts[name])
            elif name in options:
                yield from of_option(options[name], item, here)


def of_option(spec: dict[str, t.Any], value: t.Any, where: str) -> t.Iterator[str]:
    """What is misread in the value of one option."""
    sort = spec.get("type", "str")
    if sort == "str" and not spec.get("choices"):
        if problem := not_text(where, value):
            yield problem
    elif sort == "list" and isinstance(value, list | tuple):
        for number, item in enumerate(value):
            here = f"{where}[{number}]"
            if spec.get("options"):
                yield from misread(spec["options"], item, here)
            elif spec.get("elements") == "str" and (problem := not_text(here, item)):
                yield problem
    elif sort == "dict" and spec.get("options"):
        yield from misread(spec["options"], value, where)


def _held(shape: Shape, value: dict[str, t.Any], where: str) -> t.Iterator[str]:
    yield from misread({}, value, where, shape) if shape.each else _each(shape, value, where)


def _each(shape: Shape, value: dict[str, t.Any], where: str) -> t.Iterator[str]:
    for name, item in value.items():
        yield from misread(shape.options, item, f"{where}.{name}", shape)
