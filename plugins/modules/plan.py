#!/usr/bin/python
# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the action terrace.aws.plan; the work is done on the controller, in plugins/action/plan.py."""

DOCUMENTATION = r"""
module: plan
short_description: Compare a cell with its inventory and say what would change
version_added: 0.1.0
description:
  - Reads what AWS holds of a cell in the words of the inventory, subtracts it from what the inventory desires, and returns
    what is to be created, updated, replaced and removed, field by field. Writes nothing itself.
  - With O(role) the kinds of one role are compared, else the whole inventory, with every role's defaults.
    M(terrace.aws.apply) plans in the same way and carries the plan out.
  - An attribute that AWS cannot change means replacement, which is refused unless the variable C(terrace_allow_replace)
    names it (patterns of C(kind/name)). Removing what holds data is refused unless C(terrace_allow_data_loss) names it.
    What the inventory does not name is an orphan; the variable C(terrace_prune) has it removed.
options:
  role:
    description: Plan the kinds this role owns.
    type: str
  kinds:
    description: Plan these kinds only, when no O(role) is given. All of them by default.
    type: list
    elements: str
  state:
    description:
      - With V(absent) nothing is desired, and everything of the kinds is planned for removal.
      - Without it each role's own C(<role>_state) decides about its kinds.
    type: str
    choices: [present, absent]
  fresh:
    description: Read from AWS even what this run has read before.
    type: bool
    default: false
  hurried:
    description:
      - Return C(problem), and no plan, when AWS does not answer within seconds or the plan is refused, instead of trying for
        minutes and failing. For what goes on without a region that may be lost.
    type: bool
    default: false
notes:
  - Supports check mode, in which it reports C(changed) when there is something to do.
  - Shows every change field by field, whether C(--diff) is given or not; what this run has shown of the cell is not shown again.
seealso:
  - module: terrace.aws.apply
extends_documentation_fragment: [terrace.aws.cell]
author:
  - The Terrace developers (@terrace)
"""

EXAMPLES = r"""
- name: Plan the network
  terrace.aws.plan:
    role: network
  register: __network_plan

- name: Say how much would be removed
  ansible.builtin.debug:
    msg: "{{ __network_plan.terrace_plan.counts.remove }} resources"
"""

RETURN = r"""
problem:
  description: Why there is no plan.
  returned: with O(hurried), where it could not; nothing else is returned then
  type: str
pending:
  description: Whether there is anything to write or to remove.
  returned: always
  type: bool
ids:
  description: Ids of the kinds and of all kinds they refer to, by kind and name.
  returned: always
  type: dict
resources:
  description: The kinds' resources as they were read, as M(terrace.aws.cell_info) returns them.
  returned: always
  type: dict
warnings:
  description: What operators are to know although nothing differs.
  returned: always
  type: list
  elements: str
terrace_plan:
  description: Counts and changes, field by field, as the summary at the end of the run shows them.
  returned: always
  type: dict
"""
