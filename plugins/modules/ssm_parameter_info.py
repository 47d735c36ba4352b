#!/usr/bin/python
# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads SSM parameters, several a call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ssm_parameter_info
short_description: Read plain SSM parameters by name
version_added: 0.1.0
description:
  - Reads parameters of the type String, such as the public ones that hold the ids of images, ten a call.
  - The lookup P(amazon.aws.ssm_parameter#lookup) runs outside the task's environment, and so with other credentials and
    another endpoint than the modules of the same play. Fails where a parameter does not exist, naming all that do not.
options:
  names:
    description: Names of the parameters.
    type: list
    elements: str
    required: true
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
- name: Look the image up
  terrace.aws.ssm_parameter_info:
    names: [/aws/service/debian/release/13/latest/amd64]
  register: images
"""

RETURN = r"""
parameters:
  description: Values by name.
  returned: always
  type: dict
"""

import contextlib

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry

with contextlib.suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.exceptions import BotoCoreError, ClientError

#: As many names as GetParameters takes.
BATCH = 10


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={"names": {"type": "list", "elements": "str", "required": True}}, supports_check_mode=True
    )
    client = module.client("ssm", retry_decorator=AWSRetry.jittered_backoff())
    names = sorted(set(module.params["names"]))
    values: dict[str, str] = {}
    try:
        for start in range(0, len(names), BATCH):
            answer = client.get_parameters(aws_retry=True, Names=names[start : start + BATCH])
            values.update({each["Name"]: each["Value"] for each in answer["Parameters"]})
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg=f"Could not read the parameters {', '.join(names)}")
    missing = [name for name in names if name not in values]
    if missing:
        module.fail_json(msg=f"There is no SSM parameter {', '.join(missing)} in this region")
    module.exit_json(changed=False, parameters=values)


if __name__ == "__main__":
    main()
