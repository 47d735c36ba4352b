# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds what execution-environment.yml describes with podman, where no registry of images and no Galaxy can be reached.

    .venv/bin/python -m tests.integration.execution_environment.build    # root; the first time takes some minutes

ansible-builder (from PyPI, in a venv of its own) writes the Containerfile and its scripts. Three things differ from the
image the file names, and only these: the base is a bootstrapped Debian 13 with its Python 3.13, Debian's pip stands for
ensurepip, which Debian switches off, and the collections are copied from the Python package `ansible`, which carries the
pinned versions (tests/unit/test_pins.py). Everything lies in .cache/ee: the image `localhost/terrace-ee`, and podman's
settings, which leave the user's own alone.
"""

from __future__ import annotations

import importlib.util
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import yaml

from lab.machines import image, mirrors, trust
from lab.machines.util import need_commands

ROOT = Path(__file__).resolve().parents[3]
CACHE = ROOT / ".cache/ee"
IMAGE = "localhost/terrace-ee"
BASE = "localhost/terrace-debian:13"
BUILDER = "ansible-builder==3.2.0"
PODMAN_NPROC = 32768  # podman lowers its own limit to this, and cannot raise it again without CAP_SYS_RESOURCE


def podman_environment() -> dict[str, str]:
    """Settings of podman for this image alone: where it lies, runc (crun refuses hybrid cgroups), limits that can be set."""
    CACHE.mkdir(parents=True, exist_ok=True)
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    processes = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    processes = PODMAN_NPROC if processes == resource.RLIM_INFINITY else min(processes, PODMAN_NPROC)
    (CACHE / "containers.conf").write_text(
        f'[containers]\ndefault_ulimits = ["nofile={files}:{files}", "nproc={processes}:{processes}"]\nnetns = "host"\n'
        '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
    )
    (CACHE / "storage.conf").write_text(
        f'[storage]\ndriver = "overlay"\ngraphroot = "{CACHE}/storage"\nrunroot = "{CACHE}/run"\n'
    )
    return {
        **os.environ,
        "CONTAINERS_CONF": str(CACHE / "containers.conf"),
        "CONTAINERS_STORAGE_CONF": str(CACHE / "storage.conf"),
    }


def podman(*arguments: str | Path, **options: object) -> str:
    """Run podman; its output, or RuntimeError with what it said."""
    done = subprocess.run(
        ["podman", *map(str, arguments)], env=podman_environment(), text=True, capture_output=True, **options
    )
    if done.returncode:
        raise RuntimeError(f"podman {' '.join(map(str, arguments))}: {done.stdout[-4000:]}{done.stderr[-4000:]}")
    return done.stdout


def definition() -> dict:
    """execution-environment.yml for this base; its versions, requirements and system packages are untouched."""
    described = yaml.safe_load((ROOT / "execution-environment.yml").read_text())
    described["images"]["base_image"]["name"] = BASE
    needs = described["dependencies"]
    needs["python_interpreter"] = {"package_system": "python3.13", "python_path": "/usr/bin/python3.13"}
    collections = [each["name"] for each in yaml.safe_load((ROOT / needs.pop("galaxy")).read_text())["collections"]]
    needs["python"] = str(ROOT / needs["python"])
    described["options"] = {"package_manager_path": "/usr/bin/apt-get", "skip_pip_install": True}
    places = [Path(place) for place in importlib.util.find_spec("ansible_collections").submodule_search_locations]
    found = {
        name: next(path for place in places if (path := place.joinpath(*name.split("."))).is_dir())
        for name in collections
    }
    described["additional_build_files"] = [
        {"src": str(path), "dest": f"collections/{name.replace('.', '/')}"} for name, path in found.items()
    ]
    copied = "COPY _build/collections /usr/share/ansible/collections/ansible_collections"
    described["additional_build_steps"] = {
        "prepend_base": ["RUN apt-get update"],
        # ansible-builder writes this stage only for what comes from Galaxy.
        "prepend_builder": [copied],
        "append_final": [copied],
    }
    return described


def downloads() -> list[str]:
    """Options of `podman build` with which apt and pip in it reach what they reach here: proxies, authorities, indexes."""
    settings = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], text=True, capture_output=True, check=True
    )
    lines = re.findall(r"^(?:global|install|env|:env:)\.([a-z-]+)='(.*)'$", settings.stdout, re.MULTILINE)
    wanted = {
        name: value
        for name, value in lines
        if name in ("index-url", "extra-index-url", "trusted-host", "default-timeout")
    }
    config = CACHE / "pip.conf"
    config.write_text("[global]\n" + "".join(f"{name} = {value}\n" for name, value in wanted.items()))
    folders = {path for value in wanted.values() for path in re.findall(r"file://(/\S+)", value) if Path(path).is_dir()}
    # An index on disk refers to the files beside it.
    folders = {str(Path(path).parent) for path in folders}
    bundle = CACHE / "ca.crt"
    bundle.write_text(trust.host_bundle())
    apt = CACHE / "apt.conf"
    apt.write_text(image.apt_settings())
    pairs = {config: "/etc/pip.conf", bundle: trust.BUNDLE, apt: "/etc/apt/apt.conf.d/90host"}
    pairs |= {Path(folder): folder for folder in folders}
    given = [f"--volume={here}:{there}:ro" for here, there in pairs.items()]
    names = ("http_proxy", "https_proxy", "no_proxy")
    return given + [f"--build-arg={name}={os.environ[name]}" for name in names if os.environ.get(name)]


def base() -> None:
    """Bootstrap Debian 13 and import it: what docker.io/library/debian:13 is, and Python with pip."""
    need_commands({"debootstrap": "debootstrap"})
    script = "/usr/share/debootstrap/scripts/sid"
    with tempfile.TemporaryDirectory(dir=CACHE) as root:
        command = ["debootstrap", "--variant=minbase", "--include=ca-certificates,python3,python3-pip,python3-venv"]
        subprocess.run([*command, image.SUITE, root, mirrors.MIRROR, script], check=True, stdout=subprocess.DEVNULL)
        with subprocess.Popen(["tar", "-C", root, "-c", "."], stdout=subprocess.PIPE) as archive:
            podman("import", "-q", "-", BASE, stdin=archive.stdout)


def build() -> str:
    """Build the image, what has not changed from the cache; its name."""
    podman_environment()
    tools = CACHE / "venv"
    if not (tools / "bin/ansible-builder").exists():
        venv.create(tools, with_pip=True)
        subprocess.run([tools / "bin/pip", "install", "-q", BUILDER], check=True)
    if not podman("images", "-q", BASE).strip():
        base()
    (CACHE / "execution-environment.yml").write_text(yaml.safe_dump(definition(), sort_keys=False))
    context = CACHE / "context"
    shutil.rmtree(context, ignore_errors=True)
    subprocess.run(
        [tools / "bin/ansible-builder", "create", "-f", CACHE / "execution-environment.yml", "-c", context, "-v", "1"],
        check=True, env={**os.environ, "PATH": f"{tools}/bin:{os.environ['PATH']}"},
    )  # fmt: skip
    podman("build", "--layers", "--network=host", *downloads(), "-t", IMAGE, "-f", context / "Containerfile", context)
    return IMAGE


if __name__ == "__main__":
    print(build())
