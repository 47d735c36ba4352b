#!/usr/bin/python
# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the action terrace.aws.adopt_info; the work is done on the controller, in plugins/action/adopt_info.py."""

DOCUMENTATION = r"""
module: adopt_info
short_description: Find what a platform made by other means consists of, and the inventory that says it
version_added: 0.2.0
description:
  - Finds what belongs to a platform that was made by hand or by another tool, proposes logical names, and describes it with
    the attribute names the inventory uses. Nothing is written to AWS.
  - The platform is chosen by the variables C(adopt_vpc) (what lies in a VPC, and what that uses), C(adopt_ids) (ids of EC2 and
    ARNs, and what they use) and C(adopt_tags) (what lies in VPCs and carries these tags, and what that uses). Without any of
    them it is what carries the cell's tags already.
  - What is returned passes the inventory's check, and a plan with it and the claims as C(cell_claims) shows nothing but
    the cell's tags to be added. What no entry can say is passed over, and so is what cannot do without it.
extends_documentation_fragment: [terrace.aws.cell]
author:
  - The Terrace developers (@terrace)
"""

EXAMPLES = r"""
- name: Find the platform
  terrace.aws.adopt_info:
  register: platform
"""

RETURN = r"""
resources:
  description: The resource by kind and logical name, as M(terrace.aws.cell_info) returns it.
  returned: always
  type: dict
claims:
  description: The logical name by kind and id, of what does not carry the cell's tags yet.
  returned: always
  type: dict
passed_over:
  description: What is near the platform and not adopted, and why.
  returned: always
  type: list
  elements: str
shared:
  description: What is adopted and used by others as well.
  returned: always
  type: list
  elements: str
not_compared:
  description: What AWS does not tell or the inventory leaves as it is, and why.
  returned: always
  type: list
  elements: str
"""
