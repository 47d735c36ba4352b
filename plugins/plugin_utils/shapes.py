# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries validated by argument specs, nested entries by those of their own: types, defaults, choices, unknown options.

Ansible's argument specs know a dict with fixed options, not a dict of entries under names of the operator's choice. A
:class:`Shape` is an argument spec that says which options hold such entries, and what those look like.
"""

from __future__ import annotations

import copy
import difflib
import functools
import os
import typing as t
from dataclasses import dataclass, field

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import UnsupportedError

from . import option_values, texts

try:  # Where in which file something was written; ansible-core offers no public way to ask for it.
    from ansible._internal._datatag._tags import Origin
except ImportError:
    Origin = None

Options = dict[str, t.Any]
#: The option that a plain value stands for, in shapes that have it: ``username: admin`` is ``username: {value: admin}``.
SHORT = "value"


@dataclass(frozen=True, eq=False)
class Shape:
    """What an entry may hold.

    :ivar options: its options as in an argument spec
    :ivar entries: option -> shape of each of the named entries it holds
    :ivar parts: option -> shape of the one dict it is, where something inside holds named entries
    :ivar each: for a dict without options of its own: the shape of the entries under its names
    """

    options: Options
    entries: dict[str, Shape] = field(default_factory=dict)
    parts: dict[str, Shape] = field(default_factory=dict)
    each: Shape | None = None

    @functools.cached_property
    def validator(self) -> ArgumentSpecValidator:
        """Ansible's own, for everything but what nested shapes validate."""
        flat = {name: {k: v for k, v in self.options[name].items() if k != "options"} for name in self.parts}
        return ArgumentSpecValidator(optional({**self.options, **flat}))

    @functools.cached_property
    def required(self) -> list[str]:
        """The options that must be given."""
        return [name for name, option in self.options.items() if option.get("required")]

    @functools.cached_property
    def containers(self) -> Options:
        """The defaults that are dicts or lists, which Ansible would hand to every entry and fill in place."""
        found = {name: plain(option.get("default")) for name, option in self.options.items()}
        return {name: default for name, default in found.items() if isinstance(default, dict | list)}

    def beside(self, *others: Shape) -> Shape:
        """The options of several shapes side by side; a later one decides."""
        made = self
        for other in others:
            made = Shape(made.options | other.options, made.entries | other.entries, made.parts | other.parts)
        return made

    def without(self, *names: str) -> Shape:
        """The shape lacking some options."""
        options = {name: option for name, option in self.options.items() if name not in names}
        return Shape(options, self.entries, self.parts)

    def optional(self, *names: str) -> Shape:
        """The shape with some options not required."""
        return Shape(
            self.options | {name: {**self.options[name], "required": False} for name in names}, self.entries, self.parts
        )


def optional(options: Options) -> Options:
    """Options without those that must be given, which Ansible would name all in one sentence."""
    return {
        name: {
            **option,
            "required": False,
            **({"options": optional(option["options"])} if option.get("options") else {}),
        }
        for name, option in options.items()
    }


def filled(shape: Shape, value: t.Any, where: str) -> tuple[t.Any, list[str]]:
    """An entry with types converted and defaults filled in, nested ones too, and all that is wrong with it.

    :param where: how the entry is named in what is wrong with it, ``firewall_security_groups.web``
    """
    if not isinstance(value, dict):
        if SHORT not in shape.options or isinstance(value, list):
            return {}, [f"{where}: must be a dict{'' if shape.each else ' of options'}, not {texts.sort_of(value)}"]
        if isinstance(value, bool | float):
            return {}, [f"{where}: is read as {texts.sort_of(value)}; write it in quotes"]
        value = {SHORT: value}
    if shape.each:
        return _named(shape.each, value, where)
    problems = list(unknown_options(shape.options, value, where, shape.parts))
    nested = {**shape.entries, **shape.parts}
    given = {}
    for name, item in value.items():
        # An option without a value is one that was not given.
        if item is not None and name in shape.options:
            # Names without their origin, for the validator copies them, one attribute of an origin after the other.
            here, plain_name = f"{where}.{name}", str.__str__(name)
            if name in nested and isinstance(item, dict):
                given[plain_name] = {}  # its own shape validates what is in it
                problems += option_values.misnamed_in(shape.options[name], item, here)
                continue
            made, wrong = option_values.typed(shape.options[name], item, here)
            problems += wrong
            if made is not None:
                given[plain_name] = made
    problems += [f"{where}.{name}: is required" for name in shape.required if value.get(name) is None]
    given |= {name: copy.deepcopy(default) for name, default in shape.containers.items() if name not in given}
    result = shape.validator.validate(given)
    problems += [f"{where}: {error.msg}" for error in result.errors if not isinstance(error, UnsupportedError)]
    made = result.validated_parameters
    problems += option_values.limits({name: s for name, s in shape.options.items() if name not in nested}, made, where)
    for name, inner in nested.items():
        item = value[name] if isinstance(value.get(name), dict) else made.get(name)
        if isinstance(item, dict):
            fill = _named if name in shape.entries else filled
            made[name], wrong = fill(inner, item, f"{where}.{name}")
            problems += wrong
    return made, problems


def said(shape: Shape, value: dict[str, t.Any]) -> dict[str, t.Any]:
    """What of a value an entry has to say: what has an option, at every depth, and is not what its default says."""
    if shape.each:
        return {name: said(shape.each, item) for name, item in value.items()}
    made = {}
    for name, option in shape.options.items():
        item = value.get(name)
        if item is None:
            continue
        if isinstance(item, dict) and name in shape.entries:
            item = {key: said(shape.entries[name], each) for key, each in item.items()}
        elif isinstance(item, dict) and (name in shape.parts or option.get("options")):
            item = said(shape.parts.get(name) or Shape(option["options"]), item)
        # What is empty and has no default was not given; a dict of options that is there says something, even when empty.
        if item != option.get("default", "" if item == "" else None):
            made[name] = item
    return made


def _named(shape: Shape, value: dict[t.Any, t.Any], where: str) -> tuple[dict[str, t.Any], list[str]]:
    made: dict[str, t.Any] = {}
    problems: list[str] = []
    for name, item in value.items():
        if wrong_name := option_values.misnamed(name, where):
            problems.append(wrong_name)
            continue
        made[str(name)], wrong = filled(shape, item, f"{where}.{name}")
        problems += wrong
    return made, problems


def unknown_options(
    options: Options, value: dict[str, t.Any], where: str, apart: t.Container[str] = ()
) -> t.Iterator[str]:
    """Every key no option goes by, at any depth but in the options that are looked at ``apart``."""
    for key, item in value.items():
        if key not in options:
            yield f"{where}.{key}: there is no option {key}{suggestion(str(key), options)}{origin(key)}"
            continue
        inner = options[key].get("options")
        if not inner or key in apart:
            continue
        if isinstance(item, dict) and options[key].get("type") == "dict":
            yield from unknown_options(inner, item, f"{where}.{key}")
        elif isinstance(item, list):
            for number, each in enumerate(item):
                if isinstance(each, dict):
                    yield from unknown_options(inner, each, f"{where}.{key}[{number}]")


def suggestion(word: str, known: t.Iterable[str]) -> str:
    """``; did you mean …?`` where something known looks alike, else what is known."""
    known = sorted(known)
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; known: {', '.join(known)}" if len(known) <= 30 else ""


def origin(word: t.Any) -> str:
    """`` (<file>:<line>)`` where a word of an inventory was read; empty where nothing tells."""
    found = Origin.get_tag(word) if Origin else None
    if not found or not found.path:
        return ""
    return f" ({os.path.relpath(found.path)}:{found.line_num or 1})"


def plain(value: t.Any) -> t.Any:
    """A copy without Ansible's lazy containers and tagged strings; keys stay tagged with where they were read.

    A validator copies what it is given, and with a lazy container the whole template engine.
    """
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, str):
        return str.__str__(value)
    return value
