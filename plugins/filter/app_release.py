# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of the app_release role."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pathlib
import re
import tomllib
import typing as t

from ansible.errors import AnsibleFilterError

with contextlib.suppress(ImportError):  # ansible-core itself requires it; ansible-test imports plugins without
    from packaging.version import InvalidVersion, Version

#: What building leaves in a project's folder.
LEFT = {"__pycache__", "build", "dist", ".git", ".venv", ".pytest_cache", ".ruff_cache", ".mypy_cache"}

#: A published project with its exact version; commands.py has the same.
PINNED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)( *\[[A-Za-z0-9,._ -]+\])? *== *([A-Za-z0-9][A-Za-z0-9.!+_-]*)")


def app_release_requirement(source: str | None) -> str:
    """``name[extras]==version`` where that is what is released, in one spelling; empty for a folder or a file.

    (https://packaging.python.org/en/latest/specifications/name-normalization/)
    """
    found = PINNED.fullmatch((source or "").strip())
    if not found or os.path.exists(source or ""):
        return ""
    name, extras, version = (part or "" for part in found.groups())
    extras = ",".join(
        sorted({re.sub(r"[-_.]+", "-", each.strip()).lower() for each in extras.strip()[1:-1].split(",")})
    )
    return re.sub(r"[-_.]+", "-", name).lower() + (f"[{extras}]" if extras else "") + f"=={version}"


def app_release_origin(requirement: str, packages: list[str]) -> str:
    """What a release of a published project is made from: the same text for the same, to compare a second release with."""
    return " with ".join(filter(None, (requirement, ", ".join(sorted(packages)))))


def app_release_problem(source: str | None, checksum: str = "") -> str:
    """What is wrong with the source of a release; empty where nothing is."""
    if not source or os.path.exists(source):
        return ""
    if app_release_requirement(source):
        return (
            "app_release_checksum is for a file or a folder; leave it empty for a published project" if checksum else ""
        )
    return (
        f"{source} (app_release_source) is not there; it is a project's folder, a wheel or an archive, or a published "
        "project with its exact version, such as httpbin==0.10.4"
    )


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


def app_release_own_version(path: str) -> str:
    """The version that a project's ``pyproject.toml``, a wheel's name or a requirement says; empty where none does.

    :raises AnsibleFilterError: where the file cannot be read
    """
    if requirement := app_release_requirement(path):
        return requirement.partition("==")[2]
    file = pathlib.Path(path)
    if file.suffix == ".whl":
        return file.name.split("-")[1]
    project = file / "pyproject.toml"
    if not project.is_file():
        return ""
    try:
        return str(tomllib.loads(project.read_text()).get("project", {}).get("version", ""))
    except tomllib.TOMLDecodeError as error:
        raise AnsibleFilterError(f"{project} (app_release_source): {error}") from error


def app_release_same(own: str, version: str) -> bool:
    """Whether a project's own version is the one that is released: in any spelling, or where it names none.

    (https://packaging.python.org/en/latest/specifications/version-specifiers/#normalization)
    """
    if not own or own == version:
        return True
    try:
        return Version(own) == Version(version)
    except InvalidVersion:
        return False


class FilterModule:
    """Filters ``terrace.aws.*`` of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        mine = (app_release_digest, app_release_requirements, app_release_own_version, app_release_same)
        published = (app_release_requirement, app_release_origin, app_release_problem)
        return {each.__name__: each for each in (*mine, *published)}
