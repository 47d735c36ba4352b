# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes the payloads of modules ahead of the tasks that call them.

Ansible makes the payload of a module when a task first calls it, which takes some 0.2 s of CPU for one of amazon.aws, and keeps
it for the run. A run that is going to write knows so after its first look, and most of its time is spent waiting, so another
process makes them meanwhile, by Ansible's own means and under Ansible's own lock. A connection that can get ready before a module
is called (terrace.aws.warm) is told of the first.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import typing as t

from ansible import constants as C
from ansible.plugins.action import ActionBase

from .specs import ROLES
from .task_files import modules_called


def modules_of(files: t.Iterable[tuple[str, str, str]]) -> list[str]:
    """The modules of collections that task files (role, kind, action) call, by full name; without our own actions."""
    found = dict.fromkeys(name for file in files for name in modules_called(*file))
    actions = {f"terrace.aws.{path.stem}" for path in (ROLES.parent / "plugins" / "action").glob("*.py")}
    return [name for name in found if name not in actions]


def make_ahead(action: ActionBase, files: t.Iterable[tuple[str, str, str]], task_vars: dict[str, t.Any]) -> None:
    """Begin to make the payloads of what these task files call, once a run; nobody waits for it."""
    folder = pathlib.Path(C.DEFAULT_LOCAL_TMP)
    with contextlib.suppress(FileExistsError):
        os.close(os.open(folder / "terrace.payloads", os.O_CREAT | os.O_EXCL))
        if os.fork() == 0:
            try:
                _make(action, files, task_vars, folder)
            finally:
                os._exit(0)


def _make(
    action: ActionBase, files: t.Iterable[tuple[str, str, str]], task_vars: dict[str, t.Any], folder: pathlib.Path
) -> None:
    # Whatever goes wrong here goes wrong again, and is told, in the task that calls the module.
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    for number, name in enumerate(modules_of(files)):
        if not folder.is_dir():  # the run is over
            return
        with contextlib.suppress(Exception):
            bits, _path = action._configure_module(name, {}, task_vars)
            if number == 0:
                _announce(action, bits.shebang, bits.b_module_data)
        if number == 0:
            os.nice(5)


def _announce(action: ActionBase, shebang: str, payload: bytes) -> None:
    """Tell the connection, in a process of its own, of the first module, so that what serves it starts before it is called."""
    announce = getattr(action._connection, "announce", None)
    if announce and os.fork() == 0:
        try:
            environment: dict[str, t.Any] = {}
            action._compute_environment_string(environment)
            announce(shebang.removeprefix("#!").strip(), environment, payload)
        finally:
            os._exit(0)
