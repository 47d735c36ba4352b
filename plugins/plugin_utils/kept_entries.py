# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the inventory desires of a cell, worked out once a run.

The check of the inventory and the comparison with AWS are tasks, and Ansible runs each in a process of its own. To template and
validate every entry is most of the work of both.
"""

from __future__ import annotations

import hashlib
import json
import os
import typing as t

from ansible.errors import AnsibleError

from . import run_files
from .engine import registry
from .templates import mentioned

World = dict[str, dict[str, dict[str, t.Any]]]
#: Words of a template with which it can say something else although the variables it mentions are the same.
UNSTEADY = frozenset({"hostvars", "lookup", "now", "q", "query", "vars"})


class KeptEntries:
    """The entries of every kind as they were validated last, for one cell in this run.

    :param cell: the cell's name
    :param variables: the play's variables, raw, with every role's defaults beneath
    :param template: templates a raw value
    """

    def __init__(self, cell: str, variables: dict[str, t.Any], template: t.Callable[[t.Any], t.Any]) -> None:
        self._path = run_files.folder() / f"{cell}.entries"
        try:
            self._made_of = _fingerprint(variables, template)
        except AnsibleError:
            self._made_of = ""

    def load(self) -> World | None:
        """What was kept of the same variables; None where nothing was."""
        if self._made_of and self._path.exists():
            made_of, world = json.loads(self._path.read_text())
            if made_of == self._made_of:
                return world
        return None

    def keep(self, world: World) -> None:
        """Keep entries in which nothing is wrong."""
        text = json.dumps([self._made_of, world], default=str)
        # Not everything that YAML can say comes back from JSON as it was.
        if not self._made_of or json.loads(text)[1] != world:
            return
        partial = self._path.with_suffix(f".{os.getpid()}.partial")
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
            stream.write(text)
        partial.replace(self._path)


def _fingerprint(variables: dict[str, t.Any], template: t.Callable[[t.Any], t.Any]) -> str:
    """Tells whether the entries of the kinds are made of the same: every variable they are made of, at any remove."""
    found: dict[str, t.Any] = {}
    left = [kind.variable for kind in registry.all_kinds().values()]
    while left:
        name = left.pop()
        if name in found or name not in variables:
            continue
        found[name] = variables[name]
        words = mentioned(found[name])
        if words & UNSTEADY:
            found[name] = (found[name], template(found[name]))
        left += words - UNSTEADY
    return hashlib.sha256(repr(sorted(found.items())).encode()).hexdigest()
