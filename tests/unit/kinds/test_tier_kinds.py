"""Launch templates, auto scaling groups, policies, hooks and bastions, read from resources made with boto3."""

from __future__ import annotations

import base64

import pytest

from ansible_collections.terrace.aws.plugins.plugin_utils import specs
from ansible_collections.terrace.aws.plugins.plugin_utils.engine import plan, registry

PARAMETER = "/aws/service/debian/release/13/latest/amd64"


@pytest.fixture
def ec2(lab):
    return lab.client("ec2")


@pytest.fixture
def scaling(lab):
    return lab.client("autoscaling")


@pytest.fixture
def image(lab):
    return lab.client("ssm").get_parameters(Names=[PARAMETER])["Parameters"][0]["Value"]


@pytest.fixture
def subnet(ec2, tags):
    def spec(sort, kind, name):
        return [{"ResourceType": sort, "Tags": tags(kind, name)}]

    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=spec("vpc", "vpc", "main"))["Vpc"]["VpcId"]
    made = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24", TagSpecifications=spec("subnet", "subnet", "web-a"))
    return made["Subnet"]["SubnetId"]


def entry(kind, **options):
    made, problems = specs.validated(registry.kind(kind), "x", options)
    assert problems == []
    return made


def make_template(ec2, tags, image, kind="launch_template", name="web", **data):
    own = [{"Key": "terrace:image", "Value": f"{PARAMETER}={image}"}]
    return ec2.create_launch_template(
        LaunchTemplateName=f"test-{name}",
        LaunchTemplateData={
            "ImageId": image,
            "InstanceType": "t3.micro",
            "UserData": base64.b64encode(b"#!/bin/sh\n").decode(),
            "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": VOLUME}],
            "MetadataOptions": {
                "HttpTokens": "required",
                "HttpPutResponseHopLimit": 1,
                "InstanceMetadataTags": "enabled",
            },
            **data,
        },
        TagSpecifications=[{"ResourceType": "launch-template", "Tags": [*tags(kind, name), *own]}],
    )["LaunchTemplate"]["LaunchTemplateId"]


def new_version(ec2, template, **changes):
    versions = ec2.describe_launch_template_versions(LaunchTemplateId=template, Versions=["$Latest"])
    data = versions["LaunchTemplateVersions"][0]["LaunchTemplateData"]
    ec2.create_launch_template_version(LaunchTemplateId=template, LaunchTemplateData={**data, **changes})


@pytest.fixture
def template(ec2, tags, image):
    return make_template(ec2, tags, image)


VOLUME = {"VolumeSize": 20, "VolumeType": "gp3", "Encrypted": True, "DeleteOnTermination": True}
WANTED = {"image": PARAMETER, "instance_type": "t3.micro", "security_groups": [], "user_data": "#!/bin/sh\n"}


def test_launch_template_is_what_the_entry_says(cell, template):
    found = cell().observed("launch_template")["web"]
    assert found.id == template
    assert plan.compare(registry.kind("launch_template"), entry("launch_template", **WANTED), found) == {}


def test_a_newer_image_is_a_change_only_where_it_is_followed(cell, lab, ec2, tags, image):
    other = ec2.copy_image(Name="old", SourceImageId=image, SourceRegion="us-east-1")["ImageId"]
    make_template(ec2, tags, other)
    found = cell().observed("launch_template")["web"]
    kind = registry.kind("launch_template")
    assert found.facts["newest_image_id"] == image
    assert plan.compare(kind, entry("launch_template", **WANTED), found) == {}
    following = entry("launch_template", **WANTED, image_follow=True)
    assert set(plan.compare(kind, following, found)) == {"image_follow"}


def test_an_image_changed_by_hand_shows(cell, ec2, template, image):
    new_version(ec2, template, ImageId="ami-12345678")
    fields = plan.compare(
        registry.kind("launch_template"), entry("launch_template", **WANTED), cell().observed("launch_template")["web"]
    )
    assert fields["image"] == {"before": "ami-12345678", "after": PARAMETER}


def test_many_templates_are_read_in_pages(cell, lab, ec2, tags, image):
    for number in range(30):
        make_template(ec2, tags, image, name=f"t{number}")
    lab.reset_calls()
    assert len(cell().observed("launch_template")) == 30
    assert lab.calls()["total"] <= 4


def make_group(scaling, template, subnet, tags, kind="autoscaling_group", name="web", size=2):
    every = [
        {**tag, "PropagateAtLaunch": tag["Key"] != "terrace:kind", "ResourceId": f"test-{name}",
         "ResourceType": "auto-scaling-group"}
        for tag in tags(kind, name)
    ]  # fmt: skip
    scaling.create_auto_scaling_group(
        AutoScalingGroupName=f"test-{name}",
        LaunchTemplate={"LaunchTemplateId": template, "Version": "$Latest"},
        MinSize=size,
        MaxSize=size,
        DesiredCapacity=size,
        VPCZoneIdentifier=subnet,
        HealthCheckType="EC2",
        HealthCheckGracePeriod=300,
        DefaultCooldown=300,
        Tags=every,
    )


GROUP = {"launch_template": "web", "subnets": ["web-a"], "min_size": 2, "max_size": 2, "metrics": []}


def test_group_is_what_the_entry_says(cell, scaling, template, subnet, tags):
    make_group(scaling, template, subnet, tags)
    found = cell().observed("autoscaling_group")["web"]
    assert (found.state, found.status) == ("ready", "2 of 2 in service")
    wanted = entry("autoscaling_group", **GROUP, desired_capacity=2)
    assert plan.compare(registry.kind("autoscaling_group"), wanted, found) == {}


def test_what_a_policy_moves_is_left_alone(cell, scaling, template, subnet, tags):
    make_group(scaling, template, subnet, tags)
    found = cell().observed("autoscaling_group")["web"]
    kind = registry.kind("autoscaling_group")
    wanted = {**GROUP, "min_size": 1, "desired_capacity": 1}
    assert set(plan.compare(kind, entry("autoscaling_group", **wanted), found)) == {"desired_capacity", "min_size"}
    assert set(plan.compare(kind, entry("autoscaling_group", **wanted, scaled=True), found)) == {"min_size"}


def test_machines_behind_their_template(cell, lab, ec2, scaling, template, subnet, tags):
    make_group(scaling, template, subnet, tags)
    lab.reset_calls()
    cell().observed("autoscaling_group")
    before = lab.calls()["total"]
    new_version(ec2, template, InstanceType="t3.small")
    lab.reset_calls()
    found = cell().observed("autoscaling_group")["web"]
    assert len(found.attributes["outdated_instances"]) == 2
    # Only a group with such machines is asked for its refresh.
    assert lab.calls()["total"] == before + 1
    kind = registry.kind("autoscaling_group")
    assert set(plan.compare(kind, entry("autoscaling_group", **GROUP), found)) == {"outdated_instances"}
    quiet = entry("autoscaling_group", **GROUP, refresh={"enabled": False})
    assert plan.compare(kind, quiet, found) == {}
    lab.delays(instance_refresh=60)
    scaling.start_instance_refresh(AutoScalingGroupName="test-web", Preferences={"MinHealthyPercentage": 50})
    found = cell().observed("autoscaling_group")["web"]
    assert found.state == "pending"
    assert found.status.startswith("instance refresh ")


def test_a_group_that_is_waiting_for_machines_is_pending(cell, scaling, template, subnet, tags):
    make_group(scaling, template, subnet, tags, size=0)
    scaling.put_lifecycle_hook(
        LifecycleHookName="test-web-ready",
        AutoScalingGroupName="test-web",
        LifecycleTransition="autoscaling:EC2_INSTANCE_LAUNCHING",
        HeartbeatTimeout=900,
    )
    scaling.update_auto_scaling_group(AutoScalingGroupName="test-web", MaxSize=1, DesiredCapacity=1)
    seen = cell()
    assert (seen.observed("autoscaling_group")["web"].state) == "pending"
    hook = seen.observed("lifecycle_hook")["web-ready"]
    wanted = entry("lifecycle_hook", group="web", heartbeat=900)
    assert plan.compare(registry.kind("lifecycle_hook"), wanted, hook) == {}


def test_policies_of_the_cells_groups(cell, scaling, template, subnet, tags):
    make_group(scaling, template, subnet, tags)
    make_group(scaling, template, subnet, lambda *_: [{"Key": "Name", "Value": "other"}], name="other")
    for group, name in (("test-web", "test-web-cpu"), ("test-web", "by hand"), ("test-other", "test-other-cpu")):
        scaling.put_scaling_policy(
            AutoScalingGroupName=group,
            PolicyName=name,
            PolicyType="TargetTrackingScaling",
            TargetTrackingConfiguration={
                "PredefinedMetricSpecification": {"PredefinedMetricType": "ASGAverageCPUUtilization"},
                "TargetValue": 60.0,
            },
        )
    found = cell().observed("scaling_policy")
    assert set(found) == {"web-cpu", "by hand"}
    wanted = entry("scaling_policy", group="web", target=60)
    assert plan.compare(registry.kind("scaling_policy"), wanted, found["web-cpu"]) == {}


def test_bastion_address_knows_its_machine(cell, lab, ec2, scaling, subnet, tags, image):
    template = make_template(ec2, tags, image, kind="bastion_template", name="bastion")
    make_group(scaling, template, subnet, tags, kind="bastion_group", name="bastion", size=1)
    spec = [{"ResourceType": "elastic-ip", "Tags": tags("bastion_address", "bastion")}]
    address = ec2.allocate_address(Domain="vpc", TagSpecifications=spec)["AllocationId"]
    found = cell().observed("bastion_address")["bastion"]
    assert (found.attributes, found.state) == ({"group": ""}, "pending")
    seen = cell()
    machine = next(iter(seen.observed("bastion_group")["bastion"].facts["instances"]))
    ec2.associate_address(AllocationId=address, InstanceId=machine)
    found = cell().observed("bastion_address")["bastion"]
    assert (found.attributes, found.state) == ({"group": "bastion"}, "ready")
    # The other roles' kinds of the same sort do not see it.
    assert cell().observed("autoscaling_group") == {}
    assert cell().observed("elastic_ip") == {}


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        ("launch_template", {**WANTED, "image": "debian"}, "image: an id"),
        ("launch_template", {**WANTED, "user_data": "x" * 16385}, "takes 16384 bytes, it has 16385"),
        ("launch_template", {**WANTED, "volumes": {"xvda": {"size": 8}}}, "keyed by its device"),
        ("launch_template", {**WANTED, "volumes": {"/dev/xvda": {}}}, "volumes./dev/xvda.size: is required"),
        ("launch_template", {**WANTED, "volumes": {"/dev/xvda": {"size": 8, "typ": "gp3"}}}, "there is no option typ"),
        ("launch_template", {**WANTED, "volumes": {"/dev/xvda": {"size": True}}}, "size: must be a number"),
        ("autoscaling_group", {**GROUP, "min_size": 3}, "min_size: 3 is not between"),
        ("autoscaling_group", {**GROUP, "desired_capacity": 5}, "desired_capacity: 5 is not between"),
        ("autoscaling_group", {**GROUP, "health_check": "ELB"}, "the group has none"),
        ("autoscaling_group", {**GROUP, "refresh": {"min_healthy": 50, "max_healthy": 200}}, "refresh.max_healthy"),
        ("bastion_group", GROUP, "max_size: one machine"),
        ("scaling_policy", {"group": "web", "target": 0}, "target: must be more than 0"),
        (
            "scaling_policy",
            {"group": "web", "target": 1, "metric": "ALBRequestCountPerTarget"},
            "load_balancer: is needed for",
        ),
        ("lifecycle_hook", {"group": "web", "heartbeat": 5}, "AWS takes 30 to 7200"),
    ],
)
def test_wrong_entries_are_named(kind, options, words):
    made, problems = specs.validated(registry.kind(kind), "x", options)
    problems = problems or list(registry.kind(kind).check("x", made, {}))
    assert any(words in problem for problem in problems), problems


def test_a_bastions_options_are_those_of_a_tier():
    assert specs.of_kind("bastion_template") == specs.of_kind("launch_template")
    assert specs.of_kind("bastion_group") == specs.of_kind("autoscaling_group")
    assert specs.entry_point("bastion", "bastion_template") == specs.entry_point("bastion", "bastion_group") == {}
