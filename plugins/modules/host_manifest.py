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
  - What was added since is looked for in O(owned), among the accounts and among the tables of the packet filter.
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
  owned:
    description:
      - Files and folders in which nothing belongs but what was kept, by this manifest or by another one, and what
        comes with a package. Patterns as in a shell.
    type: list
    elements: str
    default: []
  unaccepted:
    description:
      - What RV(added) named before the host was made anew and does not belong there. It is told again the next time, unless
        it has become something else meanwhile.
    type: list
    elements: dict
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
    description:
      - Whether it is kept who may sign in (root, users from 1000 on and whoever has a shell, with their groups and whether
        they have a password).
    type: bool
    default: false
  tables:
    description:
      - Tables of the packet filter, as C(inet filter). Their loaded rules are kept, whatever file they came from, and other
        tables are told as added. Programs make and remove tables of their own; O(ignore_tables) names them.
    type: list
    elements: str
    default: []
  ignore_tables:
    description: Tables that come and go, by pattern.
    type: list
    elements: str
    default: []
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
    description: There is nothing to show.
    support: none
author:
  - The Terrace developers (@terrace)
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
  description: Up to ten things that are not, field by field, for people.
  returned: always
  type: list
  elements: str
added:
  description:
    - What was added since, which does not count for RV(same), for what made the host does not take it away. Of each thing its
      C(kind) (V(file), V(user) or V(table)), its C(name), C(what) it is, for people, and its C(state), to be given back.
  returned: always
  type: list
  elements: dict
  sample: [{"kind": "file", "name": "/etc/sudoers.d/extra", "what": "mode 440, owner 0:0", "state": "440 0:0 9f86d081"}]
"""

import fnmatch
import glob
import grp
import hashlib
import json
import os
import pathlib
import pwd
import re
import stat
import typing as t

from ansible.module_utils.basic import AnsibleModule

HOME = pathlib.Path("/var/lib/terrace/manifests")
#: What stands in a shell's place where nobody signs in.
NO_SHELLS = ("nologin", "false", "sync", "")
#: What the words of a value are, by kind.
FIELDS = {"file": ("mode", "owner", "content"), "user": ("number", "home", "shell", "groups", "password")}
#: Fields whose value tells nobody anything.
CHECKSUMS = ("content", "password")


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
            if not ignored(os.path.dirname(path), os.path.basename(path), ignore):
                yield path
            for folder, folders, files in os.walk(path):
                names = sorted(folders + files)
                yield from (os.path.join(folder, each) for each in names if not ignored(folder, each, ignore))


def ignored(folder: str, name: str, ignore: list[str]) -> bool:
    return any(fnmatch.fnmatch(os.path.join(folder, name), each) for each in ignore)


def unit_states(run: t.Callable[[list[str]], str], names: list[str]) -> dict[str, str]:
    """The units that run, by name: ``active``, and the folder their main process runs in, which a link may lead away from."""
    wanted = [name for name in names if name != "enabled"]
    if "enabled" in names:
        listed = run(["systemctl", "list-unit-files", "--state=enabled", "--no-legend", "--no-pager"])
        wanted += [line.split()[0] for line in listed.splitlines() if line.strip()]
    wanted = sorted({name for name in wanted if "@." not in name})
    if not wanted:
        return {}
    shown = run(["systemctl", "show", "--property=Id,ActiveState,NeedDaemonReload,MainPID", *wanted])
    found: dict[str, str] = {}
    for block in shown.strip().split("\n\n"):
        facts = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if facts.get("ActiveState") == "active":
            reload = ", to be reloaded" if facts.get("NeedDaemonReload") == "yes" else ""
            found[facts["Id"]] = f"active{folder_of(facts.get('MainPID', '0'))}{reload}"
    return found


def folder_of(process: str) -> str:
    """The folder a process runs in; empty where there is none or it is the root."""
    try:
        folder = os.readlink(f"/proc/{process}/cwd") if process != "0" else "/"
    except OSError:
        return ""
    return "" if folder == "/" else f" in {folder}"


def package_versions(run: t.Callable[[list[str]], str]) -> dict[str, str]:
    """Installed packages and their versions."""
    listed = run(["dpkg-query", "--show", "--showformat=${Package}:${Architecture} ${Version} ${db:Status-Abbrev}\n"])
    return dict(line.split(" ", 1) for line in listed.splitlines() if " " in line)


def sign_ins(shadow: str = "/etc/shadow") -> dict[str, str]:
    """Root, people and whoever has a shell: home, shell, groups, and a checksum of what is in the password's place."""
    secrets = dict(line.split(":")[:2] for line in pathlib.Path(shadow).read_text(encoding="utf-8").splitlines())
    people = [
        each
        for each in pwd.getpwall()
        if each.pw_uid == 0 or 1000 <= each.pw_uid < 60000 or os.path.basename(each.pw_shell) not in NO_SHELLS
    ]
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


def table_names(run: t.Callable[[list[str]], str]) -> list[str]:
    """The tables of the packet filter, as C(inet filter)."""
    return [line.split(" ", 1)[1].strip() for line in run(["nft", "list", "tables"]).splitlines() if " " in line]


def loaded_rules(run: t.Callable[[list[str]], str], tables: list[str]) -> dict[str, str]:
    """A checksum of the rules that are loaded, without their counters, by table."""
    there = set(table_names(run)) if tables else set()
    return {
        table: hashlib.sha256(run(["nft", "--stateless", "list", "table", *table.split()]).encode()).hexdigest()
        for table in tables
        if table in there
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
        "table": loaded_rules(run, asked.get("tables", [])),
    }


def differences(kept: dict[str, dict[str, str]], now: dict[str, dict[str, str]]) -> list[str]:
    """What of that which was kept is not so any more."""
    return [
        f"{kind} {name}: {change(kind, value, now.get(kind, {}).get(name, ''))}"
        for kind, entries in kept.items()
        for name, value in entries.items()
        if now.get(kind, {}).get(name, "") != value
    ]


def change(kind: str, before: str, after: str) -> str:
    """What differs between two values, field by field."""
    if not after:
        return "is gone" if kind != "unit" else "does not run"
    if kind == "table":
        return "other rules are loaded"
    old, new, names = before.split(" "), after.split(" "), FIELDS.get(kind, ())
    if len(old) != len(names) or len(new) != len(names):
        return f"{after.strip()}, was {before.strip()}" if before else "was not there"
    return ", ".join(
        name if name in CHECKSUMS else f"{name} {now or 'none'}, was {was or 'none'}"
        for name, was, now in zip(names, old, new, strict=True)
        if was != now
    )


def describe(kind: str, value: str) -> str:
    """A value for people, without checksums."""
    words, names = value.split(" "), FIELDS.get(kind, ())
    if len(words) != len(names):
        return value
    return ", ".join(
        f"{name} {word or 'none'}" for name, word in zip(names, words, strict=True) if name not in CHECKSUMS
    )


def of_packages(run: t.Callable[[list[str]], str], paths: list[str]) -> set[str]:
    """Those of the paths that installed packages brought."""
    owned = set()
    for path in paths:
        # /etc is a folder of every package; where /lib is a link, packages name either path.
        names = {path, re.sub("^/usr/(lib|bin|sbin)/", r"/\1/", path)}
        if any(run(["dpkg-query", "--search", name]).strip() for name in sorted(names)):
            owned.add(path)
    return owned


def additions(run: t.Callable[[list[str]], str], kept: dict[str, t.Any], others: set[str]) -> list[dict[str, str]]:
    """What is where nothing else belongs and was not kept; ``others`` are files that other manifests keep."""
    asked, had = kept["asked"], kept["seen"]
    known = {*had["file"], *others}
    new = [path for path in walk(asked.get("owned", []), asked.get("ignore", [])) if path not in known]
    # An enabled unit is a link: it is what it leads to.
    real = {path: os.path.realpath(path) for path in new if os.path.islink(path) or os.path.isfile(path)}
    real = {path: target for path, target in real.items() if not (os.path.islink(path) and target in known)}
    packaged = of_packages(run, sorted(set(real.values())))
    found = [("file", path, file_state(path)) for path, target in real.items() if target not in packaged]
    if asked["users"] and "owned" in asked:
        found += [("user", name, value) for name, value in sign_ins().items() if name not in had["user"]]
    if asked.get("tables"):
        expected = {*kept["tables"], *asked["tables"]}
        found += [
            ("table", name, "rules of its own")
            for name in table_names(run)
            if name not in expected and not any(fnmatch.fnmatch(name, each) for each in asked["ignore_tables"])
        ]
    return [{"kind": kind, "name": name, "what": describe(kind, value), "state": value} for kind, name, value in found]


def others(own: pathlib.Path) -> list[dict[str, t.Any]]:
    """The other manifests on this host."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(own.parent.glob("*.json")) if path != own]


def kept_by(manifests: list[dict[str, t.Any]], kind: str) -> dict[str, str]:
    """What these manifests keep of a kind."""
    return {name: value for each in manifests for name, value in each["seen"].get(kind, {}).items()}


def leave_to(manifests: list[dict[str, t.Any]], found: dict[str, dict[str, str]]) -> None:
    """Take out of what was found what other manifests keep: it changes and goes with what they are of."""
    for kind in ("file", "unit"):
        for name in kept_by(manifests, kind):
            found[kind].pop(name, None)


def expected(kept: dict[str, t.Any], manifests: list[dict[str, t.Any]]) -> dict[str, dict[str, str]]:
    """How the host is to be: as it was kept, but for what others have kept since.

    A manifest that owns folders holds what others put there as well, an application's units for example, which change with it.
    """
    if not kept["asked"].get("owned"):
        return kept["seen"]
    later = {kind: kept_by(manifests, kind) for kind in ("file", "unit")}
    return {
        kind: {name: later.get(kind, {}).get(name, value) for name, value in entries.items()}
        for kind, entries in kept["seen"].items()
    }


def write(place: pathlib.Path, content: dict[str, t.Any]) -> None:
    """Replace a manifest in one step; it is for root alone."""
    HOME.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = place.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(content), encoding="utf-8")
    fresh.replace(place)


def main() -> None:
    options = {
        "name": {"type": "str", "required": True},
        "mark": {"type": "str", "required": True},
        "paths": {"type": "list", "elements": "str", "default": []},
        "ignore": {"type": "list", "elements": "str", "default": []},
        "owned": {"type": "list", "elements": "str", "default": []},
        "unaccepted": {"type": "list", "elements": "dict", "default": []},
        "units": {"type": "list", "elements": "str", "default": []},
        "packages": {"type": "bool", "default": False},
        "users": {"type": "bool", "default": False},
        "tables": {"type": "list", "elements": "str", "default": []},
        "ignore_tables": {"type": "list", "elements": "str", "default": []},
        "state": {"type": "str", "choices": ["kept", "asked"], "default": "asked"},
    }
    module = AnsibleModule(argument_spec=options, supports_check_mode=True)
    place = HOME / f"{module.params['name']}.json"

    def run(command: list[str]) -> str:
        # Of files that no package owns dpkg-query says so by its status.
        strict = command[:2] != ["dpkg-query", "--search"]
        return str(module.run_command(command, check_rc=strict)[1])

    if module.params["state"] == "kept":
        names = ("units", "packages", "users", "tables", "ignore_tables", "owned", "ignore")
        asked = {key: module.params[key] for key in names}
        found = seen(run, asked, walk(module.params["paths"] + module.params["owned"], module.params["ignore"]))
        if asked["owned"]:
            leave_to(others(place), found)
        tables = table_names(run) if asked["tables"] else []
        for each in module.params["unaccepted"]:
            if found[each["kind"]].get(each["name"]) == each["state"]:
                del found[each["kind"]][each["name"]]
            tables = [name for name in tables if (each["kind"], each["name"]) != ("table", name)]
        if not module.check_mode:
            write(place, {"mark": module.params["mark"], "asked": asked, "seen": found, "tables": tables})
        # How it is kept is no change of the host.
        module.exit_json(changed=False, same=True, differences=[], added=[])
    try:
        kept = json.loads(place.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        module.exit_json(changed=False, same=False, differences=["nothing was kept"], added=[])
    manifests = others(place)
    added = additions(run, kept, set(kept_by(manifests, "file")))
    if kept["mark"] != module.params["mark"]:
        module.exit_json(changed=False, same=False, differences=["what it is made from"], added=added)
    found = differences(expected(kept, manifests), seen(run, kept["asked"], kept["seen"]["file"]))
    module.exit_json(changed=False, same=not found, differences=found[:10], added=added)


if __name__ == "__main__":
    main()
