# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of the storage role."""

from __future__ import annotations

import typing as t

from ..plugin_utils.kinds.s3.bucket_lifecycle import ages
from ..plugin_utils.shared import policies

#: Option of a rule -> argument of community.aws.s3_lifecycle.
ARGUMENTS = {
    "expire_after": "expiration_days",
    "expire_delete_markers": "expire_object_delete_marker",
    "noncurrent_expire_after": "noncurrent_version_expiration_days",
    "noncurrent_keep": "noncurrent_version_keep_newer",
    "abort_uploads_after": "abort_incomplete_multipart_upload_days",
}


def bucket_policy(entry: dict[str, t.Any], account: str, region: str) -> dict[str, t.Any]:
    """A bucket's policy: TLS only, what may deliver logs to it, and what health checks may read."""
    return policies.bucket_policy(
        _name(entry, account),
        str(account),
        region,
        tls_only=entry["tls_only"],
        log_delivery=list(entry["log_delivery"]),
        health_check_objects=list(entry["health_check_objects"]),
    )


def _name(entry: dict[str, t.Any], account: str) -> str:
    """What the bucket is called: as it is, whatever that is, or as a new one is going to be."""
    return str(entry.get("id") or f"{entry['aws_name']}-{account}")


def lifecycle_rules(
    entries: dict[str, dict[str, t.Any]], resources: dict[str, dict[str, t.Any]], account: str
) -> list[dict[str, t.Any]]:
    """Lifecycle rules to remove and to write, in that order: ``bucket``, ``name``, ``state`` and ``arguments``.

    A rule whose prefix or status changes is removed first, for community.aws.s3_lifecycle would keep the old one beside it, or
    parts of it.
    """
    gone, made = [], []
    for name, entry in entries.items():
        bucket = {"bucket": _name(entry, account)}
        have = (resources.get(name) or {}).get("attributes", {}).get("lifecycle", {}) if entry.get("id") else {}
        for rule, old in have.items():
            new = entry["lifecycle"].get(rule)
            if not new or (new["prefix"], new["enabled"]) != (old["prefix"], old["enabled"]) or old.get("other"):
                gone.append({**bucket, "name": rule, "state": "absent", "arguments": {}})
        for rule, options in entry["lifecycle"].items():
            made.append({**bucket, "name": rule, "state": "present", "arguments": _arguments(options)})
    return [*gone, *made]


def _arguments(rule: dict[str, t.Any]) -> dict[str, t.Any]:
    made: dict[str, t.Any] = {"prefix": rule["prefix"], "status": "enabled" if rule["enabled"] else "disabled"}
    made |= {argument: rule[option] for option, argument in ARGUMENTS.items() if rule[option] is not None}
    for option, argument in (
        ("transitions", "transitions"),
        ("noncurrent_transitions", "noncurrent_version_transitions"),
    ):
        by_age = sorted(ages(rule[option]).items(), key=lambda each: each[1])
        if by_age:
            made[argument] = [{"storage_class": each.lower(), "transition_days": age} for each, age in by_age]
    return made


def access_logged(
    entries: dict[str, dict[str, t.Any]], resources: dict[str, dict[str, t.Any]]
) -> dict[str, dict[str, t.Any]]:
    """The buckets whose access is to be logged, or is and is not to be any more."""
    return {
        name: entry
        for name, entry in entries.items()
        if entry["access_logs_bucket"] or (resources.get(name) or {}).get("attributes", {}).get("access_logs_bucket")
    }


class FilterModule:
    """Filters ``terrace.aws.*`` of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"access_logged": access_logged, "bucket_policy": bucket_policy, "lifecycle_rules": lifecycle_rules}
