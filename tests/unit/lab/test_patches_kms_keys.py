"""KMS takes a key's ARN where it takes its id."""

from __future__ import annotations

from probes import both_ways, probe

from lab.api.testing import Lab


@probe("kms_keys.named_by_arn")
def goes_and_comes_back_by_arn(lab: Lab) -> None:
    kms = lab.client("kms")
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=7)
    assert kms.describe_key(KeyId=arn)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    kms.cancel_key_deletion(KeyId=arn)
    assert kms.describe_key(KeyId=arn)["KeyMetadata"]["KeyState"] == "Disabled"
    kms.enable_key(KeyId=arn)
    assert kms.describe_key(KeyId=arn)["KeyMetadata"]["KeyState"] == "Enabled"
    kms.disable_key(KeyId=arn)
    assert not kms.describe_key(KeyId=arn)["KeyMetadata"]["Enabled"]


test_as_aws_does, test_moto_still_differs = both_ways(__name__)
