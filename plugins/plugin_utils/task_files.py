# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the task file of one action on one kind, ``roles/<role>/tasks/<kind>/<action>.yml``, from inside an action plugin.

The files are ordinary Ansible tasks; this runs them with what Ansible gives every action plugin: the templar, the connection
and its module execution. They use the keywords in KEYWORDS and no others, which a test checks, so that each also runs with
ansible.builtin.include_tasks.
"""

from __future__ import annotations

import copy
import functools
import time
import typing as t
from dataclasses import dataclass, field

import yaml
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.action import ActionBase
from ansible.utils.vars import combine_vars

from .specs import ROLES

#: The keywords of a task that are understood beside the module's own name.
KEYWORDS = frozenset(
    {
        *("name", "loop", "loop_control", "when", "vars", "register", "no_log", "changed_when", "failed_when"),
        *("until", "retries", "delay"),
    }
)
HIDDEN = "the output is hidden because it could hold a secret (no_log)"


@dataclass
class Outcome:
    """What a task file did.

    :ivar failures: one message each, with the task's name and the item
    """

    changed: bool = False
    failures: list[str] = field(default_factory=list)


@functools.cache
def load(role: str, kind: str, action: str) -> list[dict[str, t.Any]]:
    """The tasks of an action on a kind; empty where the role has no such file."""
    path = ROLES / role / "tasks" / kind / f"{action}.yml"
    if not path.is_file():
        return []
    return DataLoader().load_from_file(str(path), cache="none", trusted_as_template=True) or []


def module_of(task: dict[str, t.Any]) -> str:
    """The module a task calls, by its full name.

    :raises AnsibleError: where the task has a keyword that is not understood here
    """
    names = [word for word in task if word not in KEYWORDS]
    if len(names) != 1 or "." not in names[0]:
        raise AnsibleError(f"task {task.get('name')}: one module by its full name is expected, not {', '.join(names)}")
    return str(names[0])


def modules_called(role: str, kind: str, action: str) -> list[str]:
    """The modules a task file calls, read without templating."""
    path = ROLES / role / "tasks" / kind / f"{action}.yml"
    if not path.is_file():
        return []
    return [module_of(task) for task in yaml.safe_load(path.read_text(encoding="utf-8")) or []]


def _crash(exception: t.Any) -> str:
    """What a module that crashed said last: ansible-core gives a traceback, or an object that holds the error's message."""
    event = getattr(exception, "event", None)
    return str(getattr(event, "msg", "") or str(exception or "").strip().rpartition("\n")[2])


class Runner:
    """Runs tasks for an action plugin, one after the other.

    :param action: whose connection, templar and environment are used
    :param variables: what the tasks see
    """

    def __init__(self, action: ActionBase, variables: dict[str, t.Any]) -> None:
        self._action, self._variables = action, dict(variables)

    def run(self, tasks: t.Iterable[dict[str, t.Any]]) -> Outcome:
        """Run the tasks; the first that fails ends it, after all items of its loop."""
        outcome = Outcome()
        for task in tasks:
            changed, failures = self._task(task)
            outcome.changed |= changed
            if failures:
                outcome.failures = failures
                break
        return outcome

    def _task(self, task: dict[str, t.Any]) -> tuple[bool, list[str]]:
        variables = combine_vars(self._variables, task.get("vars") or {})
        if "loop" not in task:
            result = self._attempts(task, variables)
            results, labels = [result], [""]
        else:
            control = task.get("loop_control") or {}
            loop_var = str(control.get("loop_var", "item"))
            items = self._template(task["loop"], variables)
            results, labels = [], []
            for item in items:
                inner = {**variables, loop_var: item}
                labels.append(str(self._template(control.get("label", ""), inner)))
                results.append({**self._attempts(task, inner), loop_var: item, "ansible_loop_var": loop_var})
            result = {"results": results, "changed": any(each.get("changed") for each in results)}
        if "register" in task:
            self._variables[task["register"]] = result
        failures = [
            self._failure(task, label, each) for label, each in zip(labels, results, strict=True) if each.get("failed")
        ]
        return bool(result.get("changed")), failures

    def _failure(self, task: dict[str, t.Any], label: str, result: dict[str, t.Any]) -> str:
        said = result.get("msg") or result.get("module_stderr") or _crash(result.get("exception"))
        text = str(said or "failed without a message").strip()
        # A module's error names what AWS refused; what it was called with is hidden where the task asks for that.
        if self._hidden(task, {}):
            error = result.get("error") or {}
            text = f"{error['code']}: {HIDDEN}" if isinstance(error, dict) and error.get("code") else HIDDEN
        return f"{task['name']}{f' ({label})' if label else ''}: {text}"

    def _hidden(self, task: dict[str, t.Any], variables: dict[str, t.Any]) -> bool:
        value = task.get("no_log", False)
        return bool(self._template(value, {**self._variables, **variables}))

    def _attempts(self, task: dict[str, t.Any], variables: dict[str, t.Any]) -> dict[str, t.Any]:
        """One call of the task's module, again as often as ``until`` and ``retries`` say."""
        if not self._holds(task.get("when", True), variables):
            return {"skipped": True, "changed": False}
        tries = (
            1 + int(self._template(task.get("retries", 0), variables)) if "until" in task or "retries" in task else 1
        )
        delay = float(self._template(task.get("delay", 5), variables))
        result: dict[str, t.Any] = {}
        for attempt in range(1, tries + 1):
            result = self._call(task, variables)
            inner = {**variables, **({task["register"]: result} if "register" in task else {})}
            if "changed_when" in task:
                result["changed"] = self._holds(task["changed_when"], inner)
            if "failed_when" in task:
                result["failed"] = self._holds(task["failed_when"], inner)
            if self._holds(task["until"], inner) if "until" in task else not result.get("failed"):
                return result
            if attempt < tries:
                time.sleep(delay)
        if "until" in task:
            result["failed"] = True
        return result

    def _call(self, task: dict[str, t.Any], variables: dict[str, t.Any]) -> dict[str, t.Any]:
        name = module_of(task)
        action = self._action
        action._task.no_log = self._hidden(task, variables)
        arguments = self._template(task[name] or {}, variables)
        if action._shared_loader_obj.action_loader.has_plugin(name):
            return self._call_action(name, arguments, variables)
        return action._execute_module(module_name=name, module_args=arguments, task_vars=variables)

    def _call_action(self, name: str, arguments: dict[str, t.Any], variables: dict[str, t.Any]) -> dict[str, t.Any]:
        action = self._action
        task = copy.copy(action._task)
        task.args, task.action = arguments, name
        plugin = action._shared_loader_obj.action_loader.get(
            name,
            task=task,
            connection=action._connection,
            play_context=action._play_context,
            loader=action._loader,
            templar=action._templar.copy_with_new_env(available_variables=variables),
            shared_loader_obj=action._shared_loader_obj,
        )
        try:
            return plugin.run(task_vars=variables)
        except AnsibleError as error:
            return {"failed": True, "msg": str(error)}

    def _template(self, value: t.Any, variables: dict[str, t.Any]) -> t.Any:
        return self._action._templar.copy_with_new_env(available_variables=variables).template(value)

    def _holds(self, conditions: t.Any, variables: dict[str, t.Any]) -> bool:
        templar = self._action._templar.copy_with_new_env(available_variables=variables)
        listed = conditions if isinstance(conditions, list) else [conditions]
        return all(templar.evaluate_conditional(each) for each in listed)
