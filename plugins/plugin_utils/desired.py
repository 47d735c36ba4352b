# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the inventory desires of a cell: the roles' variables, templated, validated and cross-checked."""

from __future__ import annotations

import re
import typing as t

from ansible.errors import AnsibleError

from . import cell_rules, specs, texts
from .engine import registry
from .engine.kind import Kind
from .templates import Templates

#: ``{kind: {logical name: {option: value}}}``
World = dict[str, dict[str, dict[str, t.Any]]]
#: What Ansible writes before what a filter says.
FILTER_FAILED = re.compile(r"^The filter plugin '[\w.]+' failed: ")


def variables_with_defaults(task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
    """The variables every role would see: its defaults beneath what the inventory and the play say."""
    merged: dict[str, t.Any] = {}
    for role in specs.every_role():
        merged.update(specs.load(role, "defaults/main"))
    return {**merged, **task_vars}


def default(role: str, variable: str, otherwise: t.Any) -> t.Any:
    """The raw default of a role's variable. Plays see it only where they include the role."""
    return specs.load(role, "defaults/main").get(variable, otherwise)


def templates(variables: dict[str, t.Any], templar: t.Any) -> Templates:
    """Resolves raw variables, each once.

    :param variables: as :func:`variables_with_defaults` returned them; values take the place of templates in it
    """
    template = templar.copy_with_new_env(available_variables=variables).template
    declared = variables.get("terrace_inventory_options")
    names = {name for role in specs.every_role() for name in specs.variables_of(role)}
    return Templates(variables, template, names.union(declared if isinstance(declared, dict) else ()))


def why(variable: str, error: Exception) -> list[str]:
    """What made templating a variable fail: the innermost cause, a line a problem.

    Our own filters name the variable that an operator wrote, from which ``variable`` is made.
    """
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    text = FILTER_FAILED.sub("", getattr(cause, "message", "") or str(cause))
    written = {name for role in specs.every_role() for name in specs.variables_of(role)}
    if text.partition(":")[0].partition(".")[0] in written:
        return [line.strip() for line in text.splitlines()]
    return [f"{variable}: {text}"]


def of_kinds(
    kinds: t.Iterable[str], variables: dict[str, t.Any], template: t.Callable[[t.Any], t.Any]
) -> tuple[World, list[str]]:
    """Every entry of the kinds, typed and with defaults filled in, and all that is wrong with them alone.

    :param template: resolves a raw variable
    """
    world: World = {}
    problems: list[str] = []
    for name in kinds:
        kind = registry.kind(name)
        world[name] = {}
        try:
            entries = template(variables.get(kind.variable)) or {}
        except AnsibleError as error:
            problems += why(kind.variable, error)
            continue
        if not isinstance(entries, dict):
            problems.append(f"{kind.variable}: must be a dict keyed by logical name, not {type(entries).__name__}")
            continue
        for key, entry in entries.items():
            problems.extend(_misread(kind, str(key), entry))
            world[name][str(key)], wrong = specs.validated(kind, str(key), entry)
            problems.extend(wrong)
    # Several variables can be made of one that is wrong.
    return world, list(dict.fromkeys(problems))


def _misread(kind: Kind, key: str, entry: t.Any) -> t.Iterator[str]:
    """Texts of an entry, and of its tags, that YAML made something else of: the validator would make a text of those."""
    shape, where = specs.shape_of(kind.name), f"{kind.variable}.{key}"
    yield from texts.misread(shape.options, entry, where, shape)
    if kind.taggable and isinstance(entry, dict):
        yield from cell_rules.tag_problems(entry.get("tags"), f"{where}.tags")


def with_tags(world: World, cell_tags: dict[str, t.Any]) -> World:
    """The cell's tags beneath every entry's own."""
    for name, entries in world.items():
        if registry.kind(name).taggable:
            for entry in entries.values():
                own = {**(cell_tags or {}), **(entry.get("tags") or {})}
                entry["tags"] = {str(key): str(value) for key, value in own.items()}
    return world


def cross_checked(
    world: World, cell_name: str = "", cell_tags: dict[str, t.Any] | None = None, cells: t.Container[str] = ()
) -> list[str]:
    """References to what does not exist, names AWS would not take, and what each kind finds wrong itself.

    A reference to a kind that ``world`` does not hold (the layer of another role) is not judged here: whether what it
    names exists is for AWS to say.

    :param cells: the inventory's cells; ``<cell>/<name>`` is a reference to another one's resource
    """
    problems: list[str] = []
    for name, entries in world.items():
        kind = registry.kind(name)
        for key, entry in entries.items():
            where = f"{kind.variable}.{key}"
            for option, other in kind.references.items():
                for wanted in kind.names_in(option, entry):
                    elsewhere = wanted.partition("/")[0] != cell_name and wanted.partition("/")[0] in cells
                    if other in world and wanted not in world[other] and not ("/" in wanted and elsewhere):
                        known = specs.suggestion(wanted, world[other])
                        problems.append(
                            f"{where}.{option}: no {other} is called {wanted} in {registry.kind(other).variable}{known}"
                        )
            length = len(f"{cell_name}-{key}")
            if kind.longest_name and length > kind.longest_name:
                problems.append(
                    f"{where}: AWS allows at most {kind.longest_name} characters, {cell_name}-{key} has {length}; "
                    "shorten the name"
                )
            if kind.taggable:
                every = {**(cell_tags or {}), **(entry.get("tags") or {})}
                problems.extend(cell_rules.count_problems(every, f"{where}.tags"))
            problems.extend(f"{where}: {problem}" for problem in kind.check(key, entry, world))
    return problems
