#!/usr/bin/python
# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of terrace.aws.recovery_comparison; the work is done in plugins/action/recovery_comparison.py."""

DOCUMENTATION = r"""
module: recovery_comparison
short_description: Settle whether a former primary is compared with the cell that writes
version_added: 0.2.0
description:
  - Looks at both cells of a pair and at the journal of the last failover, and returns whether the databases of the former primary
    have to be compared with those that write before they are removed, and what that takes. Changes nothing.
options:
  pair:
    description: The pair's name in C(recovery_pairs).
    type: str
    required: true
  former:
    description: The former primary's cell.
    type: str
    required: true
notes:
  - Runs on the controller with the environment of the task, as modules would get it.
author:
  - The Terrace developers (@terrace)
"""

EXAMPLES = r"""
- name: Find what has to be compared
  terrace.aws.recovery_comparison:
    pair: production
    former: production-use1
  register: recovery
"""

RETURN = r"""
comparison:
  description:
    - C(act) is C(compare), C(nothing) where nothing can be lost (C(why)), or C(impossible) (C(why)). C(databases) has the
      instances of both cells by logical name, with the snapshot of the replica that the failover noted.
  returned: always
  type: dict
"""
