# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters over a deployment: which machine serves what, and which could not be brought back."""

from __future__ import annotations

import re
import typing as t

#: What a deployment's name on a machine has behind the version.
SETTINGS = re.compile(r"-[0-9a-f]{8}$")


def deployed_machines(machines: list[str], hostvars: t.Mapping[str, t.Any]) -> dict[str, dict[str, t.Any]]:
    """What each machine serves as far as this run knows: ``{host: {serves, batch, by}}``.

    :param hostvars: of the run; a machine's ``__deploy_serves`` says it
    """
    found = {machine: hostvars[machine].get("__deploy_serves") for machine in sorted(machines)}
    return {
        machine: {**serves, "serves": SETTINGS.sub("", serves["serves"])} for machine, serves in found.items() if serves
    }


def deployment_counts(machines: t.Mapping[str, t.Mapping[str, t.Any]]) -> str:
    """How many machines serve which version, for people.

    :param machines: as :func:`deployed_machines` returns them
    """
    counts: dict[str, int] = {}
    for each in machines.values():
        counts[each["serves"] or "nothing"] = counts.get(each["serves"] or "nothing", 0) + 1
    told = [
        f"{number} {'machine serves' if number == 1 else 'machines serve'} {what}" for what, number in counts.items()
    ]
    return ", ".join(told) or "no machine was switched"


def deployed_lines(machines: list[str], hostvars: t.Mapping[str, t.Any]) -> list[str]:
    """A closing line a machine: what it serves, and in which batch of this run it came to that."""
    found = deployed_machines(machines, hostvars)
    lines = []
    for machine in sorted(machines):
        serves = found.get(machine)
        if serves is None:
            lines.append(f"{machine}: was left out; the next deployment brings it along")
            continue
        batch = f" (machines {serves['batch']})" if "batch" in serves else " (already)"
        lines.append(f"{machine}: serves {serves['serves'] or 'nothing'}{batch}")
    return lines


def stuck_machines(machines: list[str], hostvars: t.Mapping[str, t.Any]) -> list[str]:
    """The machines of a failed deployment that could not be brought back to what they served, or of which that is not known."""
    return [
        machine
        for machine in sorted(machines)
        if hostvars[machine].get("__deploy_touched") and hostvars[machine].get("__deploy_undone") is not True
    ]


class FilterModule:
    """Filters ``terrace.aws.*`` of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {each.__name__: each for each in (deployed_machines, deployment_counts, deployed_lines, stuck_machines)}
