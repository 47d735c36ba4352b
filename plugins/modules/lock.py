#!/usr/bin/python
# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the action terrace.aws.lock; the work is done on the controller, in plugins/action/lock.py."""

DOCUMENTATION = r"""
module: lock
short_description: Keep other runs from working on the same thing
version_added: 0.1.0
description:
  - Takes a lock of a cell, or fails naming who holds it and since when. The lock is a parameter of AWS Systems Manager,
    C(/terrace/locks/<name>/<cell>), in the cell's region.
  - The lock is held until it is released or the run of ansible-playbook ends, however that ends. A process beside the run renews
    it. A lock that was not renewed for 15 minutes is stale and taken over; so is one whose run, on this machine, is gone.
  - When AWS cannot be asked about a lock that this run holds, the check is repeated three times. RV(lost) says whether it failed
    because somebody else holds the lock, or because AWS did not answer.
  - A lock of a run that is certainly dead on another machine is taken over with C(-e terrace_take_lock=<owner>).
options:
  name:
    description: What is locked, for example C(application/notes). Letters, digits, and any of C(.-_/).
    type: str
    required: true
  state:
    description: With V(held), where this run holds it already, only makes sure that nobody has taken it over.
    type: str
    choices: [held, released]
    default: held
attributes:
  check_mode:
    description: In check mode nothing is locked.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
extends_documentation_fragment: [terrace.aws.cell]
author:
  - The Terrace developers (@terrace)
"""

EXAMPLES = r"""
- name: Let nobody else deploy it meanwhile
  terrace.aws.lock:
    name: application/notes
"""

RETURN = r"""
owner:
  description: Who holds it, as others are told.
  returned: always
  type: str
  sample: AWX job 4711
lost:
  description: Whether somebody else holds the lock, or has taken it over from this run.
  returned: on failure
  type: bool
  sample: true
"""
