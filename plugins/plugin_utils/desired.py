# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the inventory desires of a cell: the roles' variables, templated, validated and cross-checked."""

from __future__ import annotations

import re
import typing as t
from fnmatch import fnmatchcase

from ansible.errors import AnsibleError

from . import cell_rules, option_values, specs, texts
from .engine import registry
from .engine.kind import Kind
from .shared import aws_names
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
            problems.append(f"{kind.variable}: must be a dict keyed by logical name, not {texts.sort_of(entries)}")
            continue
        for key, entry in entries.items():
            if wrong_name := option_values.misnamed(key, kind.variable):
                problems.append(wrong_name)
                continue
            problems.extend(aws_names.problems(kind, str(key)))
            if kind.taggable and isinstance(entry, dict):
                problems.extend(cell_rules.tag_problems(entry.get("tags"), f"{kind.variable}.{key}.tags"))
            world[name][str(key)], wrong = specs.validated(kind, str(key), entry)
            problems.extend(wrong)
    # Several variables can be made of one that is wrong.
    return world, list(dict.fromkeys(problems))


def ignored_tags_in_use(world: World, cell_tags: dict[str, t.Any], patterns: t.Iterable[str]) -> t.Iterator[str]:
    """Tags that the inventory gives and at the same time leaves to others: they would differ for ever."""
    for pattern in patterns:
        yield from (
            f"cell_ignored_tags: {pattern} matches {tag} of cell_tags; leave one of the two out"
            for tag in cell_tags
            if fnmatchcase(str(tag), pattern)
        )
        for name, entries in world.items():
            yield from (
                f"cell_ignored_tags: {pattern} matches {tag} of {registry.kind(name).variable}.{key}; leave one of the two out"
                for key, entry in entries.items()
                for tag in entry.get("tags") or {}
                if fnmatchcase(str(tag), pattern)
            )


def with_tags(world: World, cell_tags: dict[str, t.Any]) -> World:
    """The cell's tags beneath every entry's own."""
    for name, entries in world.items():
        if registry.kind(name).taggable:
            for entry in entries.values():
                own = {**(cell_tags or {}), **(entry.get("tags") or {})}
                entry["tags"] = {str(key): str(value) for key, value in own.items()}
    return world


def _renamed_wrongly(kind: Kind, entries: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
    """Renames that say nothing, or more than one thing: a swap or a chain is two runs."""
    heirs: dict[str, str] = {}
    for key, entry in entries.items():
        if not (former := entry.get("renamed_from")):
            continue
        where = f"{kind.variable}.{key}.renamed_from"
        if former in entries:
            yield f"{where}: {former} is an entry itself; rename or remove that in a run before, or take renamed_from out"
        elif heirs.setdefault(former, key) != key:
            yield f"{where}: {heirs[former]} is renamed from {former} too; one resource gets one name"


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
        problems += _renamed_wrongly(kind, entries)
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
            for option in kind.counterparts:
                for wanted in kind.names_in(option, entry):
                    other_cell, _slash, its_name = wanted.partition("/")
                    if not its_name or other_cell == cell_name or other_cell not in cells:
                        known = specs.suggestion(other_cell, [cell for cell in cells if cell != cell_name])
                        problems.append(
                            f"{where}.{option}: {wanted} is not <cell>/<name> of another cell of the inventory{known}"
                        )
            # What takes another kind's options is of the same sort in AWS, where both would get one name.
            if key in world.get(kind.options_of, {}):
                problems.append(
                    f"{where}: {registry.kind(kind.options_of).variable} has a {key} too, and AWS would know both as "
                    f"{cell_name}-{key}; give one another name"
                )
            length, longest = len(f"{cell_name}-{key}"), kind.longest_name
            # What has no name has the tag Name.
            longest = cell_rules.LONGEST_VALUE if longest is None and kind.taggable else longest
            if longest and length > longest:
                problems.append(
                    f"{where}: AWS allows at most {longest} characters, {cell_name}-{key} has {length}; shorten the name"
                )
            if kind.taggable:
                every = {**(cell_tags or {}), **(entry.get("tags") or {})}
                problems.extend(cell_rules.count_problems(every, f"{where}.tags"))
            problems.extend(f"{where}: {problem}" for problem in kind.check(key, entry, world))
    return problems
