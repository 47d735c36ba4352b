#!/usr/bin/python
# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeps, promotes and removes a region's replica of a secret."""

DOCUMENTATION = r"""
module: secret_replica
short_description: Keep, promote or remove the replica of a secret in this region
version_added: 0.1.0
description:
  - M(community.aws.secretsmanager_secret) replicates a secret at its primary alone, together with its value, and can neither
    promote a replica nor change its key. This one works in the region of the replica, and neither needs nor sees the value.
  - See U(https://docs.aws.amazon.com/secretsmanager/latest/userguide/replicate-secrets.html).
options:
  name:
    description: The secret's name, which is the same in both regions.
    type: str
    required: true
  state:
    description:
      - V(replica) makes the secret of this region a replica of the one in O(primary_region), and waits until it holds the same.
      - V(standalone) ends the replication to this region, whose replica stays as a secret of its own, without any call to another
        region. Where the secret of this region is a primary itself, its replicas in other regions become secrets of their own.
      - V(absent) removes the replica of this region. A secret that is no replica is left alone.
    type: str
    choices: [replica, standalone, absent]
    default: replica
  primary_region:
    description: The region of the primary. Needed with V(replica) and V(absent).
    type: str
  kms_key_id:
    description: ARN of the key of this region that the replica is encrypted with; empty for the account's own of Secrets Manager.
    type: str
    default: ""
  overwrite:
    description:
      - Whether a secret of this name that is no replica gives way to it. What it holds is lost.
    type: bool
    default: false
  tags:
    description:
      - Tags added to what is promoted with O(state=standalone), beside those it has. C(terrace:writer-since) with the time, UTC,
        tells Terrace that it is the primary from then on.
    type: dict
    default: {}
  timeout:
    description: Seconds in which a replica must be in sync, or a promotion be done.
    type: int
    default: 300
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
author:
  - The Terrace developers (@terrace)
"""

EXAMPLES = r"""
- name: Have the secret in this region too
  terrace.aws.secret_replica:
    name: production-use1-database
    primary_region: us-east-1

- name: Promote it, for its region is lost
  terrace.aws.secret_replica:
    name: production-use1-database
    state: standalone
    tags:
      terrace:writer-since: "{{ now(utc=true).strftime('%Y-%m-%dT%H:%M:%SZ') }}"
"""

RETURN = r"""
arn:
  description: The secret of this region; empty where there is none.
  returned: always
  type: str
"""

import contextlib
import time

with contextlib.suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.exceptions import BotoCoreError, ClientError

from ansible_collections.amazon.aws.plugins.module_utils.botocore import is_boto3_error_code
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry

OWN_KEY = "alias/aws/secretsmanager"
ABSENT = "ResourceNotFoundException"
DELETED = "InvalidRequestException"
IN_SYNC = "InSync"
FAILED = "Failed"
PAUSE = 1


class Secret:
    """A secret of one name in the regions of the account."""

    def __init__(self, module):
        self.module = module
        self.name = module.params["name"]
        self.until = time.monotonic() + module.params["timeout"]
        self.client = self.in_region(None)
        self.region = self.client.meta.region_name

    def in_region(self, region):
        """A client of a region; of this one without."""
        more = {"region": region} if region else {}
        return self.module.client("secretsmanager", retry_decorator=AWSRetry.jittered_backoff(), **more)

    def found(self, client):
        """The secret as a region has it; nothing where it has none."""
        try:
            return client.describe_secret(SecretId=self.name, aws_retry=True)
        except is_boto3_error_code(ABSENT):
            return {}

    def primary_of(self, secret):
        """The region of which a secret is a replica; empty where it is none."""
        primary = secret.get("PrimaryRegion") or ""
        return "" if primary == self.region else primary

    def waited(self, what, done):
        """Wait until something is so.

        :param done: returns whether it is
        """
        while not done():
            if time.monotonic() > self.until:
                seconds = self.module.params["timeout"]
                self.module.fail_json(msg=f"secret {self.name}: {what} after {seconds} seconds; run this again")
            time.sleep(PAUSE)

    def replicate(self, region, key, overwrite):
        """Have this region replicate the one of another region. Returns whether anything was written."""
        here = self.found(self.client)
        if here and (follows := self.primary_of(here)):
            if follows != region:
                self.module.fail_json(
                    msg=f"secret {self.name} of {self.region} is a replica of {follows}, not of {region}"
                )
            return self._encrypt(here, key)
        if here and not overwrite:
            self.module.fail_json(
                msg=f"secret {self.name} of {self.region} is no replica, and what it holds would be lost (overwrite)"
            )
        if self.module.check_mode:
            return True
        primary = self.in_region(region)
        if any(each["Region"] == self.region for each in self.found(primary).get("ReplicationStatus") or []):
            # An earlier try that failed.
            self._remove(primary, [self.region])
        primary.replicate_secret_to_regions(
            SecretId=self.name,
            AddReplicaRegions=[{"Region": self.region, "KmsKeyId": key}],
            ForceOverwriteReplicaSecret=overwrite,
            aws_retry=True,
        )
        self.waited(f"{self.region} does not hold the same as {region}", lambda: self._in_sync(primary))
        return True

    def _in_sync(self, primary):
        states = self.found(primary).get("ReplicationStatus") or []
        state = next((each for each in states if each["Region"] == self.region), {})
        if state.get("Status") == FAILED:
            self.module.fail_json(
                msg=f"secret {self.name}: could not be replicated to {self.region}: {state.get('StatusMessage')}"
            )
        return state.get("Status") == IN_SYNC and bool(self.found(self.client))

    def _encrypt(self, here, key):
        """A replica's key is the one thing that can be changed at the replica."""
        if (here.get("KmsKeyId") or OWN_KEY) == key:
            return False
        if not self.module.check_mode:
            self.client.update_secret(SecretId=self.name, KmsKeyId=key, aws_retry=True)
        return True

    def stand_alone(self):
        """End every replication of it that this region takes part in. Returns whether there was any."""
        here = self.found(self.client)
        if not here:
            self.module.fail_json(msg=f"there is no secret {self.name} in {self.region}")
        if self.primary_of(here):
            self._stop([self.client])
            return True
        # A replica that could not be made is no secret, and nothing to promote.
        states = here.get("ReplicationStatus") or []
        regions = [each["Region"] for each in states if each.get("Status") != FAILED]
        if failed := [each["Region"] for each in states if each.get("Status") == FAILED]:
            self._remove(self.client, failed)
        self._stop([self.in_region(region) for region in regions])
        if states and not self.module.check_mode:
            self.waited("it still has replicas", lambda: not self.found(self.client).get("ReplicationStatus"))
        return bool(states)

    def _stop(self, clients):
        if self.module.check_mode:
            return
        for client in clients:
            client.stop_replication_to_replica(SecretId=self.name, aws_retry=True)
        for client in clients:
            region = client.meta.region_name
            self.waited(
                f"{region} is still a replica",
                lambda client=client, region=region: self.found(client).get("PrimaryRegion") in (None, "", region),
            )
            if tags := self.module.params["tags"]:
                told = [{"Key": key, "Value": str(value)} for key, value in tags.items()]
                client.tag_resource(SecretId=self.name, Tags=told, aws_retry=True)

    def remove(self, region):
        """Remove this region's replica. Returns whether there was one."""
        if not self.primary_of(self.found(self.client)):
            return False
        if self.module.check_mode:
            return True
        try:
            self._remove(self.in_region(region), [self.region])
        except is_boto3_error_code([ABSENT, DELETED]):
            # The primary has gone meanwhile.
            self._stop([self.client])
            self.client.delete_secret(SecretId=self.name, ForceDeleteWithoutRecovery=True, aws_retry=True)
        self.waited(f"{self.region} still has its replica", lambda: not self.found(self.client))
        return True

    def _remove(self, primary, regions):
        if not self.module.check_mode:
            primary.remove_regions_from_replication(SecretId=self.name, RemoveReplicaRegions=regions, aws_retry=True)


def main():
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={
            "name": {"required": True},
            "state": {"choices": ["replica", "standalone", "absent"], "default": "replica"},
            "primary_region": {},
            "kms_key_id": {"default": "", "no_log": False},
            "overwrite": {"type": "bool", "default": False},
            "tags": {"type": "dict", "default": {}},
            "timeout": {"type": "int", "default": 300},
        },
        required_if=[("state", "replica", ["primary_region"]), ("state", "absent", ["primary_region"])],
        supports_check_mode=True,
    )
    state, region = module.params["state"], module.params["primary_region"]
    try:
        secret = Secret(module)
        if state == "replica":
            changed = secret.replicate(region, module.params["kms_key_id"] or OWN_KEY, module.params["overwrite"])
        elif state == "standalone":
            changed = secret.stand_alone()
        else:
            changed = secret.remove(region)
        module.exit_json(changed=changed, arn=secret.found(secret.client).get("ARN", ""))
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg=f"could not make the secret {module.params['name']} {state}")


if __name__ == "__main__":
    main()
