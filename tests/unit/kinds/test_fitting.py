"""Launch templates and groups whose image, instance type, volumes and zones do not fit, told before the first write."""

from __future__ import annotations

import pytest

from ansible_collections.terrace.aws.plugins.plugin_utils import specs
from ansible_collections.terrace.aws.plugins.plugin_utils.engine import plan, registry
from ansible_collections.terrace.aws.plugins.plugin_utils.kinds.ec2 import images, volumes

PARAMETER = "/aws/service/debian/release/13/latest/amd64"
TEMPLATE = registry.kind("launch_template")
GROUP = registry.kind("autoscaling_group")


def image(ident, architecture="x86_64", root="/dev/xvda", size=8, **more):
    mappings = [{"DeviceName": root, "Ebs": {"VolumeSize": size}}]
    made = {"ImageId": ident, "Architecture": architecture, "RootDeviceName": root, "BlockDeviceMappings": mappings}
    return {**made, "RootDeviceType": "ebs", **more}


IMAGES = {
    each["ImageId"]: each
    for each in (
        image("ami-0000000000000000a"),
        image("ami-0000000000000000b", architecture="arm64", root="/dev/sda1"),
        image("ami-0000000000000000c", root="/dev/sda", size=30),
        image("ami-0000000000000000d", RootDeviceType="instance-store", BlockDeviceMappings=[]),
    )
}
DEBIAN, ARM, LARGE, STORE = IMAGES


@pytest.fixture
def known(monkeypatch):
    """Images of every sort; the emulated API has one."""
    real = images.images

    def found(cell, idents):
        idents = set(idents)
        return {**real(cell, idents - set(IMAGES)), **{ident: IMAGES[ident] for ident in idents & set(IMAGES)}}

    monkeypatch.setattr(images, "images", found)


@pytest.fixture
def offered(monkeypatch):
    """``offered("us-east-1a")``: every type is offered in those zones alone; the emulated API offers all everywhere."""

    def only(*zones):
        monkeypatch.setattr(images, "zones_offering", lambda _cell, types: {name: set(zones) for name in types})

    return only


def template(**options):
    wanted = {"image": DEBIAN, "instance_type": "t3.micro", "security_groups": [], **options}
    made, problems = specs.validated(TEMPLATE, "web", wanted)
    assert problems == []
    assert list(TEMPLATE.check("web", made, {})) == []
    return made


def group(**options):
    wanted = {"launch_template": "web", "subnets": ["web-a", "web-b"], "min_size": 1, "max_size": 1, **options}
    made, problems = specs.validated(GROUP, "web", wanted)
    assert problems == []
    return made


def subnets(**zones):
    return {name: {"zone": zone} for name, zone in zones.items()}


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({}, ""),
        ({"image": PARAMETER}, ""),
        ({"image": ARM, "instance_type": "t4g.micro"}, ""),
        ({"image": ARM}, f"web.image: {ARM} is arm64, and t3.micro machines are x86_64"),
        ({"instance_type": "t4g.micro"}, f"web.image: {DEBIAN} is x86_64, and t4g.micro machines are arm64"),
        ({"instance_type": "t3.mikro"}, "web.instance_type: there is no instance type t3.mikro in us-east-1"),
        ({"image": "ami-0123456789abcdef0"}, "web.image: there is no image ami-0123456789abcdef0 in us-east-1"),
        (
            {"image": "/aws/service/nothing"},
            "web.image: there is no public parameter /aws/service/nothing in us-east-1",
        ),
        ({"volumes": {"root": {"size": 4}}}, "web.volumes.root.size: the image needs 8 GiB at least, not 4"),
        ({"volumes": {"/dev/xvda": {"size": 4}}}, "web.volumes.root.size: the image needs 8 GiB at least, not 4"),
        ({"image": LARGE, "volumes": {"root": {"size": 30}}}, ""),
        (
            {"image": LARGE, "volumes": {"/dev/sda": {"size": 30}}},
            f"web.volumes./dev/sda: is the root device of {LARGE}; write root",
        ),
        ({"image": STORE}, f"web.volumes.root: {STORE} has its root on the machine's own disk, not on a volume"),
    ],
)
def test_image_type_and_volumes(cell, known, options, problem):
    found = list(TEMPLATE.prechange_errors(cell(), {"web": template(**options)}))
    assert found == ([problem] if problem else [])


def test_everything_wrong_is_told_at_once_in_few_calls(cell, lab, known):
    entries = {f"t{number}": template(instance_type=f"t9.{number}") for number in range(20)}
    entries |= {"web": template(), "arm": template(image=ARM)}
    seen = cell()
    seen.observe(["subnet", "autoscaling_group", "launch_template"])
    lab.reset_calls()
    found = list(TEMPLATE.prechange_errors(seen, entries))
    assert len(found) == 21
    # Instance types (a page of a hundred at most) and their zones; images come from above.
    assert lab.calls()["total"] <= 4


def test_a_type_that_a_zone_does_not_offer(cell, known, offered):
    offered("us-east-1a", "us-east-1b")
    world = {
        "subnet": subnets(**{"web-a": "us-east-1a", "web-e": "us-east-1e"}),
        "launch_template": {"web": template()},
        "autoscaling_group": {"web": group(subnets=["web-a", "web-e"]), "app": group(subnets=["web-a"])},
    }
    found = list(TEMPLATE.prechange_errors(cell(), world["launch_template"], world))
    assert found == [
        "web.instance_type: the group web cannot start t3.micro machines in us-east-1e (subnet web-e);"
        " AWS offers them in us-east-1a, us-east-1b"
    ]


def test_offerings_are_asked_for_by_zone(cell):
    zones = images.zones_offering(cell(), ["t3.micro", "t9.none"])
    assert "us-east-1a" in zones["t3.micro"]
    assert "t9.none" not in zones


@pytest.fixture
def made(lab, tags):
    """A template and a group of t3.micro machines in one subnet."""
    ec2 = lab.client("ec2")

    def spec(kind, name):
        return [{"ResourceType": kind.replace("_", "-"), "Tags": tags(kind, name)}]

    debian = lab.client("ssm").get_parameters(Names=[PARAMETER])["Parameters"][0]["Value"]
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    zones = {"web-a": "us-east-1a", "web-b": "us-east-1b"}
    there = [
        ec2.create_subnet(
            VpcId=vpc, CidrBlock=f"10.0.{place}.0/24", AvailabilityZone=zone, TagSpecifications=spec("subnet", name)
        )["Subnet"]["SubnetId"]
        for place, (name, zone) in enumerate(zones.items())
    ]
    ident = ec2.create_launch_template(
        LaunchTemplateName="test-web",
        LaunchTemplateData={"ImageId": debian, "InstanceType": "t3.micro"},
        TagSpecifications=spec("launch_template", "web"),
    )["LaunchTemplate"]["LaunchTemplateId"]
    lab.client("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName="test-web",
        LaunchTemplate={"LaunchTemplateId": ident, "Version": "$Latest"},
        MinSize=0,
        MaxSize=0,
        VPCZoneIdentifier=there[0],
        Tags=[
            {**tag, "PropagateAtLaunch": False, "ResourceId": "test-web", "ResourceType": "auto-scaling-group"}
            for tag in tags("autoscaling_group", "web")
        ],
    )


def test_a_change_of_the_type_alone_is_judged_by_the_groups_there_are(cell, made, known, offered):
    offered("us-east-1b")
    found = list(TEMPLATE.prechange_errors(cell(), {"web": template(instance_type="t3.small")}))
    assert found == [
        "web.instance_type: the group web cannot start t3.small machines in us-east-1a (subnet web-a);"
        " AWS offers them in us-east-1b"
    ]


def test_a_change_of_the_subnets_alone_is_judged_by_the_template_there_is(cell, made, offered):
    offered("us-east-1a")
    found = list(GROUP.prechange_errors(cell(), {"web": group()}))
    assert found == [
        "web.subnets: the template web asks for t3.micro, which cannot start in us-east-1b (subnet web-b);"
        " AWS offers them in us-east-1a"
    ]
    # With a template that changes its type the zones are judged there, once.
    world = {"launch_template": {"web": template(instance_type="t3.small")}}
    assert list(GROUP.prechange_errors(cell(), {"web": group()}, world)) == []


def test_a_template_keeps_its_image_and_says_so_when_that_is_gone(cell, lab, tags):
    gone = "ami-0123456789abcdef0"
    origin = {"Key": "terrace:image", "Value": f"{PARAMETER}={gone}"}
    lab.client("ec2").create_launch_template(
        LaunchTemplateName="test-web",
        LaunchTemplateData={"ImageId": gone, "InstanceType": "t3.micro"},
        TagSpecifications=[{"ResourceType": "launch-template", "Tags": [*tags("launch_template", "web"), origin]}],
    )
    found = list(TEMPLATE.prechange_errors(cell(), {"web": template(image=PARAMETER)}))
    assert found == [
        f"web.image: {gone}, which the template keeps from {PARAMETER}, is gone; take the newest with image_follow: true"
    ]
    assert list(TEMPLATE.prechange_errors(cell(), {"web": template(image=PARAMETER, image_follow=True)})) == []


GP3 = {"VolumeSize": 20, "VolumeType": "gp3", "Encrypted": True, "DeleteOnTermination": True}


@pytest.mark.parametrize("wanted", ["root", "/dev/xvda", "/dev/sda1"])
@pytest.mark.parametrize(
    ("mapped", "root", "same"),
    [
        ("/dev/xvda", "/dev/xvda", True),
        ("/dev/sda1", "/dev/sda1", True),
        ("/dev/sda", "/dev/sda", True),
        # The image is gone: a device that AWS reserves is taken for its root.
        ("/dev/xvda", "", True),
        # An empty disk beside the image's own root volume.
        ("/dev/xvda", "/dev/sda1", False),
        ("/dev/sda1", "/dev/xvda", False),
    ],
)
def test_the_root_volume_is_the_one_on_the_images_root_device(wanted, mapped, root, same):
    found = volumes.read([{"DeviceName": mapped, "Ebs": GP3}], str, root)
    entry = template(volumes={wanted: {"size": 20}})
    assert (volumes.normalised(entry["volumes"]) == found) is same
    if not same:
        difference = plan.difference(plan.canonical(found), plan.canonical(volumes.normalised(entry["volumes"])))
        assert set(difference) == {"root", mapped}


def test_the_root_is_encrypted_unless_said_otherwise():
    assert template()["volumes"]["root"]["encrypted"] is True
