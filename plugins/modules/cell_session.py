#!/usr/bin/python
# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the action terrace.aws.cell_session; the work is done in plugins/action/cell_session.py."""

DOCUMENTATION = r"""
module: cell_session
short_description: Sign a cell in to its AWS account
version_added: 0.1.0
description:
  - Assumes the cell's role where it has one, refuses credentials of another account than the
    cell's. Register its result as C(cell_session), which C(cell_environment) of the role P(terrace.aws.cell#role) reads.
    Called once a play, it renews an assumed role's credentials in time and else returns what it returned before.
  - Keys are kept in a file that only this user can read and that goes with the run; no command line or log shows them.
options:
  account:
    description: The account the credentials must be of.
    type: str
  access_key:
    description: Access key of the inventory's own, for an emulated API.
    type: str
  secret_key:
    description: Secret key of the inventory's own.
    type: str
  role_arn:
    description: The role to assume.
    type: str
  external_id:
    description: The external id the role's trust policy asks for.
    type: str
  duration:
    description: Seconds the assumed role's credentials last.
    type: int
    default: 3600
author:
  - The Terrace developers (@terrace)
"""

EXAMPLES = r"""
- name: Sign in
  terrace.aws.cell_session:
    account: "{{ cell_account }}"
    role_arn: "{{ cell_role_arn }}"
"""

RETURN = r"""
account:
  description: The account the credentials are of.
  returned: always
  type: str
arn:
  description: Who the credentials are.
  returned: always
  type: str
expires:
  description: When an assumed role's credentials end, ISO 8601; empty where they do not.
  returned: always
  type: str
credentials_file:
  description: The private file with the keys, for AWS_SHARED_CREDENTIALS_FILE; empty where the operator's own are used.
  returned: always
  type: str
profile:
  description: The profile in that file, for AWS_PROFILE.
  returned: always
  type: str
environment:
  description: The variables every task of the cell runs with, none of them a secret.
  returned: always
  type: dict
"""
