"""An instance's new security groups take the place of the old ones."""

from __future__ import annotations

from probes import both_ways, probe

from lab.api.testing import Lab


@probe("ec2_instance_groups.changed_groups")
def new_groups_replace_the_old_ones(lab: Lab) -> None:
    ec2 = lab.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/24")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    old, new = (
        ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"] for name in ("old", "new")
    )
    image = ec2.describe_images()["Images"][0]["ImageId"]
    instance = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, SubnetId=subnet, SecurityGroupIds=[old])[
        "Instances"
    ][0]["InstanceId"]
    ec2.modify_instance_attribute(InstanceId=instance, Groups=[new])
    [seen] = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"]
    assert [group["GroupId"] for group in seen["NetworkInterfaces"][0]["Groups"]] == [new]
    [card] = ec2.describe_network_interfaces(Filters=[{"Name": "attachment.instance-id", "Values": [instance]}])[
        "NetworkInterfaces"
    ]
    assert [group["GroupId"] for group in card["Groups"]] == [new]


test_as_aws_does, test_moto_still_differs = both_ways(__name__)
