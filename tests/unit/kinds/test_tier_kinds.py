"""Launch templates, auto scaling groups, policies, hooks and bastions, read from resources made with boto3."""

from __future__ import annotations

import base64

import pytest

from ansible_collections.terrace.aws.plugins.plugin_utils import desired, specs
from ansible_collections.terrace.aws.plugins.plugin_utils.engine import plan, registry
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.kind import Resource

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
    # The older image need not be there any more.
    make_template(ec2, tags, "ami-0123456789abcdef0")
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
    assert lab.calls()["total"] <= 5
    # The bastions' are read from the same answers.
    seen = cell()
    seen.observed("launch_template")
    lab.reset_calls()
    assert seen.observed("bastion_template") == {}
    assert lab.calls()["total"] == 0


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
    assert len(found.facts["outdated"]) == 2
    # Only a group with such machines is asked for its refresh.
    assert lab.calls()["total"] == before + 1
    kind, wanted = registry.kind("autoscaling_group"), entry("autoscaling_group", **GROUP)
    (change,) = plan.changes(kind, {"web": wanted}, {"web": found}, plan.Rules())
    assert (change.action, change.refused) == ("update", "")
    assert change.fields == {"instances": {"before": "2 behind their launch template", "after": "current"}}
    quiet = entry("autoscaling_group", **GROUP, refresh={"enabled": False})
    assert plan.changes(kind, {"web": quiet}, {"web": found}, plan.Rules()) == []
    lab.delays(instance_refresh=60)
    scaling.start_instance_refresh(AutoScalingGroupName="test-web", Preferences={"MinHealthyPercentage": 50})
    found = cell().observed("autoscaling_group")["web"]
    assert found.state == "pending"
    assert found.status.startswith("instance refresh ")
    # What is under way is awaited and not started again.
    assert plan.changes(kind, {"web": wanted}, {"web": found}, plan.Rules()) == []


def test_machines_of_another_template_are_behind(cell, ec2, scaling, template, subnet, tags):
    make_group(scaling, template, subnet, tags)
    data = {"ImageId": "ami-1", "InstanceType": "t3.micro"}
    spec = [{"ResourceType": "launch-template", "Tags": tags("launch_template", "other")}]
    ec2.create_launch_template(LaunchTemplateName="test-other", LaunchTemplateData=data, TagSpecifications=spec)
    scaling.update_auto_scaling_group(
        AutoScalingGroupName="test-web", LaunchTemplate={"LaunchTemplateName": "test-other", "Version": "$Latest"}
    )
    found = cell().observed("autoscaling_group")["web"]
    assert found.attributes["launch_template"] == "other"
    assert len(found.facts["outdated"]) == 2


def test_machines_that_a_refresh_leaves_alone_are_no_difference(cell, ec2, scaling, template, subnet, tags):
    make_group(scaling, template, subnet, tags)
    kind = registry.kind("autoscaling_group")
    machines = list(cell().observed("autoscaling_group")["web"].facts["instances"])
    scaling.set_instance_protection(
        AutoScalingGroupName="test-web", InstanceIds=machines[:1], ProtectedFromScaleIn=True
    )
    new_version(ec2, template, InstanceType="t3.small")
    found = cell().observed("autoscaling_group")["web"]
    assert found.facts["outdated"] == {machines[0]: "protected", machines[1]: ""}

    def behind(**refresh):
        wanted = entry("autoscaling_group", **GROUP, refresh=refresh)
        return kind.condition("web", wanted, found).get("instances", {}).get("before", "none")

    assert behind() == behind(protected="refresh") == "2 behind their launch template"
    assert behind(protected="ignore") == "1 behind their launch template"
    scaling.set_instance_protection(AutoScalingGroupName="test-web", InstanceIds=machines, ProtectedFromScaleIn=True)
    found = cell().observed("autoscaling_group")["web"]
    assert behind(protected="ignore") == "none"


def test_a_failed_refresh_is_started_again(cell, lab, ec2, scaling, template, subnet, tags):
    make_group(scaling, template, subnet, tags)
    new_version(ec2, template, InstanceType="t3.small")
    kind, found = registry.kind("autoscaling_group"), cell().observed("autoscaling_group")["web"]
    found.state, found.status, found.facts["refresh"] = "failed", "instance refresh Failed, 2 of 2 in service", "Failed"
    (change,) = plan.changes(kind, {"web": entry("autoscaling_group", **GROUP)}, {"web": found}, plan.Rules())
    assert (change.action, change.refused, sorted(change.fields)) == ("update", "", ["instances", "state"])
    quiet = entry("autoscaling_group", **GROUP, refresh={"enabled": False})
    (change,) = plan.changes(kind, {"web": quiet}, {"web": found}, plan.Rules())
    assert "enable refresh" in change.refused


def test_a_changed_template_is_a_reason_to_write_its_groups_and_their_addresses():
    for kind in ("autoscaling_group", "bastion_group"):
        assert registry.kind(kind).follows == {"launch_template"}
    assert registry.kind("bastion_address").follows == {"group"}


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
        ("launch_template", {**WANTED, "volumes": {"xvda": {"size": 8}}}, "keyed by root or by its device"),
        (
            "launch_template",
            {**WANTED, "volumes": {"root": {"size": 8}, "/dev/sda1": {"size": 9}}},
            "root and /dev/sda1 are the same volume; write root",
        ),
        (
            "autoscaling_group",
            {**GROUP, "protect_from_scale_in": True, "refresh": {"protected": "wait"}},
            "refresh.protected: with protect_from_scale_in",
        ),
        ("launch_template", {**WANTED, "volumes": {"/dev/xvda": {}}}, "volumes./dev/xvda.size: is required"),
        ("launch_template", {**WANTED, "volumes": {"/dev/xvda": {"size": 8, "typ": "gp3"}}}, "there is no option typ"),
        (
            "launch_template",
            {**WANTED, "volumes": {"/dev/xvda": {"size": True}}},
            "size: must be a whole number, not true",
        ),
        *(
            ("launch_template", {**WANTED, "volumes": {"root": volume}}, said)
            for volume, said in (
                ({"size": -1}, "x.volumes.root.size: -1 is out of range; right is 1 to 65536"),
                (
                    {"size": 20000, "type": "gp2"},
                    "volumes.root.size: 20000 GiB is out of range for gp2; right is 1 to 16384",
                ),
                ({"size": 20, "iops": -1}, "x.volumes.root.iops: -1 is out of range; right is 100 to 256000"),
                (
                    {"size": 20, "iops": 2999},
                    "volumes.root.iops: 2999 is out of range for gp3 of 20 GiB; right is 3000 to 10000",
                ),
                ({"size": 20, "type": "io1"}, "volumes.root.iops: is required for io1"),
                (
                    {"size": 20, "type": "io1", "iops": 1001},
                    "1001 is out of range for io1 of 20 GiB; right is 100 to 1000",
                ),
                (
                    {"size": 20, "type": "gp2", "iops": 100},
                    "volumes.root.iops: gp2 takes none; right are gp3, io1, io2",
                ),
                ({"size": 20, "type": "gp2", "throughput": 125}, "volumes.root.throughput: only gp3 takes it, not gp2"),
                ({"size": 20, "throughput": 1000}, "volumes.root.throughput: 1000 MiB/s needs iops of 4000 at least"),
            )
        ),
        ("launch_template", {**WANTED, "instance_type": "large"}, "x.instance_type: large is not an instance type"),
        ("launch_template", {**WANTED, "metadata_hops": 65}, "x.metadata_hops: 65 is out of range; right is 1 to 64"),
        ("autoscaling_group", {**GROUP, "cooldown": -1}, "x.cooldown: -1 is out of range; right is 0 at least"),
        (
            "autoscaling_group",
            {**GROUP, "max_instance_lifetime": 60},
            "60 is out of range; right is 0, or 86400 at least",
        ),
        (
            "autoscaling_group",
            {**GROUP, "termination_policies": ["Oldest"]},
            "Oldest is not a termination policy; right are",
        ),
        ("scaling_policy", {"group": "web", "target": 1, "warmup": -1}, "x.warmup: -1 is out of range"),
        ("autoscaling_group", {**GROUP, "min_size": 3}, "min_size: 3 is more than max_size, 2"),
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
        ("lifecycle_hook", {"group": "web", "heartbeat": 5}, "x.heartbeat: 5 is out of range; right is 30 to 7200"),
    ],
)
def test_wrong_entries_are_named(kind, options, words):
    made, problems = specs.validated(registry.kind(kind), "x", options)
    problems = problems or list(registry.kind(kind).check("x", made, {}))
    assert any(words in problem for problem in problems), problems


def test_a_bastion_and_a_tier_of_one_name_would_have_one_name_in_aws():
    names = {"launch_template": ["web", "bastion"], "bastion_template": ["bastion"], "bastion_group": ["gate"]}
    options = {"bastion_group": GROUP}
    world = {kind: {name: entry(kind, **options.get(kind, WANTED)) for name in found} for kind, found in names.items()}
    problems = [each for each in desired.cross_checked(world, "test") if "AWS would know both" in each]
    assert problems == [
        "bastion_templates.bastion: tier_launch_templates has a bastion too, and AWS would know both as test-bastion; "
        "give one another name"
    ]


def test_a_bastions_options_are_those_of_a_tier():
    assert specs.of_kind("bastion_template") == specs.of_kind("launch_template")
    assert specs.of_kind("bastion_group") == specs.of_kind("autoscaling_group")
    assert specs.entry_point("bastion", "bastion_template") == specs.entry_point("bastion", "bastion_group") == {}


@pytest.mark.parametrize(("kind", "launch"), [("autoscaling_group", "web"), ("bastion_group", "web")])
def test_the_order_of_termination_policies_counts_and_that_of_other_lists_does_not(kind, launch):
    kind = registry.kind(kind)
    lists = {
        "termination_policies": ["OldestInstance", "Default"],
        "subnets": ["web-b", "web-a"],
        "target_groups": ["b", "a"],
        "metrics": ["GroupMinSize", "GroupMaxSize"],
    }
    known = {option for option, spec in specs.of_kind(kind.name).items() if spec["type"] == "list"}
    assert known == set(lists)
    wanted = entry(kind.name, **{**GROUP, **lists, "launch_template": launch})
    for option in known:
        found = Resource("x", {**kind.normalise(wanted), option: lists[option][::-1]}, {"outdated": {}, "refresh": ""})
        different = bool(plan.compare(kind, wanted, found))
        assert different == (option == "termination_policies"), option


@pytest.mark.parametrize(
    "kind", ["vpc", "subnet", "route_table", "network_acl", "security_group", "launch_template", "vpc_endpoint"]
)
def test_no_list_of_these_kinds_has_an_order(kind):
    assert registry.kind(kind).ordered == frozenset()


def test_policies_and_hooks_of_two_groups_do_not_fold_into_one(cell, scaling, template, subnet, tags):
    for name in ("app", "web"):
        make_group(scaling, template, subnet, tags, name=name)
    make_group(scaling, template, subnet, lambda *_: [{"Key": "Name", "Value": "other"}], name="stranger")
    for group in ("test-app", "test-web", "test-stranger"):
        for name in ("scale-out", "test-web-cpu"):
            scaling.put_scaling_policy(
                AutoScalingGroupName=group,
                PolicyName=name,
                PolicyType="TargetTrackingScaling",
                TargetTrackingConfiguration={
                    "PredefinedMetricSpecification": {"PredefinedMetricType": "ASGAverageCPUUtilization"},
                    "TargetValue": 60.0,
                },
            )
            scaling.put_lifecycle_hook(
                LifecycleHookName=name,
                AutoScalingGroupName=group,
                LifecycleTransition="autoscaling:EC2_INSTANCE_TERMINATING",
            )
    seen = cell()
    for kind in ("scaling_policy", "lifecycle_hook"):
        found = seen.observed(kind)
        groups = {name: (each.facts["group_name"], each.facts["name"]) for name, each in found.items()}
        assert groups == {
            "scale-out": ("test-app", "scale-out"),
            "scale-out (web)": ("test-web", "scale-out"),
            # The entry web-cpu of the group web stays what it is, whatever somebody adds to other groups.
            "web-cpu": ("test-web", "test-web-cpu"),
            "web-cpu (app)": ("test-app", "test-web-cpu"),
        }
    arns = {each.facts["arn"] for each in seen.observed("scaling_policy").values()}
    assert len(arns) == 4
    assert all("test-stranger" not in arn for arn in arns)


def test_a_request_count_policy_names_its_target_group_whatever_aws_calls_it(
    cell, lab, scaling, template, subnet, tags
):
    make_group(scaling, template, subnet, tags)
    elb, ec2 = lab.client("elbv2"), lab.client("ec2")
    vpc = ec2.describe_vpcs(Filters=[{"Name": "tag-key", "Values": ["terrace:cell"]}])["Vpcs"][0]["VpcId"]
    other = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.9.0/24", AvailabilityZone="us-east-1b")["Subnet"]["SubnetId"]
    balancer = elb.create_load_balancer(
        Name="old-lb", Subnets=[subnet, other], Scheme="internal", Tags=tags("load_balancer", "public")
    )["LoadBalancers"][0]["LoadBalancerArn"]
    group = elb.create_target_group(
        Name="old-tg", Protocol="HTTP", Port=80, VpcId=vpc, Tags=tags("target_group", "web")
    )["TargetGroups"][0]["TargetGroupArn"]
    scaling.put_scaling_policy(
        AutoScalingGroupName="test-web",
        PolicyName="test-web-requests",
        PolicyType="TargetTrackingScaling",
        TargetTrackingConfiguration={
            "PredefinedMetricSpecification": {
                "PredefinedMetricType": "ALBRequestCountPerTarget",
                "ResourceLabel": f"{balancer.split(':loadbalancer/')[1]}/{group.split(':')[-1]}",
            },
            "TargetValue": 60.0,
        },
    )
    found = cell().observed("scaling_policy")["web-requests"].attributes
    assert (found["load_balancer"], found["target_group"]) == ("public", "web")
