"""From one entry a tier or bastion to what AWS is asked for."""

from __future__ import annotations

import ast
import hashlib

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.terrace.aws.plugins.filter import bastion, load_balancer, tier
from ansible_collections.terrace.aws.plugins.plugin_utils import specs
from ansible_collections.terrace.aws.plugins.plugin_utils.engine import registry

WEB = {
    "image": "/aws/service/debian/release/13/latest/amd64",
    "instance_type": "t3.micro",
    "security_groups": ["web"],
    "subnets": ["web-a"],
    "size": {"min": 1, "max": 4, "desired": 2},
    "policies": {"cpu": {"target": 60}},
    "hooks": {"ready": {"heartbeat": 900}, "drain": {"transition": "terminating"}},
    "tags": {"Team": "shop"},
}


BASTION = {"image": "ami-12345678", "instance_type": "t3.micro", "security_groups": ["x"], "subnets": ["public-a"]}


def test_a_tier_is_its_parts():
    layout = tier.tier_layout({"web": WEB}, "cell")
    assert layout["groups"]["web"] == {
        "launch_template": "web",
        "scaled": True,
        "min_size": 1,
        "max_size": 4,
        "desired_capacity": 2,
        "subnets": ["web-a"],
        "tags": {"tier": "web", "role": "web", "Team": "shop"},
    }
    assert layout["templates"]["web"]["tags"] == layout["groups"]["web"]["tags"]
    assert layout["policies"] == {"web-cpu": {"group": "web", "target": 60}}
    assert set(layout["hooks"]) == {"web-ready", "web-drain"}


def test_only_launching_hooks_are_completed_at_first_boot():
    script = tier.tier_layout({"web": WEB}, "cell")["templates"]["web"]["user_data"]
    settings = next(
        node.value
        for node in ast.parse(script).body
        if isinstance(node, ast.AnnAssign) and node.target.id == "SETTINGS"
    )
    assert ast.literal_eval(settings) == {
        "group": "cell-web",
        "tier": "web",
        "hooks": ["cell-web-ready"],
        "address": "",
        "configuration": "",
    }
    assert len(script.encode()) < 16384


def test_without_hooks_there_is_nothing_to_do_at_first_boot():
    layout = tier.tier_layout({"web": {**WEB, "hooks": {}}}, "cell")
    assert layout["templates"]["web"]["user_data"] == ""


def test_given_user_data_is_kept():
    layout = tier.tier_layout({"web": {**WEB, "user_data": "#!/bin/sh\n"}}, "cell")
    assert layout["templates"]["web"]["user_data"] == "#!/bin/sh\n"


def test_a_misspelt_option_is_named():
    with pytest.raises(
        AnsibleFilterError, match=r"tier_groups\.web\.subnet: there is no option subnet; did you mean subnets\?"
    ):
        tier.tier_layout({"web": {"subnet": ["a"]}}, "cell")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"policies": {"cpu": {"target": 60, "warm_up": 9}}},
            "web.policies.cpu.warm_up: there is no option warm_up; did",
        ),
        ({"hooks": {"ready": {"hartbeat": 9}}}, "web.hooks.ready.hartbeat: there is no option hartbeat; did you mean"),
        (
            {"volumes": {"/dev/xvda": {"siz": 8}}},
            "web.volumes./dev/xvda.siz: there is no option siz; did you mean size?",
        ),
        ({"size": {"minimum": 1}}, "web.size.minimum: there is no option minimum; did you mean min?"),
        ({"refresh": {"warm": 1}}, "web.refresh.warm: there is no option warm; did you mean warmup?"),
    ],
)
def test_nested_options_of_a_tier_are_named_by_their_path(change, said):
    with pytest.raises(AnsibleFilterError) as error:
        tier.tier_layout({"web": {**WEB, **change}}, "cell")
    assert f"tier_groups.{said}" in str(error.value)


def test_what_a_bastion_has_no_use_for_is_named():
    with pytest.raises(AnsibleFilterError, match=r"bastion_hosts\.a\.policies: there is no option policies"):
        bastion.bastion_layout({"a": {**BASTION, "policies": {}}}, "cell")


def test_a_bastion_is_a_group_of_one_with_an_address():
    layout = bastion.bastion_layout({"bastion": BASTION}, "cell")
    group = layout["groups"]["bastion"]
    assert (group["min_size"], group["max_size"], group["desired_capacity"]) == (1, 1, 1)
    assert group["tags"]["role"] == "bastion"
    assert layout["addresses"] == {"bastion": {"group": "bastion", "tags": {}}}
    assert '"address": "cell-bastion"' in layout["templates"]["bastion"]["user_data"]


def test_addresses_move_only_to_a_machine_in_service():
    wanted = {"bastion": {"group": "bastion"}}
    address = {"attributes": {"group": ""}, "facts": {"address": "192.0.2.1"}}

    def found(state, holder=""):
        group = {"facts": {"instances": {"i-1": state}}}
        return {
            "bastion_address": {"bastion": {**address, "attributes": {"group": holder}}},
            "bastion_group": {"bastion": group},
        }

    moved = {"bastion": {"address": "192.0.2.1", "instance": "i-1"}}
    assert bastion.addresses_to_move(wanted, found("InService")) == moved
    assert bastion.addresses_to_move(wanted, found("Pending")) == {}
    assert bastion.addresses_to_move(wanted, found("InService", "bastion")) == {}


@pytest.mark.parametrize(
    ("entry", "needed", "image"),
    [
        ({"image": "ami-1", "id": "", "fields": [], "facts": {}}, [], "ami-1"),
        ({"image": "/p", "id": "", "fields": [], "facts": {}}, ["/p"], "new"),
        ({"image": "/p", "id": "lt-1", "fields": ["user_data"], "facts": {"image_id": "old"}}, [], "old"),
        ({"image": "/p", "id": "lt-1", "fields": ["image_follow"], "facts": {"image_id": "old"}}, ["/p"], "new"),
        ({"image": "/p", "id": "lt-1", "fields": ["image"], "facts": {"image_id": "old"}}, ["/p"], "new"),
    ],
)
def test_an_image_is_looked_up_only_when_it_is_to_change(entry, needed, image):
    assert tier.parameters_needed({"web": entry}) == needed
    assert tier.image_of(entry, {"/p": "new"}) == image


def group(outdated, refresh=""):
    return {"id": "cell-web", "facts": {"outdated": outdated, "refresh": refresh}}


def refreshed(group, **options):
    raw = {"launch_template": "web", "subnets": [], "min_size": 1, "max_size": 1, **options}
    entry, problems = specs.validated(registry.kind("autoscaling_group"), "web", raw)
    assert problems == []
    return tier.groups_to_refresh({"web": entry}, {"web": group})


def test_a_refresh_is_started_once():
    started = refreshed(group({"i-1": ""}), refresh={"warmup": 5})
    assert started == {
        "web": {
            "id": "cell-web",
            "preferences": {
                "min_healthy_percentage": 90,
                "instance_warmup": 5,
                "skip_matching": True,
                "scale_in_protected_instances": "Wait",
                "standby_instances": "Wait",
            },
        }
    }
    assert refreshed(group({})) == {}
    assert refreshed(group({"i-1": ""}, "InProgress")) == {}
    assert refreshed(group({"i-1": ""}, "Failed"), refresh={"warmup": 5}) == started
    assert refreshed(group({"i-1": ""}), refresh={"enabled": False}) == {}


@pytest.mark.parametrize(
    ("options", "protected", "preference"),
    [
        ({}, "protected", "Wait"),
        ({"protect_from_scale_in": True}, "protected", "Refresh"),
        ({"refresh": {"protected": "refresh"}}, "protected", "Refresh"),
        ({"protect_from_scale_in": True, "refresh": {"protected": "ignore"}}, "protected", ""),
        ({"refresh": {"standby": "ignore"}}, "standby", ""),
        ({"refresh": {"standby": "terminate"}}, "standby", "Terminate"),
    ],
)
def test_protected_and_standby_machines(options, protected, preference):
    """What a refresh would leave alone for ever is no reason for one."""
    key = {"protected": "scale_in_protected_instances", "standby": "standby_instances"}[protected]
    started = refreshed(group({"i-1": protected}), **options)
    assert bool(started) == bool(preference)
    if preference:
        assert started["web"]["preferences"][key] == preference
    both = refreshed(group({"i-1": protected, "i-2": ""}), **options)
    assert both["web"]["preferences"][key] == (preference or "Ignore")


@pytest.mark.parametrize("root", ["root", "/dev/xvda", "/dev/sda1"])
@pytest.mark.parametrize("device", ["/dev/xvda", "/dev/sda1", "/dev/sda"])
def test_the_root_volume_is_on_the_images_own_device(root, device):
    volumes, _problems = specs.named(specs.shape("tier", "volume"), {root: {"size": 20}, "/dev/sdf": {"size": 1}}, "")
    made = tier.block_devices(volumes, {}, device)
    assert {each["device_name"]: each["ebs"]["volume_size"] for each in made} == {device: 20, "/dev/sdf": 1}


def test_an_image_that_was_not_found_is_named():
    images = [{"image_id": "ami-1", "root_device_name": "/dev/sda1"}]
    assert tier.root_device("ami-1", images) == "/dev/sda1"
    with pytest.raises(AnsibleFilterError, match="no image ami-2"):
        tier.root_device("ami-2", images)
    entries = {
        name: {"image": image, "id": "", "fields": [], "facts": {}} for name, image in (("a", "ami-1"), ("b", "/p"))
    }
    assert tier.images_of(entries, {"/p": "ami-3"}) == ["ami-1", "ami-3"]


def test_volumes():
    volumes, _problems = specs.named(specs.shape("tier", "volume"), {"root": {"size": 20, "kms_key": "data"}}, "")
    assert tier.block_devices(volumes, {"data": "key-1"}, "/dev/xvda") == [
        {
            "device_name": "/dev/xvda",
            "ebs": {
                "volume_size": 20,
                "volume_type": "gp3",
                "encrypted": True,
                "kms_key_id": "key-1",
                "delete_on_termination": True,
                "iops": 3000,
                "throughput": 125,
            },
        }
    ]


def test_request_count_label():
    balancer = "arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/app/cell-public/50dc"
    group = "arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/cell-web/943f"
    assert tier.request_count_label(balancer, group) == "app/cell-public/50dc/targetgroup/cell-web/943f"


def test_listeners_as_aws_takes_them():
    ids = {"certificate": {"public": "arn:c"}, "target_group": {"web": "arn:t"}}
    listeners = {"443": {"protocol": "HTTPS", "certificate": "public", "target_group": "web"}, "80": {"redirect": {}}}
    shape = specs.shape("load_balancer", "listener", {"rules": "listener_rule"})
    listeners, problems = specs.named(shape, listeners, "listeners")
    assert problems == []
    made = load_balancer.alb_listeners(listeners, ids)
    assert [each["Port"] for each in made] == [80, 443]
    assert made[0]["DefaultActions"][0]["RedirectConfig"] == {
        "Protocol": "HTTPS",
        "Port": "443",
        "Host": "#{host}",
        "Path": "/#{path}",
        "Query": "#{query}",
        "StatusCode": "HTTP_301",
    }
    assert made[1]["SslPolicy"] == "ELBSecurityPolicy-TLS13-1-2-2021-06"
    assert made[1]["Certificates"] == [{"CertificateArn": "arn:c"}]
    assert load_balancer.alb_rules(listeners, ids) == {"80": [], "443": []}


@pytest.mark.parametrize(
    ("wanted", "scaled", "there", "asked"),
    [
        (None, False, None, 1),  # a new group is created without machines, then gets its least
        (None, True, None, 1),
        (2, True, None, 2),
        (None, False, 3, 3),
        (None, False, 0, 1),  # the least was raised
        (2, False, 3, 2),
        (2, True, 3, 3),
        (None, True, 9, 4),
    ],
)
def test_the_size_asked_for_is_within_the_limits(wanted, scaled, there, asked):
    entry = {"min_size": 1, "max_size": 4, "desired_capacity": wanted, "scaled": scaled}
    entry["facts"] = {} if there is None else {"desired_capacity": there}
    assert tier.desired_capacity(entry) == asked


def test_user_data_is_what_machines_were_started_with():
    """Another text is a new version of every template, and in every cell new machines: change it only for a reason, and then
    say so in the changelog."""
    text = tier.first_boot("cell", "web", hooks=["boot"], address="a", configuration="c")
    assert (
        hashlib.sha256(text.encode()).hexdigest() == "94a322f677ea871ce4b73766efef7f565f749d8a3ddeeb6506b7a03e856d7fe0"
    )
