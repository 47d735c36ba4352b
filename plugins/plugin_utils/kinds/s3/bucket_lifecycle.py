# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lifecycle rules of a bucket, in the inventory's words.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_LifecycleRule.html
"""

from __future__ import annotations

import typing as t

CLASSES = ("STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE")
#: Option -> what it is where it is not said. Ages are days; transitions are storage class to age.
OPTIONS: dict[str, t.Any] = {
    "prefix": "",
    "enabled": True,
    "transitions": {},
    "expire_after": None,
    "expire_delete_markers": None,
    "noncurrent_transitions": {},
    "noncurrent_expire_after": None,
    "noncurrent_keep": None,
    "abort_uploads_after": None,
}
ACTIONS = set(OPTIONS) - {"prefix", "enabled"}


def filled(rule: dict[str, t.Any]) -> dict[str, t.Any]:
    """A rule with all options."""
    return {**OPTIONS, **rule}


def wrong(rule: t.Any) -> t.Iterator[str]:
    """What is wrong with a rule."""
    if not isinstance(rule, dict):
        yield "must be a dict of options"
        return
    for key in sorted(set(rule) - set(OPTIONS)):
        yield f"there is no option {key}; known: {', '.join(sorted(OPTIONS))}"
    if not any(rule.get(key) for key in ACTIONS):
        yield f"does nothing; give one of {', '.join(sorted(ACTIONS))}"
    if rule.get("noncurrent_keep") and not rule.get("noncurrent_expire_after"):
        yield "noncurrent_keep: wants noncurrent_expire_after as well"
    for key in ("expire_after", "noncurrent_expire_after", "noncurrent_keep", "abort_uploads_after"):
        if rule.get(key) is not None and (not isinstance(rule[key], int) or rule[key] < 1):
            yield f"{key}: must be a whole number from 1, not {rule[key]}"
    for key in ("transitions", "noncurrent_transitions"):
        for storage_class, age in (rule.get(key) or {}).items():
            if storage_class not in CLASSES:
                yield f"{key}: there is no storage class {storage_class}; known: {', '.join(CLASSES)}"
            if not isinstance(age, int) or age < 0:
                yield f"{key}.{storage_class}: must be a number of days, not {age}"


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
