# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""KMS keys. https://docs.aws.amazon.com/kms/latest/APIReference/API_DescribeKey.html"""

from __future__ import annotations

import typing as t

from ...engine.cell import Cell
from ...engine.kind import CELL_TAG, CREATE_FIRST, KIND_TAG, OUTGOING_TAG, PENDING, READY, Kind, Resource
from ...shared import policies, taken

#: Scheduled for deletion: as good as gone, though it can still be had back.
GONE = ("PendingDeletion", "PendingReplicaDeletion")


class KmsKey(Kind):
    name = "kms_key"
    role = "keys"
    variable = "keys_kms"
    resource_type = "kms:key"
    immutable = frozenset({"multi_region"})
    # What is encrypted with a key names it; that is encrypted with the new one before the old one is scheduled for deletion.
    replacement = CREATE_FIRST
    # amazon.aws.kms_key waits until KMS shows what it wrote.
    sleeps = True
    data = True
    longest_name = 250

    def read(self, cell: Cell) -> dict[str, Resource]:
        aliases: dict[str, list[str]] = {}
        for each in cell.pages("kms", "list_aliases", "Aliases"):
            if each.get("TargetKeyId"):
                aliases.setdefault(each["TargetKeyId"], []).append(each["AliasName"].removeprefix("alias/"))
        likely = [ident for ident, names in aliases.items() if any(map(cell.logical, names))]
        # Any alias may name a key that was adopted, and a run that was killed between making a key and naming it leaves one
        # that only its tags find again.
        index = [
            arn.rsplit("/", 1)[-1]
            for arn, tags in cell.tagged().items()
            if ":kms:" in arn and tags.get(CELL_TAG) == cell.name and tags.get(KIND_TAG) == self.name
        ]
        found = cell.map(lambda ident: self._key(cell, ident), sorted({*likely, *index, *cell.claimed(self.name)}))
        keys = [each for each in found if each]
        named = {each.rsplit("/", 1)[-1] for each in aliases}
        # A key without an alias is not the one meant where another of its name has one. Those with one are read last, so
        # that they are what the name stands for.
        double = dict(self._resources(cell, [key for key in keys if key[0]["KeyId"] not in named], aliases))
        resources = dict(self._resources(cell, [key for key in keys if key[0]["KeyId"] in named], aliases))
        for name, resource in double.items():
            resources[f"{name} ({resource.id})" if name in resources else name] = resource
        return resources

    def _resources(
        self, cell: Cell, keys: list[tuple[t.Any, ...]], aliases: dict[str, list[str]]
    ) -> t.Iterator[tuple[str, Resource]]:
        for name, (key, every, attributes), tags in cell.owned(
            self.name, keys, lambda each: each[1], lambda each: each[0]["KeyId"]
        ):
            have = aliases.get(key["KeyId"], [])
            # A key that another one replaces has the alias until the new one gets it; an adopted one gets it beside its own.
            meant = have[0] if have and OUTGOING_TAG in every else cell.aws_name(name)
            yield (
                name,
                Resource(
                    id=key["KeyId"],
                    attributes={
                        **attributes,
                        "description": key.get("Description", ""),
                        "enabled": key["Enabled"],
                        "multi_region": bool(key.get("MultiRegion")),
                        # A claimed one gets the alias together with its tags.
                        "has_alias": meant in have or CELL_TAG not in every,
                    },
                    # No name: KMS calls a key by its id, and the alias is the one the cell's name makes.
                    facts={
                        "arn": key["Arn"],
                        "alias": f"alias/{meant}",
                        "aliases": [f"alias/{alias}" for alias in have],
                    },
                    tags=tags,
                    state=PENDING if key["KeyState"] == "Creating" else READY,
                    status=key["KeyState"],
                ),
            )

    @staticmethod
    def _key(cell: Cell, ident: str) -> tuple[dict[str, t.Any], dict[str, str], dict[str, t.Any]] | None:
        key = cell.call("kms", "describe_key", KeyId=ident)["KeyMetadata"]
        tags = cell.resource_tags(key["Arn"], lambda: cell.pages("kms", "list_resource_tags", "Tags", KeyId=ident))
        if tags.get(CELL_TAG) != cell.name and not cell.claims(KmsKey.name, ident):
            return None  # another cell's, whose name begins like this one's
        if key["KeyState"] in GONE or key.get("KeyManager") == "AWS":
            return None
        account = key["Arn"].split(":")[4]
        rotation = cell.call("kms", "get_key_rotation_status", absent=("UnsupportedOperationException",), KeyId=ident)
        policy = cell.call("kms", "get_key_policy", KeyId=ident, PolicyName="default")["Policy"]
        attributes = _words(policies.statements(policy), account, cell.region)
        return key, tags, {"rotation": bool(rotation and rotation["KeyRotationEnabled"]), **attributes}

    def precreate_errors(self, cell: Cell, entries: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        # amazon.aws.kms_key looks a key up by its alias. One of the cell's that is scheduled for deletion it takes back.
        ours = {resource.id: name for name, resource in cell.observed(self.name).items()}
        aliases = {each["AliasName"]: each.get("TargetKeyId") for each in cell.pages("kms", "list_aliases", "Aliases")}
        for name in entries:
            ident = aliases.get(f"alias/{cell.aws_name(name)}")
            if ident in ours or (ident and self._tags(cell, ident).get(CELL_TAG) != cell.name):
                yield from taken.one(self.name, name, f"alias/{cell.aws_name(name)}", ident, ours)

    @staticmethod
    def _tags(cell: Cell, ident: str) -> dict[str, str]:
        """The tags of any key; those of keys of AWS itself, and of others, may not be read."""
        found = cell.call("kms", "list_resource_tags", ("AccessDeniedException",), KeyId=ident) or {}
        return {each["TagKey"]: each["TagValue"] for each in found.get("Tags", [])}

    def normalise(self, entry: dict[str, t.Any]) -> dict[str, t.Any]:
        return {**entry, "has_alias": True, "other_statements": []}


def _words(found: list[dict[str, t.Any]], account: str, region: str) -> dict[str, t.Any]:
    """The services and principals a policy lets use the key, and every statement that comes of neither."""
    services, principals = [], []
    for word in policies.KEY_SERVICES:
        left = policies.without(found, [policies.key_statement(word, account, region)])
        if left is not None:
            services.append(word)
            found = left
    for each in found:
        if each.get("Sid") == "Principals":
            named = each["Principal"].get("AWS", []) if isinstance(each["Principal"], dict) else []
            principals = named if isinstance(named, list) else [named]
    left = policies.without(found, policies.key_policy(account, region, [], principals)["Statement"])
    other = policies.text(found) if left is None else policies.text(left)
    return {"services": services, "principals": principals if left is not None else [], "other_statements": other}
