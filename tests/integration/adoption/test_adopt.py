"""A platform that somebody made by hand, and one whose tags somebody removed, become cells without anything else changing."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
import yaml

from tests.integration.adoption.platforms import by_hand

NOTHING = {"add": 0, "change": 0, "remove": 0, "orphan": 0}
TERRACE = ("terrace:cell", "terrace:kind", "terrace:name")
#: A mark of Terrace's that is not the cell's name for a resource: an adopted one does without.
MARKS = ("terrace:cell", "terrace:kind", "terrace:name", "terrace:storage", "terrace:tier", "terrace:image")
SCALING = "auto-scaling-group"


def seed(folder: pathlib.Path, cell: str) -> pathlib.Path:
    """The inventory of a cell that has nothing yet."""
    variables = {"cell_region": "us-east-1", "cell_account": "123456789012"}
    connection = {
        "ansible_connection": "terrace.aws.warm",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
    }
    (folder / "hosts.yml").write_text(yaml.safe_dump({"cells": {"vars": connection, "hosts": {cell: variables}}}))
    return folder / "hosts.yml"


def snapshot(api, service: str, operation: str, result: str, **arguments: t.Any) -> list[t.Any]:
    return getattr(api.client(service), operation)(**arguments)[result]


def state(api, vpc: str) -> dict[str, t.Any]:
    """What a platform is, without its tags."""
    of_vpc = {"Filters": [{"Name": "vpc-id", "Values": [vpc]}]}
    found = {
        "groups": snapshot(api, "ec2", "describe_security_groups", "SecurityGroups", **of_vpc),
        "subnets": snapshot(api, "ec2", "describe_subnets", "Subnets", **of_vpc),
        "tables": snapshot(api, "ec2", "describe_route_tables", "RouteTables", **of_vpc),
        "balancers": [
            each for each in snapshot(api, "elbv2", "describe_load_balancers", "LoadBalancers") if each["VpcId"] == vpc
        ],
        "templates": snapshot(
            api, "ec2", "describe_launch_template_versions", "LaunchTemplateVersions", Versions=["$Latest"]
        ),
        "databases": snapshot(api, "rds", "describe_db_instances", "DBInstances"),
        "machines": sorted(
            machine["InstanceId"]
            for group in snapshot(api, "autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups")
            for machine in group["Instances"]
        ),
    }
    for each in found["groups"] + found["subnets"] + found["tables"]:
        each.pop("Tags", None)
    for each in found["databases"]:
        each.pop("TagList", None)
        each.pop("LatestRestorableTime", None)
    return found


def assert_same(now: dict[str, t.Any], before: dict[str, t.Any]) -> None:
    for part, was in before.items():
        assert [each for each in now[part] if each not in was] == [], part
        assert [each for each in was if each not in now[part]] == [], part


def only_tags(run, cell: str) -> list[str]:
    """The addresses of a plan's changes, which are nothing but the tags that make resources the cell's."""
    planned = run.planned(cell)
    assert planned == {**NOTHING, "change": planned["change"]}, run.output[-6000:]
    for address, change in run.changes(cell).items():
        assert set(change["fields"]) == {f"tags.{tag}" for tag in TERRACE}, (address, change["fields"])
        assert all(both["before"] is None for both in change["fields"].values())
        assert not change["refused"]
    return sorted(run.changes(cell))


@pytest.fixture(scope="module")
def two(api):
    """Two platforms made by hand in one account."""
    return by_hand(api.client, "shop", "10.50"), by_hand(api.client, "other", "10.60")


@pytest.fixture(scope="module")
def adopted(api, operator, two, tmp_path_factory):
    """The inventory of the first one, the run that wrote it, and what both were before."""
    folder = tmp_path_factory.mktemp("shop")
    before = [state(api, each["vpc"]) for each in two]
    api.reset_calls()
    run = operator.play(
        "adopt_cell",
        *("-e", f"adopt_dir={folder / 'adopted'}", "-e", f"adopt_vpc={two[0]['vpc']}"),
        inventory=seed(folder, "shop"),
    ).ok()
    assert api.calls()["writes"] == 0
    return folder / "adopted" / "hosts.yml", run, before


def test_what_it_finds_is_named_and_what_it_passes_over_is_said(adopted):
    inventory, run, _before = adopted
    files = {path.stem: yaml.unsafe_load(path.read_text()) for path in (inventory.parent / "host_vars/shop").iterdir()}
    claims = files["adopted"]["cell_claims"]
    assert sorted(claims["subnet"].values()) == ["private-a", "private-b", "public-a", "public-b"]
    assert list(claims["iam_role"]) == ["shop-machines"]
    assert list(claims["bucket"]) == ["shop-access-logs"]
    assert not any(ident.startswith("other-") for idents in claims.values() for ident in idents)
    assert set(files["firewall"]["firewall_security_groups"]) == {"balancer", "web", "database"}
    assert files["tier"]["tier_scaling_policies"] == {"keep cpu at half": {"group": "web", "target": 50.0}}
    assert set(files["dns"]["dns_records"]) == {"internal/front/A", "internal/mail/TXT"}
    for said in (
        "default group; nothing of the platform uses it",
        "default ACL",
        "main route table",
        "AWS does not tell the master password",
    ):
        assert said in run.output
    assert "a plan shows it as a change" not in run.output


def test_the_plan_shows_only_tags_and_the_run_adds_only_those(api, operator, two, adopted):
    inventory, _run, before = adopted
    plan = operator.play("site", "--check", "--diff", inventory=inventory).ok()
    addresses = only_tags(plan, "shop")
    assert {"vpc/vpc", "load_balancer/front", "db_instance/database", "iam_role/machines"} <= set(addresses)
    assert {"autoscaling_group/web", "hosted_zone/internal", "bucket/access-logs"} <= set(addresses)
    operator.play("site", inventory=inventory).ok()
    for platform, as_it_was in zip(two, before, strict=True):
        assert_same(state(api, platform["vpc"]), as_it_was)
    named = snapshot(api, "ec2", "describe_subnets", "Subnets", SubnetIds=[two[0]["subnet"]])[0]["Tags"]
    assert {each["Key"]: each["Value"] for each in named} == {
        "Name": "shop public a",
        "Owner": "Ada",
        "terrace:cell": "shop",
        "terrace:kind": "subnet",
        "terrace:name": "public-a",
    }
    strangers = snapshot(
        api, "ec2", "describe_tags", "Tags", Filters=[{"Name": "resource-id", "Values": [two[1]["subnet"]]}]
    )
    assert {each["Key"] for each in strangers} == {"Name", "Owner"}


def test_then_the_plan_is_empty_with_the_claims_and_without_them(operator, adopted):
    inventory, _run, _before = adopted
    assert operator.play("site", "--check", inventory=inventory).ok().planned("shop") == NOTHING
    (inventory.parent / "host_vars/shop/adopted.yml").unlink()
    assert operator.play("site", "--check", inventory=inventory).ok().planned("shop") == NOTHING


def test_what_was_adopted_is_written_by_its_id(api, operator, two, adopted):
    """Options of what keeps a name of its own change on that very resource, which keeps its Name."""
    inventory, _run, _before = adopted
    folder = inventory.parent / "host_vars/shop"
    for role, variable, name, change in (
        ("network", "network_vpcs", "vpc", {"dns_hostnames": False}),
        ("network", "network_subnets", "public-a", {"map_public_ip": True}),
        ("load_balancer", "load_balancer_balancers", "front", {"idle_timeout": 90}),
        ("tier", "tier_autoscaling_groups", "web", {"max_size": 4}),
    ):
        values = yaml.safe_load((folder / f"{role}.yml").read_text())
        values[variable][name] |= change
        (folder / f"{role}.yml").write_text(yaml.safe_dump(values))
    run = operator.play("site", inventory=inventory).ok()
    assert run.planned("shop") == {**NOTHING, "change": 4}, run.output
    assert operator.play("site", "--check", inventory=inventory).ok().planned("shop") == NOTHING
    vpc = snapshot(api, "ec2", "describe_vpcs", "Vpcs", VpcIds=[two[0]["vpc"]])[0]
    assert {"Key": "Name", "Value": "shop VPC"} in vpc["Tags"]
    assert len(snapshot(api, "elbv2", "describe_load_balancers", "LoadBalancers")) == 2


def without_tags(api) -> None:
    """Remove every tag of Terrace's in the account, as somebody with a script might."""
    ec2, dns, iam = api.client("ec2"), api.client("route53"), api.client("iam")
    tagging, scaling = api.client("resourcegroupstaggingapi"), api.client("autoscaling")
    for tag in ec2.describe_tags(Filters=[{"Name": "key", "Values": ["terrace:*"]}])["Tags"]:
        ec2.delete_tags(Resources=[tag["ResourceId"]], Tags=[{"Key": tag["Key"]}])
    for each in scaling.describe_tags()["Tags"]:
        if each["Key"] in MARKS:
            scaling.delete_tags(Tags=[{"ResourceId": each["ResourceId"], "ResourceType": SCALING, "Key": each["Key"]}])
    for role in iam.list_roles()["Roles"]:
        iam.untag_role(RoleName=role["RoleName"], TagKeys=list(MARKS))
    for zone in dns.list_hosted_zones()["HostedZones"]:
        ident = zone["Id"].rsplit("/", 1)[-1]
        dns.change_tags_for_resource(ResourceType="hostedzone", ResourceId=ident, RemoveTagKeys=list(MARKS))
    pages = tagging.get_paginator("get_resources").paginate()
    for each in (each for page in pages for each in page["ResourceTagMappingList"]):
        if any(tag["Key"] in MARKS for tag in each["Tags"]) and ":ec2:" not in each["ResourceARN"]:
            tagging.untag_resources(ResourceARNList=[each["ResourceARN"]], TagKeys=list(MARKS))


CELL = "development-use1"


def test_a_cell_whose_tags_were_removed_is_had_back(api, operator, tmp_path):
    api.reset()
    operator.play("site").ok()
    vpc = next(each for each in snapshot(api, "ec2", "describe_vpcs", "Vpcs") if not each["IsDefault"])["VpcId"]
    before = state(api, vpc)
    without_tags(api)
    folder = tmp_path / "adopted"
    run = operator.play(
        "adopt_cell", "-e", f"adopt_dir={folder}", "-e", f"adopt_vpc={vpc}", inventory=seed(tmp_path, CELL)
    ).ok()
    assert "cannot say" not in run.output
    inventory = folder / "hosts.yml"
    addresses = only_tags(operator.play("site", "--check", inventory=inventory).ok(), CELL)
    # The names it had: only AWS's own words for what they are differ.
    assert {"vpc/main", "subnet/web-a", "load_balancer/public", "db_instance/main"} <= set(addresses), addresses
    operator.play("site", inventory=inventory).ok()
    assert_same(state(api, vpc), before)
    assert operator.play("site", "--check", inventory=inventory).ok().planned(CELL) == NOTHING
