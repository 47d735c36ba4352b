#!/usr/bin/python
# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes many small files of a host in one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_files
short_description: Write, check or remove many small files of a host in one call
version_added: 0.1.0
description:
  - M(ansible.builtin.template) in a loop costs two round trips and a start of Python for each file. A role that writes a dozen
    settings does with one call of this module; their text comes from the lookup P(ansible.builtin.template#lookup).
  - Every file is checked before any is written, each is replaced in one step, and folders that are missing are made.
options:
  files:
    description: Files by path, with C(content), C(mode) (V(0644)), C(owner) and C(group) (V(root)), and C(validate), a
      command that checks the file named by C(%s) and fails where it is wrong.
    type: dict
    default: {}
  lines:
    description:
      - Values in files of lines C(NAME value), by path and name. A line that is there, commented out or not, is changed.
    type: dict
    default: {}
  state:
    description: Whether O(files) are to exist. O(lines) are only ever written.
    type: str
    choices: [present, absent]
    default: present
attributes:
  check_mode:
    description: Says what it would write.
    support: full
  diff_mode:
    description: Shows every file.
    support: full
author:
  - The Terrace developers (@terrace)
"""

EXAMPLES = r"""
- name: Write the settings
  terrace.aws.host_files:
    files:
      /etc/issue: {content: "Authorised access only\n"}
      /etc/sudoers.d/10-terrace: {content: "Defaults use_pty\n", mode: "0440", validate: visudo -cf %s}
    lines:
      /etc/login.defs: {UMASK: "027"}
"""

RETURN = r"""
paths:
  description: The files that changed.
  returned: always
  type: list
  elements: str
"""

import grp
import os
import pathlib
import pwd
import re
import shlex
import typing as t

from ansible.module_utils.basic import AnsibleModule

OPTIONS = {"content", "mode", "owner", "group", "validate"}


def state_of(path: pathlib.Path) -> tuple[str, str, str, str] | None:
    """Text, mode, owner and group of a file; None where there is none."""
    try:
        text, found = path.read_text(encoding="utf-8", errors="surrogateescape"), path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return text, f"{found.st_mode & 0o7777:04o}", owner(found.st_uid, pwd.getpwuid), owner(found.st_gid, grp.getgrgid)


def owner(number: int, look_up: t.Callable[[int], t.Any]) -> str:
    """The name behind a number; the number where there is none."""
    try:
        return str(look_up(number)[0])
    except KeyError:
        return str(number)


def with_lines(text: str, values: dict[str, t.Any]) -> str:
    """``text`` with every name set to its value, on the line it has or on one at the end."""
    for name, value in values.items():
        line, known = f"{name} {value}", re.compile(rf"^[ \t]*{re.escape(name)}[ \t].*$", re.MULTILINE)
        aside = re.compile(rf"^#[ \t]*{re.escape(name)}[ \t].*$", re.MULTILINE)
        for pattern in (known, aside):
            if pattern.search(text):
                text = pattern.sub(line.replace("\\", r"\\"), text, count=1)
                break
        else:
            text += ("" if not text or text.endswith("\n") else "\n") + line + "\n"
    return text


def wanted(module: AnsibleModule) -> dict[str, tuple[str, str, str, str] | None]:
    """What every file is to be: text, mode, owner, group; None for none."""
    made: dict[str, tuple[str, str, str, str] | None] = {}
    for path, entry in module.params["files"].items():
        if unknown := set(entry) - OPTIONS:
            module.fail_json(msg=f"files.{path}: there is no option {', '.join(sorted(unknown))}")
        new = (
            entry.get("content", ""),
            str(entry.get("mode", "0644")),
            entry.get("owner", "root"),
            entry.get("group", "root"),
        )
        made[path] = None if module.params["state"] == "absent" else new
    for path, values in module.params["lines"].items():
        now = state_of(pathlib.Path(path)) or ("", "0644", "root", "root")
        made[path] = (with_lines(now[0], values), *now[1:])
    return made


def check(module: AnsibleModule, path: str, text: str, command: str) -> None:
    """Fail where the command finds the text wrong."""
    draft = pathlib.Path(module.tmpdir) / pathlib.Path(path).name
    draft.write_text(text, encoding="utf-8", errors="surrogateescape")
    status, out, err = module.run_command([word.replace("%s", str(draft)) for word in shlex.split(command)])
    draft.unlink()
    if status != 0:
        module.fail_json(msg=f"{path} would be wrong, nothing was written: {(err or out).strip()}", rc=status)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "files": {"type": "dict", "default": {}},
            "lines": {"type": "dict", "default": {}},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        supports_check_mode=True,
        # Texts may hold secrets; the host's journal is no place for them.
        no_log=True,
    )
    before = {path: state_of(pathlib.Path(path)) for path in {**module.params["files"], **module.params["lines"]}}
    after = {path: new for path, new in wanted(module).items() if new != before[path]}
    for path, new in after.items():
        command = module.params["files"].get(path, {}).get("validate")
        # What checks a file may not be installed yet where nothing is written.
        missing = module.check_mode and command and not module.get_bin_path(shlex.split(command)[0])
        if new and command and not missing:
            check(module, path, new[0], command)
    if not module.check_mode:
        for path, new in after.items():
            write(path, new)
    diff = [
        {"before_header": path, "after_header": path, "before": (before[path] or ("",))[0], "after": (new or ("",))[0]}
        for path, new in sorted(after.items())
    ]
    module.exit_json(changed=bool(after), paths=sorted(after), diff=diff)


def write(path: str, new: tuple[str, str, str, str] | None) -> None:
    """Put a file in its place in one step, or take it away."""
    if new is None:
        os.unlink(path)
        return
    text, mode, user, group = new
    pathlib.Path(path).parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    draft = pathlib.Path(path).with_name(f".{pathlib.Path(path).name}.terrace-new")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(text.encode(errors="surrogateescape"))
    os.chown(draft, pwd.getpwnam(user).pw_uid, grp.getgrnam(group).gr_gid)
    draft.chmod(int(mode, 8))
    draft.replace(path)


if __name__ == "__main__":
    main()
