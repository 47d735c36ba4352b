"""What is pinned in several places is pinned alike."""

from __future__ import annotations

import importlib.util
import json
import pathlib
import re

import yaml

ROOT = pathlib.Path(__file__).parents[2]


def pins(name: str) -> dict[str, str]:
    lines = (ROOT / name).read_text().splitlines()
    found = (re.match(r"^([A-Za-z0-9_.-]+)(?:\[[^\]]*\])?==(\S+)", line) for line in lines)
    return {match[1].lower(): match[2] for match in found if match}


def test_requirements_name_the_collections_the_package_ansible_carries():
    carried = pathlib.Path(importlib.util.find_spec("ansible_collections").submodule_search_locations[-1])
    for wanted in yaml.safe_load((ROOT / "requirements.yml").read_text())["collections"]:
        folder = next(
            path
            for base in importlib.util.find_spec("ansible_collections").submodule_search_locations
            if (path := pathlib.Path(base, *wanted["name"].split("."))).is_dir()
        )
        manifest = json.loads((folder / "MANIFEST.json").read_text())
        assert manifest["collection_info"]["version"] == wanted["version"], (wanted, carried)


def test_galaxy_dependencies_allow_the_pinned_collections():
    wanted = {
        each["name"]: each["version"] for each in yaml.safe_load((ROOT / "requirements.yml").read_text())["collections"]
    }
    for name, bounds in yaml.safe_load((ROOT / "galaxy.yml").read_text())["dependencies"].items():
        lowest = re.search(r">=([\d.]+)", bounds)[1]
        assert lowest == wanted[name], name


def test_constraints_hold_every_requirement():
    held = pins("constraints.txt")
    for name, version in {**pins("requirements.txt"), **pins("requirements-dev.txt")}.items():
        assert held.get(name) == version, name


def test_awx_reads_the_same_list():
    assert (ROOT / "collections/requirements.yml").resolve() == ROOT / "requirements.yml"
