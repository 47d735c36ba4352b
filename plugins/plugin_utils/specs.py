# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the roles' argument specs say, and entries judged by them.

The options of a kind's entries are documented and typed once, in ``roles/<role>/meta/argument_specs.yml`` under the
entry point named like the kind.
"""

from __future__ import annotations

import difflib
import functools
import pathlib
import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.parsing.dataloader import DataLoader

from .engine import registry
from .engine.kind import Kind

ROLES = pathlib.Path(__file__).parents[2] / "roles"
TAGS = {"type": "dict", "default": {}}


@functools.cache
def load(role: str, part: str) -> dict[str, t.Any]:
    """One of a role's YAML files (``meta/argument_specs``, ``defaults/main``); empty where it has none."""
    path = ROLES / role / f"{part}.yml"
    if not path.is_file():
        return {}
    return DataLoader().load_from_file(str(path), cache="none", trusted_as_template=True) or {}


def preload() -> None:
    """Read every role's specs and defaults now, so that the processes forked from this one need not."""
    for role in every_role():
        for part in ("meta/argument_specs", "defaults/main"):
            load(role, part)


def entry_point(role: str, name: str = "main") -> dict[str, t.Any]:
    """The options of one entry point."""
    return load(role, "meta/argument_specs").get("argument_specs", {}).get(name, {}).get("options", {})


def variables_of(role: str) -> dict[str, t.Any]:
    """The options of the role itself."""
    return entry_point(role) or entry_point(role, role)


@functools.cache
def of_kind(name: str) -> dict[str, t.Any]:
    """The options of a kind's entries."""
    kind = registry.kind(name)
    options = dict(entry_point(kind.role, name))
    if kind.taggable:
        options.setdefault("tags", TAGS)
    return options


def every_role() -> list[str]:
    """The collection's roles."""
    return sorted(path.name for path in ROLES.iterdir() if (path / "meta" / "argument_specs.yml").is_file())


def suggestion(word: str, known: t.Iterable[str]) -> str:
    """``; did you mean …?`` where something known looks alike, else what is known."""
    known = sorted(known)
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; known: {', '.join(known)}" if len(known) <= 30 else ""


def unknown_options(options: dict[str, t.Any], value: dict[str, t.Any], where: str) -> t.Iterator[str]:
    """Every key no option goes by, at any depth."""
    for key, item in value.items():
        if key not in options:
            yield f"{where}: there is no option {key}{suggestion(str(key), options)}"
            continue
        inner = options[key].get("options")
        if inner and isinstance(item, dict) and options[key].get("type") == "dict":
            yield from unknown_options(inner, item, f"{where}.{key}")
        elif inner and isinstance(item, list):
            for number, each in enumerate(item):
                if isinstance(each, dict):
                    yield from unknown_options(inner, each, f"{where}.{key}[{number}]")


def plain(value: t.Any) -> t.Any:
    """A copy without Ansible's lazy containers and tagged strings.

    A validator copies what it is given, and with a lazy container the whole template engine.
    """
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, str):
        return str.__str__(value)
    return value


def validated(kind: Kind, name: str, entry: t.Any) -> tuple[dict[str, t.Any], list[str]]:
    """An entry with types converted and defaults filled in, and everything that is wrong with it."""
    where = f"{kind.variable}.{name}"
    if not isinstance(entry, dict):
        return {}, [f"{where}: must be a dict of options, not {type(entry).__name__}"]
    options, entry = of_kind(kind.name), plain(entry)
    problems = list(unknown_options(options, entry, where))
    if problems:
        return entry, problems
    result = ArgumentSpecValidator(options).validate(entry)
    return result.validated_parameters, [f"{where}: {message}" for message in result.error_messages]
