# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets. https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecrets.html"""

from __future__ import annotations

import json
import typing as t

from ...engine.cell import Cell, tags_of
from ...engine.kind import CELL_TAG, COUNTERPART_TAG, WRITER_TAG, Kind, Resource, Settled
from ...sdk import ClientError
from ...shared import pairs, taken

#: Where a field's value comes from: one of these.
SOURCES = ("value", "generate", "environment")
#: BatchGetSecretValue returns at most so many values a call.
VALUES_AT_ONCE = 20


class Secret(Kind):
    name = "secret"
    role = "secrets"
    variable = "secrets_entries"
    resource_type = "secretsmanager:secret"
    shapes: t.ClassVar[dict[str, str]] = {"content": "secret_field"}
    references: t.ClassVar[dict[str, str]] = {"kms_key": "kms_key", "source": "secret"}
    counterparts: t.ClassVar[dict[str, str]] = {"counterpart": "secret"}
    needs_ready = frozenset({"source"})
    replicates_tags = True
    data = True
    longest_name = 512

    def read(self, cell: Cell) -> dict[str, Resource]:
        # By tags, whatever they are called; the filter compares beginnings, cell.owned the whole.
        tagged = [
            {"Key": "tag-key", "Values": [CELL_TAG, COUNTERPART_TAG]},
            {"Key": "tag-value", "Values": [cell.name]},
        ]
        filters = {} if cell.claimed(self.name) else {"Filters": tagged}
        listed = [
            each
            for each in cell.pages("secretsmanager", "list_secrets", "SecretList", **filters)
            if not each.get("DeletedDate")
        ]
        mine = [secret for secret in listed if _of_this_region(cell, secret)]
        found = list(cell.owned(self.name, mine, lambda s: s.get("Tags"), lambda s: s["ARN"]))
        arns = {secret["ARN"] for _name, secret, _tags in found}
        fields = self._fields(cell, {"Filters": tagged}, arns) if found else {}
        claimed = sorted(arns & set(cell.claimed(self.name)) - set(fields))
        for start in range(0, len(claimed), VALUES_AT_ONCE):
            fields |= self._fields(cell, {"SecretIdList": claimed[start : start + VALUES_AT_ONCE]}, arns)
        return {
            name: self._resource(cell, name, secret, tags, fields.get(secret["ARN"], []))
            for name, secret, tags in found
        }

    def _resource(
        self, cell: Cell, name: str, secret: dict[str, t.Any], tags: dict[str, str], fields: list[str]
    ) -> Resource:
        every, replica_of = tags_of(secret.get("Tags")), _replica_of(cell, secret)
        counterpart = _counterpart(cell, name, every)
        return Resource(
            id=secret["Name"],
            attributes={
                "description": secret.get("Description", ""),
                "kms_key": self._key(cell, secret.get("KmsKeyId")),
                "counterpart": counterpart,
                "created_as": (pairs.PRIMARY if every[CELL_TAG] == cell.name else pairs.REPLICA)
                if counterpart
                else None,
            },
            facts={"name": secret["Name"], "arn": secret["ARN"], "fields": fields, "replica_of": replica_of},
            tags=tags,
        )

    @staticmethod
    def _fields(cell: Cell, which: dict[str, t.Any], arns: set[str]) -> dict[str, list[str]]:
        """Which fields of which secret have a value, by ARN; that is all that is kept of the values.

        :param which: arguments of the call that pick the secrets
        :raises ClientError: where a value of the cell's cannot be read; one that is not there is no error
        https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_BatchGetSecretValue.html
        """
        fields: dict[str, list[str]] = {}
        token: dict[str, str] = {}
        while True:
            # AWS takes no MaxResults beside a list of secrets.
            most = {"MaxResults": VALUES_AT_ONCE} if "Filters" in which else {}
            answer = cell.client("secretsmanager").batch_get_secret_value(**which, **most, **token)
            fields |= {each["ARN"]: _fields(each.get("SecretString")) for each in answer.get("SecretValues") or []}
            for error in answer.get("Errors") or []:
                if error["SecretId"] in arns and error["ErrorCode"] != "ResourceNotFoundException":
                    told = {"Code": error["ErrorCode"], "Message": f"{error['SecretId']}: {error.get('Message', '')}"}
                    raise ClientError({"Error": told}, "BatchGetSecretValue")
            if not answer.get("NextToken"):
                return fields
            token = {"NextToken": answer["NextToken"]}

    @staticmethod
    def _key(cell: Cell, ident: str | None) -> str:
        if not ident or ident == "alias/aws/secretsmanager":
            return ""
        if ":alias/" in ident or ident.startswith("alias/"):
            alias = f"alias/{ident.rsplit('alias/', 1)[-1]}"
            keys = cell.observed("kms_key").items()
            return next((name for name, key in keys if alias in key.facts["aliases"]), ident)
        return cell.name_of("kms_key", ident.rsplit("/", 1)[-1])

    def settled(
        self, name: str, entry: dict[str, t.Any], resource: Resource | None, others: t.Mapping[str, Resource | None]
    ) -> Settled:
        return pairs.settled(PAIRING, entry, resource, others) if entry["counterpart"] else Settled(entry)

    def refusal(
        self, name: str, fields: dict[str, dict[str, t.Any]], entry: dict[str, t.Any], resource: Resource
    ) -> str:
        if not (region := resource.facts["replica_of"]) or not entry or "source" in entry:
            return ""
        return (
            f"{self.variable}.{name}: it is a replica of the secret in {region}, and only that one can be changed; name its"
            " counterpart, or promote it first (terrace.aws.secret_replica, state standalone)"
        )

    def normalise(self, entry: dict[str, t.Any]) -> dict[str, t.Any]:
        """The fields are written once and never compared: their values are nobody's business but the secret's."""
        return {
            "description": entry["description"],
            "kms_key": entry["kms_key"] or "",
            "counterpart": entry["counterpart"],
            # Whether it is a replica is settled by what there is, and what it replicates is its counterpart.
            "source": None,
        }

    def precreate_errors(self, cell: Cell, entries: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        own = {name: entry for name, entry in entries.items() if not entry.get("source")}
        for name, entry in own.items():
            if not entry["content"]:
                yield f"{name}.content: name at least one field; the secret does not exist yet"
        yield from taken.names(cell, self.name, own, self._there(cell, map(cell.aws_name, own)), "Name", "Name")
        yield from self._in_the_way(cell, {entry["source"]: name for name, entry in entries.items() if name not in own})

    def _in_the_way(self, cell: Cell, replicas: dict[str, str]) -> t.Iterator[str]:
        """Secrets in the place of a replica that is to be made.

        :param replicas: logical names by what they replicate
        """
        absent = ("ResourceNotFoundException",)
        for source, name in replicas.items():
            called = source.replace("/", "-", 1)
            found = cell.call("secretsmanager", "describe_secret", absent, SecretId=called)
            if found and found.get("DeletedDate"):
                yield (
                    f"{name}: secret {called} of {cell.region} is scheduled for deletion, and until that is done no replica of"
                    " this name can be made; delete it at once (aws secretsmanager delete-secret"
                    f" --force-delete-without-recovery --region {cell.region} --secret-id {called}), or restore it there"
                )
            elif found:
                yield (
                    f"{name}: there is a secret {called} in {cell.region} already, which a replica would take the place of. Where"
                    f" it was promoted, tag it {WRITER_TAG} with the time; where its value is of no use, delete it at once"
                )

    def prechange_errors(
        self, cell: Cell, entries: dict[str, dict[str, t.Any]], world: dict[str, dict[str, dict[str, t.Any]]]
    ) -> t.Iterator[str]:
        for name, entry in entries.items():
            resource = cell.observed(self.name).get(name)
            if resource and resource.attributes["counterpart"] and not entry["counterpart"]:
                found = cell.call("secretsmanager", "describe_secret", SecretId=resource.id)
                if regions := sorted(each["Region"] for each in found.get("ReplicationStatus") or []):
                    yield (
                        f"{name}.counterpart: it is replicated to {', '.join(regions)}, where nobody would own the replica any"
                        f" more; first take it out of {resource.attributes['counterpart'].partition('/')[0]} with terrace_prune"
                    )

    @staticmethod
    def _there(cell: Cell, names: t.Iterable[str]) -> t.Iterator[dict[str, t.Any]]:
        """Secrets called so on AWS, but for those of the cell that are scheduled for deletion: they are had back."""
        absent = ("ResourceNotFoundException",)

        def ask(name: str) -> t.Any:
            return cell.call("secretsmanager", "describe_secret", absent, SecretId=name)

        for found in filter(None, cell.map(ask, names)):
            if not (found.get("DeletedDate") and tags_of(found.get("Tags")).get(CELL_TAG) == cell.name):
                yield found

    def state_errors(self, entries: dict[str, dict[str, t.Any]], observed: dict[str, Resource]) -> t.Iterator[str]:
        """Existing values are never written, so a field without one stays without one."""
        for name, entry in entries.items():
            if name not in observed:
                continue
            wanted = entry["content"] if entry["required"] is None else entry["required"]
            if lacking := sorted(set(wanted) - set(observed[name].facts["fields"])):
                yield (
                    f"{name}: secret {observed[name].id} has no value for {', '.join(lacking)}: add it in Secrets Manager, "
                    f"or list in required the fields it must have"
                )

    def check(self, name: str, entry: dict[str, t.Any], world: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        yield from pairs.problems(entry)
        if entry["counterpart"] and entry["counterpart"].partition("/")[2] != name:
            yield f"counterpart: {entry['counterpart']} has another name; a replica is called as its primary, <cell>/{name}"
        if entry["content"] and (unknown := sorted(set(entry["required"] or ()) - set(entry["content"]))):
            yield f"required: {', '.join(unknown)} is not in content; fields: {', '.join(sorted(entry['content']))}"
        for field, how in entry["content"].items():
            given = [source for source in SOURCES if how[source] not in (None, "")]
            if len(given) != 1:
                yield f"content.{field}: needs one of {', '.join(SOURCES)}, has {' and '.join(given) or 'none'}"


def _replica(entry: dict[str, t.Any], source: str | None) -> dict[str, t.Any]:
    """The entry of a replica: but for its key it is what its primary is, with the same tags.

    https://docs.aws.amazon.com/secretsmanager/latest/userguide/replicate-secrets.html
    """
    return {**entry, "description": None, "tags": None, "source": source and entry["counterpart"]}


PAIRING = pairs.Pairing(source=lambda secret: secret.facts["replica_of"], follower=_replica)


def _counterpart(cell: Cell, name: str, tags: dict[str, str]) -> str:
    """The same secret in the other cell, as its tags say."""
    other = tags.get(COUNTERPART_TAG, "")
    other = tags[CELL_TAG] if other == cell.name else other
    return f"{other}/{name}" if other else ""


def _of_this_region(cell: Cell, secret: dict[str, t.Any]) -> bool:
    """Whether a secret may be this cell's, although its tags are another cell's that it is replicated from.

    Its primary has the same tags: it must not be taken for this cell's, wherever an inventory says that this cell is.
    """
    tags = tags_of(secret.get("Tags"))
    return tags.get(CELL_TAG, cell.name) == cell.name or bool(_replica_of(cell, secret)) or WRITER_TAG in tags


def _replica_of(cell: Cell, secret: dict[str, t.Any]) -> str:
    """The region of which a secret is a replica; empty where it is none."""
    primary = secret.get("PrimaryRegion", "")
    return primary if primary != cell.region else ""


def _fields(text: str | None) -> list[str]:
    """Names of the fields that have a value."""
    try:
        values = json.loads(text or "")
    except ValueError:
        return []
    return sorted(key for key, value in values.items() if value not in ("", None)) if isinstance(values, dict) else []
