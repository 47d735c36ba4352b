# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of the three-tier blueprint: its applications, and what the layers make of them."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ..plugin_utils import specs
from .flask_app import NAME

#: The first application's target group; the others' are called after it.
MAIN = "app"
#: What gunicorn needs for an application of the interface.
WORKERS = {"wsgi": [], "asgi": ["uvicorn-worker==0.4.0"]}


def applications(main: dict[str, t.Any], others: dict[str, t.Any]) -> dict[str, dict[str, t.Any]]:
    """Every application by name, with its defaults, ``target_group`` and ``release_packages`` beside its options.

    :param main: three_tier_application, with its ``name``
    :param others: three_tier_applications
    :raises AnsibleFilterError: naming all that is wrong
    """
    first = str(main.get("name", ""))
    options = {"data": True, **{name: value for name, value in main.items() if name != "name"}}
    shape = specs.shape("flask_app", "application")
    server = specs.variables_of("app_release")["app_release_packages"]["default"]
    made, problems = specs.named(shape, {first: options}, "three_tier_application")
    more, wrong = specs.named(shape, others, "three_tier_applications")
    problems += wrong
    problems += [f"three_tier_applications.{first}: is three_tier_application already"] if first in more else []
    made |= more
    ports: dict[int, str] = {}
    for name, entry in made.items():
        if not NAME.fullmatch(name):
            problems.append(
                f"the application {name!r} must be called by lower-case letters, digits and hyphens, at most 31"
            )
        if problems:
            continue
        if entry["port"] in ports:
            problems.append(f"{name}.port: {entry['port']} is {ports[entry['port']]}'s; give it another")
        ports[entry["port"]] = name
        if both := sorted({*entry["environment"], *entry["secrets"]} & {*entry["generated"]}):
            problems.append(f"{name}.generated: {', '.join(both)} is in environment or secrets as well")
        entry["alive"] = entry["alive"] or entry["health"]
        entry["target_group"] = MAIN if name == first else f"{MAIN}-{name}"
        entry["release_packages"] = [*server, *WORKERS[entry["interface"]], *entry["packages"]]
    if problems:
        raise AnsibleFilterError("\n  ".join(problems))
    return made


def application(served: dict[str, dict[str, t.Any]], name: str) -> dict[str, t.Any]:
    """One application; of one that the inventory does not name, as one that is to be removed, the options' defaults.

    :param served: as :func:`applications` returns them
    """
    if name in served:
        return served[name]
    defaults = {option: spec.get("default") for option, spec in specs.entry_point("flask_app", "application").items()}
    return {**defaults, "wsgi": "", "target_group": "", "release_packages": []}


def application_target_groups(served: dict[str, dict[str, t.Any]], delay: int) -> dict[str, dict[str, t.Any]]:
    """Entries of load_balancer_target_groups, one an application.

    :param served: as :func:`applications` returns them
    :param delay: seconds a machine that leaves has for what it has begun
    """
    return {
        entry["target_group"]: {
            "port": entry["port"],
            "health_check": {"path": entry["alive"], "interval": 5, "timeout": 4, "healthy": 2},
            "deregistration_delay": delay,
        }
        for entry in served.values()
    }


def application_rules(served: dict[str, dict[str, t.Any]], domain: str) -> dict[str, dict[str, t.Any]]:
    """Rules of the internal listener: every application but the first gets what is asked for by its names.

    :param served: as :func:`applications` returns them
    :param domain: what their names lie below where they have none of their own
    """
    # The port is an application's own, and so a priority that no other application's coming or going moves.
    return {
        name: {
            "priority": entry["port"],
            "hosts": entry["names"] or [f"{name}.{domain}"],
            "target_group": entry["target_group"],
        }
        for name, entry in served.items()
        if entry["names"] or entry["target_group"] != MAIN
    }


def application_ports(served: dict[str, dict[str, t.Any]]) -> list[int]:
    """The ports the application machines listen at.

    :param served: as :func:`applications` returns them
    """
    return sorted(entry["port"] for entry in served.values())


def application_secrets(served: dict[str, dict[str, t.Any]]) -> dict[str, dict[str, t.Any]]:
    """Entries of secrets_entries: what applications have generated for them.

    :param served: as :func:`applications` returns them
    """
    return {
        f"app-{name}": {
            "description": f"What {name} keeps to itself",
            "kms_key": "data",
            "content": {
                variable: {"generate": {"length": 50, "punctuation": False}} for variable in entry["generated"]
            },
        }
        for name, entry in served.items()
        if entry["generated"]
    }


def generated_secrets(found: dict[str, dict[str, t.Any]], name: str, variables: list[str]) -> dict[str, dict[str, str]]:
    """What an application is given of its own secret, as flask_app_secrets.

    :param found: the cell's secrets, as ``resources.secret`` of terrace.aws.cell_info
    :param name: the application's
    :param variables: those of the environment that are generated
    """
    # Empty where it is not there (yet), which the role flask_app refuses.
    ident = (found.get(f"app-{name}") or {}).get("id", "")
    return {variable: {"secret": ident, "field": variable} for variable in variables}


def paired(entries: dict[str, dict[str, t.Any]], counterpart: str, created_as: str) -> dict[str, dict[str, t.Any]]:
    """Entries that another cell has as well, under the same names, each with ``counterpart`` and ``created_as``.

    :param counterpart: the other cell; with none the entries stay as they are
    :param created_as: primary or replica, which the entries are made as
    """
    if not counterpart:
        return entries
    return {
        name: {**entry, "counterpart": f"{counterpart}/{name}", "created_as": created_as}
        for name, entry in entries.items()
    }


class FilterModule:
    """Filters ``terrace.aws.*`` of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        names = (
            application,
            applications,
            application_target_groups,
            application_rules,
            application_ports,
            application_secrets,
        )
        return {each.__name__: each for each in (*names, generated_secrets, paired)}
