#!/usr/bin/python
# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes a listener's rules what they are to be."""

from __future__ import annotations

DOCUMENTATION = r"""
module: elb_listener_rules
short_description: Make the rules of a load balancer's listener what they are to be
version_added: 0.1.0
description:
  - Rules are known by their priority. Missing ones are made, differing ones changed, others deleted, in this order, so
    that a rule which moves to another priority is there all the time.
  - M(amazon.aws.elb_application_lb) finds no difference when a condition is taken out of a rule, and leaves the rule as
    it was.
options:
  listener_arn:
    description: The listener.
    type: str
    required: true
  rules:
    description: Every rule the listener is to have, besides its default.
    type: list
    elements: dict
    required: true
    suboptions:
      priority:
        description: Its place among the rules.
        type: int
        required: true
      conditions:
        description: Conditions as CreateRule takes them.
        type: list
        elements: dict
        required: true
      actions:
        description: Actions as CreateRule takes them.
        type: list
        elements: dict
        required: true
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
attributes:
  check_mode:
    description: Reports what would change.
    support: full
  diff_mode:
    description: Shows the rules before and after.
    support: full
author:
  - The Terrace developers (@terrace)
"""

EXAMPLES = r"""
- name: Send the administration elsewhere
  terrace.aws.elb_listener_rules:
    listener_arn: "{{ listener_arn }}"
    rules:
      - priority: 10
        conditions:
          - Field: path-pattern
            PathPatternConfig:
              Values: [/admin/*]
        actions:
          - Type: forward
            TargetGroupArn: "{{ target_group_arn }}"
"""

RETURN = r"""
rules:
  description: The rules as they are to be, by priority.
  returned: always
  type: dict
"""

import contextlib
import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry

with contextlib.suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.exceptions import BotoCoreError, ClientError


def comparable(conditions: list[dict[str, t.Any]], actions: list[dict[str, t.Any]]) -> dict[str, t.Any]:
    """A rule without what AWS adds to it: the short form beside the configuration, the weight of an only target."""
    fields = {}
    for condition in conditions:
        config = next((value for key, value in condition.items() if key.endswith("Config")), condition)
        header = config.get("HttpHeaderName", "")
        fields[f"{condition['Field']} {header}".strip()] = sorted(map(str, config.get("Values") or []))
    done = []
    for action in sorted(actions, key=lambda each: each.get("Order", 0)):
        kept = {key: value for key, value in action.items() if key not in ("Order", "ForwardConfig")}
        groups = (action.get("ForwardConfig") or {}).get("TargetGroups") or []
        if len(groups) == 1:
            kept["TargetGroupArn"] = groups[0]["TargetGroupArn"]
        elif groups:
            kept["TargetGroups"] = groups
        done.append(kept)
    return {"conditions": fields, "actions": done}


def present(client: t.Any, listener: str) -> dict[int, dict[str, t.Any]]:
    """The listener's rules by priority, but for its default."""
    found = client.get_paginator("describe_rules").paginate(ListenerArn=listener).build_full_result()["Rules"]
    return {
        int(rule["Priority"]): rule for rule in found if not rule.get("IsDefault") and rule["Priority"] != "default"
    }


def main() -> None:
    rule = {
        "priority": {"type": "int", "required": True},
        "conditions": {"type": "list", "elements": "dict", "required": True},
        "actions": {"type": "list", "elements": "dict", "required": True},
    }
    module = AnsibleAWSModule(
        argument_spec={
            "listener_arn": {"type": "str", "required": True},
            "rules": {"type": "list", "elements": "dict", "required": True, "options": rule},
        },
        supports_check_mode=True,
    )
    client = module.client("elbv2", retry_decorator=AWSRetry.jittered_backoff())
    listener = module.params["listener_arn"]
    wanted = {each["priority"]: each for each in module.params["rules"]}
    try:
        found = present(client, listener)
        before = {number: comparable(each["Conditions"], each["Actions"]) for number, each in found.items()}
        after = {number: comparable(each["conditions"], each["actions"]) for number, each in wanted.items()}
        for number, each in wanted.items() if not module.check_mode else ():
            body = {"Conditions": each["conditions"], "Actions": each["actions"]}
            if number not in found:
                client.create_rule(aws_retry=True, ListenerArn=listener, Priority=number, **body)
            elif before[number] != after[number]:
                client.modify_rule(aws_retry=True, RuleArn=found[number]["RuleArn"], **body)
        for number in sorted(set(found) - set(wanted)) if not module.check_mode else ():
            client.delete_rule(aws_retry=True, RuleArn=found[number]["RuleArn"])
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg=f"Could not write the rules of {listener}")
    shown = {str(number): each for number, each in sorted(after.items())}
    was = {str(number): each for number, each in sorted(before.items())}
    module.exit_json(changed=before != after, rules=shown, diff={"before": was, "after": shown})


if __name__ == "__main__":
    main()
