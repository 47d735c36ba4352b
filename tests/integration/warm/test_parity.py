# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same tasks over `local` and `warm`; everything a user sees is the same."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from .conftest import Bench, normal


def probe(mode: str, name: str | None = None, task: dict | None = None, **args: object) -> dict:
    return {"name": name or mode, "warm_probe": {"mode": mode, **args}, "ignore_errors": True, **(task or {})}


PATH = "{{ playbook_dir }}/{{ inventory_hostname }}"
SHELLS = [shell for shell in ("/bin/sh", "/bin/bash") if os.path.exists(shell)]

TASKS = [
    probe("report"),
    probe("report", "environment",
          {"environment": {"A_B": "it's \"q\" $HOME `x`\n2", "TZ": "Asia/Tokyo", "EMPTY": "", "ü": "ignored"}}),
    probe("report", "environment python", {"environment": {"PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "latin-1"}}),
    probe("report", "locale", {"environment": {"LC_ALL": "C", "PYTHONUTF8": "0"}}),
    probe("report", "shell's own", {"environment": {"PWD": "/x", "IFS": "x"}}),
    probe("echo", text="snow ☃ \U0001f600 \\ 'quoted' \"double\" %s {} \t"),
    probe("echo", "echo check", {"check_mode": True, "diff": True}, text="diff"),
    probe("secret", secret="hunter2", text="hunter2 is said"),
    probe("secret", "no_log", {"no_log": True}, secret="hunter2"),
    probe("fail", text="failed é", number=7),
    probe("exit", text='{"changed": true}', number=0),
    probe("exit", "exit 5", text="no json", number=5),
    probe("exit", "exit 300", text="no json", number=300),
    probe("exit", "exit -1", text="no json", number=-1),
    probe("exit_text", text="ends with words"),
    probe("hard_exit", text="hard", number=9),
    probe("raise", text="raised é"),
    probe("raise", "raise traceback", {"environment": {"ANSIBLE_X": "1"}}, text="deep"),
    probe("raise_base", text="base"),
    probe("interrupt"),
    probe("segfault"),
    probe("kill", "kill 9", number=9),
    probe("kill", "kill 15", number=15),
    probe("kill", "kill 2", number=2),
    probe("noise"),
    probe("huge", number=3_000_000),
    probe("huge_crash", number=1_000_000),
    probe("binary"),
    probe("fork"),
    probe("daemon", path=PATH + ".daemon"),
    probe("leader"),
    probe("left", path=PATH + ".left"),
    probe("closed"),
    probe("subprocess"),
    probe("respawn", text=sys.executable),
    probe("sleep", "timeout", {"timeout": 5}, path=PATH + ".timeout", number=9),
    probe("echo", "wrong argument", nosuch=1, text="x"),
    {"name": "interpreter missing", "warm_probe": {"mode": "echo"}, "ignore_errors": True,
     "vars": {"ansible_python_interpreter": "/nonexistent/python3"}},
    {"name": "interpreter other", "warm_probe": {"mode": "report"}, "ignore_errors": True,
     "vars": {"ansible_python_interpreter": "/usr/bin/python3"}},
    {"name": "async", "warm_probe": {"mode": "echo", "text": "later"}, "async": 60, "poll": 1, "ignore_errors": True},
    {"name": "raw", "raw": "echo raw $0; echo err >&2; exit 3", "ignore_errors": True},
    {"name": "command", "command": "sh -c 'pwd; umask'"},
    {"name": "shell", "shell": "echo $((1+1)); kill -9 $$", "ignore_errors": True},
    {"name": "script", "script": "hello.sh one", "ignore_errors": True},
    {"name": "not python", "warm_shell": "text=hello", "ignore_errors": True},
    {"name": "copy", "copy": {"content": "copied\n", "dest": PATH + ".copy", "mode": "0600"}, "diff": True},
    {"name": "template", "template": {"src": "t.j2", "dest": PATH + ".template", "mode": "0644"}},
    {"name": "fetch", "fetch": {"src": PATH + ".copy", "dest": "fetched"}},
    {"name": "slurp", "slurp": {"src": "{{ playbook_dir }}/t.j2"}},
    {"name": "stat", "stat": {"path": "{{ playbook_dir }}/t.j2"}},
    {"name": "setup", "setup": {"gather_subset": ["!all", "env", "python", "user"]}},
    {"name": "become same", "warm_probe": {"mode": "report"}, "become": True, "become_method": "su", "become_user": "root"},
    {"name": "become other", "warm_probe": {"mode": "report"}, "become": True, "become_method": "su",
     "become_user": "nobody", "become_flags": "-s /bin/sh", "ignore_errors": True},
    {"name": "loop", "warm_probe": {"mode": "{{ item }}", "text": "in a loop"},
     "loop": ["echo", "fail", "raise"], "ignore_errors": True},
    probe("sleep", "wait", path=PATH + ".wait", number=1),
]  # fmt: skip

# What another shell could make different.
BRIEF = ("report", "environment", "shell's own", "exit 5", "segfault", "kill 9", "kill 2")


@pytest.mark.parametrize("shell", SHELLS)
def test_every_result_is_that_of_local(bench: Bench, shell: str) -> None:
    bench.path.joinpath("t.j2").write_text("{{ 1 + 1 }}\n")
    bench.path.joinpath("hello.sh").write_text("#!/bin/sh\necho hello $1; exit 4\n")
    bench.path.joinpath("library/warm_shell.sh").chmod(0o755)
    bench.path.chmod(0o755)
    tasks = TASKS if shell == "/bin/sh" else [task for task in TASKS if task["name"] in BRIEF]
    results = bench.run(
        tasks, environment={"ANSIBLE_EXECUTABLE": shell, "ANSIBLE_DISPLAY_TRACEBACK": "error"},
        vars={"ansible_shell_executable": shell},
    )  # fmt: skip
    different = []
    for task in tasks:
        hosts = results[task["name"]]
        local, warm = (strip(normal(hosts[host], host)) for host in ("local0", "warm0"))
        if task["name"] == "timeout":  # the controller's own stack has another plugin in it
            local.pop("exception"), warm.pop("exception")
        if local != warm:
            different.append((task["name"], *differences(local, warm)))
    assert not different, "\n".join(": ".join(entry) for entry in different)
    if shell != "/bin/sh":
        return
    for suffix in ("daemon", "left", "copy", "template", "timeout", "wait"):
        local, warm = (bench.path.joinpath(f"{host}0.{suffix}") for host in ("local", "warm"))
        assert local.read_text() == warm.read_text(), suffix
        assert local.stat().st_mode == warm.stat().st_mode, suffix
    assert "not run warm" not in bench.output


def strip(value: object) -> object:
    """Without times, and without what names a process."""
    if isinstance(value, dict):
        gone = (
            "start",
            "end",
            "delta",
            "started",
            "duration",
            "atime",
            "mtime",
            "ctime",
            "inode",
            "date_time",
            "ansible_date_time",
        )
        return {key: strip(item) for key, item in value.items() if key not in gone}
    if isinstance(value, list):
        return [strip(item) for item in value]
    return value


def differences(local: object, warm: object, where: str = "") -> list[str]:
    if isinstance(local, dict) and isinstance(warm, dict):
        return [
            line
            for key in sorted({*local, *warm})
            for line in differences(local.get(key, "<absent>"), warm.get(key, "<absent>"), f"{where}.{key}")
        ]
    return [] if local == warm else [f"{where}: {str(local)[:1500]!r} != {str(warm)[:1500]!r}"]


def test_modules_were_really_run_warm(bench: Bench) -> None:
    """A parity that comes from always falling back would prove nothing."""
    said = bench.verbose([probe("echo"), probe("segfault")], "--limit", "warm0")
    assert said.count("WARM pid") == 2
    assert "not run warm" not in said


def test_fallback_is_said(bench: Bench) -> None:
    said = bench.verbose([probe("echo")], "--limit", "warm0", environment={"ANSIBLE_WARM_DIRECTORY": "/nonexistent/x"})
    assert "not run warm: no private directory" in said
    assert "failed=0" in said


def test_interpreter_of_another_version(bench: Bench) -> None:
    """/usr/bin/python3 has no boto3 and no ansible; what it can run it runs warm."""
    if not shutil.which("python3", path="/usr/bin"):
        pytest.skip("there is no /usr/bin/python3")
    tasks = [probe("echo", task={"vars": {"ansible_python_interpreter": "/usr/bin/python3"}})]
    assert "WARM pid" in bench.verbose(tasks, "--limit", "warm0")


def test_changed_module_utils_are_used_at_once(bench: Bench) -> None:
    results = []
    for value in ("first", "second"):
        bench.path.joinpath("module_utils/warm_util.py").write_text(f"VALUE = {value!r}\n")
        results.append(
            bench.run([probe("report")], environment={"ANSIBLE_WARM_LINGER": "60"})["report"]["warm0"]["report"]["util"]
        )
    assert results == ["first", "second"]
    for pid in bench.servers():
        os.kill(pid, 15)


def test_overridden_core_module_utils_win(bench: Bench) -> None:
    """A module_utils that shadows one of ansible's own is the one the module gets, preloaded or not."""
    import ansible.module_utils.common.text.formatters as original

    source = Path(original.__file__).read_text() + "\n\ndef human_to_bytes(*args, **kwargs):\n    return 'shadowed'\n"
    bench.path.joinpath("module_utils/common/text").mkdir(parents=True)
    for folder in ("common", "common/text"):
        bench.path.joinpath("module_utils", folder, "__init__.py").write_text("")
    bench.path.joinpath("module_utils/common/text/formatters.py").write_text(source)
    bench.path.joinpath("library/warm_shadow.py").write_text(
        "from ansible.module_utils.basic import AnsibleModule, human_to_bytes\n"
        "module = AnsibleModule(argument_spec={})\n"
        "module.exit_json(changed=False, got=human_to_bytes('1K'))\n"
    )
    hosts = bench.run([{"name": "shadow", "warm_shadow": {}}])["shadow"]
    assert hosts["local0"]["got"] == hosts["warm0"]["got"] == "shadowed"
