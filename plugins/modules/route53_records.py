#!/usr/bin/python
# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes records of a hosted zone, each together with the TXT record that says whose it is."""

DOCUMENTATION = r"""
module: route53_records
short_description: Write or remove records of a hosted zone together with their marks of ownership
version_added: 0.2.0
description:
  - Writes records of a Route 53 hosted zone and, in the same transaction, a TXT record next to each that names its owner.
  - Unlike M(amazon.aws.route53), which writes one record a call, so that a run killed in between leaves a record without its
    mark, and which cannot say that a record must not be there yet.
options:
  hosted_zone_id:
    description:
      - The zone's id, or C(domain:<domain>) for the one public zone of a domain that the account has.
    type: str
    required: true
  records:
    description: The records, all or none of which are written.
    type: list
    elements: dict
    required: true
    suboptions:
      record_set:
        description: The record as Route 53 takes it, a C(ResourceRecordSet).
        type: dict
        required: true
      mark:
        description: The TXT record that marks it, likewise.
        type: dict
        required: true
      create:
        description: Whether the record must not exist yet; then one that does is refused instead of overwritten.
        type: bool
        default: false
  state:
    description: Whether they are to exist. Removal takes the record whatever its values are, and its mark.
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
- name: Write a record and its mark
  terrace.aws.route53_records:
    hosted_zone_id: Z0123456789
    records:
      - record_set: {Name: api.example.internal, Type: A, TTL: 60, ResourceRecords: [{Value: 10.0.0.1}]}
        mark:
          Name: _terrace-a.api.example.internal
          Type: TXT
          TTL: 300
          ResourceRecords: [{Value: '"heritage=terrace,cell=production-use1"'}]
        create: true
"""

RETURN = r"""#"""

import contextlib

with contextlib.suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.exceptions import BotoCoreError, ClientError

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry

#: A batch has at most 1,000 elements and 32,000 characters, and an UPSERT counts twice.
#: https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html#limits-api-requests-changeresourcerecordsets
AT_ONCE = 50


def identity(record):
    """What tells record sets of a zone apart."""
    name = record["Name"].replace("\\052", "*").rstrip(".").lower()
    return name, record["Type"], record.get("SetIdentifier")


def comparable(record):
    """A record set in a form that compares; None for none."""
    if record is None:
        return None
    values = sorted(each["Value"] for each in record.get("ResourceRecords") or [])
    alias = dict(record.get("AliasTarget") or {})
    if alias:
        alias["DNSName"] = alias["DNSName"].rstrip(".").lower()
    rest = {key: value for key, value in record.items() if key not in ("Name", "ResourceRecords", "AliasTarget")}
    return identity(record), values, alias, rest


def taken(records, found):
    """Records that must not be there yet and are, with other values; CREATE itself refuses those made from now on."""
    for each in records:
        record = each["record_set"]
        there = found.get(identity(record))
        if each["create"] and there and comparable(there) != comparable(record):
            yield f"{record['Name']} {record['Type']}: there already, written by somebody else since the plan was made"


def writes(records, found):
    """The changes that make the records so, record and mark next to each other."""
    made = []
    for each in records:
        for record, action in (
            (each["mark"], "UPSERT"),
            (each["record_set"], "CREATE" if each["create"] else "UPSERT"),
        ):
            if comparable(found.get(identity(record))) != comparable(record):
                made.append({"Action": action, "ResourceRecordSet": record})
    return made


def removals(records, found):
    """The changes that remove the records, as they are now, and their marks."""
    wanted = [identity(record) for each in records for record in (each["record_set"], each["mark"])]
    return [{"Action": "DELETE", "ResourceRecordSet": found[each]} for each in wanted if each in found]


def zone_id(client, zone):
    """The id of a zone that may be named by its domain; raises ValueError where there is none, or more than one."""
    if not zone.startswith("domain:"):
        return zone
    name = zone.partition(":")[2].rstrip(".").lower()
    pages = client.get_paginator("list_hosted_zones").paginate()
    found = [
        each["Id"].rpartition("/")[2]
        for page in pages
        for each in page["HostedZones"]
        if each["Name"].rstrip(".").lower() == name and not each["Config"].get("PrivateZone")
    ]
    if len(found) != 1:
        raise ValueError(f"{name}: this account has {len(found)} public zones of that domain; there must be one")
    return found[0]


def main():
    """Run the module."""
    record = {
        "record_set": {"type": "dict", "required": True},
        "mark": {"type": "dict", "required": True},
        "create": {"type": "bool", "default": False},
    }
    module = AnsibleAWSModule(
        argument_spec={
            "hosted_zone_id": {"required": True},
            "records": {"type": "list", "elements": "dict", "required": True, "options": record},
            "state": {"choices": ["present", "absent"], "default": "present"},
        },
        supports_check_mode=True,
    )
    client = module.client("route53", retry_decorator=AWSRetry.jittered_backoff())
    zone, records = module.params["hosted_zone_id"], module.params["records"]
    try:
        zone = zone_id(client, zone)
        pages = client.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone)
        found = {identity(each): each for page in pages for each in page["ResourceRecordSets"]}
        problems = list(taken(records, found)) if module.params["state"] == "present" else []
        if problems:
            module.fail_json(msg=f"zone {zone}, nothing was written: " + "; ".join(problems))
        changes = (writes if module.params["state"] == "present" else removals)(records, found)
        for start in range(0, len(changes) if not module.check_mode else 0, AT_ONCE):
            batch = {"Comment": "Terrace", "Changes": changes[start : start + AT_ONCE]}
            client.change_resource_record_sets(aws_retry=True, HostedZoneId=zone, ChangeBatch=batch)
    except ValueError as error:
        module.fail_json(msg=f"nothing was written: {error}")
    except (BotoCoreError, ClientError) as error:
        names = ", ".join(each["record_set"]["Name"] for each in records)
        module.fail_json_aws(error, msg=f"Could not write {names} in the zone {zone}")
    done = {"/".join(filter(None, identity(each["ResourceRecordSet"]))): each for each in changes}
    before = {name: found.get(identity(each["ResourceRecordSet"])) for name, each in done.items()}
    after = {name: None if each["Action"] == "DELETE" else each["ResourceRecordSet"] for name, each in done.items()}
    module.exit_json(changed=bool(changes), diff={"before": before, "after": after})


if __name__ == "__main__":
    main()
