# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lifecycle rules of a bucket, in the inventory's words.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_LifecycleRule.html
"""

from __future__ import annotations

import itertools
import typing as t

#: The options that do something.
ACTIONS = (
    "transitions",
    "expire_after",
    "expire_delete_markers",
    "noncurrent_transitions",
    "noncurrent_expire_after",
    "noncurrent_keep",
    "abort_uploads_after",
)
#: Storage classes in the only direction S3 moves objects.
#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html
DOWNWARDS = ("STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE")
#: Classes that S3 moves objects from after so many days at the earliest.
INFREQUENT, LEAST = ("STANDARD_IA", "ONEZONE_IA"), 30


def wrong(rule: dict[str, t.Any]) -> t.Iterator[str]:
    """What is wrong with a rule beyond types."""
    if not any(ages(rule[key]) if isinstance(rule[key], dict) else rule[key] for key in ACTIONS):
        yield f"does nothing; give one of {', '.join(sorted(ACTIONS))}"
    if rule["noncurrent_keep"] and not rule["noncurrent_expire_after"]:
        yield "noncurrent_keep: needs noncurrent_expire_after as well"
    if rule["expire_delete_markers"] and rule["expire_after"]:
        yield "expire_delete_markers: S3 does not allow it together with expire_after; give it a rule of its own"
    yield from _wrong_ages(rule, "transitions", "expire_after")
    yield from _wrong_ages(rule, "noncurrent_transitions", "noncurrent_expire_after")


def _wrong_ages(rule: dict[str, t.Any], key: str, expiry: str) -> t.Iterator[str]:
    """What S3 would refuse of the ages at which objects change class and expire."""
    found = sorted(ages(rule[key]).items(), key=lambda each: (each[1], DOWNWARDS.index(each[0])))
    for storage_class, age in found:
        if rule[expiry] and age >= rule[expiry]:
            yield f"{key}.{storage_class}: objects expire after {rule[expiry]} days ({expiry}), which must be more than {age}"
    for (first, early), (second, late) in itertools.pairwise(found):
        if DOWNWARDS.index(second) < DOWNWARDS.index(first):
            yield f"{key}.{second}: S3 does not move objects from {first} to {second}; the order is {', '.join(DOWNWARDS)}"
        elif early == late:
            yield f"{key}.{second}: the same age as {first}; an object is moved to one class at a time"
        elif first in INFREQUENT and late < early + LEAST:
            yield f"{key}.{second}: objects stay in {first} for {LEAST} days, so {early + LEAST} at the earliest, not {late}"


def ages(transitions: dict[str, int | None]) -> dict[str, int]:
    """Storage class to age, of the classes that are named."""
    return {storage_class: age for storage_class, age in transitions.items() if age is not None}


def rules(found: list[dict[str, t.Any]]) -> dict[str, dict[str, t.Any]]:
    """AWS's rules by id; what has no word stands in ``other``."""
    return {rule.get("ID") or f"rule {number}": _rule(rule) for number, rule in enumerate(found)}


def _rule(rule: dict[str, t.Any]) -> dict[str, t.Any]:
    old, expiration = rule.get("NoncurrentVersionExpiration", {}), rule.get("Expiration", {})
    where = rule.get("Filter", {})
    other = {key: value for key, value in where.items() if key != "Prefix"}
    other |= {key: str(value) for key, value in expiration.items() if key == "Date"}
    made = {
        "prefix": where.get("Prefix", rule.get("Prefix", "")) or "",
        "enabled": rule["Status"] == "Enabled",
        "transitions": {
            each["StorageClass"]: each.get("Days", str(each.get("Date"))) for each in rule.get("Transitions", [])
        },
        "expire_after": expiration.get("Days"),
        "expire_delete_markers": expiration.get("ExpiredObjectDeleteMarker"),
        "noncurrent_transitions": {
            each["StorageClass"]: each.get("NoncurrentDays") for each in rule.get("NoncurrentVersionTransitions", [])
        },
        "noncurrent_expire_after": old.get("NoncurrentDays"),
        "noncurrent_keep": old.get("NewerNoncurrentVersions"),
        "abort_uploads_after": rule.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation"),
    }
    return {**made, "other": other} if other else made
