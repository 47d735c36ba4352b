"""Launch templates lose old versions, and the others keep their numbers."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from probes import both_ways, probe

from lab.api.testing import Lab


@probe("ec2_tier.launch_template_version_deletion")
def old_versions_go_and_numbers_stay(lab: Lab) -> None:
    ec2 = lab.client("ec2")
    data = {"LaunchTemplateData": {"InstanceType": "t3.micro"}}
    ident = ec2.create_launch_template(LaunchTemplateName="one", **data)["LaunchTemplate"]["LaunchTemplateId"]
    for _more in range(2):
        ec2.create_launch_template_version(LaunchTemplateId=ident, **data)
    ec2.modify_launch_template(LaunchTemplateId=ident, DefaultVersion="3")
    answer = ec2.delete_launch_template_versions(LaunchTemplateId=ident, Versions=["1", "3"])
    assert [each["VersionNumber"] for each in answer["SuccessfullyDeletedLaunchTemplateVersions"]] == [1]
    assert [each["VersionNumber"] for each in answer["UnsuccessfullyDeletedLaunchTemplateVersions"]] == [3]
    ec2.create_launch_template_version(LaunchTemplateId=ident, **data)
    left = ec2.describe_launch_template_versions(LaunchTemplateId=ident)["LaunchTemplateVersions"]
    assert sorted(each["VersionNumber"] for each in left) == [2, 3, 4]
    with pytest.raises(ClientError, match=r"InvalidLaunchTemplateId\.VersionNotFound"):
        ec2.describe_launch_template_versions(LaunchTemplateId=ident, Versions=["1"])


test_as_aws_does, test_moto_still_differs = both_ways(__name__)
