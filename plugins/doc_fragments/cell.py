# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every action on a cell takes."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  cell:
    description: The cell's name. Defaults to the variable C(cell_name).
    type: str
  region:
    description: The AWS region. Defaults to the variable C(cell_region).
    type: str
notes:
  - Runs on the controller with the environment of the task, as modules would get it.
"""
