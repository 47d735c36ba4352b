# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the actions share: the cell from the play's variables, the play's environment, and one run's observations."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import connection_loader, filter_loader, lookup_loader, shell_loader

from . import option_values, run_files, sdk, specs, switches
from .engine import registry, service_models
from .engine.cell import Cell, Settings
from .engine.kind import Resource
from .sdk import BotoCoreError, ClientError


def _preload() -> None:
    """Read what every task needs. Ansible's main process loads an action before it forks a worker for the task: what is read here
    is read once a run, not once a task."""
    # All of this stays. A collector that looked through it in a worker would make the worker copy what it shares.
    gc.disable()
    try:
        registry.all_kinds()
        specs.preload()
        service_models.preload()
        for name in ("terrace.aws.cell_environment", "ansible.builtin.default", "ansible.builtin.dict2items"):
            filter_loader.get(name)
        lookup_loader.get("ansible.builtin.env")
        connection_loader.get("terrace.aws.warm", class_only=True)
        shell_loader.get("sh")
        gc.freeze()
    finally:
        gc.enable()


_preload()


class Observations:
    """What was read of a cell in this run of ansible-playbook, kept in its private temporary directory.

    A plan uses what an earlier task of the run has read; whatever writes reads afresh afterwards.

    :cvar off: nothing is taken from it or put into it, in the tasks of kinds, which run while others write
    """

    off = False

    def __init__(self, cell: str, region: str) -> None:
        self._path = run_files.folder() / f"{cell}.{region}.json"

    def load(self) -> dict[str, dict[str, Resource]]:
        """``{kind: {name: resource}}``."""
        if self.off:
            return {}
        kept = self._kept()["observed"]
        return {kind: {name: Resource(**res) for name, res in found.items()} for kind, found in kept.items()}

    def sources(self) -> dict[str, set[str]]:
        """Kind -> kinds that were looked at while it was read."""
        return {kind: set(others) for kind, others in self._kept()["sources"].items()}

    def keep(self, observed: dict[str, dict[str, Resource]], sources: dict[str, set[str]]) -> None:
        if self.off:
            return
        kept = self._kept()
        kept["observed"] |= plain(observed)
        for kind, others in sources.items():
            kept["sources"][kind] = sorted({*others, *kept["sources"].get(kind, ())})
        # Tasks of one cell may look at it side by side.
        partial = self._path.with_suffix(f".{os.getpid()}.partial")
        partial.write_text(json.dumps(kept, default=str))
        partial.replace(self._path)

    def keep_unfinished(self, summary: dict[str, t.Any]) -> None:
        """A plan that was not carried out to its end, for the summary of the run: a failed task shows its message alone."""
        self._path.with_suffix(run_files.UNFINISHED).write_text(json.dumps(summary, default=str))

    def replace(self, observed: dict[str, dict[str, Resource]]) -> None:
        """Only this holds any more of what was read."""
        sources = self._kept()["sources"]
        self._path.unlink(missing_ok=True)
        self.keep(observed, sources)

    def _kept(self) -> dict[str, dict[str, t.Any]]:
        try:
            return json.loads(self._path.read_text())
        except FileNotFoundError:
            return {"observed": {}, "sources": {}}


class CellAction(ActionBase):
    """An action that looks at a cell through the AWS API, with the environment modules of the same play get."""

    _requires_connection = False

    def variable(self, name: str, default: t.Any = None) -> t.Any:
        """A templated variable of the play."""
        if name not in self._vars:
            return default
        return self._templar.template(self._vars[name])

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        if sdk.MISSING:
            raise AnsibleActionFail(sdk.MISSING)
        super().run(tmp, task_vars)
        self._vars = task_vars or {}
        with self._play_environment():
            try:
                return self.act()
            except (ClientError, BotoCoreError) as error:
                raise AnsibleActionFail(f"{self.cell_name()}: {error}{sdk.lab_hint(error)}") from error

    def act(self) -> dict[str, t.Any]:
        """What the action does, inside the play's environment."""
        raise NotImplementedError

    @contextlib.contextmanager
    def _play_environment(self) -> t.Iterator[None]:
        wanted: dict[str, t.Any] = {}
        self._compute_environment_string(wanted)
        before = self._outer = dict(os.environ)
        os.environ.update({key: str(value) for key, value in wanted.items()})
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)

    def option(self, name: str, default: t.Any = None) -> t.Any:
        value = self._task.args.get(name)
        return default if value is None else value

    def cell_name(self) -> str:
        return str(self.option("cell") or self.variable("cell_name") or self._vars["inventory_hostname"])

    def region(self) -> str:
        region = self.option("region") or self.variable("cell_region")
        if not region:
            raise AnsibleActionFail("cell_region is not set: which AWS region is this cell in (for example us-east-1)?")
        self.refuse_value("cell_region", region)
        return str(region)

    def refuse_value(self, name: str, value: t.Any, role: str = "cell") -> None:
        """Refuse the value of a variable of a role that is of a wrong type, or beyond what is accepted: a play may be
        without the check of the inventory.

        :raises AnsibleActionFail: naming what would be right
        """
        if problems := option_values.of_variable(specs.variables_of(role)[name], value, name):
            raise AnsibleActionFail("\n".join(f"{self._vars.get('inventory_hostname')}: {each}" for each in problems))

    #: What the inventory says of reading; an action that knows the inventory sets it.
    settings = Settings()

    #: What does not answer within seconds counts as out of reach.
    hurried = False

    def cell(self, exact: bool = True, known: dict[str, dict[str, Resource]] | None = None) -> Cell:
        """A fresh view of the cell: what it reads, it reads now, except the kinds that are given as ``known``."""
        kinds = registry.all_kinds()
        return Cell(self.cell_name(), self.region(), kinds, exact, known, self.settings, hurried=self.hurried)

    def other_cell(self, name: str, hurried: bool = False) -> Cell:
        """Another cell of the inventory, seen with the credentials it was signed in with in this run, else with this one's.

        :param hurried: it may be out of reach
        :raises AnsibleActionFail: where it is of another account and was not signed in
        """
        other = self._vars["hostvars"][name]
        session = other.get("cell_session") or {}
        account = str(self._templar.template(other.get("cell_account", "")))
        if not session and account != str(self.variable("cell_account", "")):
            raise AnsibleActionFail(
                f"{self.cell_name()}: refers to {name}, which is of account {account} and not part of this run; "
                f"add it: --limit {self.cell_name()},{name}"
            )
        region = str(self._templar.template(other["cell_region"]))
        cell_name = str(self._templar.template(other.get("cell_name", name)))
        environment = session.get("environment") or {}
        return Cell(cell_name, region, registry.all_kinds(), environment=environment, hurried=hurried)

    def observations(self) -> Observations:
        return Observations(self.cell_name(), self.region())

    def observe(self, kinds: t.Iterable[str], fresh: t.Container[str] = ()) -> dict[str, dict[str, Resource]]:
        """The kinds: those in ``fresh`` as they are now, the others as they were last read in this run."""
        wanted = list(kinds)
        exact = any(kind in fresh for kind in wanted)
        kept = {kind: found for kind, found in self.observations().load().items() if kind not in fresh}
        missing = [kind for kind in wanted if kind not in kept]
        if missing:
            cell = self.cell(exact, kept)
            read = cell.observe(missing)
            looked_at = {kind: found for kind, found in read.items() if kind not in cell.passed_over}
            self.observations().keep(looked_at, cell.sources)
            kept.update(read)
        return {kind: kept[kind] for kind in wanted}

    def switches(self) -> dict[str, t.Any]:
        """The run's switches by their types.

        :raises AnsibleActionFail: naming those that are wrong
        """
        values, problems = switches.read(self._vars, self._templar.template)
        if problems:
            raise AnsibleActionFail(f"{self.cell_name()}: nothing was written:\n  " + "\n  ".join(problems))
        return values

    def known_kinds(self, names: t.Iterable[str]) -> list[str]:
        """The names, refused where one is no kind."""
        names = list(names)
        unknown = sorted(set(names) - set(registry.all_kinds()))
        if unknown:
            raise AnsibleActionFail(
                f"no such kind: {', '.join(unknown)}; known: {', '.join(sorted(registry.all_kinds()))}"
            )
        return names


def ids(observed: dict[str, dict[str, Resource]]) -> dict[str, dict[str, str]]:
    """``{kind: {logical name: id}}``."""
    return {kind: {name: res.id for name, res in found.items()} for kind, found in observed.items()}


def plain(observed: dict[str, dict[str, Resource]]) -> dict[str, dict[str, t.Any]]:
    """Resources as results can carry them."""
    return {kind: {name: res.as_dict() for name, res in found.items()} for kind, found in observed.items()}
