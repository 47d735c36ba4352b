"""What a person sees of a run in a terminal of 80 columns, and what AWX and CI get."""

from __future__ import annotations

import os
import signal

import pytest
import yaml

from tests import terminal

from .conftest import ROOT

PLATFORM = {
    "network_cidr": "10.0.0.0/16",
    "network_zones": ["a"],
    "network_nat": "single",
    "network_tiers": {"public": {"number": 0, "route": "internet"}, "app": {"number": 1, "route": "nat"}},
}
GROUPS = {"firewall_security_groups": {"web": {"vpc": "main", "description": "Web"}}}
CELLS = {"first": PLATFORM, "second": PLATFORM | GROUPS}
SECRET = "correct-horse-battery"
PLAY = {
    "name": "Configure the web tier",
    "hosts": "all",
    "gather_facts": False,
    "tasks": [
        {"name": "Look at it", "ansible.builtin.command": "true", "changed_when": False},
        {"name": "Change it", "ansible.builtin.command": "true", "changed_when": "inventory_hostname != 'web-c'"},
        {
            "name": "Write the secret",
            "ansible.builtin.shell": f"echo {SECRET}; exit 3",
            "no_log": True,
            "when": "inventory_hostname == 'web-b'",
        },
    ],
}


@pytest.fixture(scope="module")
def person(operator, cells):
    """Someone at a terminal: call it with a playbook, its arguments, and what differs in the environment."""
    unattended = ("CI", "JOB_ID", "AWX_HOST", "TERRACE_OUTPUT", "ANSIBLE_STDOUT_CALLBACK")
    kept = {name: value for name, value in operator.environment().items() if name not in unattended}

    def run(
        playbook: str, *arguments: str, variables: dict = CELLS, when: str = "", then=None, **environment: str
    ) -> terminal.Seen:
        command = operator.command(playbook, *arguments, inventory=cells.inventory(variables))
        return terminal.run(command, ROOT, {**kept, "TERM": "xterm", **environment}, when=when, then=then)

    return run


def test_a_first_run_is_watched(api, person):
    api.delays(nat_gateway=3)
    seen = person("site")
    assert seen.status == 0, seen.text
    # Before a cell is written its changes are shown field by field.
    for cell in ("first", "second"):
        plan = seen.text.index(f"\n{cell}: cell\n    + vpc main\n")
        assert plan < seen.text.index("          cidr: 10.0.0.0/16\n", plan) < seen.text.index("  vpc main written")
        assert f"\n{cell}: Done: " in seen.text
    # A line a step, with the cell, how far it is, the kind, the names and the seconds.
    steps = [row for row in seen.rows if row.startswith(("first ", "second ")) and " written " in row]
    assert any(row.startswith("second 1/") and row.endswith(" s") for row in steps), seen.text
    assert max(map(len, seen.rows)) < 80
    # What goes on stood below it, and is gone.
    moments = "\n".join(seen.moments)
    assert "second [##" in moments
    assert "  waiting for nat_gateway a (pending, 0:0" in moments
    assert "[##" not in seen.text
    assert "nat_gateway a is ready" in seen.text
    # One closing, no headers of tasks, nothing for developers.
    assert seen.text.count("second: Done: ") == 1
    assert "took longest:" in seen.text
    for noise in ("TASK [", "PLAY [", "PLAY RECAP", "CELLS ***", "ok: [", "DEPRECATION"):
        assert noise not in seen.text, noise


def test_fields_are_shown_once_with_and_without_diff(person):
    variables = {"second": CELLS["second"] | {"cell_tags": {"Team": "blue"}}}
    for arguments in ((), ("--diff",)):
        seen = person("site", "--check", *arguments, variables=variables)
        assert seen.status == 0, seen.text
        assert seen.text.count("    ~ vpc main\n") == 1, seen.text
        assert "PLAN in " in seen.text
        assert seen.text.count("\nsecond: Plan: 0 to add, ") == 1


@pytest.fixture
def more() -> dict[str, dict]:
    """The second cell with a group more than there is."""
    groups = {**GROUPS["firewall_security_groups"], "app": {"vpc": "main", "description": "App"}}
    return {"second": PLATFORM | {"firewall_security_groups": groups}}


@pytest.mark.parametrize("unattended", [{"CI": "true"}, {"JOB_ID": "7"}])
def test_ci_and_awx_get_plain_output(person, more, unattended: dict[str, str]):
    seen = person("check_drift", variables=more, **unattended)
    assert seen.status == 2, seen.text
    assert "\x1b" not in seen.raw
    for said in (
        "PLAY [Check for drift] ***",
        "TASK [Say what differs] ***",
        "PLAY RECAP ***",
        "    + security_group app",
    ):
        assert said in seen.text, said
    assert seen.text.count("description: App") == 1
    assert "second: Found: 1 to add, 0 to change, 0 to remove; nothing was written" in seen.text


def test_plain_output_shows_the_fields_before_they_are_written(person, more):
    seen = person("site", variables=more, TERRACE_OUTPUT="plain")
    assert seen.status == 0, seen.text
    said = (
        "    + security_group app",
        "description: App",
        "second: security_group app written",
        "PLAY RECAP",
        "CELLS ***",
    )
    places = [seen.text.index(each) for each in said]
    assert places == sorted(places)
    assert seen.text.count("description: App") == 1
    assert "second: Done: 1 added, 0 changed, 0 removed" in seen.rows


def test_a_refusal_says_what_is_wrong_before_where(person):
    variables = {"second": PLATFORM | {"firewall_security_groups": {"web": {"vpc": "main", "description": "Another"}}}}
    seen = person("site", variables=variables)
    assert seen.status == 2
    said = seen.text.partition("FAILED  ")[2]
    assert said.startswith(
        "second: refused before anything was written:\n          security_group/web: AWS cannot change"
    )
    assert said.index("AWS cannot change") < said.index("        host: second\n") < said.index("playbooks/site.yml:")
    assert "\nFAILED after " in said


def test_what_is_listed_and_removed_is_shown_once(person):
    confirmed = ("-e", "destroy_confirm=second", "--limit", "second")
    seen = person("destroy_cell", *confirmed)
    assert seen.status == 0, seen.text
    assert seen.text.count("    - vpc main  (is removed)\n") == 1, seen.text
    assert any(row.startswith("second ") and "  vpc main removed  " in row for row in seen.rows), seen.text
    assert "second: Done: 0 added, 0 changed, 10 removed" in seen.rows


@pytest.fixture
def machines(operator, tmp_path):
    """Runs PLAY on three hosts that are this one."""
    (tmp_path / "play.yml").write_text(yaml.safe_dump([PLAY]))
    here = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    hosts = dict.fromkeys(("web-a", "web-b", "web-c"), here)
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": hosts}}))
    command = [str(ROOT / ".venv/bin/ansible-playbook"), "-i", str(tmp_path / "hosts.yml"), str(tmp_path / "play.yml")]
    environment = {name: value for name, value in operator.environment().items() if name != "CI"}
    return lambda *arguments, **more: terminal.run([*command, *arguments], ROOT, environment | more)


def test_machines_have_a_line_a_task_and_a_closing_line_each(machines):
    seen = machines(TERM="dumb")
    assert seen.status == 2
    assert "\x1b" not in seen.raw, "a dumb terminal cannot redraw"
    rows = [row.partition("   ")[0] if row.endswith(" s") else row for row in seen.rows if row.strip()]
    assert rows[:3] == [
        "Configure the web tier",
        "  Look at it, nothing changed on 3 hosts",
        "  Change it: changed web-a, web-b; 1 ok",
    ]
    assert rows[3].startswith("FAILED  the output has been hidden")
    [closing] = [row for row, each in enumerate(seen.rows) if each.startswith("FAILED after ")]
    assert seen.rows[closing + 1] == "web-a  1 changed, 1 unchanged"
    assert seen.rows[closing + 2].startswith("FAILED  web-b: Write the secret: the output has been hidden")
    assert "web-c  0 changed, 2 unchanged" in seen.rows[closing:]
    assert SECRET not in seen.text


def test_details_leave_secrets_out(machines):
    seen = machines("-v", TERM="xterm")
    assert "  changed: [web-a] =>" in seen.rows
    assert SECRET not in seen.raw


def press_ctrl_c(terminal_: int, _pid: int) -> None:
    os.write(terminal_, b"\x03")


def tell_to_end(_terminal: int, pid: int) -> None:
    os.kill(pid, signal.SIGTERM)


@pytest.mark.parametrize(("then", "status"), [(press_ctrl_c, 99), (tell_to_end, -signal.SIGTERM)])
def test_a_run_that_is_told_to_stop_says_what_was_done_and_what_is_in_progress(api, person, then, status):
    api.reset()
    api.delays(nat_gateway=15)
    seen = person("site", variables={"third": PLATFORM}, when="waiting for nat_gateway a", then=then)
    assert seen.status == status, seen.text
    assert seen.text.count("STOPPED after ") == 1, seen.text
    closing = seen.rows[next(row for row, each in enumerate(seen.rows) if each.startswith("STOPPED after ")) :]
    # The route to the gateway is left at least.
    assert closing[1] in ("third: 6 of 8 done", "third: 7 of 8 done"), seen.text
    assert any(row.startswith("  not ready yet: nat_gateway a (pending, ") for row in closing), seen.text
    assert [row for row in closing if row][-1] == "Run the same command again: it does what is left.", seen.text
    assert "[##" not in seen.text
    assert "Done: " not in seen.text


@pytest.mark.parametrize(("then", "status"), [(press_ctrl_c, 99), (tell_to_end, -signal.SIGTERM)])
def test_plain_output_that_is_told_to_stop_is_ansibles_own(api, person, then, status):
    api.reset()
    api.delays(nat_gateway=15)
    seen = person("site", variables={"third": PLATFORM}, when="third: nat_gateway a", then=then, CI="true")
    assert seen.status == status, seen.text
    assert "STOPPED" not in seen.text
