# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that is wrong with a cell's variables and can be told without asking AWS."""

from __future__ import annotations

import ipaddress
import re
import typing as t

from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.vars.reserved import get_reserved_names

from . import cell_rules, desired, foreign, option_values, shapes, sources, specs, switches, templates
from .engine import registry
from .recovery import pairs


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
        #: As they were written: what is templated takes the place of its template.
        self._raw = dict(variables)
        #: Variables that are wrong themselves, and those that could not be worked out.
        self._wrong: set[str] = set()
        self._failed: set[str] = set()
        #: What is desired, once :meth:`problems` has found nothing wrong.
        self.world: desired.World = {}

    def problems(self) -> list[str]:
        """Everything that is wrong; what entries refer to is looked at once they themselves are right. Of a role's variable
        it says which of the inventory's options it was set by, where that is certain."""
        steer, found = switches.read(self._variables, self._template)
        found = self._found(steer, found)
        written = sources.Sources(steer["terrace_inventory_options"] or {}, self._raw)
        return [f"{problem}{self._set_by(written, problem)}" for problem in found]

    def _set_by(self, written: sources.Sources, problem: str) -> str:
        name = re.split(r"[:.\[ ]", problem, maxsplit=1)[0]
        try:
            return written.of(problem, self._value(name)) if name in self._variables else ""
        except Exception:  # what cannot be worked out has been told
            return ""

    def _found(self, steer: dict[str, t.Any], found: list[str]) -> list[str]:
        options = {name: spec for role in specs.every_role() for name, spec in specs.variables_of(role).items()}
        options.update(steer["terrace_inventory_options"] or {})
        found += [
            *self._unknown(options, steer["terrace_foreign_variables"]),
            *self._missing(options),
            *self._cell_problems(),
            *self._other_cells(steer["terrace_cells"]),
            *pairs.strangers(steer["recovery_pairs"] or {}, self._cells()),
        ]
        wrong = list(self._wrong_values(options))
        self.world, entries = desired.of_kinds(registry.all_kinds(), self._variables, self._template)
        found += [each for problem in wrong + entries for each in self._explained(problem)]
        found = found or desired.cross_checked(self.world, self._cell, self._value("cell_tags") or {}, self._cells())
        return list(dict.fromkeys(found)) or list(self._connected())

    def _explained(self, problem: str) -> t.Iterator[str]:
        """A problem of a variable, unless it follows from what another one is made wrong by; what could not be worked out
        because something has no value is that one's problem."""
        name = re.split(r"[:.\[]", problem)[0]
        sources = self._sources(name)
        if sources & self._wrong:
            return
        empty = sorted(each for each in sources if self._raw[each] is None)
        if name in self._failed and empty:
            yield from (
                f"{each}: has no value, and what is made of it cannot be worked out; give it one" for each in empty
            )
        else:
            yield problem

    def _sources(self, name: str) -> set[str]:
        """The variables that a variable is made of, at any remove."""
        found: set[str] = set()
        left = [name]
        while left:
            mentioned = templates.mentioned(self._raw.get(left.pop())) & set(self._raw)
            left += mentioned - found
            found |= mentioned
        return found - {name}

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
        """The cell's name, account, tags and claims."""
        try:
            yield from cell_rules.name_problems(self._cell)
            account = self._value("cell_account")
            if account is not None:
                yield from cell_rules.account_problems(account)
            yield from cell_rules.tag_problems(self._value("cell_tags"), "cell_tags")
            claims = self._value("cell_claims")
            for kind in claims if isinstance(claims, dict) else ():
                if kind not in registry.all_kinds():
                    yield f"cell_claims.{kind}: there is no kind {kind}{specs.suggestion(str(kind), registry.all_kinds())}"
        except AnsibleError as error:
            yield f"cell_name, cell_account, cell_tags, cell_claims: {error}"

    def _other_cells(self, meant: tuple[str, ...]) -> t.Iterator[str]:
        """Whether the run is on the cells it is meant for: a limit that was lost is an error and no longer run."""
        if not meant:
            return
        here = [cell for cell in self._vars.get("ansible_play_hosts_all", []) if cell in self._cells()]
        if unmeant := sorted(set(here) - set(meant)):
            yield f"terrace_cells: the run is also on {', '.join(unmeant)}; right is --limit {','.join(sorted(meant))}"
        if missing := sorted(set(meant) - set(here)):
            yield f"terrace_cells: the run is not on {', '.join(missing)}; is it in the inventory, and in the limit?"

    def _missing(self, options: dict[str, t.Any]) -> t.Iterator[str]:
        """What every cell must say."""
        for name, spec in options.items():
            if spec.get("required") and name.startswith("cell_") and name not in self._variables:
                text = spec.get("description", "")
                yield f"{name}: is required: {text if isinstance(text, str) else ' '.join(text)}"

    def _wrong_values(self, options: dict[str, t.Any]) -> t.Iterator[str]:
        """Variables of a wrong type, or beyond what is accepted."""
        for name in [each for each in options if each in self._variables]:
            try:
                value = self._value(name)
            except Exception as error:
                self._failed.add(name)
                yield from desired.why(name, error)
                continue
            # A role's own template may come to nothing.
            if value is not None or name in self._vars:
                problems = list(self._wrong_value(name, options[name], value))
                self._wrong |= {name} if problems else set()
                yield from problems

    @staticmethod
    def _wrong_value(name: str, spec: dict[str, t.Any], value: t.Any) -> t.Iterator[str]:
        # The account is judged with the cell, where more can be said of it.
        spec = {**spec, "type": "raw"} if name == "cell_account" else spec
        problems = option_values.of_variable(spec, value, name)
        if spec.get("options") and isinstance(value, dict):
            problems += specs.unknown_options(spec["options"], value, name)
        if not problems and value is not None and (spec.get("choices") or spec.get("options")):
            validator = ArgumentSpecValidator(shapes.optional({name: spec}))
            problems = validator.validate({name: specs.plain(value)}).error_messages
        yield from problems

    def _connected(self) -> t.Iterator[str]:
        """Cells that are to be connected must not share addresses."""
        mine = _network(self._value("network_cidr"))
        for other in map(str, self._value("cell_connects") or []):
            if other not in self._vars["hostvars"]:
                yield f"cell_connects: there is no cell {other}{self._sliced() or specs.suggestion(other, self._cells())}"
                continue
            # Another cell's own check says what is wrong with its network.
            theirs = _network(self._vars["hostvars"][other].get("network_cidr"))
            if mine and theirs and mine.overlaps(theirs):
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


def _network(text: t.Any) -> ipaddress.IPv4Network | None:
    """A network; None where there is none, or it is not one."""
    try:
        return ipaddress.IPv4Network(text) if text and isinstance(text, str) else None
    except ValueError:
        return None
