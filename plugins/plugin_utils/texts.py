# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts that YAML made something else of: ``1.10`` is the number 1.1, ``yes`` a boolean, ``2026-11-29`` a date.

Ansible's validator makes a text of them again, but no longer the one that was meant: version 1.10 becomes 1.1.
"""

from __future__ import annotations

import os
import typing as t
from datetime import date


def sort_of(value: t.Any) -> str:
    """What a value is, as an inventory's author calls it."""
    sorts = (
        (type(None), "nothing"),
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


def shown(file: str) -> str:
    """A file as operators know it: without links, from where they are where it is below."""
    whole = os.path.realpath(file)
    inside = os.path.relpath(whole)
    return whole if inside.startswith("..") else inside
