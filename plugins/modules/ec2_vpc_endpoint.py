#!/usr/bin/python
# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Module terrace.aws.ec2_vpc_endpoint."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ec2_vpc_endpoint
short_description: Make a VPC endpoint or change it
version_added: 0.1.0
description:
  - Makes a VPC endpoint, tagged from the beginning, or gives an existing one the wanted route tables, subnets, security
    groups, policy and private DNS. M(amazon.aws.ec2_vpc_endpoint) only makes them, knows no private DNS, and takes any
    interface endpoint of the same service and VPC for the wanted one.
options:
  vpc_endpoint_id:
    description: The endpoint to change. Without it one is made.
    type: str
  vpc_id:
    description: The VPC.
    type: str
    required: true
  service:
    description: The service's full name.
    type: str
    required: true
  type:
    description: The endpoint's type.
    type: str
    choices: [Gateway, Interface]
    required: true
  route_tables:
    description: Ids of route tables, for a gateway.
    type: list
    elements: str
    default: []
  subnets:
    description: Ids of subnets, for an interface.
    type: list
    elements: str
    default: []
  security_groups:
    description: Ids of security groups, for an interface.
    type: list
    elements: str
    default: []
  private_dns:
    description: Whether the service's own name leads to it, for an interface.
    type: bool
    default: false
  policy:
    description: The endpoint's policy; left as it is when not given.
    type: dict
  tags:
    description: All its tags.
    type: dict
    required: true
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
author:
  - The Terrace developers (@terrace)
"""

EXAMPLES = r"""
- name: Reach S3 without a NAT gateway
  terrace.aws.ec2_vpc_endpoint:
    vpc_id: vpc-0123456789abcdef0
    service: com.amazonaws.us-east-1.s3
    type: Gateway
    route_tables: [rtb-0123456789abcdef0]
    tags:
      Name: example-s3
"""

RETURN = r"""
vpc_endpoint_id:
  description: The endpoint's id.
  returned: when not in check mode
  type: str
"""

import contextlib
import json

with contextlib.suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.exceptions import BotoCoreError, ClientError

from ansible_collections.amazon.aws.plugins.module_utils.ec2 import ensure_ec2_tags
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.tagging import boto3_tag_specifications

LISTS = {"route_tables": "RouteTableIds", "subnets": "SubnetIds", "security_groups": "SecurityGroupIds"}


def made(module, client):
    """Make the endpoint; its id."""
    wanted = module.params
    arguments = {
        "VpcId": wanted["vpc_id"],
        "ServiceName": wanted["service"],
        "VpcEndpointType": wanted["type"],
        "TagSpecifications": boto3_tag_specifications(wanted["tags"], ["vpc-endpoint"]),
        **{key: wanted[option] for option, key in LISTS.items() if wanted[option]},
    }
    if wanted["type"] == "Interface":
        arguments["PrivateDnsEnabled"] = wanted["private_dns"]
    if wanted["policy"]:
        arguments["PolicyDocument"] = json.dumps(wanted["policy"])
    return client.create_vpc_endpoint(**arguments)["VpcEndpoint"]["VpcEndpointId"]


def differing(wanted, endpoint):
    """The arguments of ModifyVpcEndpoint that make the endpoint as wanted."""
    groups = [group["GroupId"] for group in endpoint.get("Groups") or []]
    present = {**{option: endpoint.get(key) or [] for option, key in LISTS.items()}, "security_groups": groups}
    arguments = {}
    for option, key in LISTS.items():
        added, removed = set(wanted[option]) - set(present[option]), set(present[option]) - set(wanted[option])
        arguments |= {f"Add{key}": sorted(added)} if added else {}
        arguments |= {f"Remove{key}": sorted(removed)} if removed else {}
    if wanted["type"] == "Interface" and wanted["private_dns"] != bool(endpoint.get("PrivateDnsEnabled")):
        arguments["PrivateDnsEnabled"] = wanted["private_dns"]
    if wanted["policy"] and wanted["policy"] != json.loads(endpoint.get("PolicyDocument") or "{}"):
        arguments["PolicyDocument"] = json.dumps(wanted["policy"])
    return arguments


def main():
    """Run the module."""
    lists = {option: {"type": "list", "elements": "str", "default": []} for option in LISTS}
    module = AnsibleAWSModule(
        argument_spec={
            "vpc_endpoint_id": {},
            "vpc_id": {"required": True},
            "service": {"required": True},
            "type": {"choices": ["Gateway", "Interface"], "required": True},
            **lists,
            "private_dns": {"type": "bool", "default": False},
            "policy": {"type": "dict"},
            "tags": {"type": "dict", "required": True},
        },
        supports_check_mode=True,
    )
    client, ident = module.client("ec2"), module.params["vpc_endpoint_id"]
    try:
        if not ident:
            module.exit_json(changed=True, **({} if module.check_mode else {"vpc_endpoint_id": made(module, client)}))
        endpoint = client.describe_vpc_endpoints(VpcEndpointIds=[ident])["VpcEndpoints"][0]
        arguments = differing(module.params, endpoint)
        if arguments and not module.check_mode:
            client.modify_vpc_endpoint(VpcEndpointId=ident, **arguments)
        changed = ensure_ec2_tags(client, module, ident, resource_type="vpc-endpoint", tags=module.params["tags"])
        module.exit_json(changed=bool(arguments or changed), vpc_endpoint_id=ident)
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg=f"Could not write the endpoint of {module.params['service']}")


if __name__ == "__main__":
    main()
