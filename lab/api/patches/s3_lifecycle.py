"""S3: lifecycle rules it can follow."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from lab.api.patching import patch
from lab.api.wrapping import wrap

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html: downwards only.
WATERFALL = ("STANDARD", "STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE")
INFREQUENT = ("STANDARD_IA", "ONEZONE_IA")
# The elements of a rule: transitions, expiration, and how they name the age.
SORTS = (
    ("Transition", "Expiration", "Days"),
    ("NoncurrentVersionTransition", "NoncurrentVersionExpiration", "NoncurrentDays"),
)


@patch(
    moto="takes transitions at any age and in any order, expiry before them, rules of the same name and of any length of it, and"
    " any number of days and versions",
    aws="answers InvalidArgument: infrequent access after 30 days at least and for 30 days at least, towards colder classes"
    " only, expiry after the last transition; 255 characters of a name, days above 0, 1 to 100 newer versions",
    document="https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html",
)
def ages() -> None:
    from moto.s3.exceptions import S3ClientError
    from moto.s3.models import S3Backend

    @wrap(S3Backend, "put_bucket_lifecycle")
    def put(original: Any, self: Any, bucket_name: str, rules: Any) -> Any:
        every = _several(rules)
        names = [rule["ID"] for rule in every if rule.get("ID")]
        if len(set(names)) < len(names):
            message = "Rule ID must be unique. Found same ID for more than one rule"
            raise S3ClientError("InvalidArgument", message)
        for rule in every:
            for message in (*_wrong_numbers(rule), *(each for sort in SORTS for each in _errors(rule, *sort))):
                raise S3ClientError("InvalidArgument", message)
        return original(self, bucket_name, rules)


@patch(
    moto="forgets how many newer noncurrent versions a rule keeps",
    aws="keeps and returns NewerNoncurrentVersions of NoncurrentVersionExpiration",
    document="https://docs.aws.amazon.com/AmazonS3/latest/API/API_NoncurrentVersionExpiration.html",
)
def kept_versions() -> None:
    from moto.s3.models import FakeBucket
    from moto.s3.responses import S3Response

    @wrap(FakeBucket, "set_lifecycle")
    def put(original: Any, self: Any, rules: list[dict[str, Any]]) -> None:
        original(self, rules)
        for kept, rule in zip(self.rules, rules, strict=True):
            kept.lab_newer_versions = (rule.get("NoncurrentVersionExpiration") or {}).get("NewerNoncurrentVersions")

    @wrap(S3Response, "get_bucket_lifecycle")
    def get(original: Any, self: Any) -> Any:
        serialized = self.serialized

        def told(result: Any) -> Any:
            rules = self.backend.get_bucket_lifecycle(self.bucket_name)
            for shown, rule in zip(result.result["Rules"], rules, strict=True):
                if "NoncurrentVersionExpiration" in shown and (newer := getattr(rule, "lab_newer_versions", None)):
                    shown["NoncurrentVersionExpiration"]["NewerNoncurrentVersions"] = newer
            return serialized(result)

        self.serialized = told
        try:
            return original(self)
        finally:
            del self.serialized


def _several(value: Any) -> list[dict[str, Any]]:
    """An XML element that can stand once or more often as a list."""
    return [] if value is None else list(value) if isinstance(value, list) else [value]


def _wrong_numbers(rule: dict[str, Any]) -> Iterator[str]:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_LifecycleRule.html"""
    if len(rule.get("ID") or "") > 255:
        yield "ID length should not exceed allowed limit of 255"
    for transition, _expiration, days in SORTS:
        for each in _several(rule.get(transition)):
            if each.get(days) is not None and int(each[days]) < 0:
                yield f"'{days}' in {transition} action must be nonnegative"
    uploads = (rule.get("AbortIncompleteMultipartUpload") or {}).get("DaysAfterInitiation")
    if uploads is not None and int(uploads) <= 0:
        yield "'DaysAfterInitiation' for AbortIncompleteMultipartUpload action must be a positive integer"
    newer = (rule.get("NoncurrentVersionExpiration") or {}).get("NewerNoncurrentVersions")
    if newer is not None and not 1 <= int(newer) <= 100:
        yield "'NewerNoncurrentVersions' for NoncurrentVersionExpiration action must be a positive integer up to 100"


def _errors(rule: dict[str, Any], transition: str, expiration: str, days: str) -> Iterator[str]:
    steps = sorted(
        (
            (int(each[days]), each["StorageClass"])
            for each in _several(rule.get(transition))
            if each.get(days) is not None and each["StorageClass"] in WATERFALL
        ),
        key=lambda step: (step[0], WATERFALL.index(step[1])),
    )
    for age, storage in steps:
        if storage in INFREQUENT and age < 30:
            yield f"'{days}' in {transition} action must be greater than or equal to 30 for storageClass '{storage}'"
    for (first, before), (second, after) in itertools.pairwise(steps):
        if WATERFALL.index(after) <= WATERFALL.index(before) or first == second:
            yield f"'{days}' in the '{transition}' action for StorageClass '{before}' must be greater than for '{after}'"
        if before in INFREQUENT and second < first + 30:
            yield (
                f"'{days}' in the '{transition}' action for StorageClass '{after}' must be 30 days more than in the"
                f" '{transition}' action for StorageClass '{before}'"
            )
    end = (rule.get(expiration) or {}).get(days)
    if end is not None and int(end) <= 0:
        yield f"'{days}' for {expiration} action must be a positive integer"
    if end is not None and steps and int(end) <= steps[-1][0]:
        yield f"'{days}' in the {expiration} action must be greater than '{days}' in the {transition} action"
