#!/usr/bin/python
# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of terrace.aws.recovery_decision; the work is done on the controller, in plugins/action/recovery_decision.py."""

DOCUMENTATION = r"""
module: recovery_decision
short_description: Decide whether a cell of a pair may take over
version_added: 0.2.0
description:
  - Looks at both cells of a pair, side by side, and at the journals of earlier failovers, and returns what a failover has to do.
    Fails with every reason why nothing may be done. Changes nothing.
  - A failover that began and did not end is gone on with, in the mode it was begun in.
options:
  pair:
    description: The pair's name in C(recovery_pairs).
    type: str
    required: true
  to:
    description: The cell that is to write.
    type: str
    required: true
  mode:
    description:
      - V(planned) needs both regions, and every check of M(terrace.aws.recovery_info) but the plans passed.
      - V(unplanned) needs the region of the cell that is to write; what only the other one could answer may be unknown.
    type: str
    choices: [planned, unplanned]
    default: planned
  unfenced:
    description:
      - The cell whose databases cannot be fenced, for it cannot be reached. Its name is the consent to that.
    type: str
    default: ""
  accept:
    description: Checks that may fail, as patterns.
    type: list
    elements: str
    default: []
notes:
  - Runs on the controller with the environment of the task, as modules would get it.
author:
  - The Terrace developers (@terrace)
"""

EXAMPLES = r"""
- name: Decide whether the second region may take over
  terrace.aws.recovery_decision:
    pair: production
    to: production-usw2
    mode: unplanned
  register: recovery
"""

RETURN = r"""
decision:
  description:
    - What is to be done. C(done) says that the cell writes already, C(journal) is the one of a failover that did not end.
      C(databases) has the instances of both cells by logical name, C(fence) the security group the former ones are moved into,
      C(secrets) the replicas that are to be promoted, and C(checks) what did not pass and is accepted.
  returned: always
  type: dict
"""
