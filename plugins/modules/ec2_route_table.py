#!/usr/bin/python
# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Module terrace.aws.ec2_route_table."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ec2_route_table
short_description: Create, change or remove a route table without cutting a subnet off
version_added: 0.1.0
description:
  - Creates a route table, tagged from the beginning, or gives an existing one the wanted routes, subnets and tags.
  - A subnet that uses another table changes over with ReplaceRouteTableAssociation once the routes are there, so that it has
    a route at every moment. M(amazon.aws.ec2_vpc_route_table) disassociates it, and associates it in the next run; it neither
    removes nor replaces routes to IPv6 networks, cannot route to prefix lists, and sleeps five seconds after a change.
  - Local routes, routes of gateway endpoints and routes propagated by VPN gateways and route servers are left as they are.
options:
  state:
    description: Whether the table is to exist.
    type: str
    choices: [present, absent]
    default: present
  route_table_id:
    description: The table to change or remove. Without it one is created.
    type: str
  vpc_id:
    description: The VPC of a new table.
    type: str
  routes:
    description:
      - Destination (an IPv4 or IPv6 network, or the id of a prefix list) to the id of the target. Other routes are removed.
    type: dict
    default: {}
  subnets:
    description: Ids of the subnets that use the table. Others stop using it, see O(keep_subnets).
    type: list
    elements: str
    default: []
  keep_subnets:
    description:
      - Ids of subnets that stay with the table until another one takes them over.
      - The table is not removed while one of them uses it.
    type: list
    elements: str
    default: []
  tags:
    description: All its tags. Required to create or change a table.
    type: dict
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
author:
  - The Terrace developers (@terrace)
"""

EXAMPLES = r"""
- name: Create the route table of a private subnet
  terrace.aws.ec2_route_table:
    vpc_id: vpc-0123456789abcdef0
    subnets: [subnet-0123456789abcdef0]
    routes:
      0.0.0.0/0: nat-0123456789abcdef0
      ::/0: eigw-0123456789abcdef0
      pl-0123456789abcdef0: tgw-0123456789abcdef0
    tags:
      Name: example-private
"""

RETURN = r"""
route_table_id:
  description: The table's id.
  returned: when it exists
  type: str
changes:
  description: The API calls made, in order, each with the destination, subnet or association it was about.
  returned: always
  type: list
  elements: str
"""

import contextlib
import ipaddress

with contextlib.suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.exceptions import BotoCoreError, ClientError

from ansible_collections.amazon.aws.plugins.module_utils.botocore import is_boto3_error_code
from ansible_collections.amazon.aws.plugins.module_utils.ec2 import ensure_ec2_tags
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry
from ansible_collections.amazon.aws.plugins.module_utils.tagging import boto3_tag_specifications

#: How ids of targets begin, and the argument of CreateRoute that takes them.
ARGUMENTS = {
    "eigw-": "EgressOnlyInternetGatewayId",
    "nat-": "NatGatewayId",
    "tgw-": "TransitGatewayId",
    "pcx-": "VpcPeeringConnectionId",
    "eni-": "NetworkInterfaceId",
    "lgw-": "LocalGatewayId",
    "cagw-": "CarrierGatewayId",
    "arn:": "CoreNetworkArn",
    "vpce-": "VpcEndpointId",
    "igw-": "GatewayId",
    "vgw-": "GatewayId",
}
DESTINATIONS = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")
LOCAL = {"LocalTarget": True}
#: What was created a moment ago may not be known everywhere yet.
UNKNOWN_YET = ["InvalidRouteTableID.NotFound", "InvalidGatewayID.NotFound", "InvalidNatGatewayID.NotFound"]


def destination(text):
    """The argument that names a destination, in the form AWS answers it in."""
    if text.startswith("pl-"):
        return {"DestinationPrefixListId": text}
    network = ipaddress.ip_network(text)
    return {DESTINATIONS[0 if network.version == 4 else 1]: str(network)}


def target(ident):
    """The argument that names a target."""
    argument = next((argument for prefix, argument in ARGUMENTS.items() if ident.startswith(prefix)), None)
    if argument is None:
        raise ValueError(f"routes: {ident} is not the id of a target; ids begin with {', '.join(ARGUMENTS)}")
    return {argument: ident}


def found_routes(table):
    """The routes CreateRoute made, and local ones that lead elsewhere by now: destination to ``(route, its target)``."""
    found = {}
    for route in table["Routes"]:
        to = next((route[key] for key in DESTINATIONS if route.get(key)), None)
        gateway = route.get("GatewayId") or ""
        of_endpoint = gateway.startswith("vpce-") and route.get("DestinationPrefixListId")
        if to and gateway != "local" and not of_endpoint and route.get("Origin") in ("CreateRoute", "CreateRouteTable"):
            keys = (*(key for key in ARGUMENTS.values() if key != "VpcEndpointId"), "InstanceId")
            found[to] = (route, next((route[key] for key in keys if route.get(key)), ""))
    return found


class Table:
    """A route table and the calls made for it."""

    def __init__(self, module):
        self.module = module
        self.client = module.client("ec2", AWSRetry.jittered_backoff(retries=8, catch_extra_error_codes=UNKNOWN_YET))
        self.changes = []

    def call(self, operation, about, **arguments):
        """Make a call that changes something, unless in check mode; the answer, empty in check mode."""
        self.changes.append(f"{operation} {about}")
        return {} if self.module.check_mode else getattr(self.client, operation)(aws_retry=True, **arguments)

    def tables(self, filters):
        wanted = [{"Name": name, "Values": values} for name, values in filters.items()]
        pages = self.client.get_paginator("describe_route_tables").paginate(Filters=wanted)
        return [table for page in pages for table in page["RouteTables"]]

    def found(self, ident):
        try:
            return self.client.describe_route_tables(RouteTableIds=[ident])["RouteTables"][0]
        except is_boto3_error_code("InvalidRouteTableID.NotFound"):
            return None

    def create(self, wanted):
        tags = boto3_tag_specifications(wanted["tags"], ["route-table"])
        made = self.call("create_route_table", wanted["vpc_id"], VpcId=wanted["vpc_id"], TagSpecifications=tags)
        return made.get("RouteTable") or {"RouteTableId": "", "Routes": [], "Associations": []}

    def write_routes(self, table, routes):
        """Add and replace first, so that nothing is without a route between two calls."""
        ident, present = table["RouteTableId"], found_routes(table)
        wanted = {next(iter(destination(to).values())): goal for to, goal in routes.items()}
        for to, goal in wanted.items():
            arguments = {"RouteTableId": ident, **destination(to), **target(goal)}
            if to not in present:
                self.call("create_route", to, **arguments)
            elif present[to][1] != goal:
                self.call("replace_route", to, **arguments)
        for to in sorted(set(present) - set(wanted)):
            if present[to][0]["Origin"] == "CreateRouteTable":
                self.call("replace_route", to, RouteTableId=ident, **destination(to), **LOCAL)
            else:
                self.call("delete_route", to, RouteTableId=ident, **destination(to))

    def write_subnets(self, table, wanted, kept):
        ident, holders = table["RouteTableId"], {}
        if wanted:
            for holder in self.tables({"association.subnet-id": wanted}):
                for each in holder["Associations"]:
                    if each.get("SubnetId") in wanted:
                        holders[each["SubnetId"]] = (holder["RouteTableId"], each["RouteTableAssociationId"])
        for subnet in wanted:
            holder, association = holders.get(subnet, ("", ""))
            if not holder:
                self.call("associate_route_table", subnet, RouteTableId=ident, SubnetId=subnet)
            elif holder != ident:
                self.call("replace_route_table_association", subnet, AssociationId=association, RouteTableId=ident)
        for each in table["Associations"]:
            if each.get("SubnetId") and each["SubnetId"] not in {*wanted, *kept}:
                association = each["RouteTableAssociationId"]
                self.call("disassociate_route_table", each["SubnetId"], AssociationId=association)

    def remove(self, table, kept):
        using = [each for each in table["Associations"] if not each.get("Main")]
        if waiting := sorted({each.get("SubnetId", "") for each in using} & set(kept)):
            names = ", ".join(waiting)
            self.module.fail_json(
                msg=f"{table['RouteTableId']} is still used by {names}, which another table is to serve"
            )
        for each in using:
            association = each["RouteTableAssociationId"]
            about = each.get("SubnetId") or each.get("GatewayId") or association
            try:
                self.call("disassociate_route_table", about, AssociationId=association)
            except is_boto3_error_code("InvalidAssociationID.NotFound"):
                # Another table has taken the subnet over since the look at this one.
                continue
        self.call("delete_route_table", table["RouteTableId"], RouteTableId=table["RouteTableId"])


def run(module):
    """Bring the table into the wanted state; what the module returns."""
    wanted, table = module.params, Table(module)
    there = table.found(wanted["route_table_id"]) if wanted["route_table_id"] else None
    if wanted["state"] == "absent":
        if there:
            table.remove(there, wanted["keep_subnets"])
        return {"changed": bool(table.changes), "changes": table.changes}
    if wanted["route_table_id"] and not there:
        module.fail_json(msg=f"there is no route table {wanted['route_table_id']}")
    tagged = False
    if there:
        tagged = ensure_ec2_tags(
            table.client, module, there["RouteTableId"], resource_type="route-table", tags=wanted["tags"]
        )
    else:
        there = table.create(wanted)
    table.write_routes(there, wanted["routes"])
    table.write_subnets(there, wanted["subnets"], wanted["keep_subnets"])
    result = {"changed": bool(tagged or table.changes), "changes": table.changes}
    return {**result, **({"route_table_id": there["RouteTableId"]} if there["RouteTableId"] else {})}


def main():
    """Run the module."""
    lists = {option: {"type": "list", "elements": "str", "default": []} for option in ("subnets", "keep_subnets")}
    module = AnsibleAWSModule(
        argument_spec={
            "state": {"choices": ["present", "absent"], "default": "present"},
            "route_table_id": {},
            "vpc_id": {},
            "routes": {"type": "dict", "default": {}},
            **lists,
            "tags": {"type": "dict"},
        },
        required_if=[("state", "present", ["tags"]), ("state", "absent", ["route_table_id"])],
        required_one_of=[("route_table_id", "vpc_id")],
        supports_check_mode=True,
    )
    try:
        module.exit_json(**run(module))
    except ValueError as error:
        module.fail_json(msg=str(error))
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg="Could not write the route table")


if __name__ == "__main__":
    main()
