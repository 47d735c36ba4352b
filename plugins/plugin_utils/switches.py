# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables that steer a run and belong to no role, each with its type.

They are set with ``-e``, by surveys and by job templates, which give text: ``-e terrace_prune=false`` is the text
``false``, ``-e terrace_allow_data_loss=secret/old-*`` a text and no list. So each is read here, by its type, and nowhere
else. An empty text and null are unset: ansible-core 2.21 reads a survey's unanswered question (``!unsafe ''``) as null.
"""

from __future__ import annotations

import fnmatch
import json
import re
import typing as t
from dataclasses import dataclass

from . import option_values, specs
from .adoption import region
from .engine import registry
from .engine.plan import Rules
from .recovery import pairs
from .texts import not_text, sort_of

TRUE = frozenset({"y", "yes", "on", "1", "true", "t"})
_EXAMPLE_TAGS = """-e '{"adopt_tags": {"Project": "shop"}}'"""
FALSE = frozenset({"n", "no", "off", "0", "false", "f"})


@dataclass(frozen=True)
class Switch:
    """One variable of a run.

    :ivar type: ``bool``, ``text``, ``choice``, ``names`` (cells), ``patterns`` (of kind/name), ``variables`` (patterns of
        variable names), ``number``, ``batch`` (of machines, as the keyword ``serial`` takes it), ``options`` (an argument
        spec), ``pairs`` (of cells), ``ids`` (of EC2, and ARNs) or ``tags``
    :ivar meaning: what it does, for people
    :ivar default: what an unset one reads as
    :ivar shape: for ``text``: the expression it must match
    :ivar right: for ``text`` and ``choice``: what would be right
    """

    type: str
    meaning: str
    default: t.Any = ""
    shape: str = ""
    right: str = ""
    choices: tuple[str, ...] = ()


SWITCHES: dict[str, Switch] = {
    "adopt_ids": Switch("ids", "what adopt_cell.yml takes over, by id of EC2 or ARN", ()),
    "adopt_dir": Switch("text", "the folder adopt_cell.yml writes an inventory to"),
    "adopt_tags": Switch("tags", "adopt_cell.yml takes over what carries these tags", None),
    "adopt_vpc": Switch(
        "text",
        "adopt_cell.yml takes over what lies in this VPC, and what that uses",
        shape=r"vpc-[0-9a-f]{8,17}",
        right="the id of a VPC, such as vpc-0123456789abcdef0",
    ),
    "configure_hosts_added": Switch(
        "choice",
        "what becomes of what was added to machines by hand",
        "report",
        choices=("report", "remove", "accept"),
    ),
    "deploy_app_batch": Switch("batch", "how many machines are switched to a release at once", None),
    "deploy_app_release": Switch(
        "choice", "deploys what is or was deployed instead of app_release_version", choices=("current", "previous")
    ),
    "deploy_app_timeout": Switch("number", "seconds a machine may take to be healthy in its target groups", 180),
    "destroy_confirm": Switch("text", "the name of the cell that is to be destroyed"),
    "drift_report": Switch("text", "the file check_drift.yml writes its report to"),
    "isolate_instance": Switch(
        "text",
        "the machine isolate_instance.yml takes out",
        shape=r"i-[0-9a-f]{8,17}",
        right="an instance id, such as i-0123456789abcdef0",
    ),
    "isolate_instance_snapshots": Switch("bool", "also take snapshots of the isolated machine's volumes", False),
    "patch_hosts_batch": Switch("batch", "how many machines of a tier are patched at once", None),
    "recovery_pairs": Switch(
        "pairs",
        "pairs of cells of which each can take over from the other; see roles/dr_status, entry point pair",
        None,
    ),
    "remove_app_confirm": Switch("text", "the name of the application that is to be removed"),
    "rotate_ssh_private_key": Switch("text", "the new private key's file"),
    "show_dir": Switch("text", "the folder show_cell.yml draws to"),
    "terrace_allow_data_loss": Switch("patterns", "what may be removed although it holds data", ()),
    "terrace_allow_replace": Switch("patterns", "what may be replaced where AWS cannot change it", ()),
    "terrace_cells": Switch("names", "the cells this run is meant for; a run on others or on fewer is refused", ()),
    "terrace_foreign_variables": Switch("variables", "variables of other tools that may be set in the inventory", ()),
    "terrace_inventory_options": Switch("options", "the inventory's own variables, as an argument spec", None),
    "terrace_prune": Switch("bool", "remove what the inventory does not name", False),
    "terrace_remove_at_most": Switch("number", "how many resources a run may remove that is not a destruction", 20),
    "terrace_take_lock": Switch("text", "the owner of the lock that is taken over"),
    "terrace_trust_plan": Switch("bool", "pass over what the plan finds in sync", True),
    "terrace_wait": Switch("bool", "wait until what was written is ready", True),
}
#: Variables an operator may set that belong to no role.
RUN_VARIABLES = frozenset(SWITCHES)


class SwitchError(ValueError):
    """What is wrong with a switch's value, and what would be right."""


def read(
    variables: t.Mapping[str, t.Any], template: t.Callable[[t.Any], t.Any] = lambda value: value
) -> tuple[dict[str, t.Any], list[str]]:
    """Every switch by its type, and all that is wrong; an unset or wrong one has its default.

    :param variables: the play's variables, raw
    :param template: resolves a raw variable
    """
    values, problems = {}, []
    for name, switch in SWITCHES.items():
        values[name] = switch.default
        try:
            values[name] = one(name, template(variables.get(name)))
        except SwitchError as error:
            problems.append(str(error))
        except Exception as error:  # a template that fails
            problems.append(f"{name}: {error}")
    return values, problems


def one(name: str, value: t.Any) -> t.Any:
    """One switch by its type; its default where it is unset.

    :raises SwitchError: naming the switch and what would be right
    """
    switch = SWITCHES[name]
    if value is None or (isinstance(value, str) and not value.strip()):
        return switch.default
    return READERS[switch.type](name, value)


def rules(values: t.Mapping[str, t.Any], **others: t.Any) -> Rules:
    """What the operator allows, of the values that :func:`read` returned.

    :param others: further fields of :class:`Rules` (``absent``)
    """
    return Rules(
        prune=values["terrace_prune"],
        replace=values["terrace_allow_replace"],
        data_loss=values["terrace_allow_data_loss"],
        **others,
    )


def _bool(name: str, value: t.Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower() if isinstance(value, str | int) else ""
    if word in TRUE | FALSE:
        return word in TRUE
    raise SwitchError(f"{name}: {value} is not a boolean; right is true or false")


def _text(name: str, value: t.Any) -> str:
    switch = SWITCHES[name]
    if problem := not_text(name, value):
        raise SwitchError(problem)
    if not isinstance(value, str | int):
        raise SwitchError(f"{name}: must be a text, not {sort_of(value)}")
    text = str(value).strip()
    if switch.shape and not re.fullmatch(switch.shape, text):
        raise SwitchError(f"{name}: {text} is not {switch.right}")
    return text


def _choice(name: str, value: t.Any) -> str:
    text = _text(name, value)
    choices = SWITCHES[name].choices
    if text not in choices:
        raise SwitchError(f"{name}: must be one of {', '.join(choices)}, or unset; not {text}")
    return text


def _batch(name: str, value: t.Any) -> t.Any:
    each = value if isinstance(value, list | tuple) else [value]
    for size in each:
        if isinstance(size, bool) or not re.fullmatch(r"[1-9]\d*|[1-9]\d?%|100%", str(size).strip()):
            raise SwitchError(f"{name}: {size} is not a number of machines; right are 1, 2 or 25%")
    return list(value) if isinstance(value, list | tuple) else value


def _number(name: str, value: t.Any) -> int:
    if isinstance(value, bool) or not re.fullmatch(r"\d+", str(value).strip()):
        raise SwitchError(f"{name}: {value} is not a number; right is 20 for example")
    return int(value)


def _options(name: str, value: t.Any) -> dict[str, t.Any]:
    if not isinstance(value, dict):
        raise SwitchError(f"{name}: must be a dict of options as in an argument spec, not {sort_of(value)}")
    types = (*option_values.WORDS, "raw")
    for option, spec in value.items():
        where = f"{name}.{option}"
        if not isinstance(option, str) or not isinstance(spec, dict):
            raise SwitchError(
                f"{where}: must be what an argument spec says of an option, such as {{type: str}}, not {spec}"
            )
        for word in ("type", "elements"):
            if spec.get(word, "raw") not in types:
                raise SwitchError(f"{where}.{word}: there is no type {spec[word]}; right are {', '.join(types)}")
        if not isinstance(spec.get("choices") or [], list):
            raise SwitchError(f"{where}.choices: must be a list, not {sort_of(spec['choices'])}")
        _options(f"{where}.options", spec.get("options") or {})
    return dict(value)


def _listed(name: str, value: t.Any, example: str) -> list[str]:
    """A list of texts; a text is one of them, or a list in JSON."""
    given = value
    if isinstance(value, str):
        text = value.strip()
        if text.startswith(("[", "{", '"')):
            try:
                given = json.loads(text)
            except ValueError:
                raise SwitchError(f"{name}: {text} is not JSON; {_as_list(name, [example])}") from None
        elif re.search(r"[,;\s]", text):
            raise SwitchError(f"{name}: {text} is a text and no list; {_as_list(name, re.split(r'[,;\s]+', text))}")
        else:
            given = [text]
    if not isinstance(given, list | tuple):
        raise SwitchError(f"{name}: must be a list, not {sort_of(given)}; {_as_list(name, [example])}")
    for each in given:
        if not isinstance(each, str) or not each.strip():
            raise SwitchError(f"{name}: {each!r} in the list is not a text; {_as_list(name, [example])}")
    return [str(each).strip() for each in given]


def _patterns(name: str, value: t.Any) -> tuple[str, ...]:
    """Patterns of kind/name; one that can match nothing is refused, for it would be a misspelling."""
    found = _listed(name, value, "secret/database")
    kinds = sorted(registry.all_kinds())
    for pattern in found:
        kind, slash, rest = pattern.partition("/")
        if pattern == "*":
            continue
        if not slash or not rest or re.search(r"[,;\s]", pattern):
            raise SwitchError(
                f"{name}: {pattern} is not a pattern of kind/name, such as secret/database or secret/old-*"
            )
        if not any(fnmatch.fnmatchcase(known, kind) for known in kinds):
            raise SwitchError(f"{name}: {pattern}: there is no kind {kind}{specs.suggestion(kind, kinds)}")
    return tuple(found)


def _names(name: str, value: t.Any) -> tuple[str, ...]:
    return tuple(_listed(name, value, "production-use1"))


def _ids(name: str, value: t.Any) -> tuple[str, ...]:
    """Ids of EC2 and ARNs."""
    found = _listed(name, value, "vpc-0123456789abcdef0")
    for text in found:
        try:
            region.address(text)
        except ValueError as error:
            raise SwitchError(f"{name}: {error}") from None
    return tuple(found)


def _tags(name: str, value: t.Any) -> dict[str, str]:
    """A dict of tags, also as JSON, or one tag as ``key=value``."""
    given = value
    if isinstance(value, str):
        try:
            given = json.loads(value) if value.strip().startswith("{") else dict([value.strip().split("=", 1)])
        except ValueError:
            raise SwitchError(f"{name}: {value} is not a tag; right is Project=shop, or {_EXAMPLE_TAGS}") from None
    if not isinstance(given, dict) or not all(isinstance(each, str) for pair in given.items() for each in pair):
        raise SwitchError(f"{name}: must be a dict of tags, all of them texts; right is {_EXAMPLE_TAGS}")
    return {str(key): str(each) for key, each in given.items()}


def _pairs(_name: str, value: t.Any) -> pairs.Pairs:
    found, problems = pairs.checked(value)
    if problems:
        raise SwitchError("\n".join(problems))
    return found


def _variables(name: str, value: t.Any) -> tuple[str, ...]:
    found = _listed(name, value, "change_*")
    for pattern in found:
        if not re.fullmatch(r"[A-Za-z_][\w*?]*", pattern):
            raise SwitchError(f"{name}: {pattern} is not a pattern of variable names, such as change_*")
    return tuple(found)


READERS: dict[str, t.Callable[[str, t.Any], t.Any]] = {
    "bool": _bool,
    "text": _text,
    "choice": _choice,
    "batch": _batch,
    "number": _number,
    "options": _options,
    "pairs": _pairs,
    "patterns": _patterns,
    "names": _names,
    "variables": _variables,
    "ids": _ids,
    "tags": _tags,
}


def _as_list(name: str, items: list[str]) -> str:
    return f"write a list: -e '{json.dumps({name: [item for item in items if item]})}'"
