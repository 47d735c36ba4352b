"""Lifecycle rules S3 can follow."""

from __future__ import annotations

from typing import Any

import pytest
from probes import both_ways, error_code, probe

from lab.api.testing import Lab


def put(lab: Lab, *rules: dict[str, Any]) -> None:
    """Put rules on a bucket; a rule is its transitions as ``{class: days}`` and when it expires."""
    s3 = lab.client("s3")
    s3.create_bucket(Bucket="probe")
    shown = []
    for number, rule in enumerate(rules):
        made: dict[str, Any] = {"ID": rule.get("id", f"rule-{number}"), "Status": "Enabled", "Filter": {"Prefix": ""}}
        if steps := rule.get("steps"):
            made["Transitions"] = [{"Days": days, "StorageClass": name} for name, days in steps.items()]
        if steps := rule.get("noncurrent"):
            made["NoncurrentVersionTransitions"] = [
                {"NoncurrentDays": days, "StorageClass": name} for name, days in steps.items()
            ]
        if end := rule.get("end"):
            made["Expiration"] = {"Days": end}
        shown.append(made)
    s3.put_bucket_lifecycle_configuration(Bucket="probe", LifecycleConfiguration={"Rules": shown})


def refused(lab: Lab, *rules: dict[str, Any]) -> bool:
    def write() -> None:
        put(lab, *rules)

    return error_code(write) == "InvalidArgument"


@probe("s3_lifecycle.ages")
def infrequent_access_takes_thirty_days(lab: Lab) -> None:
    assert refused(lab, {"steps": {"STANDARD_IA": 29}})
    assert refused(lab, {"noncurrent": {"ONEZONE_IA": 7}})
    assert refused(lab, {"steps": {"STANDARD_IA": 30, "GLACIER": 45}})


@probe("s3_lifecycle.ages")
def classes_get_colder(lab: Lab) -> None:
    assert refused(lab, {"steps": {"GLACIER": 30, "STANDARD_IA": 90}})
    assert refused(lab, {"steps": {"DEEP_ARCHIVE": 1, "GLACIER": 2}})


@probe("s3_lifecycle.ages")
def expiry_comes_last(lab: Lab) -> None:
    assert refused(lab, {"steps": {"GLACIER": 90}, "end": 90})
    assert refused(lab, {"steps": {"GLACIER": 90}, "end": 30})


@probe("s3_lifecycle.ages")
def numbers_are_those_s3_counts_with(lab: Lab) -> None:
    s3 = lab.client("s3")
    s3.create_bucket(Bucket="probe")
    for wrong in (
        {"Transitions": [{"Days": -1, "StorageClass": "GLACIER"}]},
        {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 0}},
        {"NoncurrentVersionExpiration": {"NoncurrentDays": 1, "NewerNoncurrentVersions": 101}},
        {"ID": "x" * 256, "Expiration": {"Days": 1}},
    ):
        rules = [{"ID": "one", "Status": "Enabled", "Filter": {"Prefix": ""}, **wrong}]
        configuration = {"Rules": rules}
        code = error_code(s3.put_bucket_lifecycle_configuration, Bucket="probe", LifecycleConfiguration=configuration)
        assert code == "InvalidArgument"


@probe("s3_lifecycle.ages")
def rules_have_names_of_their_own(lab: Lab) -> None:
    assert refused(lab, {"id": "same", "end": 1}, {"id": "same", "end": 2})


@probe("s3_lifecycle.kept_versions")
def newer_versions_are_kept(lab: Lab) -> None:
    s3 = lab.client("s3")
    s3.create_bucket(Bucket="probe")
    expiry = {"NoncurrentDays": 30, "NewerNoncurrentVersions": 3}
    rule = {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": ""}, "NoncurrentVersionExpiration": expiry}
    s3.put_bucket_lifecycle_configuration(Bucket="probe", LifecycleConfiguration={"Rules": [rule]})
    [kept] = s3.get_bucket_lifecycle_configuration(Bucket="probe")["Rules"]
    assert kept["NoncurrentVersionExpiration"] == expiry


test_as_aws_does, test_moto_still_differs = both_ways(__name__)


@pytest.mark.parametrize(
    "rule",
    [
        {"steps": {"STANDARD_IA": 30, "GLACIER": 60, "DEEP_ARCHIVE": 150}, "end": 365},
        {"steps": {"INTELLIGENT_TIERING": 0}},
        {"steps": {"GLACIER": 1}, "end": 2},
        {"noncurrent": {"STANDARD_IA": 30, "GLACIER": 60}},
        {"end": 1},
    ],
)
def test_rules_s3_takes(lab: Lab, rule: dict[str, Any]) -> None:
    put(lab, rule)
