#!/usr/bin/python
# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the certificates a listener has beside its default one."""

DOCUMENTATION = r"""
module: elb_listener_certificates
short_description: Write the additional certificates of a load balancer's listener
version_added: 0.2.0
description:
  - Adds and removes certificates of an HTTPS listener until it has its default one and those named.
    M(amazon.aws.elb_application_lb) adds them when it creates the listener, and never afterwards.
options:
  listener_arn: {description: The listener., type: str, required: true}
  certificates:
    description: ARNs of all its certificates but the default one.
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
- name: Serve a second name
  terrace.aws.elb_listener_certificates:
    listener_arn: "{{ listener_arn }}"
    certificates: ["{{ certificate_arn }}"]
"""

RETURN = r"""#"""

import contextlib

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry

with contextlib.suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.exceptions import BotoCoreError, ClientError


def main():
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={
            "listener_arn": {"required": True},
            "certificates": {"type": "list", "elements": "str", "required": True},
        },
        supports_check_mode=True,
    )
    client = module.client("elbv2", retry_decorator=AWSRetry.jittered_backoff())
    arn, after = module.params["listener_arn"], set(module.params["certificates"])
    try:
        pages = client.get_paginator("describe_listener_certificates").paginate(ListenerArn=arn)
        every = [each for page in pages for each in page["Certificates"]]
        default = {each["CertificateArn"] for each in every if each.get("IsDefault")}
        before = {each["CertificateArn"] for each in every} - default
        for operation, some in (
            ("add_listener_certificates", after - before - default),
            ("remove_listener_certificates", before - after),
        ):
            # AWS takes one certificate a call.
            for each in sorted(some) if not module.check_mode else ():
                getattr(client, operation)(aws_retry=True, ListenerArn=arn, Certificates=[{"CertificateArn": each}])
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg=f"Could not write the certificates of {arn}")
    diff = {"before": {"certificates": sorted(before)}, "after": {"certificates": sorted(after - default)}}
    module.exit_json(changed=before != after - default, diff=diff)


if __name__ == "__main__":
    main()
