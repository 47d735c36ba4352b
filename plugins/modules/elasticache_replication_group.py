#!/usr/bin/python
# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes replication groups of ElastiCache."""

DOCUMENTATION = r"""
module: elasticache_replication_group
short_description: Write an ElastiCache replication group
version_added: 0.1.0
description:
  - Makes, changes and removes a replication group of Redis or Valkey with cluster mode disabled, a primary and its
    replicas. Tags are given when it is made.
options:
  name:
    description: Its id, 40 characters at most.
    type: str
    required: true
  state:
    description: Whether it is to exist.
    type: str
    choices: [present, absent]
    default: present
  description: {description: What it is for., type: str}
  engine: {description: The engine. Cannot be changed here., type: str, choices: [redis, valkey]}
  engine_version: {description: 'Major and minor version, for example V(7.1).', type: str}
  node_type: {description: The node type., type: str}
  nodes: {description: 'How many nodes, the primary among them.', type: int}
  automatic_failover: {description: Whether a replica takes over from a failed primary., type: bool}
  multi_az: {description: Whether the nodes must be in several zones., type: bool}
  transit_encryption: {description: Whether connections are TLS. Cannot be changed here., type: bool}
  at_rest_encryption: {description: Whether disks and snapshots are encrypted. Cannot be changed., type: bool}
  kms_key_id: {description: The key for that. Cannot be changed., type: str}
  auth_token_secret:
    description: The secret with the token clients sign in with; read when the group is made, never returned.
    type: str
  auth_token_field: {description: 'The field of the secret, JSON.', type: str, default: password}
  subnet_group: {description: Where it stands. Cannot be changed., type: str}
  parameter_group: {description: The engine's settings., type: str}
  security_group_ids: {description: Who may reach it., type: list, elements: str}
  port: {description: Where it listens. Cannot be changed., type: int}
  snapshot_retention: {description: Days automatic snapshots are kept., type: int}
  snapshot_window: {description: When they are taken., type: str}
  maintenance_window: {description: When AWS maintains it., type: str}
  auto_minor_version_upgrade: {description: Whether AWS installs minor versions., type: bool}
  apply_immediately: {description: Whether node type and version change at once., type: bool, default: false}
  final_snapshot: {description: The name of a last snapshot before it is removed., type: str}
  tags: {description: All its tags., type: dict}
  wait: {description: Whether to wait until it is available or gone., type: bool, default: false}
  wait_timeout: {description: Seconds to wait at most., type: int, default: 3600}
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
author:
  - The Terrace developers (@terrace)
"""

EXAMPLES = r"""
- name: Make a cache of two nodes
  terrace.aws.elasticache_replication_group:
    name: production-main
    description: Sessions
    engine: redis
    engine_version: "7.1"
    node_type: cache.t4g.small
    nodes: 2
    automatic_failover: true
    subnet_group: production-main
    security_group_ids: [sg-0123456789abcdef0]
"""

RETURN = r"""
arn:
  description: Its ARN.
  returned: when it exists
  type: str
status:
  description: AWS's word for its state.
  returned: when it exists
  type: str
"""

import contextlib

with contextlib.suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry

from ansible_collections.terrace.aws.plugins.module_utils import replication_groups

TEXTS = (
    "description", "engine_version", "node_type", "kms_key_id", "subnet_group", "parameter_group", "snapshot_window",
    "maintenance_window", "final_snapshot",
)  # fmt: skip
FLAGS = (
    "automatic_failover", "multi_az", "transit_encryption", "at_rest_encryption", "auto_minor_version_upgrade",
)  # fmt: skip


def main():
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={
            "name": {"required": True},
            "state": {"choices": ["present", "absent"], "default": "present"},
            "engine": {"choices": ["redis", "valkey"]},
            "auth_token_secret": {"no_log": False},
            "auth_token_field": {"default": "password", "no_log": False},
            "security_group_ids": {"type": "list", "elements": "str"},
            "apply_immediately": {"type": "bool", "default": False},
            "tags": {"type": "dict"},
            "wait": {"type": "bool", "default": False},
            **{name: {} for name in TEXTS},
            **{name: {"type": "bool"} for name in FLAGS},
            **{name: {"type": "int"} for name in ("nodes", "port", "snapshot_retention")},
            "wait_timeout": {"type": "int", "default": 3600},
        },
        required_if=[("state", "present", ["description", "engine", "node_type", "nodes", "subnet_group"])],
        supports_check_mode=True,
    )
    retry = AWSRetry.jittered_backoff()
    clients = {name: module.client(name, retry_decorator=retry) for name in ("elasticache", "secretsmanager")}
    group = replication_groups.ReplicationGroup(module, clients)
    try:
        result = group.present() if module.params["state"] == "present" else group.absent()
    except WaiterError as error:
        module.fail_json_aws(error, msg=f"Waited {module.params['wait_timeout']} s for {module.params['name']}")
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg=f"Could not write the replication group {module.params['name']}")
    except replication_groups.RefusedError as error:
        module.fail_json(msg=f"replication group {module.params['name']}: {error}")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
