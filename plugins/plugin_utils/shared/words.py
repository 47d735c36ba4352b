# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an IAM policy grants, in the inventory's words, and back.

``bucket:releases/*`` stands for an ARN that cell, account, region and logical name make, so that a role can be given
rights on what is not there yet. What AWS names by random ids is met by a condition on alias or tag instead.
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

import json
import re
import typing as t

from .partitions import partition, service_principal
from .policies import comparable, statements

#: Kind -> what its ARN looks like; {name} is the logical name, and whatever is written after it.
ARNS = {
    "bucket": "arn:{partition}:s3:::{cell}-{name}-{account}{path}",
    "secret": "arn:{partition}:secretsmanager:{region}:{account}:secret:{cell}-{name}-??????",
    "parameter": "arn:{partition}:ssm:{region}:{account}:parameter/{cell}/{name}",
    "autoscaling_group": "arn:{partition}:autoscaling:{region}:{account}:autoScalingGroup:*:autoScalingGroupName/{cell}-{name}",
    "log_group": "arn:{partition}:logs:{region}:{account}:log-group:{cell}-{name}:*",
    "queue": "arn:{partition}:sqs:{region}:{account}:{cell}-{name}",
}
#: Kind -> ARN of them all, and the condition that picks those meant: operator, key, value.
CONDITIONS = {
    "kms_key": (
        "arn:{partition}:kms:{region}:{account}:key/*",
        ("ForAnyValue:StringLike", "kms:ResourceAliases", "alias/{cell}-{name}"),
    ),
    "elastic_ip": (
        "arn:{partition}:ec2:{region}:{account}:elastic-ip/*",
        ("StringLike", "aws:ResourceTag/Name", "{cell}-{name}"),
    ),
    # A replica has the name and the tags of its primary, which is another cell's.
    "replicated_secret": (
        "arn:{partition}:secretsmanager:{region}:{account}:secret:*",
        ("StringLike", "secretsmanager:ResourceTag/Name", "{name}"),
    ),
    "instance": (
        "arn:{partition}:ec2:{region}:{account}:instance/*",
        ("StringLike", "aws:ResourceTag/Name", "{cell}-{name}"),
    ),
}
#: Wherever that is: ARNs of what has no name of its own.
EVERY = {"network_interface": "arn:{partition}:ec2:{region}:{account}:network-interface/*"}
KINDS = (*ARNS, *CONDITIONS, *EVERY)


def listed(value: t.Any) -> list[t.Any]:
    """A list of one where AWS or an inventory gives just its element."""
    return list(value) if isinstance(value, list | tuple) else [] if value is None else [value]


def problems(grant: dict[str, t.Any]) -> t.Iterator[str]:
    """What is wrong with a statement of a policy beyond types."""
    for action in grant["actions"] or [""]:
        if not re.fullmatch(r"\*|[a-z0-9-]+:[A-Za-z*?]+", action):
            yield f"actions: {action or 'nothing'} is no action, such as s3:GetObject"
    resources = grant["resources"]
    if not resources:
        yield 'resources: name at least one, or "*"'
    for resource in resources:
        kind, _colon, name = resource.partition(":")
        if resource != "*" and kind not in ("arn", *KINDS):
            yield f"resources: {resource} is neither an ARN nor <kind>:<name>; kinds: {', '.join(KINDS)}"
        elif resource != "*" and not name:
            yield f"resources: {resource} says no name"
    picked = {resource.partition(":")[0] for resource in resources} & set(CONDITIONS)
    if (picked and {resource.partition(":")[0] for resource in resources} != picked) or len(picked) > 1:
        yield f"resources: {', '.join(sorted(picked))} is met by a condition; give it a statement of its own"


class Words:
    """The words of one cell in one region of one account."""

    def __init__(self, cell: str, region: str, account: str) -> None:
        self._parts = {"cell": cell, "region": region, "account": account, "partition": partition(region)}

    def document(self, grants: dict[str, dict[str, t.Any]]) -> dict[str, t.Any]:
        """An IAM policy of statements by Sid: ``{sid: {effect, actions, resources, conditions}}``."""
        return {"Version": "2012-10-17", "Statement": [self._statement(sid, each) for sid, each in grants.items()]}

    def grants(self, document: str | dict[str, t.Any]) -> dict[str, dict[str, t.Any]]:
        """A policy's statements in the inventory's words; what has no word stands as AWS has it."""
        found = {}
        for number, each in enumerate(statements(document)):
            sid = each.get("Sid") or f"Statement{number}"
            grant = self._grant(each)
            same = comparable(self._statement(sid, grant)) == comparable({**each, "Sid": sid})
            found[sid] = grant if same else {"statement": json.dumps(each, sort_keys=True)}
        return found

    def _statement(self, sid: str, grant: dict[str, t.Any]) -> dict[str, t.Any]:
        conditions = {operator: dict(tests) for operator, tests in (grant.get("conditions") or {}).items()}
        arns: list[str] = []
        for resource in listed(grant.get("resources")):
            kind, _colon, name = str(resource).partition(":")
            if kind in CONDITIONS:
                pattern, (operator, key, value) = CONDITIONS[kind]
                arns.append(pattern.format(**self._parts))
                conditions.setdefault(operator, {}).setdefault(key, []).append(value.format(**self._parts, name=name))
            else:
                arns.append(self._arn(kind, name) if kind in KINDS else str(resource))
        made: dict[str, t.Any] = {"Sid": sid, "Effect": grant.get("effect", "allow").title()}
        made |= {"Action": listed(grant.get("actions")), "Resource": sorted(set(arns))}
        return {**made, "Condition": conditions} if conditions else made

    def _arn(self, kind: str, name: str) -> str:
        path = ""
        if kind == "bucket":
            name, slash, rest = name.partition("/")
            path = f"{slash}{rest}"
        return {**ARNS, **EVERY}[kind].format(**self._parts, name=name, path=path)

    def _grant(self, statement: dict[str, t.Any]) -> dict[str, t.Any]:
        conditions = {operator: dict(tests) for operator, tests in (statement.get("Condition") or {}).items()}
        arns = [str(each) for each in listed(statement.get("Resource"))]
        resources = []
        for kind, (pattern, (operator, key, value)) in CONDITIONS.items():
            if arns == [pattern.format(**self._parts)] and key in conditions.get(operator, {}):
                prefix = value.format(**self._parts, name="")
                resources = [f"{kind}:{each.removeprefix(prefix)}" for each in listed(conditions[operator].pop(key))]
        return {
            "effect": str(statement.get("Effect", "")).lower(),
            "actions": listed(statement.get("Action")),
            "resources": resources or [self._word(arn) for arn in arns],
            # IAM gives a list of one as its element, where it was written so.
            "conditions": {
                operator: {key: listed(value) for key, value in tests.items()}
                for operator, tests in conditions.items()
                if tests
            },
        }

    def _word(self, arn: str) -> str:
        for kind, pattern in {**ARNS, **EVERY}.items():
            parts = {key: re.escape(value) for key, value in self._parts.items()}
            shape = re.sub(r"\\\{(\w+)\\\}", r"{\1}", re.escape(pattern))
            match = re.fullmatch(shape.format(**parts, name="(?P<name>[^/]+?)", path="(?P<path>/.*)?"), arn)
            if kind == "parameter":
                match = re.fullmatch(shape.format(**parts, name="(?P<name>.+)"), arn)
            if match:
                found = match.groupdict()
                return f"{kind}:{found.get('name') or '*'}{found.get('path') or ''}"
        return arn


def trust(assumed_by: list[str], region: str) -> dict[str, t.Any]:
    """A trust policy: ``ec2`` is that service, ``account:111122223333`` that account, an ARN is itself, JSON a statement."""
    principals: dict[str, list[str]] = {}
    others = []
    for word in assumed_by:
        if word.startswith("{"):
            others.append(json.loads(word))
        elif word.startswith("account:"):
            principals.setdefault("AWS", []).append(
                f"arn:{partition(region)}:iam::{word.removeprefix('account:')}:root"
            )
        elif word.startswith("arn:"):
            principals.setdefault("AWS", []).append(word)
        else:
            principals.setdefault("Service", []).append(word if "." in word else service_principal(word, region))
    statement = {"Sid": "AssumedBy", "Effect": "Allow", "Principal": principals, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [*([statement] if principals or not others else []), *others]}


def trusted(document: str | dict[str, t.Any], region: str) -> list[str]:
    """A trust policy in words; a statement that words cannot say as it is, in JSON."""
    found: list[str] = []
    for statement in statements(document):
        # What a statement is called, if anything, makes no difference.
        named = {**statement, "Sid": "AssumedBy"}
        words = _trusted(statement, region)
        said = bool(words) and comparable(named) == comparable(trust(words, region)["Statement"][0])
        found += words if said else [json.dumps(statement, sort_keys=True)]
    return sorted(set(found))


def _trusted(statement: dict[str, t.Any], region: str) -> list[str]:
    """Whom a statement names, in words."""
    words: list[str] = []
    principal = statement.get("Principal")
    for kind, values in principal.items() if isinstance(principal, dict) else ():
        for value in listed(values):
            account = re.fullmatch(r"arn:[^:]+:iam::(\d{12}):root", value)
            if kind == "AWS":
                words.append(f"account:{account[1]}" if account else value)
            else:
                name = value.partition(".")[0]
                words.append(name if service_principal(name, region) == value else value)
    return words


def trust_problem(word: str) -> str:
    """What is wrong with a statement of a trust policy in JSON; empty where nothing is, and for other words."""
    if not word.startswith("{"):
        return ""
    try:
        statement = json.loads(word)
    except ValueError as error:
        return f"{word} is not JSON ({error})"
    lacking = [key for key in ("Effect", "Principal", "Action") if key not in statement]
    return f"the statement {word} has no {' and no '.join(lacking)}" if lacking else ""
