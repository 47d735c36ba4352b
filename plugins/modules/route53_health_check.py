#!/usr/bin/python
# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes a Route 53 health check by its id."""

DOCUMENTATION = r"""
module: route53_health_check
short_description: Write a Route 53 health check by its id
version_added: 0.2.0
description:
  - Creates a health check, or changes the one with the id given.
  - Unlike M(amazon.aws.route53_health_check), which creates it with a random reference and tags it afterwards, so that a killed
    run leaves a check that nobody knows; which cannot invert a check, choose its regions, send a server name (SNI) or follow an
    alarm; and which can empty no option.
options:
  id:
    description: The check where it exists; empty to create it.
    type: str
    default: ""
  config:
    description:
      - The check as Route 53 takes it, a C(HealthCheckConfig). Type, interval and latency measurement cannot be changed, nor
        can an address be added or taken away. Required when O(state=present).
    type: dict
  reference:
    description:
      - How the reference begins that a new check is created with, by which it is found again before it has tags.
    type: str
    default: ""
  tags:
    description: All its tags.
    type: dict
    default: {}
  state:
    description: Whether it is to exist. AWS removes it although records name it.
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
- name: Create a health check
  terrace.aws.route53_health_check:
    config:
      Type: HTTPS
      FullyQualifiedDomainName: www.example.com
      ResourcePath: /healthz
      Port: 443
      RequestInterval: 10
      FailureThreshold: 3
    reference: terrace/production-use1/www/
    tags: {Name: production-use1-www}
"""

RETURN = r"""
id:
  description: The check; empty where it would be created in check mode.
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

#: What UpdateHealthCheck does not take. https://docs.aws.amazon.com/Route53/latest/APIReference/API_UpdateHealthCheck.html
FIXED = frozenset({"Type", "RequestInterval", "MeasureLatency"})
#: What it sets back to nothing when told to; anything else always has a value.
RESETTABLE = frozenset({"FullyQualifiedDomainName", "ResourcePath", "Regions", "ChildHealthChecks"})


def comparable(value):
    """A member in a form that compares; lists mean no order."""
    return sorted(value) if isinstance(value, list) else value


class Check:
    """One health check, as the module's parameters want it."""

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
        if not self.id:
            self._create()
            return
        found = self.client.get_health_check(HealthCheckId=self.id, aws_retry=True)["HealthCheck"]
        have = {key: value for key, value in found["HealthCheckConfig"].items() if value not in (None, [], "")}
        wanted = self.wanted["config"]
        differing = {key for key, value in wanted.items() if comparable(have.get(key)) != comparable(value)}
        emptied = {key for key in RESETTABLE & set(have) if key not in wanted}
        added = "IPAddress" in wanted
        if fixed := sorted(differing & FIXED) + (["IPAddress"] if added != ("IPAddress" in have) else []):
            self.module.fail_json(
                msg=f"{self.id}: AWS cannot change {', '.join(fixed)} of a health check; make another"
            )
        for key in sorted(differing | emptied):
            self._note(key, have.get(key), wanted.get(key))
        if differing or emptied:
            change = {key: wanted[key] for key in differing}
            # The two belong together: a status without its alarm is refused.
            if differing & {"AlarmIdentifier", "InsufficientDataHealthStatus"}:
                change |= {key: wanted[key] for key in ("AlarmIdentifier", "InsufficientDataHealthStatus")}
            if emptied:
                change["ResetElements"] = sorted(emptied)
            version = found["HealthCheckVersion"]
            self._do("update_health_check", HealthCheckId=self.id, HealthCheckVersion=version, **change)
        self._tag()

    def _create(self):
        self._note("config", None, self.wanted["config"])
        # The reference has at most 64 characters.
        reference = f"{self.wanted['reference']}{time.time_ns() // 1000000:011x}"
        answer = self._do("create_health_check", CallerReference=reference, HealthCheckConfig=self.wanted["config"])
        if answer:
            self.id = answer["HealthCheck"]["Id"]
            # In the next breath: a check without tags is only found by its reference.
            tags = ansible_dict_to_boto3_tag_list(self.wanted["tags"])
            if tags:
                self._do("change_tags_for_resource", ResourceType="healthcheck", ResourceId=self.id, AddTags=tags)

    def _tag(self):
        arguments = {"ResourceType": "healthcheck", "ResourceId": self.id}
        answer = self.client.list_tags_for_resource(aws_retry=True, **arguments)
        have = boto3_tag_list_to_ansible_dict(answer["ResourceTagSet"]["Tags"])
        wrong, left = compare_aws_tags(have, self.wanted["tags"], True)
        change = {"AddTags": ansible_dict_to_boto3_tag_list(wrong)} if wrong else {}
        change |= {"RemoveTagKeys": left} if left else {}
        if change:
            self._note("tags", have, self.wanted["tags"])
            self._do("change_tags_for_resource", **arguments, **change)

    def absent(self):
        """Remove it."""
        try:
            self.client.get_health_check(HealthCheckId=self.id, aws_retry=True)
            self._do("delete_health_check", HealthCheckId=self.id)
        except is_boto3_error_code("NoSuchHealthCheck"):
            return
        self._note("state", "present", "absent")

    def _note(self, option, before, after):
        self.before[option], self.after[option] = before, after


def main():
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={
            "id": {"default": ""},
            "config": {"type": "dict"},
            "reference": {"default": ""},
            "tags": {"type": "dict", "default": {}},
            "state": {"choices": ["present", "absent"], "default": "present"},
        },
        required_if=[("state", "present", ["config"])],
        supports_check_mode=True,
    )
    if module.params["state"] == "absent" and not module.params["id"]:
        module.fail_json(msg="id: missing; a health check is removed by its id only")
    module.params["tags"] = {key: str(value) for key, value in module.params["tags"].items()}
    check = Check(module, module.client("route53", retry_decorator=AWSRetry.jittered_backoff()))
    try:
        (check.present if module.params["state"] == "present" else check.absent)()
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg=f"Could not write the health check {module.params['id'] or 'to be created'}")
    diff = {"before": check.before, "after": check.after}
    module.exit_json(changed=bool(check.before or check.after), id=check.id, diff=diff)


if __name__ == "__main__":
    main()
