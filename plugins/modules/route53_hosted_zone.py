#!/usr/bin/python
# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes a hosted zone by its id, never one that only has the same name."""

DOCUMENTATION = r"""
module: route53_hosted_zone
short_description: Write a Route 53 hosted zone by its id
version_added: 0.2.0
description:
  - Creates a hosted zone, or changes the one with the id given. Unlike M(amazon.aws.route53_zone), which changes the first zone
    of that name, whoever's it is, switches off a signed zone's DNSSEC unless told otherwise, and creates a second zone where
    the VPCs of a private one change.
options:
  id:
    description: The zone where it exists; empty to create it.
    type: str
    default: ""
  domain: {description: The domain. Cannot be changed., type: str}
  vpcs:
    description: VPCs whose resolver answers for it, each with C(id) and C(region); none makes it a public zone.
    type: list
    elements: dict
    default: []
  comment: {description: What it is for., type: str, default: ''}
  reference:
    description: How the reference begins that a new zone is created with, by which it is found again before it has tags.
    type: str
    default: ""
  tags: {description: All its tags., type: dict, default: {}}
  state:
    description: Whether it is to exist. A zone is removed once it holds no records but Terrace's marks.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
author:
  - The Terrace developers (@terrace)
"""

EXAMPLES = r"""
- name: Create a private zone
  terrace.aws.route53_hosted_zone:
    domain: example.internal
    vpcs: [{id: vpc-0123456789abcdef0, region: us-east-1}]
    reference: terrace/production-use1/internal/
    tags: {Name: production-use1-internal}
"""

RETURN = r"""
id:
  description: The zone.
  returned: when state is present
  type: str
"""

import contextlib
import time

with contextlib.suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.exceptions import BotoCoreError, ClientError

from ansible_collections.amazon.aws.plugins.module_utils.botocore import is_boto3_error_code
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry
from ansible_collections.amazon.aws.plugins.module_utils.tagging import (
    ansible_dict_to_boto3_tag_list,
    boto3_tag_list_to_ansible_dict,
    compare_aws_tags,
)


class Zone:
    """One hosted zone, as the module's parameters want it."""

    def __init__(self, module, client):
        self.module, self.wanted, self.client = module, module.params, client
        self.id = module.params["id"]
        self.before, self.after = {}, {}

    def _do(self, operation, **arguments):
        if not self.module.check_mode:
            return getattr(self.client, operation)(aws_retry=True, **arguments)
        return {}

    def present(self):
        """Create it, or change what differs."""
        vpcs = {each["id"]: {"VPCId": each["id"], "VPCRegion": each["region"]} for each in self.wanted["vpcs"]}
        if not self.id:
            self._create(next(iter(vpcs.values()), None))
            if self.module.check_mode:
                return
        found = self.client.get_hosted_zone(Id=self.id, aws_retry=True)
        comment = found["HostedZone"]["Config"].get("Comment", "")
        if comment != self.wanted["comment"]:
            self._note("comment", comment, self.wanted["comment"])
            self._do("update_hosted_zone_comment", Id=self.id, Comment=self.wanted["comment"])
        have = {each["VPCId"]: each for each in found.get("VPCs") or []}
        if set(have) != set(vpcs):
            self._note("vpcs", sorted(have), sorted(vpcs))
        # The new ones first: a private zone always has one.
        for name in sorted(set(vpcs) - set(have)):
            self._do("associate_vpc_with_hosted_zone", HostedZoneId=self.id, VPC=vpcs[name])
        for name in sorted(set(have) - set(vpcs)):
            self._do("disassociate_vpc_from_hosted_zone", HostedZoneId=self.id, VPC=have[name])
        self._tag()

    def _create(self, vpc):
        self._note("domain", None, self.wanted["domain"])
        config = {"Comment": self.wanted["comment"], "PrivateZone": bool(vpc)}
        answer = self._do(
            "create_hosted_zone",
            Name=self.wanted["domain"],
            CallerReference=f"{self.wanted['reference']}{time.time_ns()}",
            HostedZoneConfig=config,
            **({"VPC": vpc} if vpc else {}),
        )
        if answer:
            self.id = answer["HostedZone"]["Id"].rpartition("/")[2]
            # In the next breath: a zone without tags is only found by its reference.
            tags = ansible_dict_to_boto3_tag_list(self.wanted["tags"])
            if tags:
                self._do("change_tags_for_resource", ResourceType="hostedzone", ResourceId=self.id, AddTags=tags)

    def _tag(self):
        arguments = {"ResourceType": "hostedzone", "ResourceId": self.id}
        answer = self.client.list_tags_for_resource(aws_retry=True, **arguments)
        have = boto3_tag_list_to_ansible_dict(answer["ResourceTagSet"]["Tags"])
        wrong, left = compare_aws_tags(have, self.wanted["tags"], True)
        change = {"AddTags": ansible_dict_to_boto3_tag_list(wrong)} if wrong else {}
        change |= {"RemoveTagKeys": left} if left else {}
        if change:
            self._note("tags", have, self.wanted["tags"])
            self._do("change_tags_for_resource", **arguments, **change)

    def absent(self):
        """Remove it and the marks that are left in it; AWS refuses where it holds anything else."""
        try:
            pages = self.client.get_paginator("list_resource_record_sets").paginate(HostedZoneId=self.id)
            records = [each for page in pages for each in page["ResourceRecordSets"]]
        except is_boto3_error_code("NoSuchHostedZone"):
            return
        self._note("state", "present", "absent")
        marks = [each for each in records if each["Type"] == "TXT" and each["Name"].startswith("_terrace-")]
        if marks:
            changes = [{"Action": "DELETE", "ResourceRecordSet": each} for each in marks]
            self._do("change_resource_record_sets", HostedZoneId=self.id, ChangeBatch={"Changes": changes})
        self._do("delete_hosted_zone", Id=self.id)

    def _note(self, option, before, after):
        self.before[option], self.after[option] = before, after


def main():
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={
            **{name: {"default": ""} for name in ("id", "comment", "reference")},
            "domain": {},
            "vpcs": {"type": "list", "elements": "dict", "default": []},
            "tags": {"type": "dict", "default": {}},
            "state": {"choices": ["present", "absent"], "default": "present"},
        },
        required_if=[("state", "present", ["domain"])],
        supports_check_mode=True,
    )
    if module.params["state"] == "absent" and not module.params["id"]:
        module.fail_json(msg="id: missing; a zone is removed by its id only")
    module.params["tags"] = {key: str(value) for key, value in module.params["tags"].items()}
    zone = Zone(module, module.client("route53", retry_decorator=AWSRetry.jittered_backoff()))
    try:
        (zone.present if module.params["state"] == "present" else zone.absent)()
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg=f"Could not write the zone {module.params['domain'] or module.params['id']}")
    diff = {"before": zone.before, "after": zone.after}
    module.exit_json(changed=bool(zone.before or zone.after), id=zone.id, diff=diff)


if __name__ == "__main__":
    main()
