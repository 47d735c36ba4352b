# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""IAM roles and their instance profiles.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html
"""

from __future__ import annotations

import json
import re
import typing as t

from ...engine.cell import Cell
from ...engine.kind import ACCOUNT, Kind, Resource
from ...shared import taken, words
from ...shared.policies import partition

PAGES = {"PageSize": 1000}
#: Kinds that one role alone owns, so that a name none of them has is a mistake.
JUDGED = ("bucket", "kms_key", "secret")


class IamRole(Kind):
    name = "iam_role"
    role = "identity"
    variable = "identity_roles"
    scope = ACCOUNT
    shapes: t.ClassVar[dict[str, str]] = {"policies.*": "statement"}
    immutable = frozenset({"path"})
    longest_name = 64

    def read(self, cell: Cell) -> dict[str, Resource]:
        details = self._details(cell)
        found = list(cell.owned(self.name, details, lambda r: r.get("Tags"), lambda r: r["RoleName"]))
        if not found:
            return {}
        # The details leave out the description and how long a session lasts.
        summaries = {
            each["RoleName"]: each for each in cell.pages("iam", "list_roles", "Roles", PaginationConfig=PAGES)
        }
        return {
            name: Resource(
                id=detail["RoleName"],
                attributes=self._attributes(cell, detail, summaries.get(detail["RoleName"], {})),
                facts={
                    "name": detail["RoleName"],
                    "arn": detail["Arn"],
                    "instance_profile": (_profile(detail) or {}).get("InstanceProfileName", ""),
                    "instance_profile_arn": (_profile(detail) or {}).get("Arn", ""),
                },
                tags=tags,
            )
            for name, detail, tags in found
        }

    @staticmethod
    def _details(cell: Cell) -> list[dict[str, t.Any]]:
        return cell.pages(
            "iam", "get_account_authorization_details", "RoleDetailList", Filter=["Role"], PaginationConfig=PAGES
        )

    def precreate_errors(self, cell: Cell, entries: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        details = self._details(cell)
        yield from taken.names(cell, self.name, entries, details, "RoleName", "RoleName")
        # The module finds an instance profile by its name, and gives it this role, or deletes it where there is to be none.
        holders = {
            profile["InstanceProfileName"]: detail["RoleName"]
            for detail in details
            for profile in detail["InstanceProfileList"]
        }
        for name in entries:
            holder = holders.get(cell.aws_name(name))
            if holder and holder != cell.aws_name(name):
                yield (
                    f"{name}: there is an instance profile {cell.aws_name(name)}, of the role {holder}, that is not this"
                    " cell's; give another name"
                )

    @staticmethod
    def _attributes(cell: Cell, detail: dict[str, t.Any], summary: dict[str, t.Any]) -> dict[str, t.Any]:
        known = words.Words(cell.name, cell.region, detail["Arn"].split(":")[4])
        own = f"arn:{partition(cell.region)}:iam::aws:policy/"
        return {
            "description": summary.get("Description", ""),
            "path": detail["Path"],
            "max_session_duration": summary.get("MaxSessionDuration", 3600),
            "boundary": (detail.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn", ""),
            "assumed_by": words.trusted(detail["AssumeRolePolicyDocument"], cell.region),
            "managed_policies": sorted(p["PolicyArn"].removeprefix(own) for p in detail["AttachedManagedPolicies"]),
            "policies": {p["PolicyName"]: known.grants(p["PolicyDocument"]) for p in detail["RolePolicyList"]},
            "instance_profile": _profile(detail) is not None,
        }

    def normalise(self, entry: dict[str, t.Any]) -> dict[str, t.Any]:
        return {
            **entry,
            "assumed_by": [_statement(each) if each.startswith("{") else each for each in entry["assumed_by"]],
            "policies": {
                name: {sid: _normalised(grant) for sid, grant in grants.items()}
                for name, grants in entry["policies"].items()
            },
        }

    def check(self, name: str, entry: dict[str, t.Any], world: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        yield from (f"assumed_by: {problem}" for problem in map(words.trust_problem, entry["assumed_by"]) if problem)
        for policy, grants in entry["policies"].items():
            if not grants:
                yield f"policies.{policy}: needs a statement"
            for sid, grant in grants.items():
                where = f"policies.{policy}.{sid}"
                if not re.fullmatch(r"[A-Za-z0-9]+", sid):
                    yield f"{where}: a statement's name takes letters and digits only"
                yield from (f"{where}.{problem}" for problem in words.problems(grant))
                yield from (f"{where}.resources: {problem}" for problem in _unknown(grant, world))


def _profile(detail: dict[str, t.Any]) -> dict[str, t.Any] | None:
    """The role's instance profile: the one of its name where it has several."""
    profiles = detail.get("InstanceProfileList") or []
    same = (each for each in profiles if each["InstanceProfileName"] == detail["RoleName"])
    return next(same, next(iter(profiles), None))


def _normalised(grant: dict[str, t.Any]) -> dict[str, t.Any]:
    """A statement as it is read: what IAM takes one or several of always in a list."""
    conditions = {
        op: {key: words.listed(value) for key, value in tests.items()} for op, tests in grant["conditions"].items()
    }
    return {**grant, "conditions": conditions}


def _statement(text: str) -> str:
    """A statement of a trust policy as it is read."""
    return json.dumps(json.loads(text), sort_keys=True)


def _unknown(grant: dict[str, t.Any], world: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
    """Names of what the inventory should describe and does not, of the kinds that are being looked at."""
    for resource in grant["resources"]:
        kind, _colon, rest = str(resource).partition(":")
        name = rest.partition("/")[0] if kind == "bucket" else rest
        if kind in JUDGED and kind in world and not set(name) & set("*?") and name not in world[kind]:
            yield f"there is no {kind} {name}; known: {', '.join(sorted(world[kind])) or 'none'}"
