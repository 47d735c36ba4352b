#!/usr/bin/python
# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Collects the wheels of an application for the Python of other machines."""

from __future__ import annotations

DOCUMENTATION = r"""
module: app_release_wheels
short_description: Collect the wheels of an application for the Python of other machines
version_added: 0.1.0
description:
  - Downloads wheels for requirements and everything they need, for the Python and the platforms of other machines, with
    C(pip download --only-binary=:all:).
  - Where that finds no solution, requirements are resolved again with source distributions. What has no wheel for those machines
    is built with pip, which installs what the build needs into an environment of its own, and pip resolves once more for the
    machines, from these versions alone.
  - A wheel that is built is refused where it is not for the Python and one of the platforms of the machines.
  - Building runs code of the package that is built. It is not given the C(AWS_*) variables of the environment.
  - pip takes indexes, proxies and certificates from its configuration and the environment.
options:
  requirements:
    description: Requirements, and paths of wheels.
    type: list
    elements: str
    required: true
  dest:
    description: The folder the wheels are written to.
    type: path
    required: true
  python:
    description: The machines' Python, C(3.13) for example.
    type: str
    required: true
  platforms:
    description: The platforms, as in the names of wheels.
    type: list
    elements: str
    required: true
  constraints:
    description: A file of constraints for pip.
    type: path
  executable:
    description: The Python that pip is run with, of the machines' minor version; pip evaluates conditions of requirements for it.
    type: path
    required: true
attributes:
  check_mode:
    description: Does nothing in check mode.
    support: none
author:
  - The Terrace developers (@terrace)
"""

EXAMPLES = r"""
- name: Collect the wheels
  terrace.aws.app_release_wheels:
    requirements: [httpbin==0.10.4, gunicorn==27.0.1]
    dest: /tmp/bundle/wheels
    python: "3.13"
    platforms: [manylinux_2_28_x86_64, manylinux_2_17_x86_64]
    executable: "{{ ansible_playbook_python }}"
"""

RETURN = r"""
built:
  description: The wheels that were built, by file name.
  returned: success
  type: list
  elements: str
"""

import json
import os
import pathlib
import re
import tempfile

from ansible.module_utils.basic import AnsibleModule


class PipError(Exception):
    """pip failed; the text is its reason."""


def reason(out: str, err: str) -> str:
    """Why pip failed, in a line: which requirements conflict, the last line of a failed build, or its errors.

    :param out: its standard output, which has the conflict, and the package it is at
    """
    if found := re.search(r"^The conflict is caused by:\n((?: {4}.*\n)+)", f"{out}\n{err}\n", re.MULTILINE):
        return "; ".join(line.strip() for line in found[1].splitlines())
    if found := re.search(r"lines? of output\]\n(.*?)\n\s*\[end of output\]", err, re.DOTALL):
        packages = re.findall(r"^\s*(?:Collecting|Processing) (\S+)", out, re.MULTILINE)
        lines = [line.strip() for line in found[1].splitlines() if line.strip()]
        return f"{os.path.basename(packages[-1]) if packages else 'a package'}: {(lines or ['the build failed'])[-1]}"
    # An index that cannot be reached is a warning; the error is that it has nothing.
    told = re.findall(r"^WARNING: (.*connection broken by.*)", err, re.MULTILINE)[-1:]
    told += re.findall(r"^ERROR: (.*)", err, re.MULTILINE)
    return "; ".join(told) or (err.strip() or out.strip() or "pip said nothing").splitlines()[-1]


class Collection:
    """The wheels for the parameters of the module."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module, self.wanted = module, module.params["requirements"]
        self.limits = [f"--constraint={module.params['constraints']}"] if module.params["constraints"] else []
        self.machines = [
            "--implementation=cp",
            f"--python-version={module.params['python']}",
            *(f"--platform={platform}" for platform in module.params["platforms"]),
        ]

    def pip(self, *words: str, builds: bool = False) -> None:
        """Run pip. :raises PipError: where it fails"""
        hidden = {name: "" for name in os.environ if name.startswith("AWS_")} if builds else {}
        command = [self.module.params["executable"], "-m", "pip", *words, "--no-input", "--disable-pip-version-check"]
        status, out, err = self.module.run_command(command, environ_update=hidden)
        if status != 0:
            raise PipError(reason(out, err))

    def download(self, *words: str) -> None:
        """Download the wheels for the machines to ``dest``. :raises PipError: where there is no solution"""
        self.pip(
            "download",
            f"--dest={self.module.params['dest']}",
            "--only-binary=:all:",
            *self.machines,
            *words,
            *self.wanted,
        )

    def resolve(self, report: pathlib.Path) -> list[str]:
        """One version of each package, as requirements; of source distributions only where no wheel is in the range."""
        words = ("--dry-run", "--ignore-installed", "--prefer-binary", f"--report={report}")
        self.pip("install", *words, *self.limits, *self.wanted, builds=True)
        installs = json.loads(report.read_text())["install"]
        return [
            f"{each['metadata']['name']}=={each['metadata']['version']}" for each in installs if not each["is_direct"]
        ]

    def fits(self, wheel: pathlib.Path, place: pathlib.Path) -> bool:
        """Whether pip would install a wheel on the machines."""
        words = (f"--dest={place}", "--no-deps", "--no-index", "--only-binary=:all:")
        try:
            self.pip("download", *words, *self.machines, str(wheel))
        except PipError:
            return False
        return True

    def build(self, place: pathlib.Path) -> list[str]:
        """Build what has no wheel, and download everything in the versions that fit it.

        :raises PipError: naming every package that cannot be built or does not fit
        """
        files, built, pins = place / "files", place / "built", place / "pins.txt"
        built.mkdir()
        pins.write_text("\n".join(self.resolve(place / "report.json")))
        # Without dependencies pip takes a source distribution for other machines too, where there is no wheel for them.
        self.pip("download", f"--dest={files}", "--no-deps", *self.machines, f"--requirement={pins}", builds=True)
        problems = []
        for source in sorted(path for path in files.iterdir() if path.suffix != ".whl"):
            try:
                self.pip("wheel", f"--wheel-dir={built}", "--no-deps", str(source), builds=True)
            except PipError as error:
                problems.append(f"{source.name} has no wheel for such machines and could not be built: {error}")
        given = [pathlib.Path(path) for path in self.wanted if path.endswith(".whl")]
        problems += [
            self.misfit(wheel) for wheel in (*given, *sorted(built.iterdir())) if not self.fits(wheel, place / "fits")
        ]
        if problems:
            raise PipError(". ".join(problems))
        self.download("--no-index", f"--find-links={files}", f"--find-links={built}", f"--constraint={pins}")
        return sorted(path.name for path in built.iterdir())

    def misfit(self, wheel: pathlib.Path) -> str:
        """That a wheel is not for the machines, and what can be done."""
        name, version = wheel.name.split("-")[:2]
        python, platforms = self.module.params["python"], ", ".join(self.module.params["platforms"])
        machine = re.search(r"(x86_64|aarch64|armv7l|i686|ppc64le|s390x|riscv64)$", platforms)
        return (
            f"{name} {version} has no wheel for Python {python} on {platforms}, and the one that is built here, "
            f"{wheel.name}, may not run there; release on a machine like the targets, with "
            f"linux_{machine[0] if machine else 'x86_64'} in app_release_platforms, or use another version "
            "(app_release_constraints)"
        )


def collect(module: AnsibleModule) -> list[str]:
    """Collect the wheels; return the names of those that were built. :raises PipError: where they cannot be had"""
    collection, built = Collection(module), []
    try:
        collection.download(*collection.limits)
    except PipError:
        # What pip says without source distributions, it says of what it may not look at.
        with tempfile.TemporaryDirectory(prefix="terrace-wheels-") as place:
            built = collection.build(pathlib.Path(place))
    others = sorted(path.name for path in pathlib.Path(module.params["dest"]).iterdir() if path.suffix != ".whl")
    if others:
        raise PipError(f"a requirement by address is no wheel: {', '.join(others)}; a bundle holds what an index has")
    return built


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "requirements": {"type": "list", "elements": "str", "required": True},
            "dest": {"type": "path", "required": True},
            "python": {"type": "str", "required": True},
            "platforms": {"type": "list", "elements": "str", "required": True},
            "constraints": {"type": "path"},
            "executable": {"type": "path", "required": True},
        },
    )
    try:
        built = collect(module)
    except PipError as error:
        module.fail_json(msg=f"The bundle cannot be built, nothing was released: {error}.")
    module.exit_json(changed=True, built=built)


if __name__ == "__main__":
    main()
