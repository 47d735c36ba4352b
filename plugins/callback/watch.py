# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shows a run to people at a terminal; anywhere else it is Ansible's own output."""

from __future__ import annotations

DOCUMENTATION = r"""
name: watch
type: stdout
short_description: Show a run to people at a terminal
version_added: 0.2.0
description:
  - Shows a line for each step of the work on a cell, with what it was done to and how long it took; below these, as long as
    it goes on, how far each cell is and what is pending, with AWS's word for its state. Plans are shown field by field.
  - Of ordinary tasks it shows one line each with the hosts on which something changed, and one line for all the tasks of a
    role that changed nothing. A failure shows its message first, then the host, the task and the file.
  - Ends with what was done, cell by cell or host by host, how long it took, and what took longest. A run that is told to
    stop (Ctrl-C, SIGTERM) ends with what was done and what is in progress.
  - Where nobody watches, its output is that of P(ansible.builtin.default#callback), whose options it has.
extends_documentation_fragment:
  - default_callback
  - result_format_callback
requirements:
  - set as C(stdout_callback) in the configuration
options:
  output:
    description:
      - With V(plain) the output is that of P(ansible.builtin.default#callback).
      - With V(auto) it is plain where standard output is not a terminal, and in AWX and CI, that is where one of the
        environment variables E(AWX_HOST), E(JOB_ID) and E(CI) is set.
      - With V(watch) it is never plain. What is going on is shown only at a terminal that can move the cursor.
    type: str
    choices: [auto, watch, plain]
    default: auto
    env:
      - name: TERRACE_OUTPUT
    ini:
      - section: callback_watch
        key: output
author:
  - The Terrace developers (@terrace)
"""

import functools
import os
import sys
import typing as t

from ansible.playbook.task_include import TaskInclude
from ansible.plugins.callback.default import CallbackModule as DefaultCallback

from ansible_collections.terrace.aws.plugins.plugin_utils.events import Watching
from ansible_collections.terrace.aws.plugins.plugin_utils.watch import failures, tasks
from ansible_collections.terrace.aws.plugins.plugin_utils.watch.run import Watched

#: What AWX and CI set.
UNATTENDED = ("AWX_HOST", "JOB_ID", "CI")
#: Actions that ask people something: nothing is redrawn meanwhile.
ASKING = frozenset({"pause", "ansible.builtin.pause", "ansible.legacy.pause"})
ASSERTIONS_PASSED = "All assertions passed"


def is_watched(choice: str, environment: t.Mapping[str, str], terminal: bool) -> bool:
    """Whether people watch the run."""
    if choice != "auto":
        return choice == "watch"
    unattended = any(environment.get(name, "").lower() not in ("", "0", "false") for name in UNATTENDED)
    return terminal and not unattended


def watched(method: t.Callable[..., None]) -> t.Callable[..., None]:
    """A method for a run that is watched; where it is not, the default callback's method of that name is called."""

    @functools.wraps(method)
    def either(self: CallbackModule, *args: t.Any, **kwargs: t.Any) -> None:
        chosen = method if self.watch else getattr(DefaultCallback, method.__name__)
        chosen(self, *args, **kwargs)

    return either


class CallbackModule(DefaultCallback):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "terrace.aws.watch"

    #: The run as it is shown; None where the output is plain.
    watch: Watched | None = None

    def set_options(self, *args: t.Any, **kwargs: t.Any) -> None:
        super().set_options(*args, **kwargs)
        terminal = sys.stdout.isatty()
        if self.watch is None and is_watched(self.get_option("output"), os.environ, terminal):
            self.watch = Watched(self._display, terminal and os.environ.get("TERM", "dumb") != "dumb")
            self.watch.open()
            Watching.on = True

    # -- plays and tasks ---------------------------------------------------------------------------------------------
    @watched
    def v2_playbook_on_start(self, playbook: t.Any) -> None:
        pass

    @watched
    def v2_playbook_on_play_start(self, play: t.Any) -> None:
        self._play = play
        self.watch.play(play.get_name().strip(), bool(play.check_mode))

    @watched
    def v2_playbook_on_no_hosts_matched(self) -> None:
        pass

    @watched
    def v2_playbook_on_no_hosts_remaining(self) -> None:
        pass

    @watched
    def v2_playbook_on_include(self, included_file: t.Any) -> None:
        pass

    @watched
    def v2_playbook_on_notify(self, handler: t.Any, host: t.Any) -> None:
        pass

    @watched
    def v2_playbook_on_vars_prompt(self, varname: str, *args: t.Any, **kwargs: t.Any) -> None:
        self.watch.pause()

    @watched
    def v2_playbook_on_task_start(self, task: t.Any, is_conditional: bool) -> None:
        self.watch.task(task._uuid, *_named(task), draws=task.action not in ASKING)

    @watched
    def v2_playbook_on_handler_task_start(self, task: t.Any) -> None:
        self.v2_playbook_on_task_start(task, False)

    @watched
    def v2_runner_on_start(self, host: t.Any, task: t.Any) -> None:
        self.watch.began(host.get_name())

    # -- results -----------------------------------------------------------------------------------------------------
    @watched
    def v2_runner_on_ok(self, result: t.Any) -> None:
        data = result._result
        if isinstance(result._task, TaskInclude):
            self.watch.ended(result._host.get_name(), tasks.SKIPPED, {})
            return
        self._told(result, tasks.CHANGED if data.get("changed") else tasks.OK)
        self._clean_results(data, result._task.action)
        message = data.get("msg")
        if self.watch.verbose and not (result._task.loop and "results" in data):
            self._verbose(result, "changed" if data.get("changed") else "ok")
        elif data.get("_ansible_verbose_always") and message != ASSERTIONS_PASSED:
            self.watch.answer(message if isinstance(message, str) else self._dump_results(data).strip("\n"))

    @watched
    def v2_runner_on_skipped(self, result: t.Any) -> None:
        self._told(result, tasks.SKIPPED)

    @watched
    def v2_runner_on_failed(self, result: t.Any, ignore_errors: bool = False) -> None:
        data = result._result
        self._told(result, tasks.IGNORED if ignore_errors else tasks.FAILED)
        if not ignore_errors:
            loop = [each for each in data.get("results") or [] if isinstance(each, dict) and each.get("failed")]
            for each in loop:
                self._failed(result, each, self._get_item_label(each))
            if not loop:
                self._failed(result, data)
        if self.watch.verbose and "results" not in data:
            self._verbose(result, "failed")

    @watched
    def v2_runner_on_unreachable(self, result: t.Any) -> None:
        ignored = bool(result._task.ignore_unreachable)
        self._told(result, tasks.IGNORED if ignored else tasks.UNREACHABLE)
        if not ignored:
            self._failed(result, result._result)

    @watched
    def v2_runner_item_on_ok(self, result: t.Any) -> None:
        self._item(result, "changed" if result._result.get("changed") else "ok")

    @watched
    def v2_runner_item_on_failed(self, result: t.Any) -> None:
        self._item(result, "failed")

    @watched
    def v2_runner_item_on_skipped(self, result: t.Any) -> None:
        pass

    @watched
    def v2_runner_retry(self, result: t.Any) -> None:
        self.watch.attempt(int(result._result.get("attempts") or 0) + 1)

    @watched
    def v2_on_file_diff(self, result: t.Any) -> None:
        data = result._result
        for each in data.get("results") or [data] if result._task.loop else [data]:
            if each.get("diff") and each.get("changed") and (diff := self._get_diff(each["diff"])):
                self.watch.say(f"  {self.host_label(result)}: {_named(result._task)[1]}\n{diff}")

    @watched
    def v2_playbook_on_stats(self, stats: t.Any) -> None:
        self.watch.close({host: stats.summarize(host) for host in stats.processed})

    # -- parts -------------------------------------------------------------------------------------------------------
    def _told(self, result: t.Any, state: str) -> None:
        """Count the result, and show its warnings."""
        self._handle_warnings(result._result)
        self.watch.ended(result._host.get_name(), state, result._result)

    def _failed(self, result: t.Any, data: dict[str, t.Any], item: t.Any = None) -> None:
        title = ": ".join(part for part in _named(result._task) if part)
        path = str(result._task.get_path() or "")
        host = result._host.get_name()
        self.watch.failed(failures.of_result(host, self.host_label(result), title, path, data, item))

    def _item(self, result: t.Any, word: str) -> None:
        if self.watch.verbose:
            self._verbose(result, word, f" (item={self._get_item_label(result._result)})")

    def _verbose(self, result: t.Any, word: str, item: str = "") -> None:
        """The whole result, as the default callback shows it."""
        if self._run_is_verbose(result):
            self.watch.say(f"  {word}: [{self.host_label(result)}]{item} => {self._dump_results(result._result)}")


def _named(task: t.Any) -> tuple[str, str]:
    """The role of a task without its collection's name, and the task's name."""
    role, _colon, name = task.get_name().strip().rpartition(" : ") if task._role else ("", "", task.get_name().strip())
    return role.rpartition(".")[2], name
