# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""S3 buckets. https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html"""

from __future__ import annotations

import re
import typing as t

from ...engine.cell import Cell
from ...engine.kind import CELL_TAG, Kind, Resource
from ...shared import policies, taken
from .bucket_lifecycle import rules, wrong

BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


class Bucket(Kind):
    name = "bucket"
    role = "storage"
    variable = "storage_buckets"
    shapes: t.ClassVar[dict[str, str]] = {"lifecycle": "lifecycle_rule"}
    references: t.ClassVar[dict[str, str]] = {"kms_key": "kms_key", "access_logs_bucket": "bucket"}
    # amazon.aws.s3_bucket and community.aws.s3_lifecycle look every five seconds until S3 shows what they wrote.
    sleeps = True
    replacement_reason = "its name is unique, and a copy would not hold the data"
    data = True
    #: 63 without the account that is put after it.
    longest_name = 50

    def read(self, cell: Cell) -> dict[str, Resource]:
        buckets = cell.pages("s3", "list_buckets", "Buckets", Prefix=cell.aws_name(""), BucketRegion=cell.region)
        prefix = f"arn:{policies.partition(cell.region)}:s3:::"
        index = {
            arn.removeprefix(prefix)
            for arn, tags in cell.tagged().items()
            if arn.startswith(prefix) and tags.get(CELL_TAG) == cell.name
        }
        named = {each["Name"] for each in buckets if self._named(cell, each["Name"])}
        likely = sorted({*index, *named, *cell.claimed(self.name)})
        tagged = list(zip(likely, cell.map(lambda name: self._tags(cell, name), likely), strict=True))
        found = list(cell.owned(self.name, tagged, lambda each: each[1], lambda each: each[0]))
        names = {bucket: name for name, (bucket, _tags), _own in found}
        attributes = cell.map(lambda bucket: self._attributes(cell, bucket, names), names)
        return {
            name: Resource(
                id=bucket,
                attributes=each,
                facts={"name": bucket, "arn": f"{prefix}{bucket}"},
                tags=tags,
            )
            for (name, (bucket, _tags), tags), each in zip(found, attributes, strict=True)
        }

    @staticmethod
    def _named(cell: Cell, bucket: str) -> re.Match[str] | None:
        """The logical name and the account of a bucket called as the role calls them."""
        return re.fullmatch(rf"{re.escape(cell.aws_name(''))}(?P<logical>.+)-(?P<account>\d{{12}})", bucket)

    @staticmethod
    def _tags(cell: Cell, bucket: str) -> dict[str, str]:
        def ask() -> t.Any:
            absent = ("NoSuchTagSet", "NoSuchBucket", "AccessDenied")
            return (cell.call("s3", "get_bucket_tagging", absent=absent, Bucket=bucket) or {}).get("TagSet")

        return cell.resource_tags(f"arn:{policies.partition(cell.region)}:s3:::{bucket}", ask)

    def prechange_errors(
        self, cell: Cell, entries: dict[str, dict[str, t.Any]], world: dict[str, dict[str, dict[str, t.Any]]]
    ) -> t.Iterator[str]:
        if (own := policies.partition(cell.region)) != "aws":
            for name, entry in entries.items():
                if entry["health_check_objects"]:
                    yield f"{name}.health_check_objects: where health checks of the partition {own} come from is not known"

    def precreate_errors(self, cell: Cell, entries: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        """Buckets of others. A bucket gets its tags in the call after it is made, so an empty one without any is what a killed
        run left, and is finished."""
        ours = {resource.id: name for name, resource in cell.observed(self.name).items()}
        account = cell.call("sts", "get_caller_identity")["Account"]
        there = {each["Name"] for each in cell.pages("s3", "list_buckets", "Buckets", Prefix=cell.aws_name(""))}
        for name in entries:
            called = f"{cell.aws_name(name)}-{account}"
            if called in there and not (called not in ours and self._left(cell, called)):
                yield from taken.one(self.name, name, called, called, ours)

    def _left(self, cell: Cell, bucket: str) -> bool:
        """Whether a bucket is as CreateBucket makes it: no tags, no policy, no object."""
        if self._tags(cell, bucket) or cell.call("s3", "get_bucket_policy", ("NoSuchBucketPolicy",), Bucket=bucket):
            return False
        held = cell.call("s3", "list_object_versions", Bucket=bucket, MaxKeys=1)
        return not held.get("Versions") and not held.get("DeleteMarkers")

    def removal_errors(self, cell: Cell, resources: dict[str, Resource]) -> t.Iterator[str]:
        """Buckets with Object Lock: S3 keeps their objects, and the others would be deleted before it says so.

        https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
        """
        absent = ("ObjectLockConfigurationNotFoundError", "NoSuchBucket")
        for name, resource in resources.items():
            lock = cell.call("s3", "get_object_lock_configuration", absent=absent, Bucket=resource.id) or {}
            if lock.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") == "Enabled":
                yield (
                    f"{name}: {resource.id} has S3 Object Lock, which protects its objects from deletion and cannot be"
                    " switched off; let them expire, empty the bucket and delete it there"
                )

    @staticmethod
    def _attributes(cell: Cell, bucket: str, names: dict[str, str]) -> dict[str, t.Any]:
        def ask(operation: str, *absent: str) -> dict[str, t.Any]:
            return cell.call("s3", operation, absent=absent, Bucket=bucket) or {}

        block = ask("get_public_access_block", "NoSuchPublicAccessBlockConfiguration")
        ownership = ask("get_bucket_ownership_controls", "OwnershipControlsNotFoundError").get("OwnershipControls", {})
        lifecycle = ask("get_bucket_lifecycle_configuration", "NoSuchLifecycleConfiguration")
        named = Bucket._named(cell, bucket)
        account = named["account"] if named else cell.call("sts", "get_caller_identity")["Account"]
        policy = ask("get_bucket_policy", "NoSuchBucketPolicy").get("Policy")
        logging = ask("get_bucket_logging").get("LoggingEnabled", {})
        return {
            "versioning": ask("get_bucket_versioning").get("Status") == "Enabled",
            "public_access_block": all(block.get("PublicAccessBlockConfiguration", {}).get(b) for b in BLOCKS),
            "ownership": next((rule["ObjectOwnership"] for rule in ownership.get("Rules", [])), "ObjectWriter"),
            "lifecycle": rules(lifecycle.get("Rules", [])),
            "access_logs_bucket": names.get(logging.get("TargetBucket", ""), logging.get("TargetBucket", "")),
            "access_logs_prefix": logging.get("TargetPrefix", ""),
            **_encryption(cell, ask("get_bucket_encryption", "ServerSideEncryptionConfigurationNotFoundError")),
            **_words(policies.statements(policy), bucket, account, cell.region),
        }

    def normalise(self, entry: dict[str, t.Any]) -> dict[str, t.Any]:
        return {
            **entry,
            "kms_key": entry["kms_key"] or "",
            "bucket_key": bool(entry["kms_key"]) and entry["bucket_key"],
            "access_logs_bucket": entry["access_logs_bucket"] or "",
            "access_logs_prefix": entry["access_logs_prefix"] if entry["access_logs_bucket"] else "",
            "health_check_objects": sorted(set(entry["health_check_objects"])),
            "other_statements": [],
        }

    def check(self, name: str, entry: dict[str, t.Any], world: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        if entry["kms_key"] and {"elb", "s3"} & set(entry["log_delivery"]):
            yield "log_delivery: load balancers and S3 write access logs to buckets without kms_key only"
        if entry["access_logs_bucket"] == name:
            yield "access_logs_bucket: a bucket that logs to itself never ends; name another"
        if entry["health_check_objects"] and entry["kms_key"]:
            yield "health_check_objects: health checks do not sign in, so that they read from buckets without kms_key only"
        for key in entry["health_check_objects"]:
            if not key or key.startswith("/") or set(key) & set("*?$ "):
                yield f"health_check_objects: {key!r} must be the whole key of an object, without a first slash"
        for rule, options in entry["lifecycle"].items():
            yield from (f"lifecycle.{rule}: {problem}" for problem in wrong(options))


def _encryption(cell: Cell, found: dict[str, t.Any]) -> dict[str, t.Any]:
    rule = next(iter(found.get("ServerSideEncryptionConfiguration", {}).get("Rules", [])), {})
    default = rule.get("ApplyServerSideEncryptionByDefault", {})
    ident = default.get("KMSMasterKeyID", "").rsplit("/", 1)[-1]
    plain = "" if default.get("SSEAlgorithm", "AES256") == "AES256" else default["SSEAlgorithm"]
    key = cell.name_of("kms_key", ident) if ident else plain
    return {"kms_key": key, "bucket_key": bool(rule.get("BucketKeyEnabled")) and bool(key)}


def _words(found: list[dict[str, t.Any]], bucket: str, account: str, region: str) -> dict[str, t.Any]:
    """What of a policy the words make, and every statement that comes of none."""
    left = policies.without(found, [policies.tls_statement(bucket, region)])
    tls_only = left is not None
    found = found if left is None else left
    delivery = []
    for word in policies.LOG_SERVICES:
        left = policies.without(found, policies.bucket_statement(word, bucket, account, region))
        if left is not None:
            delivery.append(word)
            found = left
    checked = policies.health_check_keys(found, bucket, region)
    left = policies.without(found, [policies.health_check_statement(checked, bucket, region)]) if checked else None
    return {
        "tls_only": tls_only,
        "log_delivery": delivery,
        "health_check_objects": checked if left is not None else [],
        "other_statements": policies.text(found if left is None else left),
    }
