#!/usr/bin/python
# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the action terrace.aws.cell_info; the work is done on the controller, in plugins/action/cell_info.py."""

DOCUMENTATION = r"""
module: cell_info
short_description: Read a cell from AWS in the words of the inventory
version_added: 0.1.0
description:
  - Returns every resource of a cell, found by its tags, with the attribute names the inventory uses. Reads in bulk, several
    services at once.
options:
  kinds:
    description: Read these kinds only. All of them by default.
    type: list
    elements: str
  fresh:
    description: Read O(kinds) from AWS even where this run has read them before.
    type: bool
    default: true
extends_documentation_fragment: [terrace.aws.cell]
author:
  - The Terrace developers (@terrace)
"""

EXAMPLES = r"""
- name: Read the subnets
  terrace.aws.cell_info:
    kinds: [subnet]
  register: subnets
"""

RETURN = r"""
ids:
  description: The id by kind and name.
  returned: always
  type: dict
resources:
  description:
    - The resource by kind and name; it has C(id), C(attributes) (the inventory's words), C(facts) (what only AWS
      knows), C(tags), C(state) (ready, pending, failed, leaving) and C(status) (AWS's word).
  returned: always
  type: dict
"""
