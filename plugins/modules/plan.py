#!/usr/bin/python
# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the action terrace.aws.plan; the work is done on the controller, in plugins/action/plan.py."""

DOCUMENTATION = r"""
module: plan
short_description: Compare a cell with its inventory and say what is to be written
version_added: 0.1.0
description:
  - Reads what AWS holds of a cell in the words of the inventory, subtracts it from what the inventory desires, and returns
    what is to be created, updated, replaced and removed, field by field. Writes nothing itself.
  - A role plans its own kinds (O(role)) and hands the result to tasks with published modules. Without O(role) the whole
    inventory is compared, with every role's defaults.
  - An attribute that AWS cannot change means replacement, which is refused unless the variable C(terrace_allow_replace)
    names it (patterns of C(kind/name)). Removing what holds data is refused unless C(terrace_allow_data_loss) names it.
    What the inventory does not name is an orphan; the variable C(terrace_prune) has it removed.
options:
  role:
    description: Plan the kinds this role owns, with its variables.
    type: str
  kinds:
    description: Plan these kinds only, when no O(role) is given. All of them by default.
    type: list
    elements: str
  state:
    description:
      - With V(absent) nothing is desired, and everything of the kinds is planned for removal.
      - Without it and without O(role), each role's own C(<role>_state) decides about its kinds.
    type: str
    choices: [present, absent]
  prove:
    description:
      - Read afresh and fail unless nothing differs any more; tried for some seconds, for AWS is eventually consistent.
        Resources AWS is still making are not judged.
    type: bool
    default: false
  leave:
    description: Kinds of the role that are left out, because a later pass of it finishes them.
    type: list
    elements: str
    default: []
  brief:
    description:
      - Return only the changes and whether the cell is settled, which is when no role has anything to write, to await or to
        say. Refuses what any role would refuse.
    type: bool
    default: false
  fresh:
    description: Read from AWS even what this run has read before.
    type: bool
    default: false
  cell:
    description: The cell's name. Defaults to the variable C(cell_name).
    type: str
  region:
    description: The AWS region. Defaults to the variable C(cell_region).
    type: str
notes:
  - Supports check mode, in which it reports C(changed) when there is something to do, and diff mode.
  - Runs on the controller with the environment of the task, as modules would get it.
author:
  - The Terrace developers
"""

EXAMPLES = r"""
- name: Plan the network
  terrace.aws.plan:
    role: network
  register: __network_plan

- name: Write the subnets
  amazon.aws.ec2_vpc_subnet:
    vpc_id: "{{ __network_plan.ids.vpc[item.value.vpc] }}"
    cidr: "{{ item.value.cidr }}"
    az: "{{ item.value.zone }}"
    tags: "{{ item.value.tags }}"
  loop: "{{ __network_plan.write.subnet | dict2items }}"
"""

RETURN = r"""
pending:
  description: Whether there is anything to write, replace or remove.
  returned: unless O(brief)
  type: bool
write:
  description:
    - Entries to create or update, by kind and name, with defaults filled in, all tags (C(tags)), what it is called on
      AWS (C(aws_name)), its id where it exists (C(id)) and the names of the fields that differ (C(fields)).
    - Every desired entry when the variable C(terrace_trust_plan) is false.
  returned: always
  type: dict
replace:
  description: Resources to remove before they are made again, by kind and name.
  returned: always
  type: dict
remove:
  description: Resources to remove, by kind and name.
  returned: always
  type: dict
settled:
  description: Whether no role has anything to write, to await or to say. Never when C(terrace_trust_plan) is false.
  returned: when O(brief)
  type: bool
unsettled:
  description: What is to be written, is not ready, or has to be said, each as C(kind/name).
  returned: when O(brief)
  type: list
  elements: str
ids:
  description: Ids of the kinds and of all kinds they refer to, by kind and name.
  returned: always
  type: dict
resources:
  description: The kinds' resources as they were read, as M(terrace.aws.cell_info) returns them.
  returned: always
  type: dict
terrace_plan:
  description: Counts and changes, field by field, as the summary at the end of the run shows them.
  returned: always
  type: dict
"""
