# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment that the shells of a local call would give to a module."""

from __future__ import annotations

import os
import subprocess


class Shells:
    """What the shells said, by environment and directory."""

    def __init__(self) -> None:
        self.known: dict[tuple, tuple[dict[bytes, bytes], bool]] = {}

    def environment(self, meta: dict) -> tuple[dict[bytes, bytes], bool]:
        """What the shells of a local call make of the client's environment, and whether they exec the interpreter.

        dash drops names that are no identifiers and sets PWD, bash adds _ and SHLVL: asked of the real shells once for
        each environment and directory, with `cat` in the module's place.
        """
        raw = {os.fsencode(k): os.fsencode(v) for k, v in meta["environment"].items()}
        if meta["bound"]:
            return raw, True
        probe = "TERRACE_WARM=1 " if meta["assignments"] else ""
        probe += "/bin/cat /proc/self/stat /proc/self/environ" + meta["after"]
        key = (meta["outer"], meta["shell"], meta["cwd"], probe, frozenset(raw.items()))
        if key not in self.known:
            # The same two shells, in the same way, as ansible.builtin.local uses; there is no module whose run_command to call.
            with subprocess.Popen(  # noqa: S602  # pylint: disable=ansible-bad-function
                f"{meta['shell']} -c '{probe}'", shell=True, executable=meta["outer"], cwd=meta["cwd"], env=raw,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            ) as process:  # fmt: skip
                out = process.communicate(timeout=10)[0]
            if process.returncode:
                raise ValueError(f"the shell {meta['shell']} failed with {process.returncode}")
            stat, _newline, rest = out.partition(b"\n")
            seen = dict(item.split(b"=", 1) for item in rest.split(b"\0") if b"=" in item)
            seen.pop(b"TERRACE_WARM", None)
            if seen.get(b"_") == b"/bin/cat":
                seen[b"_"] = os.fsencode(meta["interpreter"])
            if len(self.known) > 200:
                self.known.clear()
            self.known[key] = (seen, int(stat.split()[0]) == process.pid)
        base, direct = self.known[key]
        return {**base, **{os.fsencode(k): os.fsencode(v) for k, v in meta["assignments"]}}, direct
