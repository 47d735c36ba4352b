#!/usr/bin/python
# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes what a secret holds in two steps."""

DOCUMENTATION = r"""
module: secret_version
short_description: Change what a secret holds in two steps
version_added: 0.1.0
description:
  - Keeps a new value in Secrets Manager before anything takes it, and makes it the current one once it works, as the rotation
    functions of AWS do. A run that is killed in between loses no password, for the next one finds it again.
  - The value is a JSON object. Say C(no_log) on the task.
options:
  secret:
    description: The secret's name or ARN.
    type: str
    required: true
  state:
    description:
      - V(read) reads the versions.
      - V(described) reads no value, only which versions there are and how the secret is replicated.
      - V(pending) keeps O(value) as the version C(AWSPENDING), unless there is one that is not current yet.
      - V(current) makes the version C(AWSPENDING) the version C(AWSCURRENT); nothing happens without one.
    type: str
    choices: [read, described, pending, current]
    default: read
  value:
    description: The fields that differ from the current version.
    type: dict
    default: {}
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
author:
  - The Terrace developers (@terrace)
"""

EXAMPLES = r"""
- name: Keep a new password, unless one is kept already
  terrace.aws.secret_version:
    secret: production-cache
    state: pending
    value:
      password: "{{ fresh }}"
  no_log: true

- name: Read it
  terrace.aws.secret_version:
    secret: production-cache
  register: versions
  no_log: true

- name: Read how it is replicated
  terrace.aws.secret_version:
    secret: production-cache
    state: described
  register: described

- name: Make it the current one
  terrace.aws.secret_version:
    secret: production-cache
    state: current
"""

RETURN = r"""
current:
  description: What the secret holds.
  returned: with O(state=read)
  type: dict
pending:
  description: What it is to hold; empty where nothing is pending.
  returned: with O(state=read)
  type: dict
previous:
  description: What it held before; empty where it never held anything else.
  returned: with O(state=read)
  type: dict
version:
  description: The id of the current version. That of a replica is its primary's.
  returned: with O(state=described)
  type: str
replicas:
  description: The state of the replication by region, such as C(InSync); only the primary tells it.
  returned: with O(state=described)
  type: dict
"""

import contextlib
import json

with contextlib.suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.exceptions import BotoCoreError, ClientError

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry

STAGES = {"current": "AWSCURRENT", "pending": "AWSPENDING", "previous": "AWSPREVIOUS"}


class Versions:
    """The versions of a secret, by what they are called here."""

    def __init__(self, client, secret):
        self.client = client
        self.secret = secret
        self.told = client.describe_secret(SecretId=secret, aws_retry=True)
        stages = self.told.get("VersionIdsToStages") or {}
        self.ids = {
            name: next((one for one, labels in stages.items() if stage in labels), None)
            for name, stage in STAGES.items()
        }
        # A rotation that ended may leave the label where it was.
        if self.ids["pending"] == self.ids["current"]:
            self.ids["pending"] = None

    def values(self):
        """What the versions hold, by what they are called here."""
        return {name: self._read(one) for name, one in self.ids.items()}

    def described(self):
        """Which version is current, and how the secret is replicated."""
        replicas = {each["Region"]: each.get("Status", "") for each in self.told.get("ReplicationStatus") or []}
        return {"version": self.ids["current"] or "", "replicas": replicas}

    def _read(self, version):
        if version is None:
            return {}
        text = self.client.get_secret_value(SecretId=self.secret, VersionId=version, aws_retry=True)["SecretString"]
        value = json.loads(text)
        if not isinstance(value, dict):
            raise ValueError("it holds no JSON object")
        return value

    def keep(self, value):
        """Keep a value as the pending version."""
        label = STAGES["pending"]
        text = json.dumps(value)
        self.client.put_secret_value(SecretId=self.secret, SecretString=text, VersionStages=[label], aws_retry=True)

    def promote(self):
        """Make the pending version the current one, and nothing pending."""
        move = {"SecretId": self.secret, "aws_retry": True}
        new, old = self.ids["pending"], self.ids["current"]
        self.client.update_secret_version_stage(
            VersionStage=STAGES["current"], MoveToVersionId=new, RemoveFromVersionId=old, **move
        )
        self.client.update_secret_version_stage(VersionStage=STAGES["pending"], RemoveFromVersionId=new, **move)


def main():
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={
            "secret": {"required": True, "no_log": False},
            "state": {"choices": ["read", "described", "pending", "current"], "default": "read"},
            "value": {"type": "dict", "default": {}, "no_log": True},
        },
        required_if=[("state", "pending", ["value"])],
        supports_check_mode=True,
    )
    secret, state = module.params["secret"], module.params["state"]
    client = module.client("secretsmanager", retry_decorator=AWSRetry.jittered_backoff())
    try:
        versions = Versions(client, secret)
        if state == "read":
            module.exit_json(changed=False, **versions.values())
        if state == "described":
            module.exit_json(changed=False, **versions.described())
        changed = (state == "current") == bool(versions.ids["pending"])
        if changed and not module.check_mode:
            if state == "pending":
                versions.keep({**versions.values()["current"], **module.params["value"]})
            else:
                versions.promote()
        module.exit_json(changed=changed)
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg=f"Could not work on the versions of the secret {secret}")
    except ValueError:
        module.fail_json(msg=f"secret {secret}: it holds no JSON object")


if __name__ == "__main__":
    main()
