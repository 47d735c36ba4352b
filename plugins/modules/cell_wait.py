#!/usr/bin/python
# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the action terrace.aws.cell_wait; the work is done on the controller, in plugins/action/cell_wait.py."""

DOCUMENTATION = r"""
module: cell_wait
short_description: Wait until what AWS is making is there
version_added: 0.1.0
description:
  - Waits for all pending resources of a cell at once, and prints every ten seconds what it is waiting for and for how long.
    Fails as soon as AWS gives one up.
options:
  kinds:
    description: Wait for these kinds only. All of them by default.
    type: list
    elements: str
  names:
    description: Wait for resources of these logical names only.
    type: list
    elements: str
  fresh:
    description: Look at AWS first even for what this run has read before. What is pending is looked at afresh in any case.
    type: bool
    default: true
  timeout:
    description: Seconds to wait at most.
    type: float
    default: 3600
  interval:
    description: Seconds between two looks.
    type: float
    default: 2
  cell:
    description: The cell's name. Defaults to the variable C(cell_name).
    type: str
  region:
    description: The AWS region. Defaults to the variable C(cell_region).
    type: str
author:
  - The Terrace developers
"""

EXAMPLES = r"""
- name: Await the database and the cache
  terrace.aws.cell_wait:
    kinds: [db_instance, replication_group]
"""

RETURN = r"""
waited:
  description: Seconds.
  returned: always
  type: float
resources:
  description: The kinds' resources, as M(terrace.aws.cell_info) returns them.
  returned: always
  type: dict
"""
