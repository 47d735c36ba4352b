#!/usr/bin/python
# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeps how a host was left, and tells later whether it still is."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_manifest
short_description: Keep how a host was left, and tell later whether it still is so
version_added: 0.1.0
description:
  - Configuring a host a second time takes dozens of tasks that find nothing to do. This module keeps what the first time
    left behind (files by checksum, mode and owner, packages by version, units that run, who may sign in) together with a
    mark of what it was made from; asked later, it says in one task whether all of that is still as it was.
  - What was added since is not looked at, unless it is in the place of something that was kept.
options:
  name:
    description: What the manifest is of. Kept in C(/var/lib/terrace/manifests), for root alone.
    type: str
    required: true
  mark:
    description: A checksum of what the host was made from; with another one it is not as it is to be.
    type: str
    required: true
  paths:
    description:
      - Files, links and folders, with everything in them. Patterns as in a shell. These and the following count for
        O(state=kept); asked is for what was kept then.
    type: list
    elements: str
    default: []
  ignore:
    description: Files in O(paths) that change without anybody's doing, or by what is not looked at here.
    type: list
    elements: str
    default: []
  units:
    description: Units; V(enabled) means all that are enabled. Those that run are to run later too.
    type: list
    elements: str
    default: []
  packages:
    description: Whether the versions of packages are kept.
    type: bool
    default: false
  users:
    description: Whether it is kept who may sign in (root and users from 1000 on, their groups and whether they have a password).
    type: bool
    default: false
  state:
    description: V(kept) writes down how the host is now, V(asked) compares it with that.
    type: str
    choices: [kept, asked]
    default: asked
attributes:
  check_mode:
    description: With V(kept) nothing is written.
    support: full
  diff_mode:
    support: none
author:
  - The Terrace developers
"""

EXAMPLES = r"""
- name: See whether the machine is as it was left
  terrace.aws.host_manifest:
    name: configuration
    mark: "{{ my_values | to_json | hash('sha256') }}"
  register: left
"""

RETURN = r"""
same:
  description: Whether everything is as it was kept.
  returned: always
  type: bool
differences:
  description: Up to ten things that are not, for people.
  returned: always
  type: list
  elements: str
"""

import fnmatch
import glob
import grp
import hashlib
import json
import os
import pathlib
import pwd
import stat
import typing as t

from ansible.module_utils.basic import AnsibleModule

HOME = pathlib.Path("/var/lib/terrace/manifests")


def file_state(path: str) -> str:
    """Mode, owners and checksum of a file, target of a link; empty where nothing is."""
    try:
        found = os.lstat(path)
        head = f"{stat.S_IMODE(found.st_mode):o} {found.st_uid}:{found.st_gid}"
        if stat.S_ISLNK(found.st_mode):
            return f"-> {os.readlink(path)}"
        if stat.S_ISREG(found.st_mode):
            return f"{head} {hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()}"
        return f"{head} {stat.S_IFMT(found.st_mode):o}"
    except (FileNotFoundError, NotADirectoryError):
        return ""


def walk(patterns: list[str], ignore: list[str]) -> t.Iterator[str]:
    """Every path that the patterns name, and everything in folders."""
    for pattern in patterns:
        for path in sorted(glob.glob(pattern)):
            yield path
            for folder, folders, files in os.walk(path):
                names = sorted(folders + files)
                yield from (os.path.join(folder, each) for each in names if not ignored(folder, each, ignore))


def ignored(folder: str, name: str, ignore: list[str]) -> bool:
    return any(fnmatch.fnmatch(os.path.join(folder, name), each) for each in ignore)


def unit_states(run: t.Callable[[list[str]], str], names: list[str]) -> dict[str, str]:
    """The units that run, by name: ``active``."""
    wanted = [name for name in names if name != "enabled"]
    if "enabled" in names:
        listed = run(["systemctl", "list-unit-files", "--state=enabled", "--no-legend", "--no-pager"])
        wanted += [line.split()[0] for line in listed.splitlines() if line.strip()]
    wanted = sorted({name for name in wanted if "@." not in name})
    if not wanted:
        return {}
    shown = run(["systemctl", "show", "--property=Id,ActiveState,NeedDaemonReload", *wanted])
    found: dict[str, str] = {}
    for block in shown.strip().split("\n\n"):
        facts = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if facts.get("ActiveState") == "active":
            found[facts["Id"]] = "active" + (", to be reloaded" if facts.get("NeedDaemonReload") == "yes" else "")
    return found


def package_versions(run: t.Callable[[list[str]], str]) -> dict[str, str]:
    """Installed packages and their versions."""
    listed = run(["dpkg-query", "--show", "--showformat=${Package}:${Architecture} ${Version} ${db:Status-Abbrev}\n"])
    return dict(line.split(" ", 1) for line in listed.splitlines() if " " in line)


def sign_ins(shadow: str = "/etc/shadow") -> dict[str, str]:
    """Root and people: shell, home, groups, and a checksum of what is in the password's place."""
    secrets = dict(line.split(":")[:2] for line in pathlib.Path(shadow).read_text(encoding="utf-8").splitlines())
    people = [each for each in pwd.getpwall() if each.pw_uid == 0 or 1000 <= each.pw_uid < 60000]
    return {
        each.pw_name: " ".join(
            [
                f"{each.pw_uid}:{each.pw_gid}",
                each.pw_dir,
                each.pw_shell,
                ",".join(sorted(group.gr_name for group in grp.getgrall() if each.pw_name in group.gr_mem)),
                hashlib.sha256(secrets.get(each.pw_name, "").encode()).hexdigest()[:16],
            ]
        )
        for each in people
    }


def seen(
    run: t.Callable[[list[str]], str], asked: dict[str, t.Any], paths: t.Iterable[str]
) -> dict[str, dict[str, str]]:
    """How the host is now; ``paths`` are single files."""
    return {
        "file": {path: file_state(path) for path in paths},
        "unit": unit_states(run, asked["units"]),
        "package": package_versions(run) if asked["packages"] else {},
        "user": sign_ins() if asked["users"] else {},
    }


def differences(kept: dict[str, dict[str, str]], now: dict[str, dict[str, str]]) -> list[str]:
    """What of that which was kept is not so any more."""
    return [
        f"{kind} {name}"
        for kind, entries in kept.items()
        for name, value in entries.items()
        if now.get(kind, {}).get(name, "") != value
    ]


def main() -> None:
    options = {
        "name": {"type": "str", "required": True},
        "mark": {"type": "str", "required": True},
        "paths": {"type": "list", "elements": "str", "default": []},
        "ignore": {"type": "list", "elements": "str", "default": []},
        "units": {"type": "list", "elements": "str", "default": []},
        "packages": {"type": "bool", "default": False},
        "users": {"type": "bool", "default": False},
        "state": {"type": "str", "choices": ["kept", "asked"], "default": "asked"},
    }
    module = AnsibleModule(argument_spec=options, supports_check_mode=True)
    place = HOME / f"{module.params['name']}.json"

    def run(command: list[str]) -> str:
        return str(module.run_command(command, check_rc=True)[1])

    if module.params["state"] == "kept":
        asked = {key: module.params[key] for key in ("units", "packages", "users")}
        found = seen(run, asked, walk(module.params["paths"], module.params["ignore"]))
        if not module.check_mode:
            HOME.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh = place.with_suffix(".new")
            fresh.touch(mode=0o600)
            fresh.write_text(
                json.dumps({"mark": module.params["mark"], "asked": asked, "seen": found}), encoding="utf-8"
            )
            fresh.replace(place)
        # How it is kept is no change of the host.
        module.exit_json(changed=False, same=True, differences=[])
    try:
        kept = json.loads(place.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        module.exit_json(changed=False, same=False, differences=["nothing was kept"])
    if kept["mark"] != module.params["mark"]:
        module.exit_json(changed=False, same=False, differences=["what it is made from"])
    found = differences(kept["seen"], seen(run, kept["asked"], kept["seen"]["file"]))
    module.exit_json(changed=False, same=not found, differences=found[:10])


if __name__ == "__main__":
    main()
