# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configures the machine it runs on with the bundle it lies in: `configure.py '{"tier": "web"}' first_boot.py`.

The tier's first boot calls it once the bundle's checksum was right. Python's own library is all it needs; Ansible comes with
the bundle, in wheels. Ends with status 0 when the machine is as the bundle says, and well.
"""

import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import time

BUNDLE = pathlib.Path(__file__).resolve().parent
VENV = pathlib.Path("/opt/terrace/ansible")
PLAYBOOK = "terrace.aws.configure_itself"


def run(*words, **more):
    """A command whose output is the unit's; its status."""
    print("+", *words, flush=True)
    return subprocess.run([str(word) for word in words], check=False, **more).returncode


def ansible():
    """Ansible of the bundle's version, installed from its wheels; the folder of its commands."""
    wheels = sorted(path.name for path in (BUNDLE / "wheels").iterdir())
    mark = VENV / "wheels.json"
    if not mark.exists() or json.loads(mark.read_text()) != wheels:
        if importlib.util.find_spec("ensurepip") is None:
            run("apt-get", "-qq", "update")
            run("apt-get", "-qq", "install", "-y", "--no-install-recommends", "python3-venv")
        commands = (
            (sys.executable, "-m", "venv", "--clear", VENV),
            (VENV / "bin/pip", "install", "-q", "--no-index", "--find-links", BUNDLE / "wheels", "ansible-core"),
        )
        if any(run(*command) for command in commands):
            sys.exit("ansible-core could not be installed from the bundle's wheels")
        mark.write_text(json.dumps(wheels))
    return VENV / "bin"


def applications(settings, first_boot):
    """What is deployed to this tier, as deploy_app.yml filed it, an entry an application; empty where nothing is."""
    wanted = json.loads((BUNDLE / "applications.json").read_text()).get(f"tier_{settings['tier']}")
    if not wanted:
        return []
    spec = importlib.util.spec_from_file_location("first_boot", first_boot)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def filed(name):
        found = module.insist(module.fetch, wanted["bucket"], f"{name}/current.json")
        return json.loads(found) if found else {}

    return list(deployed(wanted["names"], filed).values())


def deployed(names, filed):
    """What is deployed, by name; in the place of an application that was replaced, the one that replaced it."""
    found = {}
    for name in names:
        passed = set()
        entry = filed(name)
        while "replaced_by" in entry and name not in passed:
            passed.add(name)
            name = entry["replaced_by"]
            entry = filed(name)
        if entry and "replaced_by" not in entry:
            found[name] = entry
    return found


def main():
    began = time.monotonic()
    settings, first_boot = json.loads(sys.argv[1]), sys.argv[2]
    variables = pathlib.Path("/run/terrace-application.json")
    variables.touch(mode=0o600)
    variables.write_text(json.dumps({"configure_applications": applications(settings, first_boot)}))
    inventory = BUNDLE / "inventory/hosts.json"
    groups = ["machines", f"tier_{settings['tier']}", *(["bastion"] if settings["tier"] == "bastion" else [])]
    inventory.write_text(json.dumps({group: {"hosts": {"this-machine": None}} for group in groups}))
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(BUNDLE / "collections"),
        "ANSIBLE_HOME": "/var/lib/terrace/ansible",
        "ANSIBLE_INJECT_FACT_VARS": "False",
        "ANSIBLE_NOCOLOR": "1",
        "LC_ALL": "C.UTF-8",
    }
    status = run(
        ansible() / "ansible-playbook",
        *("-i", inventory, "-e", f"@{variables}", PLAYBOOK),
        env=environment,
        cwd=BUNDLE,
    )
    print(f"configured with status {status} in {time.monotonic() - began:.0f} s", flush=True)
    sys.exit(status)


if __name__ == "__main__":
    main()
