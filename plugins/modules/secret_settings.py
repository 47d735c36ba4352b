#!/usr/bin/python
# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes what a secret is described and encrypted with, and leaves its value alone."""

DOCUMENTATION = r"""
module: secret_settings
short_description: Change a secret's description and key without touching its value
version_added: 0.1.0
description:
  - M(community.aws.secretsmanager_secret) writes description, key and value together, so that whoever changes the description
    has to know the value. This one neither needs nor sees it.
options:
  name:
    description: The secret's name.
    type: str
    required: true
  description:
    description: What the secret is for.
    type: str
    required: true
  kms_key_id:
    description: ARN of the key it is encrypted with; empty for the account's own key of Secrets Manager.
    type: str
    required: true
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
author:
  - The Terrace developers (@terrace)
"""

EXAMPLES = r"""
- name: Say what it is for
  terrace.aws.secret_settings:
    name: shop-database
    description: The database's owner
    kms_key_id: ""
"""

RETURN = r"""#"""

import contextlib

with contextlib.suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.exceptions import BotoCoreError, ClientError

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry

OWN_KEY = "alias/aws/secretsmanager"


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "name": {"required": True},
            "description": {"required": True},
            "kms_key_id": {"required": True, "no_log": False},
        },
        supports_check_mode=True,
    )
    client = module.client("secretsmanager", retry_decorator=AWSRetry.jittered_backoff())
    after = {"Description": module.params["description"], "KmsKeyId": module.params["kms_key_id"] or OWN_KEY}
    try:
        secret = client.describe_secret(SecretId=module.params["name"], aws_retry=True)
        before = {"Description": secret.get("Description", ""), "KmsKeyId": secret.get("KmsKeyId") or OWN_KEY}
        changed = before != after
        if changed and not module.check_mode:
            client.update_secret(SecretId=module.params["name"], **after, aws_retry=True)
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg=f"could not change {module.params['name']}")
    module.exit_json(changed=changed, diff={"before": before, "after": after})


if __name__ == "__main__":
    main()
