#!/usr/bin/python
# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of terrace.aws.recovery_info; the work is done on the controller, in plugins/action/recovery_info.py."""

DOCUMENTATION = r"""
module: recovery_info
short_description: Read whether the second cell of a pair could take over
version_added: 0.1.0
description:
  - Looks at both cells of a pair, side by side, and returns which one writes and, check by check, whether the other one could
    take over. What cannot be found out is told as unknown and never counts as ready.
options:
  pair:
    description: The pair's name in C(recovery_pairs).
    type: str
    required: true
  plans:
    description:
      - What the plan of each cell counts (C(add), C(change), C(remove), C(orphan)), or why it failed (C(problem)), by cell. A
        cell without one is unknown.
    type: dict
    default: {}
notes:
  - Runs on the controller with the environment of the task, as modules would get it.
author:
  - The Terrace developers (@terrace)
"""

EXAMPLES = r"""
- name: Look at both cells
  terrace.aws.recovery_info:
    pair: production
  register: recovery
"""

RETURN = r"""
status:
  description:
    - The pair's C(primary) and C(standby), which are empty where AWS does not tell, C(ready), the targets in minutes, and
      C(checks), each with C(what), C(cell), C(result) (pass, fail, unknown or note) and C(detail).
  returned: always
  type: dict
buckets:
  description: The pair's C(journal_bucket) of each cell that could be read, C(bucket) with its name on AWS, and its C(region).
  returned: always
  type: list
  elements: dict
whole:
  description: Whether both cells could be read.
  returned: always
  type: bool
object:
  description: What the status is called in these buckets where it is kept.
  returned: always
  type: str
"""
