"""The task files of the kinds are run as Ansible runs tasks: loops, conditions, registers, retries, hidden output."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

from ansible_collections.terrace.aws.plugins.plugin_utils import task_files
from ansible_collections.terrace.aws.plugins.plugin_utils.engine import registry


class Action:
    """What an action plugin has; its modules answer what a test says."""

    def __init__(self, answer: t.Callable[[str, dict], dict]) -> None:
        self._templar = Templar(loader=DataLoader())
        self._answer = answer
        self.calls: list[tuple[str, dict, bool]] = []
        self._task = type("Task", (), {"no_log": False})()
        loader = type("Loader", (), {"has_plugin": staticmethod(lambda _name: False)})()
        self._shared_loader_obj = type("Loaders", (), {"action_loader": loader})()

    def _execute_module(self, module_name: str, module_args: dict, task_vars: dict) -> dict:
        self.calls.append((module_name, module_args, self._task.no_log))
        return self._answer(module_name, module_args)


def trusted(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return {key: trusted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [trusted(item) for item in value]
    return trust_as_template(value) if isinstance(value, str) else value


def run(
    tasks: list[dict], answer: t.Callable[[str, dict], dict], **variables: t.Any
) -> tuple[Action, task_files.Outcome]:
    action = Action(answer)
    return action, task_files.Runner(action, variables).run(trusted(tasks))


def ok(_name: str, _arguments: dict) -> dict:
    return {"changed": True}


LOOP = {
    "name": "present | Write",
    "a.b.c": {"name": "{{ __item.key }}", "size": "{{ __item.value.size | default(omit) }}"},
    "loop": "{{ entries | dict2items }}",
    "loop_control": {"loop_var": "__item", "label": "{{ __item.key }}"},
}


def test_items_are_templated_and_what_is_omitted_is_left_out():
    action, outcome = run([LOOP], ok, entries={"x": {"size": 1}, "y": {}})
    assert [arguments for _name, arguments, _hidden in action.calls] == [{"name": "x", "size": 1}, {"name": "y"}]
    assert outcome.changed


def test_every_item_is_tried_and_each_failure_named_and_the_next_task_left():
    def answer(_name, arguments):
        return {"failed": True, "msg": "refused"} if arguments["name"] != "y" else {"changed": True}

    action, outcome = run([LOOP, {"name": "next", "a.b.d": {}}], answer, entries={"x": {}, "y": {}, "z": {}})
    assert len(action.calls) == 3
    assert outcome.failures == ["present | Write (x): refused", "present | Write (z): refused"]


def test_a_register_holds_the_results_with_their_items():
    tasks = [
        {**LOOP, "register": "__written"},
        {"name": "second", "a.b.d": {"ids": "{{ __written.results | map(attribute='id') | list }}"}},
        {
            "name": "third",
            "a.b.e": {"name": "{{ __each.__item.key }}"},
            "loop": "{{ __written.results }}",
            "loop_control": {"loop_var": "__each"},
        },
    ]
    action, _outcome = run(tasks, lambda _n, a: {"id": f"id-{a.get('name')}"}, entries={"x": {}, "y": {}})
    assert action.calls[2][1] == {"ids": ["id-x", "id-y"]}
    assert [call[1]["name"] for call in action.calls[3:]] == ["x", "y"]


def test_conditions_and_variables_of_a_task():
    task = {"name": "t", "a.b.c": {"v": "{{ __v }}"}, "vars": {"__v": "{{ base + 1 }}"}, "when": "base == wanted"}
    assert run([task], ok, base=1, wanted=1)[0].calls[0][1] == {"v": 2}
    assert run([task], ok, base=1, wanted=2)[0].calls == []


def test_it_is_tried_again_until_it_is_right():
    answers = iter([{"failed": True, "msg": "not yet"}, {"failed": True, "msg": "not yet"}, {"changed": True}])
    task = {"name": "t", "a.b.c": {}, "register": "__r", "retries": 3, "delay": 0}
    task["until"] = "__r is not failed or 'not yet' not in __r.msg"
    action, outcome = run([task], lambda _n, _a: next(answers))
    assert len(action.calls) == 3
    assert outcome.failures == []


def test_what_is_hidden_is_neither_shown_nor_in_the_failure():
    def answer(_name, _arguments):
        return {"failed": True, "msg": "password=s3cret", "error": {"code": "AccessDenied", "message": "s3cret"}}

    action, outcome = run([{"name": "t", "a.b.c": {"p": "s3cret"}, "no_log": True}], answer)
    assert action.calls[0][2] is True
    assert "s3cret" not in outcome.failures[0]
    assert "AccessDenied" in outcome.failures[0]


@pytest.mark.parametrize(
    "exception",
    [
        "Traceback (most recent call last):\n  File …\nKeyError: 'Tags'",
        type("Summary", (), {"event": type("Event", (), {"msg": "KeyError: 'Tags'"})})(),
    ],
)
def test_a_module_that_crashed_says_why(exception):
    _action, outcome = run([{"name": "t", "a.b.c": {}}], lambda _n, _a: {"failed": True, "exception": exception})
    assert outcome.failures == ["t: KeyError: 'Tags'"]


def test_changed_and_failed_can_be_judged():
    task = {"name": "t", "a.b.c": {}, "register": "__r", "changed_when": "__r.n > 1", "failed_when": "__r.n > 2"}
    assert not run([task], lambda _n, _a: {"n": 1, "changed": True})[1].changed
    assert run([task], lambda _n, _a: {"n": 3})[1].failures


@pytest.mark.parametrize("task", [{"name": "t", "a.b.c": {}, "async": 3}, {"name": "t", "debug": {}}, {"name": "t"}])
def test_what_is_not_understood_is_refused(task):
    with pytest.raises(AnsibleError):
        task_files.module_of(task)


def test_every_task_file_of_every_kind_is_understood():
    for kind in registry.all_kinds().values():
        for action in ("create", "present", "absent"):
            for task in task_files.load(kind.role, kind.name, action):
                assert task_files.module_of(task)
                assert task["name"].startswith(f"{kind.name} | {action} | ")
