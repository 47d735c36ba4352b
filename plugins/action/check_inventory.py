# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks a cell's inventory before anything is asked of AWS. Documented in plugins/modules/check_inventory.py."""

from __future__ import annotations

import ipaddress
import re
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.vars.reserved import get_reserved_names

from ansible_collections.terrace.aws.plugins.plugin_utils import desired, specs
from ansible_collections.terrace.aws.plugins.plugin_utils.cell_action import CellAction
from ansible_collections.terrace.aws.plugins.plugin_utils.engine import registry

#: Variables an operator may set that belong to no role: they steer a run.
RUN_VARIABLES = frozenset(
    {
        "adopt_dir",
        "deploy_app_batch",
        "deploy_app_release",
        "destroy_confirm",
        "isolate_instance",
        "isolate_instance_snapshots",
        "patch_hosts_batch",
        "drift_report",
        "rotate_ssh_private_key",
        "show_dir",
        "terrace_allow_data_loss",
        "terrace_allow_replace",
        "terrace_inventory_options",
        "terrace_prune",
        "terrace_trust_plan",
        "terrace_wait",
    }
)
#: What Ansible, AWX and molecule themselves put among the variables.
MAGIC = re.compile(
    r"^(ansible_.*|hostvars|groups|group_names|inventory_.*|omit|play_hosts|playbook_dir|role_.*|module_setup|vars|"
    r"environment|undef|gather_subset|molecule_.*|(awx|tower)_.*|discovered_interpreter_.*|_.*)$"
)


class ActionModule(CellAction):
    _VALID_ARGS = frozenset({"cell", "region", "known"})
    _supports_check_mode = True

    def act(self) -> dict[str, t.Any]:
        variables = desired.variables_with_defaults(self._vars)
        template = self._templar.copy_with_new_env(available_variables=variables).template
        options = {name: spec for role in specs.every_role() for name, spec in specs.variables_of(role).items()}
        options.update(self.variable("terrace_inventory_options", {}))
        problems = [*self._unknown(options), *self._wrong_types(options, variables, template)]
        if not problems:
            world, problems = desired.of_kinds(registry.all_kinds(), variables, template)
            problems += [] if problems else desired.cross_checked(world, self.cell_name())
            problems += [] if problems else self._connected(variables, template)
        if problems:
            raise AnsibleActionFail(
                f"{self.cell_name()}: the inventory is wrong, nothing was written ({self._where()}):\n"
                + "\n".join(f"  {problem}" for problem in dict.fromkeys(problems))
            )
        return {"changed": False}

    def _where(self) -> str:
        return str(self.variable("inventory_dir", "")) or "no inventory file"

    def _unknown(self, options: dict[str, t.Any]) -> t.Iterator[str]:
        known = {*options, *RUN_VARIABLES, *(self.option("known") or ())}
        names = {name for name in self._vars if not MAGIC.match(name) and name not in get_reserved_names()}
        for name in sorted(names - known - {f"{role}_output" for role in specs.every_role()}):
            yield f"{name}: there is no such variable{specs.suggestion(name, known)}"

    def _wrong_types(self, options, variables, template) -> t.Iterator[str]:
        for name, spec in options.items():
            if name not in variables:
                if spec.get("required") and name.startswith("cell_"):
                    yield f"{name}: is required: {' '.join(spec.get('description', ''))}"
                continue
            try:
                value = template(variables[name])
            except Exception as error:
                yield f"{name}: {error}"
                continue
            if value is not None:
                outcome = ArgumentSpecValidator({name: {**spec, "required": False}}).validate(
                    {name: specs.plain(value)}
                )
                yield from outcome.error_messages

    def _connected(self, variables, template) -> t.Iterator[str]:
        """Cells that are to be connected must not share addresses."""
        mine = template(variables.get("network_cidr"))
        for other in template(variables.get("cell_connects") or []):
            if other not in self._vars["hostvars"]:
                yield f"cell_connects: there is no cell {other}{specs.suggestion(other, self._vars['groups']['cells'])}"
                continue
            theirs = self._vars["hostvars"][other].get("network_cidr")
            if mine and theirs and ipaddress.ip_network(mine).overlaps(ipaddress.ip_network(theirs)):
                yield f"network_cidr: {mine} overlaps {theirs} of {other}, with which cell_connects connects this cell"
