#!/usr/bin/python
# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the action terrace.aws.check_inventory; the work is done in plugins/action/check_inventory.py."""

DOCUMENTATION = r"""
module: check_inventory
short_description: Refuse a cell's inventory that is wrong, before anything is asked of AWS
version_added: 0.1.0
description:
  - Checks every variable of the cell against the argument specs of the collection's roles, every entry against its kind's,
    every reference between entries, and what the kinds know beyond that (networks that overlap, for example). Values have to be
    of their option's type and within what AWS accepts.
  - Everything that is wrong is reported at once, with the name of the variable and what would be right. So are the variables
    that steer a run (C(terrace_prune), C(terrace_allow_data_loss), …), the cell's name, account and tags.
  - A variable of the inventory that no role knows is an error. An inventory's own variables are declared in
    C(terrace_inventory_options), in the form of an argument spec; those of other tools are allowed by pattern in
    C(terrace_foreign_variables).
  - A variable that is given to the run (C(-e), a survey, a credential type of AWX, artifacts of an earlier job) may be another
    tool's; it is an error when it looks like a misspelling of one of Terrace's. What AWX itself adds is known.
options:
  known:
    description: Further variables that may be set, for plays that bring their own.
    type: list
    elements: str
author:
  - The Terrace developers (@terrace)
"""

EXAMPLES = r"""
- name: Check the inventory
  terrace.aws.check_inventory:
"""

RETURN = r"""#"""
