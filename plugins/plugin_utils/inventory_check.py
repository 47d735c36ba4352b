# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that is wrong with a cell's variables and can be told without asking AWS."""

from __future__ import annotations

import ipaddress
import typing as t

from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.vars.reserved import get_reserved_names

from . import cell_rules, desired, foreign, specs, switches, texts
from .engine import registry


class InventoryCheck:
    """One cell's check.

    :param own: the variables of the play on this cell
    :param variables: the same over every role's defaults
    :param template: resolves a raw variable
    :param given: variables given to the run (-e): those of other tools may be among them
    :param known: further variables a play brings
    """

    def __init__(
        self,
        cell: str,
        own: dict[str, t.Any],
        variables: dict[str, t.Any],
        template: t.Callable[[t.Any], t.Any],
        given: t.Container[str] = (),
        known: t.Iterable[str] = (),
    ) -> None:
        self._cell, self._vars, self._variables, self._template = cell, own, variables, template
        self._given, self._known = given, tuple(known)

    def problems(self) -> list[str]:
        """Everything that is wrong; what entries refer to is looked at once they themselves are right."""
        steer, found = switches.read(self._variables, self._template)
        options = {name: spec for role in specs.every_role() for name, spec in specs.variables_of(role).items()}
        options.update(steer["terrace_inventory_options"] or {})
        found += [
            *self._unknown(options, steer["terrace_foreign_variables"]),
            *self._wrong_types(options),
            *self._cell_problems(),
            *self._other_cells(steer["terrace_cells"]),
        ]
        world, wrong = desired.of_kinds(registry.all_kinds(), self._variables, self._template)
        found += wrong
        found = found or desired.cross_checked(world, self._cell, self._value("cell_tags") or {}, self._cells())
        return found or list(self._connected())

    def _value(self, name: str) -> t.Any:
        return self._template(self._variables.get(name))

    def _cells(self) -> list[str]:
        return list(self._vars.get("groups", {}).get("cells", []))

    def _unknown(self, options: dict[str, t.Any], others: tuple[str, ...]) -> t.Iterator[str]:
        """Variables nobody knows. One given to the run (-e, a survey, a credential type, an earlier job's artifacts) may be
        another tool's, unless it looks like ours; the inventory's own are to be declared."""
        known = {*options, *switches.RUN_VARIABLES, *self._known}
        allowed = {*known, *get_reserved_names(), *(f"{role}_output" for role in specs.every_role())}
        for name in sorted(set(self._vars) - allowed):
            if foreign.is_known(name, others):
                continue
            if name not in self._given:
                yield (
                    f"{name}: there is no such variable{specs.suggestion(name, known)}; another tool's can be allowed by "
                    "pattern in terrace_foreign_variables"
                )
            elif likely := foreign.looks_like_ours(name, known):
                yield f"{name}: there is no such variable; {likely}"

    def _cell_problems(self) -> t.Iterator[str]:
        """The cell's name, account and tags."""
        try:
            yield from cell_rules.name_problems(self._cell)
            account = self._value("cell_account")
            if account is not None:
                yield from cell_rules.account_problems(account)
            yield from cell_rules.tag_problems(self._value("cell_tags"), "cell_tags")
        except AnsibleError as error:
            yield f"cell_name, cell_account, cell_tags: {error}"

    def _other_cells(self, meant: tuple[str, ...]) -> t.Iterator[str]:
        """Whether the run is on the cells it is meant for: a limit that was lost is an error and no longer run."""
        if not meant:
            return
        here = [cell for cell in self._vars.get("ansible_play_hosts_all", []) if cell in self._cells()]
        if unmeant := sorted(set(here) - set(meant)):
            yield f"terrace_cells: the run is also on {', '.join(unmeant)}; right is --limit {','.join(sorted(meant))}"
        if missing := sorted(set(meant) - set(here)):
            yield f"terrace_cells: the run is not on {', '.join(missing)}; is it in the inventory, and in the limit?"

    def _wrong_types(self, options: dict[str, t.Any]) -> t.Iterator[str]:
        for name, spec in options.items():
            if name not in self._variables:
                if spec.get("required") and name.startswith("cell_"):
                    yield f"{name}: is required: {' '.join(spec.get('description', ''))}"
                continue
            try:
                value = self._value(name)
            except Exception as error:
                yield from desired.why(name, error)
                continue
            if value is not None:
                yield from texts.of_option(spec if name != "cell_account" else {"type": "raw"}, value, name)
                if spec.get("type") == "dict" and not spec.get("options") and isinstance(value, dict):
                    continue  # nothing is left to find, and the validator would copy every entry of a kind
                outcome = ArgumentSpecValidator({name: {**spec, "required": False}}).validate(
                    {name: specs.plain(value)}
                )
                yield from outcome.error_messages

    def _connected(self) -> t.Iterator[str]:
        """Cells that are to be connected must not share addresses."""
        mine = self._value("network_cidr")
        for other in self._value("cell_connects") or []:
            if other not in self._vars["hostvars"]:
                yield f"cell_connects: there is no cell {other}{self._sliced() or specs.suggestion(other, self._cells())}"
                continue
            theirs = self._vars["hostvars"][other].get("network_cidr")
            if mine and theirs and ipaddress.ip_network(mine).overlaps(ipaddress.ip_network(theirs)):
                yield f"network_cidr: {mine} overlaps {theirs} of {other}, with which cell_connects connects this cell"

    def _sliced(self) -> str:
        """What to do where AWX gave the job only a slice of the inventory; empty where it did not.

        AWX (24.6.1) does not tell a job that it is a slice. But a job template that slices starts a workflow job of its own
        name, whose jobs get every nth host (``awx/main/models/jobs.py``, ``create_unified_job``).
        """
        workflow, template = (self._value(f"awx_{name}_name") for name in ("workflow_job", "job_template"))
        if workflow and workflow == template:
            return (
                ": this job is a slice of the job template, with a part of the inventory only; do not slice (job slicing: "
                "1), forks run cells side by side"
            )
        if self._value("awx_job_id"):
            return (
                " in the inventory that AWX gave this job; where the job template slices: do not slice (job slicing: 1), "
                "forks run cells side by side"
            )
        return ""
