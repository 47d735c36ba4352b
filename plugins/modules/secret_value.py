#!/usr/bin/python
# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads a secret's fields."""

DOCUMENTATION = r"""
module: secret_value
short_description: Read the fields of a JSON secret
version_added: 0.1.0
description:
  - Reads a secret of Secrets Manager that holds a JSON object, for the task that follows. Say C(no_log) on the task.
  - There are lookups for this, but they run without the play's environment, and so perhaps in another account or region
    than the modules.
options:
  secret:
    description: The secret's name or ARN.
    type: str
    required: true
  fields:
    description: Fields it must have; only these are returned.
    type: list
    elements: str
    required: true
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
author:
  - The Terrace developers (@terrace)
"""

EXAMPLES = r"""
- name: Read the credentials
  terrace.aws.secret_value:
    secret: production-database
    fields: [username, password]
  register: credentials
  no_log: true
"""

RETURN = r"""
value:
  description: The fields.
  returned: always
  type: dict
"""

import contextlib

with contextlib.suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.exceptions import BotoCoreError, ClientError

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry

from ansible_collections.terrace.aws.plugins.module_utils.secret_fields import fields_of


def main():
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={
            "secret": {"required": True, "no_log": False},
            "fields": {"type": "list", "elements": "str", "required": True},
        },
        supports_check_mode=True,
    )
    secret = module.params["secret"]
    client = module.client("secretsmanager", retry_decorator=AWSRetry.jittered_backoff())
    try:
        text = client.get_secret_value(aws_retry=True, SecretId=secret).get("SecretString")
        module.exit_json(changed=False, value=fields_of(text, module.params["fields"]))
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg=f"Could not read the secret {secret}")
    except ValueError as error:
        module.fail_json(msg=f"secret {secret}: {error}")


if __name__ == "__main__":
    main()
