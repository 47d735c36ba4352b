"""Instance types that exist, are offered and fit the image."""

from __future__ import annotations

from typing import Any

from probes import both_ways, error_code, network, probe

from lab.api.testing import Lab


def images(lab: Lab) -> dict[str, str]:
    """An image of each architecture, registered; their ids."""
    ec2 = lab.client("ec2")
    return {
        architecture: ec2.register_image(
            Name=f"probe-{architecture}", Architecture=architecture, RootDeviceName="/dev/xvda"
        )["ImageId"]
        for architecture in ("x86_64", "arm64")
    }


def template(lab: Lab, name: str, instance_type: str, image: str) -> dict[str, Any]:
    """Make a template as it is named in the request for a group: EC2 does not look at it yet."""
    lab.client("ec2").create_launch_template(
        LaunchTemplateName=name, LaunchTemplateData={"ImageId": image, "InstanceType": instance_type}
    )
    return {"LaunchTemplateName": name, "Version": "$Latest"}


@probe("ec2_types.launches")
def a_type_exists_and_fits_the_image(lab: Lab) -> None:
    ec2, found = lab.client("ec2"), images(lab)
    one = {"MinCount": 1, "MaxCount": 1}
    for architecture, refused in (("x86_64", ("t3.giant", "t4g.micro")), ("arm64", ("t3.micro",))):
        for instance_type in refused:
            request = {**one, "ImageId": found[architecture], "InstanceType": instance_type}
            assert error_code(ec2.run_instances, **request) == "InvalidParameterValue"
    ec2.run_instances(**one, ImageId=found["arm64"], InstanceType="t4g.micro")
    named = {"LaunchTemplateName": template(lab, "probe", "t4g.micro", found["x86_64"])["LaunchTemplateName"]}
    assert error_code(ec2.run_instances, **one, LaunchTemplate=named) == "InvalidParameterValue"


@probe("ec2_types.launches")
def a_type_is_offered_in_the_zone(lab: Lab) -> None:
    ec2, image = lab.client("ec2"), images(lab)["arm64"]
    vpc = ec2.create_vpc(CidrBlock="10.70.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.70.0.0/24", AvailabilityZone="us-east-1e")["Subnet"]
    request = {"ImageId": image, "InstanceType": "t4g.micro", "MinCount": 1, "MaxCount": 1}
    assert error_code(ec2.run_instances, **request, SubnetId=subnet["SubnetId"]) == "Unsupported"


@probe("ec2_images.registered_images")
def an_image_is_as_it_was_registered(lab: Lab) -> None:
    ec2 = lab.client("ec2")
    volumes = [
        {"DeviceName": "/dev/sdb", "Ebs": {"VolumeSize": 5}},
        {"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 20, "VolumeType": "gp3"}},
    ]
    made = ec2.register_image(
        Name="probe", Architecture="arm64", RootDeviceName="/dev/sda1", BlockDeviceMappings=volumes
    )
    [image] = ec2.describe_images(ImageIds=[made["ImageId"]])["Images"]
    assert (image["Architecture"], image["RootDeviceName"], image["RootDeviceType"]) == ("arm64", "/dev/sda1", "ebs")
    assert {each["DeviceName"]: each["Ebs"]["VolumeSize"] for each in image["BlockDeviceMappings"]} == {
        "/dev/sda1": 20,
        "/dev/sdb": 5,
    }


@probe("ec2_types.groups")
def a_group_has_a_template_that_can_start(lab: Lab) -> None:
    asg, found, net = lab.client("autoscaling"), images(lab), network(lab)
    request = {"MinSize": 0, "MaxSize": 1, "VPCZoneIdentifier": net["subnets"][0]}
    wrong = template(lab, "wrong", "t4g.micro", found["x86_64"])
    right = template(lab, "right", "t3.micro", found["x86_64"])
    named = {"AutoScalingGroupName": "probe"}
    assert error_code(asg.create_auto_scaling_group, **named, **request, LaunchTemplate=wrong) == "ValidationError"
    asg.create_auto_scaling_group(**named, **request, LaunchTemplate=right)
    assert error_code(asg.update_auto_scaling_group, **named, LaunchTemplate=wrong) == "ValidationError"


@probe("ec2_types.groups")
def a_launch_that_fails_is_an_activity(lab: Lab) -> None:
    asg, ec2, found, net = lab.client("autoscaling"), lab.client("ec2"), images(lab), network(lab)
    named = {"AutoScalingGroupName": "probe"}
    right = template(lab, "right", "t3.micro", found["x86_64"])
    request = {"MinSize": 0, "MaxSize": 1, "VPCZoneIdentifier": net["subnets"][0]}
    asg.create_auto_scaling_group(**named, **request, LaunchTemplate=right)
    data = {"InstanceType": "t4g.micro"}
    ec2.create_launch_template_version(LaunchTemplateName="right", SourceVersion="1", LaunchTemplateData=data)
    asg.set_desired_capacity(**named, DesiredCapacity=1)
    assert asg.describe_auto_scaling_groups()["AutoScalingGroups"][0]["Instances"] == []
    [failed] = asg.describe_scaling_activities(**named)["Activities"]
    assert failed["StatusCode"] == "Failed"
    assert "architecture" in failed["Description"]


test_as_aws_does, test_moto_still_differs = both_ways(__name__)


def test_types_and_offerings_can_be_asked_for(lab: Lab) -> None:
    ec2 = lab.client("ec2")
    [shown] = ec2.describe_instance_types(InstanceTypes=["t4g.micro"])["InstanceTypes"]
    assert shown["ProcessorInfo"]["SupportedArchitectures"] == ["arm64"]
    assert error_code(ec2.describe_instance_types, InstanceTypes=["t3.giant"]) == "InvalidInstanceType"
    filters = [{"Name": "instance-type", "Values": ["t4g.micro"]}]
    pages = ec2.get_paginator("describe_instance_type_offerings")
    found = pages.paginate(LocationType="availability-zone", Filters=filters, PaginationConfig={"PageSize": 5})
    zones = {each["Location"] for each in found.build_full_result()["InstanceTypeOfferings"]}
    assert "us-east-1a" in zones
    assert "us-east-1e" not in zones
