# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds the kinds: any file below ``kinds/`` may hold subclasses of Kind with a name."""

from __future__ import annotations

import functools
import importlib
import pkgutil
import typing as t

from .. import kinds as _package
from .kind import Kind


@functools.cache
def all_kinds() -> dict[str, Kind]:
    """Every kind by name, what is referred to before what refers to it."""
    found: dict[str, Kind] = {}
    for info in pkgutil.walk_packages(_package.__path__, f"{_package.__name__}."):
        module = importlib.import_module(info.name)
        for value in vars(module).values():
            if (
                isinstance(value, type)
                and issubclass(value, Kind)
                and value.__module__ == module.__name__
                and value.name
            ):
                found[value.name] = value()
    return {name: found[name] for name in _ordered(found)}


def _ordered(found: dict[str, Kind]) -> list[str]:
    order: list[str] = []

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in order or name in path or name not in found:
            return
        for other in sorted(set(found[name].references.values())):
            visit(other, (*path, name))
        order.append(name)

    for name in sorted(found):
        visit(name, ())
    return order


def kind(name: str) -> Kind:
    """One kind; KeyError names it where there is none."""
    return all_kinds()[name]


def of_role(role: str) -> dict[str, Kind]:
    """The kinds a role owns."""
    return {name: each for name, each in all_kinds().items() if each.role == role}


def roles() -> list[str]:
    """The roles that own kinds, those others build on first."""
    return list(dict.fromkeys(each.role for each in all_kinds().values()))


def with_references(names: t.Iterable[str]) -> list[str]:
    """The kinds named, and every kind whose ids their entries need."""
    wanted: list[str] = []
    for name in names:
        for each in (*kind(name).references.values(), name):
            if each not in wanted:
                wanted.append(each)
    return wanted
