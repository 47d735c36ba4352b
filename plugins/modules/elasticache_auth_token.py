#!/usr/bin/python
# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes the token that clients of a replication group sign in with."""

DOCUMENTATION = r"""
module: elasticache_auth_token
short_description: Change the AUTH token of an ElastiCache replication group
version_added: 0.1.0
description:
  - Changes the token in two steps, so that no client is ever shut out. V(rotate) adds a token and keeps the last one; once every
    client signs in with the new one, V(set) leaves that alone.
    See U(https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth.html).
  - The token is read from its secret here, and never returned.
options:
  replication_group:
    description: The group's id.
    type: str
    required: true
  secret:
    description: The name or ARN of the secret with the token, JSON.
    type: str
    required: true
  field:
    description: The field of the secret.
    type: str
    default: password
  stage:
    description: Which version of the secret is read.
    type: str
    choices: [current, pending]
    default: current
  strategy:
    description: Whether the token is added, or left alone.
    type: str
    choices: [rotate, set]
    required: true
  wait_timeout:
    description: Seconds to wait until the group is available again.
    type: int
    default: 900
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
author:
  - The Terrace developers (@terrace)
"""

EXAMPLES = r"""
- name: Add the new token
  terrace.aws.elasticache_auth_token:
    replication_group: production-main
    secret: production-cache
    stage: pending
    strategy: rotate
"""

RETURN = r""" # """

import contextlib

with contextlib.suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry

from ansible_collections.terrace.aws.plugins.module_utils.secret_fields import fields_of

DELAY = 5


def main():
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={
            "replication_group": {"required": True},
            "secret": {"required": True, "no_log": False},
            "field": {"default": "password"},
            "stage": {"choices": ["current", "pending"], "default": "current"},
            "strategy": {"choices": ["rotate", "set"], "required": True},
            "wait_timeout": {"type": "int", "default": 900},
        },
        supports_check_mode=True,
    )
    if module.check_mode:
        module.exit_json(changed=True)
    wanted = module.params
    retry = AWSRetry.jittered_backoff()
    cache = module.client("elasticache", retry_decorator=retry)
    manager = module.client("secretsmanager", retry_decorator=retry)
    group = {"ReplicationGroupId": wanted["replication_group"]}
    waiting = {"Delay": DELAY, "MaxAttempts": max(1, wanted["wait_timeout"] // DELAY)}
    available = cache.get_waiter("replication_group_available")
    try:
        stage = f"AWS{wanted['stage'].upper()}"
        text = manager.get_secret_value(SecretId=wanted["secret"], VersionStage=stage, aws_retry=True)["SecretString"]
        token = fields_of(text, [wanted["field"]])[wanted["field"]]
        # AWS changes a group only while it is available.
        available.wait(**group, WaiterConfig=waiting)
        cache.modify_replication_group(
            **group,
            AuthToken=token,
            AuthTokenUpdateStrategy=wanted["strategy"].upper(),
            ApplyImmediately=True,
            aws_retry=True,
        )
        available.wait(**group, WaiterConfig=waiting)
    except ValueError as error:
        module.fail_json(msg=f"secret {wanted['secret']}: {error}")
    except WaiterError as error:
        module.fail_json_aws(error, msg=f"Waited {wanted['wait_timeout']} s for {wanted['replication_group']}")
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg=f"Could not change the token of {wanted['replication_group']}")
    module.exit_json(changed=True)


if __name__ == "__main__":
    main()
