#!/usr/bin/python
# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the action terrace.aws.apply; the work is done on the controller, in plugins/action/apply.py."""

DOCUMENTATION = r"""
module: apply
short_description: Make a cell as its inventory says
version_added: 0.2.0
description:
  - Compares a cell with its inventory as M(terrace.aws.plan) does, and carries the difference out in the order that the
    references between the resources give. What does not depend on each other is done side by side, and everything AWS is
    still making is awaited together.
  - Each resource is written by the tasks of its role, C(roles/<role>/tasks/<kind>/present.yml), and removed by
    C(absent.yml). They get the entries of one kind as C(terrace_step).
  - Takes the cell's lock while it writes, a parameter of AWS Systems Manager below C(/terrace/locks). Where another run holds
    it, nothing is written; the variable C(terrace_take_lock), set to that run's owner, takes it over.
  - Ends when AWS holds what was written and nothing is pending any more, unless the variable C(terrace_wait) is false.
options:
  role:
    description: Apply the kinds this role owns. All kinds by default.
    type: str
  kinds:
    description: Apply these kinds only, when no O(role) is given.
    type: list
    elements: str
  state:
    description:
      - With V(absent) everything of the kinds is removed, what depends on others first.
      - Without it, each role's own C(<role>_state) decides about its kinds.
    type: str
    choices: [present, absent]
notes:
  - Supports check mode, in which it only plans.
  - Shows every change field by field before it writes, whether C(--diff) is given or not; what this run has shown of the cell
    is not shown again.
seealso:
  - module: terrace.aws.plan
extends_documentation_fragment: [terrace.aws.cell]
author:
  - The Terrace developers (@terrace)
"""

EXAMPLES = r"""
- name: Provision the network
  terrace.aws.apply:
    role: network
  register: network_output
"""

RETURN = r"""
ids:
  description: Ids of the kinds and of all kinds they refer to, by kind and name.
  returned: when the task registers its result
  type: dict
resources:
  description: The kinds' resources as they are now, as M(terrace.aws.cell_info) returns them.
  returned: when the task registers its result
  type: dict
steps:
  description: What was done, in order, each with the action, the kind, the names, the seconds and whether anything changed.
  returned: always
  type: list
  elements: dict
terrace_warnings:
  description: What operators are to know although nothing differs.
  returned: always
  type: list
  elements: str
terrace_plan:
  description: Counts and changes, field by field, as the summary at the end of the run shows them.
  returned: always
  type: dict
"""
