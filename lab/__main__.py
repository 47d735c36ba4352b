"""``python -m lab up|down|status|reset|visit|shell|unplug|plug``: start, stop, show and empty the lab, visit and enter what it
runs, lose one of its regions and have it back.
"""

from __future__ import annotations

import argparse
import importlib
import os
import shutil
import sys
from types import ModuleType

from . import process, ssh_key

MACHINES_WANT_ROOT = "machines: left out, they need root; plan, provision, drift and destroy work without them"


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m lab", description="Terrace's lab: an AWS API on this machine.")
    commands = {
        "up": up,
        "down": down,
        "status": status,
        "reset": reset,
        "visit": visit,
        "shell": shell,
        "unplug": outage,
        "plug": outage,
    }
    parser.add_argument("command", choices=commands)
    parser.add_argument("--level", choices=("api", "machines"), default=os.environ.get("LAB") or "api")
    parser.add_argument("--port", type=int, help=f"default: LAB_PORT or {process.DEFAULT_PORT}")
    parser.add_argument(
        "machine",
        nargs="?",
        metavar="machine|region",
        help="of shell: an instance id, a name or an address, -- and a command may follow; of unplug and plug: a region",
    )
    arguments = sys.argv[1:] if arguments is None else arguments
    end = arguments.index("--") if "--" in arguments else len(arguments)
    options = parser.parse_args(arguments[:end])
    options.words = arguments[end + 1 :]
    if options.command in ("unplug", "plug") and not options.machine:
        parser.error(f"{options.command}: name the region")
    if options.command not in ("shell", "unplug", "plug") and (options.machine is not None or options.words):
        parser.error(f"{options.command} takes no machine")
    try:
        return commands[options.command](options)
    except Exception as error:
        # The machines have an error class of their own of that name; everything else is a bug and shows itself.
        if type(error).__name__ != "LabError":
            raise
        print(f"lab: {error}", file=sys.stderr)
        return 1


def _machines(level: str) -> ModuleType | None:
    """Return the machines' module when they are wanted, or run, and are possible; say so when they are not."""
    if level != "machines" and not (process.state_dir() / "machines.json").exists():
        return None
    if os.geteuid() != 0:
        print(MACHINES_WANT_ROOT)
        return None
    try:
        return importlib.import_module("lab.machines")
    except ModuleNotFoundError as error:
        if error.name != "lab.machines":
            raise
        raise process.LabError("this version of the lab has no machines; use --level api") from error


def up(options: argparse.Namespace) -> int:
    """Start what does not run."""
    state, started = process.start(options.port)
    if shutil.which("ssh-keygen") or options.level == "machines":
        ssh_key.ensure()
    print(f"api: {'started' if started else 'already running'} at {state['url']} (pid {state['pid']})")
    if options.level == "machines" and (machines := _machines(options.level)):
        machines.up(state["port"], process.state_dir())
    return 0


def down(options: argparse.Namespace) -> int:
    """Stop everything that runs, in reverse order."""
    if machines := _machines(options.level):
        machines.down(process.state_dir())
    ssh_key.remove()
    print("api: stopped" if process.stop() else "api: not running")
    return 0


def visit(_options: argparse.Namespace) -> int:
    """Use the deployed application as a visitor would; exit status 1 when it does not answer as it should."""
    if not _machines("machines"):
        return 1
    return importlib.import_module("lab.visit").visit()


def shell(options: argparse.Namespace) -> int:
    """Open a shell as root in a machine, without SSH; exit status is the shell's."""
    if not _machines("machines"):
        return 1
    return importlib.import_module("lab.machines.shell").enter(options.machine or "", options.words)


def outage(options: argparse.Namespace) -> int:
    """Lose a region, or have it back."""
    if not _machines("machines"):
        return 1
    module = importlib.import_module("lab.machines.outage")
    count = getattr(module, options.command)(options.machine, process.state_dir())
    what = {"unplug": "its API fails, and nothing reaches", "plug": "its API answers, as do"}[options.command]
    print(f"{options.machine}: {what} its {count} machines and servers")
    return 0


def status(options: argparse.Namespace) -> int:
    """Say what runs; exit status 3 when nothing does (as systemctl's)."""
    state = process.running()
    answer = process.status(state["url"]) if state else None
    if not state or not answer:
        print("api: not running")
        return 3
    print(f"api: running at {state['url']} (pid {state['pid']}, {len(answer['patches'])} patches)")
    if answer["delays"]:
        print("delays: " + ", ".join(f"{name} {seconds:g} s" for name, seconds in answer["delays"].items()))
    if answer["faults"]["rate"]:
        print(f"faults: {answer['faults']['rate']:.0%} of calls ({', '.join(answer['faults']['kinds'])})")
    if machines := _machines(options.level):
        machines.status(process.state_dir())
    return 0


def reset(_options: argparse.Namespace) -> int:
    """Empty the accounts; delays, faults and counts go too."""
    state = process.running()
    if not state:
        raise process.LabError("the API does not run; start it with `make lab LAB=api`")
    process.request(state["url"], "/lab/reset", method="POST")
    print(f"api: emptied at {state['url']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
