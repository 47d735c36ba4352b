"""How Ansible and the role host_access reach machines over SSH: with the inventory's own variables, and the installed ssh."""

from __future__ import annotations

import json
import os
import pathlib
import shlex
import shutil
import socket
import subprocess
import sys

import jinja2
import pytest
import yaml

ROOT = pathlib.Path(__file__).parents[2]
BIN = pathlib.Path(sys.executable).parent
SSHD = shutil.which("sshd", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
MACHINE = "probe-bastion-i-1"
#: What AWX sets in every job, and what an operator's shell might.
CARELESS = {
    "ANSIBLE_HOST_KEY_CHECKING": "False",
    "ANSIBLE_SSH_COMMON_ARGS": "-o StrictHostKeyChecking=no",
    "ANSIBLE_SSH_ARGS": "-o StrictHostKeyChecking=no",
}

pytestmark = pytest.mark.skipif(not shutil.which("ssh"), reason="ssh is not installed")


def key(path: pathlib.Path, passphrase: str = "") -> pathlib.Path:
    """A new key pair."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", path], check=True)
    return path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def access(tmp_path: pathlib.Path) -> pathlib.Path:
    """A machine of the inventory's group ``machines``, and the ssh configuration that host_access writes for it."""
    folder = tmp_path / "ssh"
    folder.mkdir(mode=0o700)
    private = key(folder / "operator")
    template = (ROOT / "roles/host_access/templates/config.j2").read_text()
    user = subprocess.run(["id", "-un"], check=True, capture_output=True, text=True).stdout.strip()
    variables = {
        "cell_name": "probe", "host_access_directory": str(folder), "host_access_user": user, "host_access_persist": 5,
        "host_access_private_key": str(private), "__host_access_file": str(folder / "known_hosts"),
        "__host_access_machines": {"i-1": {"name": MACHINE, "address": "127.0.0.1", "bastion": True}},
    }  # fmt: skip
    (folder / "config").write_text(jinja2.Template(template, trim_blocks=True).render(variables))
    (folder / "known_hosts").touch()
    (tmp_path / "group_vars").mkdir()
    shutil.copy(ROOT / "inventories/three_tier/group_vars/machines.yml", tmp_path / "group_vars")
    cell = {"host_access_directory": str(folder), "host_access_user": user, "three_tier_cidr": "10.0.0.0/16"}
    machine = {"cell_name": "probe", "ansible_host": "127.0.0.1", "ansible_become": False}
    inventory = {"cells": {"hosts": {"probe": cell}}, "machines": {"hosts": {MACHINE: machine}}}
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump(inventory))
    return tmp_path


def ansible(access: pathlib.Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command on the machine as Ansible does, in a careless environment."""
    command = [
        BIN / "ansible",
        MACHINE,
        "-i",
        access / "hosts.yml",
        "-m",
        "ansible.builtin.raw",
        "-a",
        "echo reached-$((40+2))",
        *words,
    ]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **CARELESS, "ANSIBLE_NOCOLOR": "1"}, capture_output=True, text=True,
        timeout=120, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def test_no_environment_turns_the_check_of_host_keys_off(access: pathlib.Path) -> None:
    """ssh itself says what it makes of the command line that Ansible's connection plugin builds."""
    stub, said = access / "ssh-stub", access / "command.json"
    stub.write_text(f"#!{sys.executable}\nimport json, sys\njson.dump(sys.argv[1:], open({str(said)!r}, 'w'))\n")
    stub.chmod(0o700)
    ansible(access, "-e", f"ansible_ssh_executable={stub}")
    words = json.loads(said.read_text())
    settings = subprocess.run(["ssh", "-G", *words], check=True, capture_output=True, text=True).stdout.splitlines()
    assert "stricthostkeychecking true" in settings, shlex.join(words)
    assert "hostkeyalias i-1" in settings
    assert "StrictHostKeyChecking=no" not in words[: words.index("ControlMaster=auto")]
    # The jump through the bastion has only the file.
    jump = subprocess.run(
        ["ssh", "-G", "-F", access / "ssh/config", "bastion"], check=True, capture_output=True, text=True
    )
    assert "stricthostkeychecking true" in jump.stdout.splitlines()


@pytest.fixture
def sshd(access: pathlib.Path):
    """A real sshd on loopback that lets the operator's key in."""
    if not SSHD:
        pytest.skip("sshd is not installed")
    folder, port = access / "sshd", free_port()
    folder.mkdir(mode=0o700)
    host_key = key(folder / "host")
    settings = {
        "Port": port, "ListenAddress": "127.0.0.1", "HostKey": host_key, "PidFile": folder / "pid", "UsePAM": "no",
        "AuthorizedKeysFile": access / "ssh/operator.pub", "StrictModes": "no", "PermitRootLogin": "yes",
    }  # fmt: skip
    (folder / "config").write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
    os.makedirs("/run/sshd", exist_ok=True)
    server = subprocess.Popen(
        [SSHD, "-D", "-e", "-f", folder / "config"], stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL
    )
    said = []
    for line in server.stderr:
        said.append(line)
        if "Server listening" in line:
            break
    else:
        server.wait()
        pytest.skip(f"sshd does not start here: {''.join(said)}")
    yield port, (folder / "host.pub").read_text()
    server.terminate()
    server.wait()


def test_a_machine_with_another_host_key_is_not_spoken_to(access: pathlib.Path, sshd: tuple[int, str]) -> None:
    port, right = sshd
    wrong = key(access / "another").with_suffix(".pub").read_text()
    for known, reached in (("", False), (f"i-1 {wrong}", False), (f"i-1 {right}", True)):
        (access / "ssh/known_hosts").write_text(known)
        done = ansible(access, "-e", f"ansible_port={port}")
        assert ("reached-42" in done.stdout) == reached, done.stdout + done.stderr
        assert ("Host key verification failed" in done.stdout + done.stderr) != reached


PLAY = """
- hosts: localhost
  connection: local
  gather_facts: false
  vars: {ansible_python_interpreter: "{{ ansible_playbook_python }}"}
  tasks:
    - ansible.builtin.include_role: {name: terrace.aws.host_access, tasks_from: "{{ item }}"}
      vars: {__host_access_keys: {}}
      loop: [key, files, bastion]
"""


@pytest.fixture
def reach(tmp_path: pathlib.Path):
    """Runs the role's steps with the installed ssh up to the bastion, a port on loopback; what was said, and ssh's calls.

    ssh is wrapped: it takes the port, which EC2 does not tell, and notes each attempt.
    """
    log = tmp_path / "attempts"
    (tmp_path / "play.yml").write_text(PLAY)
    (tmp_path / "bin").mkdir()

    def run(port: int, launched: str = "2020-01-01T00:00:00+00:00", agent: str = "/nowhere", **variables: object):
        wrapper = tmp_path / "bin/ssh"
        wrapper.write_text(
            f'#!/bin/sh\ncase "$*" in *BatchMode*) echo "$*" >>{log};; esac\nexec {shutil.which("ssh")} -p {port} "$@"\n'
        )
        wrapper.chmod(0o755)
        machine = {"instance_id": "i-1", "public_ip_address": "127.0.0.1", "launch_time": launched}
        machine["tags"] = {"Name": "probe-bastion", "role": "bastion"}
        extra = {
            "cell_name": "probe", "host_access_directory": str(tmp_path / "ssh"), "__host_access_found": {"instances": [machine]},
            **variables,
        }  # fmt: skip
        command = [BIN / "ansible-playbook", "-i", "localhost,", tmp_path / "play.yml", "-e", json.dumps(extra)]
        environment = {**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "ANSIBLE_NOCOLOR": "1"}
        environment |= {"SSH_AUTH_SOCK": agent, "COLUMNS": "1000"}
        done = subprocess.run(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=120, check=False,
        )  # fmt: skip
        return " ".join(done.stdout.split()), log.read_text().splitlines() if log.exists() else []

    return run


@pytest.fixture
def silent() -> int:
    """A port at which connections are made and nothing is ever said."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_bastion_that_never_speaks_is_named_after_a_short_attempt_and_a_longer_one(
    reach, silent: int, tmp_path: pathlib.Path
) -> None:
    """It was reached, so it may be busy; one that cannot be reached takes a network that drops packets (hosts/test_trouble)."""
    said, attempts = reach(silent, host_access_private_key=str(key(tmp_path / "key")))
    assert "probe: the bastion at 127.0.0.1 cannot be reached over SSH: no answer; is this machine's address" in said
    assert [attempt.split("ConnectTimeout=")[1].split()[0] for attempt in attempts] == ["2", "10"]


def test_a_closed_bastion_is_named_after_two_attempts(reach, tmp_path: pathlib.Path) -> None:
    said, attempts = reach(free_port(), host_access_private_key=str(key(tmp_path / "key")))
    assert "cannot be reached over SSH: nothing listens there" in said
    assert len(attempts) == 2


def test_one_that_may_be_booting_is_tried_again(reach, tmp_path: pathlib.Path) -> None:
    """Not known to have been started long ago."""
    said, attempts = reach(free_port(), "", host_access_private_key=str(key(tmp_path / "key")), host_access_timeout=15)
    assert "nothing listens there" in said
    assert len(attempts) == 3


def test_a_key_with_a_passphrase_is_named_before_anything_is_tried(reach, tmp_path: pathlib.Path) -> None:
    private = key(tmp_path / "key", "a passphrase")
    said, attempts = reach(free_port(), host_access_private_key=str(private))
    assert f"probe: the private key {private} (host_access_private_key) has a passphrase, and no SSH agent runs" in said
    assert attempts == []
    private.chmod(0o644)
    assert "chmod 600" in reach(free_port(), host_access_private_key=str(private))[0]
    assert "there is no private key" in reach(free_port(), host_access_private_key=str(tmp_path / "none"))[0]
    public = private.with_suffix(".pub").read_text()
    said, attempts = reach(free_port(), host_access_private_key="", cell_ssh_public_key=public)
    assert "the SSH agent must hold that of cell_ssh_public_key, and no SSH agent runs" in said
    assert attempts == []


@pytest.mark.skipif(not shutil.which("ssh-agent"), reason="ssh-agent is not installed")
def test_an_agent_that_holds_the_key_is_enough(reach, tmp_path: pathlib.Path) -> None:
    private = key(tmp_path / "key", "a passphrase")
    with subprocess.Popen(["ssh-agent", "-D", "-a", tmp_path / "agent"], stdout=subprocess.DEVNULL) as agent:
        try:
            while not (tmp_path / "agent").exists():
                assert agent.poll() is None
            helper = tmp_path / "askpass"
            helper.write_text("#!/bin/sh\necho a passphrase\n")
            helper.chmod(0o700)
            environment = {
                **os.environ,
                "SSH_AUTH_SOCK": str(tmp_path / "agent"),
                "SSH_ASKPASS": str(helper),
                "SSH_ASKPASS_REQUIRE": "force",
            }
            subprocess.run(["ssh-add", "-q", private], env=environment, check=True, stdin=subprocess.DEVNULL)
            _said, attempts = reach(free_port(), agent=str(tmp_path / "agent"), host_access_private_key=str(private))
            assert len(attempts) == 2
            public = private.with_suffix(".pub").read_text()
            _said, attempts = reach(
                free_port(), agent=str(tmp_path / "agent"), host_access_private_key="", cell_ssh_public_key=public
            )
            assert len(attempts) == 4
        finally:
            agent.terminate()


@pytest.mark.parametrize(
    ("connection", "ends"), [("local", 0), ("ssh", 2)], ids=["one that answers", "one that is gone"]
)
def test_a_machine_that_is_gone_is_not_counted_on(tmp_path: pathlib.Path, connection: str, ends: int) -> None:
    """A play that ignores what cannot be reached takes the result of a lost connection for a success."""
    play = {
        "hosts": "all",
        "gather_facts": False,
        "ignore_unreachable": True,
        "tasks": [{"ansible.builtin.include_tasks": str(ROOT / "playbooks/tasks/check_answer.yml")}],
    }
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
    words = {"ansible_connection": connection, "ansible_host": "127.0.0.1", "ansible_port": free_port()}
    words["ansible_python_interpreter"] = sys.executable
    done = subprocess.run(
        [BIN / "ansible-playbook", "-i", "gone,", tmp_path / "play.yml", "-e", json.dumps(words)],
        cwd=ROOT, env={**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_SSH_RETRIES": "0"}, capture_output=True, text=True,
        timeout=120, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == ends, done.stdout
    assert ("gone: does not answer over SSH any more" in done.stdout) == bool(ends)
