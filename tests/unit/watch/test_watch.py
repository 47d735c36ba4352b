"""What people see of a run: of a recorded sequence of events and results, line by line."""

from __future__ import annotations

import io
import pickle
import sys
import typing as t
from types import SimpleNamespace

import pytest
from ansible.plugins.callback.default import CallbackModule as DefaultCallback

from ansible_collections.terrace.aws.plugins.callback import plan_summary, watch
from ansible_collections.terrace.aws.plugins.plugin_utils import events, run_files
from ansible_collections.terrace.aws.plugins.plugin_utils.watch import words
from ansible_collections.terrace.aws.plugins.plugin_utils.watch.run import Watched
from ansible_collections.terrace.aws.plugins.plugin_utils.watch.screen import Screen
from tests import terminal

SECRET = "correct-horse-battery"


class FakeDisplay:
    """Ansible's Display, which writes to standard output."""

    columns, b_cowsay = 80, None

    def __init__(self, verbosity: int = 0) -> None:
        self.verbosity = verbosity

    def display(self, msg: str, color: str | None = None, **_how: t.Any) -> None:
        sys.stdout.write(f"{msg}\n")

    def banner(self, msg: str, *_how: t.Any) -> None:
        self.display(f"{msg} ***")

    def _warning(self, warning: t.Any) -> None:
        self.display(f"[WARNING]: {warning}")


class Run:
    """A watched run whose clock is set by hand, and what a terminal of 80 columns shows of it."""

    def __init__(self, monkeypatch, redraws: bool = False, verbosity: int = 0) -> None:
        self.stream = io.StringIO()
        monkeypatch.setattr(sys, "stdout", self.stream)
        monkeypatch.setenv("COLUMNS", "80")
        monkeypatch.setattr(events.Watching, "on", True)
        self.now = 0.0
        self.display = FakeDisplay(verbosity)
        monkeypatch.setattr(events, "display", self.display)
        self.callback = watch.CallbackModule()
        self.callback._display = self.display
        self.callback._plugin_options = {"result_format": "yaml", "pretty_results": None, "result_indentation": 2}
        self.callback.watch = Watched(self.display, redraws, lambda: self.now)
        # As open() does, without a clock of its own.
        self.display.display = self.callback.watch.screen.display
        self._tasks = 0

    def play(self, name: str = "Provision the cells", check_mode: bool = False) -> Run:
        self.callback.v2_playbook_on_play_start(SimpleNamespace(get_name=lambda: name, check_mode=check_mode))
        return self

    def task(self, name: str, action: str = "ansible.builtin.apt", **how: t.Any) -> Run:
        self._tasks += 1
        role, _, short = name.rpartition(" : ")
        self.running = SimpleNamespace(
            _uuid=str(self._tasks),
            _role=role or None,
            action=action,
            name=short,
            delegate_to=how.pop("delegate_to", None),
            ignore_unreachable=how.pop("ignore_unreachable", False),
            loop=how.pop("loop", None),
            get_name=lambda: name,
            get_path=lambda: "/somewhere/main.yml:7",
        )
        self.callback.v2_playbook_on_task_start(self.running, False)
        return self

    def result(self, host: str, how: str = "ok", after: float = 1.0, **data: t.Any) -> Run:
        """A host is through with the task, ``after`` so many seconds."""
        named = SimpleNamespace(get_name=lambda: host)
        self.callback.v2_runner_on_start(named, self.running)
        self.now += after
        result = SimpleNamespace(
            host=named, _host=named, task=self.running, _task=self.running, result=data, _result=data
        )
        self.callback._current_task_result = SimpleNamespace(warnings=data.get("warnings"), deprecations=None)
        more = {"ignore_errors": data.pop("ignore_errors", False)} if how == "failed" else {}
        getattr(self.callback, f"v2_runner_on_{how}")(result, **more)
        return self

    def tell(self, cell: str, sort: str, line: str = "", after: float = 0.0, **data: t.Any) -> Run:
        self.now += after
        events.tell(cell, sort, line, **data)
        return self

    def step(self, cell: str, kind: str, *names: str, took: float, done: int, word: str = "written") -> Run:
        this = {"action": "present", "kind": kind, "names": list(names)}
        self.tell(cell, "step", **this, done=0)
        return self.tell(cell, "done", "plain", after=took, **this, seconds=took, done=done, word=word)

    def pending(self, cell: str, *resources: tuple[str, str, str], after: float = 0.0, leaving: bool = False) -> Run:
        told = [dict(zip(("kind", "name", "status"), each, strict=True), leaving=leaving) for each in resources]
        words_ = ", ".join(f"{kind} {name} ({status})" for kind, name, status in resources)
        return self.tell(cell, "pending", f"{cell}: waiting for {words_}" if told else "", after=after, resources=told)

    def end(self, **hosts: tuple[int, int, int]) -> Run:
        """The end; each host with how many were ok, changed and failed."""
        words_ = ("ok", "changed", "failures")
        none = {"unreachable": 0, "rescued": 0, "ignored": 0}
        counts = {host.replace("_", "-"): none | dict(zip(words_, each, strict=True)) for host, each in hosts.items()}
        self.callback.v2_playbook_on_stats(SimpleNamespace(processed=counts, summarize=counts.__getitem__))
        return self

    @property
    def seen(self) -> terminal.Seen:
        seen = terminal.read(self.stream.getvalue())
        assert max(map(len, seen.rows)) < 80, seen.text
        return seen

    @property
    def rows(self) -> list[str]:
        return self.seen.rows


PLAN = """\
one: cell
    + vpc main
          cidr: 10.0.0.0/16
    ~ bucket logs
          policies: """ + " ".join(["statement"] * 12)


def planned(cell: str, done: bool = True, **more: t.Any) -> dict[str, t.Any]:
    changes = [
        {"kind": "vpc", "name": "main", "action": "create"},
        {"kind": "bucket", "name": "logs", "action": "update"},
    ]
    plan = {"cell": cell, "role": "", "changes": changes, "done": [], "writes": True} | more
    return {"changed": True, "terrace_plan": plan | ({"done": ["vpc/main", "bucket/logs"]} if done else {})}


def provision(run: Run) -> Run:
    """What is told of a cell in which two resources are written and one is waited for."""
    run.play().task("terrace.aws.cell : open | Check the inventory", "terrace.aws.check_inventory").result("one")
    run.task("terrace.aws.cell : open | Sign in", "terrace.aws.cell_session").result("one")
    run.task("Provision everything", "terrace.aws.apply")
    run.tell("one", "plan", PLAN).tell("one", "begin", total=3)
    run.step("one", "vpc", "main", took=2.1, done=1).pending("one", ("nat_gateway", "a", "pending"))
    run.step("one", "bucket", "logs", took=130, done=2).pending("one", ("nat_gateway", "a", "modifying"), after=5)
    run.pending("one", after=5).tell("one", "end")
    return run.result("one", after=2, **planned("one"))


def line(left: str, right: str) -> str:
    """A line with its seconds at the right."""
    return left.ljust(79 - len(right)) + right


@pytest.mark.parametrize(
    ("choice", "environment", "at_terminal", "expected"),
    [
        ("auto", {}, True, True),
        ("auto", {}, False, False),
        ("auto", {"AWX_HOST": "https://awx"}, True, False),
        ("auto", {"JOB_ID": "7"}, True, False),
        ("auto", {"CI": "true"}, True, False),
        ("auto", {"CI": "false"}, True, True),
        ("watch", {"CI": "true"}, False, True),
        ("plain", {}, True, False),
    ],
)
def test_it_is_for_people_at_a_terminal(choice: str, environment: dict[str, str], at_terminal: bool, expected: bool):
    assert watch.is_watched(choice, environment, at_terminal) is expected


def test_where_nobody_watches_it_is_the_default_callback(monkeypatch):
    called = []
    own = [name for name, each in vars(watch.CallbackModule).items() if name.startswith("v2_")]
    for name in own:
        monkeypatch.setattr(DefaultCallback, name, lambda _self, *_args, name=name: called.append(name), raising=False)
    callback = watch.CallbackModule()
    for name in own:
        getattr(callback, name)(None, *([None] if name.endswith(("task_start", "on_start")) else []))
    assert called == own
    assert not events.Watching.on


def test_an_event_arrives_as_the_line_and_the_data(monkeypatch):
    sent = []
    monkeypatch.setattr(events, "display", SimpleNamespace(display=sent.append))
    events.tell("one", "begin", total=3)
    events.tell("one", "plan", "text")
    assert sent == ["text"], "plain output has lines only"
    monkeypatch.setattr(events.Watching, "on", True)
    events.tell("one", "begin", "line", total=3)
    arrived = pickle.loads(pickle.dumps(sent[-1]))
    assert (str(arrived), arrived.data) == ("line", {"cell": "one", "sort": "begin", "total": 3})


def test_a_cell_is_told_step_by_step(monkeypatch):
    run = provision(Run(monkeypatch, redraws=True)).end(one=(3, 1, 0))
    assert run.rows == [
        "",
        "Provision the cells",
        line("  cell: 2 tasks, nothing changed on one", "2.0 s"),
        "",
        "one: cell",
        "    + vpc main",
        "          cidr: 10.0.0.0/16",
        "    ~ bucket logs",
        "          policies: statement statement statement statement statement statement",
        "              statement statement statement statement statement statement",
        "",
        line("one 1/3  vpc main written", "2.1 s"),
        line("one 2/3  bucket logs written", "2 min 10 s"),
        line("one 2/3  nat_gateway a is ready", "2 min 20 s"),
        "",
        "DONE in 2 min 26 s",
        "one: Done: 1 added, 1 changed, 0 removed",
        "took longest:",
        line("  nat_gateway a is ready", "2 min 20 s"),
        line("  bucket logs written", "2 min 10 s"),
        line("  vpc main written", "2.1 s"),
        "",
    ]


def test_what_goes_on_is_drawn_below_and_erased(monkeypatch):
    run = provision(Run(monkeypatch, redraws=True))
    moments = "\n".join(run.seen.moments)
    assert (
        "one [######..............] 1/3  0:02\n  working on bucket logs\n  waiting for nat_gateway a (pending, 0:00)"
        in moments
    )
    assert "waiting for nat_gateway a (modifying, 2:15)" in moments
    assert not any("[####" in row or "waiting for" in row for row in run.end(one=(3, 1, 0)).rows)


def test_a_terminal_that_cannot_redraw_gets_lines(monkeypatch):
    run = provision(Run(monkeypatch)).end(one=(3, 1, 0))
    assert "\x1b" not in run.stream.getvalue()
    assert "one: waiting for nat_gateway a (pending)" in run.rows
    assert "one: waiting for nat_gateway a (modifying)" in run.rows


def test_cells_side_by_side_keep_their_lines_apart(monkeypatch):
    run = Run(monkeypatch, redraws=True).play().task("Provision everything", "terrace.aws.apply")
    run.tell("one", "begin", total=12).tell("another", "begin", total=2)
    run.step("one", "subnet", *(f"quite-a-long-name-{number}" for number in range(9)), took=1.5, done=9)
    run.step("another", "vpc", "main", took=0.5, done=1)
    assert run.rows[2:4] == [
        line("one      9/12  subnet quite-a-long-name-0 and 8 more written", "1.5 s"),
        line("another 1/2  vpc main written", "0.5 s"),
    ]
    assert run.seen.rows[4:] == [
        "another [##########..........] 1/2  0:02",
        "one     [###############.....]  9/12  0:02",
    ]


def test_a_step_that_failed_is_marked_and_its_message_comes_first(monkeypatch):
    run = Run(monkeypatch).play().task("Provision everything", "terrace.aws.apply").tell("one", "begin", total=2)
    this = {"action": "present", "kind": "vpc", "names": ["main"]}
    run.tell("one", "step", **this, done=0).tell("one", "failed", **this, seconds=1.0, done=0).tell("one", "end")
    run.result("one", "failed", msg="Task failed: Action failed: one: vpc: " + "no more room, " * 8)
    assert run.rows[2:] == [
        line("one 0/2  vpc main FAILED", "1.0 s"),
        "",
        "FAILED  one: vpc: no more room, no more room, no more room, no more room, no",
        "        more room, no more room, no more room, no more room,",
        "        host: one",
        "        task: Provision everything",
        "        file: /somewhere/main.yml:7",
        "",
    ]
    rows = run.end(one=(2, 0, 1)).rows
    assert rows[rows.index("FAILED after 1.0 s") + 1].startswith("FAILED  one: vpc: no more room")


def test_machines_have_a_line_a_task_and_those_that_changed_nothing_one_together(monkeypatch):
    run = Run(monkeypatch).play("Configure the web tier")
    for name in ("packages | Install the packages", "time | Set the time zone"):
        run.task(f"terrace.aws.host_baseline : {name}").result("web-a").result("web-b")
    users = run.task("terrace.aws.host_baseline : users | Create the users")
    users.result("web-b", changed=True).result("web-a", changed=True).result("web-c")
    run.task("terrace.aws.host_baseline : skipped | Not here").result("web-a", "skipped").result("web-b", "skipped")
    run.task("terrace.aws.reverse_proxy : site | Check it").result("web-a").result(
        "web-b", "failed", ignore_errors=True
    )
    run.task("terrace.aws.reverse_proxy : reload | Reload").result("web-a")
    run.end(web_a=(5, 1, 0), web_b=(4, 0, 0))
    assert run.rows == [
        "",
        "Configure the web tier",
        line("  host_baseline: 2 tasks, nothing changed on 2 hosts", "4.0 s"),
        line("  host_baseline: users | Create the users: changed web-a, web-b; 1 ok", "3.0 s"),
        line("  reverse_proxy: site | Check it: failed and ignored on web-b; 1 ok", "2.0 s"),
        line("  reverse_proxy: reload | Reload, nothing changed on web-a", "1.0 s"),
        "",
        "DONE in 12.0 s",
        "web-a  1 changed, 4 unchanged",
        "web-b  0 changed, 4 unchanged",
        "took longest:",
        line("  host_baseline: users | Create the users", "3.0 s"),
        line("  host_baseline: packages | Install the packages", "2.0 s"),
        line("  host_baseline: time | Set the time zone", "2.0 s"),
        "",
    ]


def test_a_failed_module_says_what_its_program_said_and_hosts_with_the_same_are_named(monkeypatch):
    run = Run(monkeypatch).play().task("Reload the proxy")
    failure = {"msg": "non-zero return code", "rc": 1, "stderr": "nginx: bad thing\n"}
    run.result("web-a", "failed", **failure).result("web-b", "failed", **failure)
    assert run.play().rows[3:] == [
        "FAILED  non-zero return code",
        "        host: web-a",
        "        task: Reload the proxy",
        "        file: /somewhere/main.yml:7",
        "        status: 1",
        "        stderr:",
        "          nginx: bad thing",
        "        also on web-b",
        "",
    ], "no line more says that it failed"


def test_a_module_that_could_not_run_says_why(monkeypatch):
    run = Run(monkeypatch).play().task("Look")
    run.result("web-a", "failed", msg=["no result", "at all"], module_stderr="python3.13: not found", module_stdout="")
    assert run.rows[3:5] == ["FAILED  no result", "        at all"]
    assert run.rows[-3:-1] == ["        module_stderr:", "          python3.13: not found"]


def test_a_failure_of_a_delegated_task_is_the_hosts(monkeypatch):
    run = Run(monkeypatch).play().task("Write it", delegate_to="localhost").result("web-a", "failed", msg="no space")
    rows = run.end(web_a=(0, 0, 1)).rows
    assert "        host: web-a -> localhost" in rows
    assert "FAILED  web-a: Write it: no space" in rows


def test_what_is_awaited_alone_is_shown(monkeypatch):
    run = Run(monkeypatch, redraws=True).play().task("Provision everything", "terrace.aws.apply")
    run.pending("one", ("db_instance", "main", "creating")).pending("one", after=7).tell("one", "end")
    assert "one  0:00\n  waiting for db_instance main (creating, 0:00)" in run.seen.moments
    assert line("one  db_instance main is ready", "7.0 s") in run.rows


def test_what_is_removed_is_gone_and_not_ready(monkeypatch):
    run = Run(monkeypatch).play().task("Remove everything", "terrace.aws.apply").tell("one", "begin", total=1)
    run.pending("one", ("nat_gateway", "a", "deleting"), leaving=True).pending("one", after=7)
    assert line("one 0/1  nat_gateway a is gone", "7.0 s") in run.rows


def test_each_item_that_failed_is_told(monkeypatch):
    items = [{"failed": True, "msg": "refused", "item": "b"}, {"changed": True, "item": "a"}]
    run = (
        Run(monkeypatch)
        .play()
        .task("Copy", loop="x")
        .result("web-a", "failed", msg="One or more items failed", results=items)
    )
    assert [row.strip() for row in run.rows if "refused" in row or "item:" in row] == ["FAILED  refused", "item: b"]
    assert "One or more" not in run.seen.text


@pytest.mark.parametrize("verbosity", [0, 1])
def test_what_no_log_hides_stays_hidden(monkeypatch, verbosity: int):
    run = Run(monkeypatch, verbosity=verbosity).play().task("Write the secret", loop="x")
    hidden = {"censored": "the output has been hidden", "stdout": SECRET, "_ansible_no_log": True}
    run.result("web-a", "failed", results=[{"failed": True, "item": SECRET, **hidden}])
    run.task("Write it").result("web-a", "failed", **hidden | {"stdout": ""})
    assert "the output has been hidden" in run.seen.text
    assert SECRET not in run.seen.text


def test_what_tasks_say_to_people_is_shown(monkeypatch):
    run = Run(monkeypatch).play().task("Show the cell", "ansible.builtin.debug")
    run.result("one", msg="two\nlines", _ansible_verbose_always=True)
    run.task("Check", "ansible.builtin.assert").result("one", msg="All assertions passed", _ansible_verbose_always=True)
    run.task("Warn").result("one", warnings=["look here"], deprecations=["not here"])
    assert run.play().rows[2:] == [
        "two",
        "lines",
        "[WARNING]: look here",
        line("  2 tasks, nothing changed on one", "2.0 s"),
        "",
    ]


def test_an_unreachable_host_is_a_failure_unless_that_is_ignored(monkeypatch):
    run = Run(monkeypatch).play().task("Ping", ignore_unreachable=True).result("web-a", "unreachable", msg="no route")
    run.task("Ping again").result("web-a", "unreachable", msg="no route")
    assert run.rows[2:5] == [
        line("  Ping: failed and ignored on web-a", "1.0 s"),
        "",
        "FAILED  no route",
    ]


def test_batches_of_a_play_are_numbered_and_plays_that_show_nothing_are_not_named(monkeypatch):
    run = Run(monkeypatch).play("Nobody").play("Switch").task("Switch it").result("web-a", changed=True)
    run.play("Switch").task("Switch it").result("web-b", changed=True).end()
    assert [row for row in run.rows if row and not row.startswith(" ")] == [
        *("Switch", "Switch (batch 2)", "NOTHING DONE: no host matched", "took longest:")
    ]


def test_details_are_the_results_as_the_default_callback_has_them(monkeypatch):
    run = Run(monkeypatch, verbosity=1).play().task("Look").result("one", found="a thing")
    assert run.end(one=(1, 0, 0)).rows[2:5] == [
        "  ok: [one] =>",
        "  found: a thing",
        line("  Look: 1 ok", "1.0 s"),
    ]


def test_deprecations_are_left_out_and_warnings_stand_above_what_goes_on(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    display = FakeDisplay()
    screen = Screen(display, True, lambda _event: None, lambda _width: ["[###...]", "  waiting"])
    screen.redraw()
    screen.display("[DEPRECATION WARNING]: old")
    screen.display("[WARNING]: Deprecation warnings can be disabled by setting …")
    screen.display("[WARNING]: look here")
    assert terminal.read(stream.getvalue()).rows == ["[WARNING]: look here", "[###...]", "  waiting"]
    screen.close()
    assert terminal.read(stream.getvalue()).rows == ["[WARNING]: look here", ""]


def test_a_key_that_is_pressed_leaves_nothing_behind(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setenv("COLUMNS", "80")
    screen = Screen(FakeDisplay(), True, lambda _event: None, lambda _width: ["[###...]", "working on " * 9])
    screen.redraw()
    stream.write("^C")
    screen.display("[ERROR]: User interrupted execution")
    screen.close()
    assert terminal.read(stream.getvalue()).rows == ["[ERROR]: User interrupted execution", ""]


def test_what_goes_on_takes_half_of_the_terminal_at_most(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setenv("LINES", "10")
    Screen(FakeDisplay(), True, lambda _event: None, lambda _width: [str(number) for number in range(9)]).redraw()
    assert terminal.read(stream.getvalue()).rows == ["0", "1", "2", "3", "and 5 more lines"]


def test_there_is_one_closing_not_two(monkeypatch, tmp_path):
    summary = plan_summary.CallbackModule(display=FakeDisplay())
    summary._plugin_options = {"json_file": str(tmp_path / "plan.json")}
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    for watching in (True, False):
        monkeypatch.setattr(events.Watching, "on", watching)
        summary.v2_runner_on_ok(SimpleNamespace(result=planned("one")))
        summary.v2_playbook_on_stats(None)
        assert ("one: Done: 1 added" in stream.getvalue()) is not watching
        assert "bucket" in (tmp_path / "plan.json").read_text()


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (words.seconds(2.06), "2.1 s"),
        (words.seconds(302), "5 min 02 s"),
        (words.listed(["aa", "bb", "cc"], 10), "aa, bb, cc"),
        (words.listed(["aaa", "bbb", "ccc"], 10), "aaa and 2 more"),
        (words.listed([], 10), ""),
        (words.progress_bar(1, 4, 8), "[##......]"),
        (words.progress_bar(0, 0, 4), "[####]"),
        (words.cut("too long for it", 10), "too lon..."),
        (words.wrapped("  one two three", 12, "x "), "x   one two three"),
    ],
)
def test_words(said: str, expected: str):
    assert said == expected


def test_a_plan_is_new_until_it_was_shown(monkeypatch, tmp_path):
    monkeypatch.setattr(run_files, "folder", lambda: tmp_path)
    shown = [("one", "a"), ("one", "a"), ("another", "a"), ("one", "b"), ("one", "a")]
    assert [run_files.is_new(*each) for each in shown] == [True, False, True, True, True]


def test_a_run_that_is_told_to_stop_closes_with_what_is_done_and_what_is_not(monkeypatch):
    run = provision(Run(monkeypatch, redraws=True))
    run.task("Provision everything", "terrace.aws.apply").tell("two", "begin", total=5)
    run.step("two", "vpc", "main", took=1, done=1)
    run.tell("two", "step", action="present", kind="subnet", names=["app-a", "app-b"], done=1)
    run.pending("two", ("db_instance", "main", "creating"))
    run.now += 90
    run.callback.watch.stopped()
    assert [row for row in run.rows if row][-7:] == [
        "STOPPED after 3 min 57 s",
        "one: Done: 1 added, 1 changed, 0 removed",
        "two: 1 of 5 done",
        "  in progress: subnet app-a, app-b",
        "  not ready yet: db_instance main (creating, 1:30)",
        "Nothing more is begun; what is in progress on a cell ends by itself.",
        "Run the same command again: it does what is left.",
    ]
    run.callback.watch.stopped()
    assert run.seen.text.count("STOPPED") == 1


def test_machines_that_a_stopped_run_has_worked_on_are_named(monkeypatch):
    run = Run(monkeypatch).play("Configure").task("web : Install it").result("web-a", changed=True).result("web-b")
    run.task("web : Restart it").result("web-a", changed=True)
    run.callback.v2_runner_on_start(SimpleNamespace(get_name=lambda: "web-b"), run.running)
    run.callback.watch.stopped()
    assert [row for row in run.rows if row][-5:] == [
        "STOPPED after 3.0 s",
        "web-a  2 changed, 0 unchanged",
        "web-b  0 changed, 1 unchanged",
        "interrupted: web: Restart it on web-b",
        "Run the same command again: it does what is left.",
    ]


def test_a_run_that_had_come_to_its_end_says_nothing_of_a_signal(monkeypatch):
    run = provision(Run(monkeypatch)).end(one=(3, 1, 0))
    run.callback.watch.stopped()
    assert "STOPPED" not in run.seen.text
