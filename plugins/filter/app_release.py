# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of the app_release role."""

from __future__ import annotations

import hashlib
import os
import typing as t

#: What building leaves in a project's folder.
LEFT = {"__pycache__", "build", "dist", ".git", ".venv", ".pytest_cache", ".ruff_cache", ".mypy_cache"}


def app_release_digest(files: list[dict[str, t.Any]], root: str) -> str:
    """One SHA-256 for the files of a folder (as ansible.builtin.find lists them with checksums): names and contents."""
    told = []
    for file in files:
        name = os.path.relpath(file["path"], root)
        parts = set(name.split(os.sep))
        if not parts & LEFT and not any(part.endswith(".egg-info") for part in parts):
            told.append(f"{file['checksum']}  {name}\n")
    return hashlib.sha256("".join(sorted(told)).encode()).hexdigest()


def app_release_requirements(wheels: list[dict[str, t.Any]]) -> str:
    """A requirements file with versions and checksums, from wheels as ansible.builtin.find lists them.

    A wheel's name begins with the distribution and its version
    (https://packaging.python.org/en/latest/specifications/binary-distribution-format/).
    """
    lines = []
    for wheel in wheels:
        name, version = wheel["path"].rsplit("/", 1)[-1].split("-")[:2]
        lines.append(f"{name.replace('_', '-')}=={version} --hash=sha256:{wheel['checksum']}\n")
    return "".join(sorted(lines))


class FilterModule:
    """Filters ``terrace.aws.*`` of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {each.__name__: each for each in (app_release_digest, app_release_requirements)}
