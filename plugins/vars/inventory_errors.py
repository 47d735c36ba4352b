# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Says in which file of an inventory a YAML error is: ansible-core 2.21 shows the error alone, without the file."""

from __future__ import annotations

DOCUMENTATION = r"""
name: inventory_errors
short_description: Say which file of host_vars or group_vars cannot be read
version_added: 0.2.0
description:
  - Reads the files in C(host_vars) and C(group_vars) before P(ansible.builtin.host_group_vars#vars) does, and fails with the
    file, the line and the column of everything in a host's or a group's files that is not YAML.
  - It brings no variables of its own; the files are read once for both.
requirements:
  - enabled before P(ansible.builtin.host_group_vars#vars) with C(vars_plugins_enabled) in the configuration
options:
  stage:
    ini:
      - key: stage
        section: vars_inventory_errors
    env:
      - name: ANSIBLE_VARS_PLUGIN_STAGE
extends_documentation_fragment:
  - vars_plugin_staging
author:
  - The Terrace developers (@terrace)
"""

import os
import typing as t

from ansible.errors import AnsibleError, AnsibleParserError
from ansible.inventory.group import InventoryObjectType
from ansible.plugins.vars import BaseVarsPlugin
from ansible.utils.path import basedir

from ansible_collections.terrace.aws.plugins.plugin_utils.texts import shown

FOLDERS = {InventoryObjectType.HOST: "host_vars", InventoryObjectType.GROUP: "group_vars"}
#: What ansible-core puts before the message of the YAML parser.
PREFIX = "YAML parsing failed: "


class VarsModule(BaseVarsPlugin):
    #: One instance for the run.
    is_stateless = True

    def __init__(self) -> None:
        super().__init__()
        #: Folders and hosts or groups whose files are right: variables are asked for with every task.
        self._right: set[tuple[str, str, str]] = set()

    def get_vars(self, loader: t.Any, path: str, entities: t.Any, cache: bool = True) -> dict[str, t.Any]:
        """No variables.

        :raises AnsibleParserError: naming the files that cannot be read
        """
        wrong: list[str] = []
        for entity in entities if isinstance(entities, list) else [entities]:
            folder, name = FOLDERS[entity.base_type], str(entity.name)
            if (path, folder, name) in self._right:
                continue
            found = list(self._wrong(loader, os.path.join(os.path.realpath(basedir(path)), folder), name))
            wrong += found
            if not found:
                self._right.add((path, folder, name))
        if wrong:
            raise AnsibleParserError("\n".join(dict.fromkeys(wrong)))
        return {}

    @staticmethod
    def _wrong(loader: t.Any, folder: str, name: str) -> t.Iterator[str]:
        """What cannot be read of a host's or a group's files."""
        # A name that is a path is no name of a file here, as for host_group_vars.
        if name.startswith(os.path.sep) or not os.path.isdir(folder):
            return
        for file in loader.find_vars_files(folder, name):
            try:
                # As host_group_vars reads it: what is read here is kept for it.
                loader.load_from_file(file, cache="all", unsafe=True, trusted_as_template=True)
            except AnsibleError as error:
                yield described(str(file), error)


def described(file: str, error: AnsibleError) -> str:
    """``file:line:column: what is wrong``; what the line has in it is not shown, for it may be a secret."""
    place = [shown(file)]  # several environments share files through links
    place += [str(number) for part in ("line_num", "col_num") if (number := getattr(error.obj, part, None))]
    said = error.message.removeprefix(PREFIX)
    return f"{':'.join(place)}: {'not valid YAML: ' if said != error.message else ''}{said}"
