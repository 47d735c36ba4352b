#!/usr/bin/python
# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads machines' SSH host keys from their consoles."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ec2_host_keys_info
short_description: Read the SSH host keys of EC2 instances from their consoles
version_added: 0.1.0
description:
  - A machine's host keys can be believed only when they come another way than the connection they are to secure. cloud-init
    prints them on the console at the first boot, and EC2 hands the console out over its own API.
  - Does not fail where an instance has not printed its keys in time; such instances are listed in RV(missing).
options:
  instance_ids:
    description: The instances.
    type: list
    elements: str
    required: true
  timeout:
    description: Seconds to wait until all of them have printed their keys. V(0) looks once.
    type: int
    default: 0
notes:
  - The console keeps its last 64 KiB. A machine that has printed much since its first boot, or was started again, shows its
    keys no longer.
  - Instances that are not on Nitro show their console some minutes late.
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
attributes:
  check_mode:
    description: Reads only.
    support: full
author:
  - The Terrace developers (@terrace)
"""

EXAMPLES = r"""
- name: Learn the host keys
  terrace.aws.ec2_host_keys_info:
    instance_ids: [i-0123456789abcdef0]
    timeout: 300
  register: found
"""

RETURN = r"""
host_keys:
  description: Public host keys by instance id, type and data, without comments.
  returned: always
  type: dict
  sample: {"i-0123456789abcdef0": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA…"]}
missing:
  description: Instances that have not printed any.
  returned: always
  type: list
  elements: str
"""

import contextlib
import time
import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.botocore import is_boto3_error_code
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry

from ansible_collections.terrace.aws.plugins.module_utils import host_keys

with contextlib.suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.exceptions import BotoCoreError, ClientError

#: How often a console is looked at.
PAUSE = 3


def console(client: t.Any, instance: str) -> str:
    """What an instance's console shows now; on instances that are not on Nitro, what it showed a while ago.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetConsoleOutput.html
    """
    try:
        return client.get_console_output(aws_retry=True, InstanceId=instance, Latest=True).get("Output", "")
    except is_boto3_error_code(("UnsupportedOperation", "InvalidParameterCombination")):
        return client.get_console_output(aws_retry=True, InstanceId=instance).get("Output", "")


def main() -> None:
    options = {
        "instance_ids": {"type": "list", "elements": "str", "required": True},
        "timeout": {"type": "int", "default": 0},
    }
    module = AnsibleAWSModule(argument_spec=options, supports_check_mode=True)
    client = module.client("ec2", retry_decorator=AWSRetry.jittered_backoff())
    missing = list(dict.fromkeys(module.params["instance_ids"]))
    until = time.monotonic() + module.params["timeout"]
    found: dict[str, list[str]] = {}
    while True:
        for instance in missing:
            try:
                found[instance] = host_keys.on_console(console(client, instance))
            except (BotoCoreError, ClientError) as error:
                module.fail_json_aws(error, msg=f"Could not read the console of {instance}")
        missing = [instance for instance in missing if not found[instance]]
        if not missing or time.monotonic() + PAUSE > until:
            break
        time.sleep(PAUSE)
    keys = {instance: each for instance, each in found.items() if each}
    module.exit_json(changed=False, host_keys=keys, missing=missing)


if __name__ == "__main__":
    main()
