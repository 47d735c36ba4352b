# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python commands.py <command>``: what make's targets run ``ansible-playbook`` with.

Variables of make (INVENTORY, LAB, ARGS, APP, VERSION, INSTANCE) are read from the environment, checked, and become words of a
command line. No shell reads them.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent
LEVELS = ("api", "machines", "none")
#: As the role app_release has it.
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
#: A published project with its exact version, as the filter app_release_requirement has it.
PINNED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)( *\[[A-Za-z0-9,._ -]+\])? *== *([A-Za-z0-9][A-Za-z0-9.!+_-]*)")
#: An instance's id, or a machine's name as inventories have it, which ends with the id.
INSTANCE = re.compile(r"(?:[A-Za-z0-9._-]+-)?(i-(?:[0-9a-f]{8}|[0-9a-f]{17}))")
DEFAULTS = {
    "INVENTORY": "inventories/three_tier/development",
    "LAB": "api",
    "APP": "lab/sample_app",
    "LAB_PORT": "5566",
}


class CommandError(Exception):
    """What is wrong with make's variables, a line each."""


@dataclass(frozen=True)
class Step:
    """One run of ``ansible-playbook``.

    :ivar says: what it does; ``{APP}`` and the like stand for variables
    :ivar machines: whether it needs the inventory of the machines beside that of the cells
    :ivar variables: extra variables of the run, by the variables of make they are taken from
    """

    says: str
    playbooks: tuple[str, ...]
    options: tuple[str, ...] = ()
    machines: bool = False
    variables: tuple[tuple[str, str], ...] = ()


VERSION_OF = ("app_release_version", "VERSION")
COMMANDS: dict[str, tuple[Step, ...]] = {
    "check": (Step("compare {INVENTORY} with AWS", ("site",), ("--check",)),),
    "plan": (Step("show what would change in {INVENTORY}", ("site",), ("--check", "--diff")),),
    "apply": (Step("make the cells as {INVENTORY} says", ("site",)),),
    "show": (Step("show the cells of {INVENTORY}", ("show_cell",)),),
    "drift": (Step("report where the cells differ from {INVENTORY}", ("check_drift",)),),
    "destroy": (Step("list, or with destroy_confirm destroy, the cells of {INVENTORY}", ("destroy_cell",)),),
    "configure": (
        Step("release the configuration, for machines that start later", ("release_configuration",), machines=True),
        Step("configure the machines and the database", ("configure_hosts", "configure_database"), machines=True),
    ),
    "deploy": (
        Step(
            "release {APP} as {VERSION}",
            ("release_app",),
            machines=True,
            variables=(("app_release_source", "APP"), VERSION_OF),
        ),
        Step("deploy {VERSION}", ("deploy_app",), machines=True, variables=(VERSION_OF,)),
    ),
    "rollback": (Step("deploy what was deployed before", ("rollback_app",), machines=True),),
    "patch": (Step("update the machines' packages, batch by batch", ("patch_hosts",), machines=True),),
    "rotate": (
        Step(
            "give the application, the database's owner and administrator, and the cache new credentials",
            ("rotate_credentials", "rotate_database_passwords", "rotate_cache_token"),
            machines=True,
        ),
    ),
    "isolate": (
        Step("take {INSTANCE} out for forensics", ("isolate_instance",), variables=(("isolate_instance", "INSTANCE"),)),
    ),
}


def settings(command: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of make that a command takes, checked; ARGS stays as it is.

    :raises CommandError: naming all that is wrong
    """
    given = {name: environment.get(name) or default for name, default in DEFAULTS.items()}
    wrong = []
    inventory = given["INVENTORY"].rstrip("/") or "/"
    taken = {"INVENTORY": inventory, "LAB": given["LAB"], "LAB_PORT": given["LAB_PORT"]}
    if not (ROOT / inventory).exists():
        wrong.append(f"INVENTORY: there is no {inventory!r}; {_environments()}")
    elif any(step.machines for step in COMMANDS[command]) and not (ROOT / f"{inventory}.aws_ec2.yml").is_file():
        wrong.append(
            f"INVENTORY: there is no '{inventory}.aws_ec2.yml', the inventory of its machines; see docs/hosts.md"
        )
    if given["LAB"] not in LEVELS:
        wrong.append(f"LAB: {given['LAB']!r} must be one of {', '.join(LEVELS)}")
    if not given["LAB_PORT"].isdecimal():
        wrong.append(f"LAB_PORT: {given['LAB_PORT']!r} must be a number")
    try:
        shlex.split(environment.get("ARGS", ""))
    except ValueError as error:
        wrong.append(f"ARGS: {error}: {environment['ARGS']}")
    needed = {name for step in COMMANDS[command] for _variable, name in step.variables}
    if "APP" in needed:
        app = ROOT / Path(given["APP"]).expanduser()
        published = None if app.exists() else PINNED.fullmatch(given["APP"].strip())
        taken["APP"] = published[0] if published else str(app.resolve())
        if not published and not app.exists():
            wrong.append(
                f"APP: there is no {given['APP']!r}; it is a project's folder, a wheel or an archive, or a published project "
                "with its exact version (APP=httpbin==0.10.4)"
            )
        version = taken["VERSION"] = environment.get("VERSION") or (published[3] if published else _own_version(app))
        if not version:
            wrong.append(f"VERSION: say which, for {given['APP']} does not (VERSION=1.0.0)")
        elif not VERSION.fullmatch(version):
            wrong.append(f"VERSION: {version!r} must be letters, digits, dots, hyphens and underscores")
    if "INSTANCE" in needed:
        named = INSTANCE.fullmatch(environment.get("INSTANCE", ""))
        taken["INSTANCE"] = named[1] if named else ""
        if not named:
            said = repr(environment["INSTANCE"]) if environment.get("INSTANCE") else "not set"
            wrong.append(f"INSTANCE: {said}; name one machine by its instance id (INSTANCE=i-0123456789abcdef0)")
    if wrong:
        raise CommandError("\n".join(wrong))
    return taken


def _environments() -> str:
    """The environments there are, for a message."""
    found = sorted(path.parent.relative_to(ROOT) for path in (ROOT / "inventories").glob("*/*/hosts.yml"))
    return f"there are {', '.join(map(str, found))}"


def _own_version(app: Path) -> str:
    """The version that a project's pyproject.toml names; empty where it names none."""
    file = app / "pyproject.toml"
    if not file.is_file():
        return ""
    return str(tomllib.loads(file.read_text()).get("project", {}).get("version", ""))


def words(step: Step, taken: Mapping[str, str], arguments: str) -> list[str]:
    """The command line of a step, word by word.

    :param taken: as :func:`settings` returns it
    :param arguments: ARGS, quoted as in a shell
    """
    inventories = [taken["INVENTORY"], *(["inventories/lab"] if taken["LAB"] != "none" else [])]
    inventories += [f"{taken['INVENTORY']}.aws_ec2.yml"] if step.machines else []
    extra = {variable: taken[name] for variable, name in step.variables}
    return [
        str(ROOT / ".venv/bin/ansible-playbook"),
        *(word for inventory in inventories for word in ("-i", inventory)),
        *shlex.split(arguments),
        *(f"playbooks/{playbook}.yml" for playbook in step.playbooks),
        *step.options,
        *(("-e", json.dumps(extra)) if extra else ()),
    ]


def surroundings(step: Step, taken: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a step: the inventory of the machines asks with its credentials, here the lab's."""
    if not step.machines or taken["LAB"] == "none":
        return dict(environment)
    return {
        **environment,
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{taken['LAB_PORT']}",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "lab",
        "AWS_SECRET_ACCESS_KEY": "only-the-lab-knows-this",
    }


def run(command: list[str], environment: dict[str, str]) -> int:
    """Run a command to its end; return its status.

    A run that is told to stop lets what it has begun end: Ctrl-C reaches it from the terminal, and a request to end is passed on.
    """
    child = subprocess.Popen(command, cwd=ROOT, env=environment)
    signal.signal(signal.SIGINT, lambda *_signal: None)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: child.send_signal(received))
    return child.wait()


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0] not in COMMANDS:
        print(f"usage: commands.py {'|'.join(COMMANDS)}", file=sys.stderr)
        return 2
    (command,) = arguments
    try:
        taken = settings(command, os.environ)
    except CommandError as error:
        print("\n".join(f"{command}: {line}" for line in str(error).splitlines()), file=sys.stderr)
        return 2
    for step in COMMANDS[command]:
        print(f"{command}: {step.says.format_map(taken)}", flush=True)
        line = words(step, taken, os.environ.get("ARGS", ""))
        if status := run(line, surroundings(step, taken, os.environ)):
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
