# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of the configuration_release role: what goes into a bundle."""

from __future__ import annotations

import hashlib
import importlib
import json
import pathlib
import typing as t

from ansible.errors import AnsibleFilterError

from ..plugin_utils import specs

#: Where collections lie in a bundle.
PLACE = "collections/ansible_collections"


def bundle_folders(collection: str, roles: list[str], own: list[str], others: dict[str, list[str]]) -> dict[str, str]:
    """Files and folders by their path in the bundle.

    :param collection: this collection's folder
    :param own: what a machine needs of it beside ``roles``
    :param others: parts of other collections by ``namespace/name``
    :raises AnsibleFilterError: where another collection is not installed
    """
    root = pathlib.Path(collection)
    made = {f"{PLACE}/terrace/aws/{part}": str(root / part) for part in [*own, *(f"roles/{role}" for role in roles)]}
    for name, parts in others.items():
        try:
            package = importlib.import_module(f"ansible_collections.{name.replace('/', '.')}")
        except ImportError as error:
            raise AnsibleFilterError(f"the collection {name.replace('/', '.')} is not installed") from error
        folder = pathlib.Path(next(iter(package.__path__)))
        present = [part for part in [*parts, "MANIFEST.json"] if (folder / part).exists()]
        made |= {f"{PLACE}/{name}/{part}": str(folder / part) for part in present}
    return made


def bundle_variables(groups: dict[str, dict[str, t.Any]]) -> dict[str, str]:
    """Groups' variables as the files of an inventory, by their path in the bundle; in the inventory's order, which texts show."""
    every = {"machines": {"ansible_connection": "local", "ansible_python_interpreter": "/usr/bin/python3"}, **groups}
    return {
        f"inventory/group_vars/{name}.json": json.dumps(specs.plain(values), indent=1) for name, values in every.items()
    }


def public_options(roles: list[str]) -> list[str]:
    """The names of the roles' options that are no secrets."""
    return [name for role in roles for name, spec in specs.variables_of(role).items() if not spec.get("no_log")]


def all_options(roles: list[str]) -> list[str]:
    """The names of all of the roles' options."""
    return [name for role in roles for name in specs.variables_of(role)]


def configuration_mark(values: list[t.Any], names: list[str], roles: list[str], playbook: str) -> str:
    """A checksum of all that decides how a machine is configured: values, roles, plugins and the playbook that joins them.

    :param values: of the options ``names``, in their order
    """
    root = specs.ROLES.parent
    folders = [*(specs.ROLES / role for role in roles), root / "plugins"]
    files = sorted(path for folder in folders for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    mark = hashlib.sha256(json.dumps(dict(zip(names, specs.plain(values), strict=True)), sort_keys=True).encode())
    for path in [*files, root / "playbooks" / playbook]:
        mark.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes())
    return mark.hexdigest()


def only_set(values: dict[str, t.Any], nothing: str) -> dict[str, t.Any]:
    """Values without those that are ``nothing``."""
    return {name: value for name, value in values.items() if value != nothing}


class FilterModule:
    """Filters ``terrace.aws.*`` of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        names = (bundle_folders, bundle_variables, public_options, all_options, configuration_mark, only_set)
        return {each.__name__: each for each in names}
