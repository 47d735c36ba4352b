"""What belongs to a platform, what it is called, and which of it an inventory can say."""

from __future__ import annotations

import pytest

from ansible_collections.terrace.aws.plugins.plugin_utils import switches
from ansible_collections.terrace.aws.plugins.plugin_utils.adoption import entries, members, names, region
from ansible_collections.terrace.aws.plugins.plugin_utils.engine import registry
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.cell import Cell, Settings
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.kind import Resource
from tests.integration.adoption.platforms import by_hand

ACCOUNT = "123456789012"


def search(cell="shop"):
    return members.Search(region.Region(cell, "us-east-1"))


def found_in(vpc: str) -> members.Members:
    looking = search()
    return looking.close(looking.everything_in([vpc]))


def kinds_of(found: members.Members) -> dict[str, int]:
    counted: dict[str, int] = {}
    for kind, _ident in found.resources:
        counted[kind] = counted.get(kind, 0) + 1
    return counted


def inventory(claims):
    def look(them):
        return Cell("shop", "us-east-1", registry.all_kinds(), exact=True, settings=Settings(claims=them))

    return entries.inventory(look, "shop", claims)


@pytest.fixture
def shop(lab):
    return by_hand(lab.client, "shop", "10.50")


def test_what_lies_in_a_vpc_and_what_that_uses_belongs_to_it(lab, shop):
    by_hand(lab.client, "other", "10.60")
    found = found_in(shop["vpc"])
    assert kinds_of(found) == {
        "autoscaling_group": 1, "bucket": 1, "certificate": 1, "db_instance": 1, "db_parameter_group": 1,
        "db_subnet_group": 1, "dns_record": 2, "elastic_ip": 1, "hosted_zone": 1, "iam_role": 1, "internet_gateway": 1,
        "launch_template": 1, "load_balancer": 1, "nat_gateway": 1, "route_table": 2, "scaling_policy": 1,
        "security_group": 3, "subnet": 4, "target_group": 1, "vpc": 1,
    }  # fmt: skip
    assert found.shared == {}
    assert {each.partition("/")[0] for each in found.passed_over} == {"network_acl", "route_table", "security_group"}


def test_what_others_use_as_well_is_adopted_and_named(lab, shop):
    other = by_hand(lab.client, "other", "10.60")
    logs = [
        {"Key": "access_logs.s3.enabled", "Value": "true"},
        {"Key": "access_logs.s3.bucket", "Value": shop["bucket"]},
    ]
    lab.client("elbv2").modify_load_balancer_attributes(LoadBalancerArn=other["balancer"], Attributes=logs)
    found = found_in(shop["vpc"])
    assert found.shared == {f"bucket/{shop['bucket']}": [f"load_balancer/{other['balancer']}"]}
    assert ("load_balancer", other["balancer"]) not in found.resources


def test_another_cell_s_resources_and_what_has_no_kind_are_passed_over_with_the_reason(lab, shop):
    tags = {"terrace:cell": "production", "terrace:kind": "bucket", "terrace:name": "logs"}
    s3, ec2 = lab.client("s3"), lab.client("ec2")
    s3.put_bucket_tagging(
        Bucket=shop["bucket"], Tagging={"TagSet": [{"Key": key, "Value": value} for key, value in tags.items()]}
    )
    image = ec2.describe_images()["Images"][0]["ImageId"]
    machine = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, SubnetId=shop["subnet"])["Instances"][0]
    lab.client("elbv2").create_load_balancer(Name="tcp", Type="network", Scheme="internal", Subnets=[shop["subnet"]])
    found = found_in(shop["vpc"])
    assert found.passed_over[f"bucket/{shop['bucket']}"] == "belongs to the cell production"
    assert found.passed_over[machine["InstanceId"]].startswith("a machine outside of any auto scaling group")
    (why,) = (why for what, why in found.passed_over.items() if "/tcp/" in what)
    assert why == "a network load balancer; Terrace has no kind for it"
    # The balancer cannot do without the bucket, and says so; the alias of it cannot be said without the balancer.
    made = inventory(names.proposed("shop", found.resources, search()._region.carried))
    (why,) = (why for what, why in made.passed_over.items() if what.startswith("load_balancer/front"))
    assert "access_logs: no bucket is called shop-access-logs" in why
    assert list(made.resources["dns_record"]) == ["internal/mail/TXT"]
    (why,) = (why for what, why in made.passed_over.items() if what.startswith("dns_record/internal/front/A"))
    assert why.endswith("which is not adopted")


def test_a_public_zone_that_leads_into_it_is_named(lab, shop):
    dns = lab.client("route53")
    zone = dns.create_hosted_zone(Name="example.com", CallerReference="x")["HostedZone"]["Id"].rsplit("/", 1)[-1]
    balancer = lab.client("elbv2").describe_load_balancers()["LoadBalancers"][0]
    alias = {
        "HostedZoneId": balancer["CanonicalHostedZoneId"],
        "DNSName": balancer["DNSName"],
        "EvaluateTargetHealth": False,
    }
    record = {"Name": "www.example.com", "Type": "A", "AliasTarget": alias}
    dns.change_resource_record_sets(
        HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
    )
    assert "www.example.com leads to it" in found_in(shop["vpc"]).passed_over[f"hosted_zone/{zone}"]
    looking = search()
    seeds = looking.everything_in([shop["vpc"]]) | {region.address(f"arn:aws:route53:::hostedzone/{zone}")}
    found = looking.close(seeds)
    assert ("hosted_zone", zone) in found.resources
    assert ("dns_record", f"{zone}/www/A") in found.resources


def test_single_resources_come_with_what_they_use_and_not_with_what_lies_beside_them(lab, shop):
    found = search().close({region.address(shop["balancer"])})
    assert kinds_of(found) == {
        "bucket": 1, "certificate": 1, "load_balancer": 1, "security_group": 1, "subnet": 2, "target_group": 1, "vpc": 1,
    }  # fmt: skip


def test_tags_choose_what_carries_them(lab, shop):
    looking = search()
    assert {kind for kind, _ident in looking.tagged({"Owner": "Ada"})} == {
        "vpc", "subnet", "route_table", "launch_template", "db_instance",
    }  # fmt: skip
    assert looking.tagged({"Owner": "Eve"}) == set()


def test_a_vpc_that_is_not_there_or_another_cell_s_is_refused(lab, shop):
    with pytest.raises(ValueError, match="there is no VPC vpc-00000000"):
        search().everything_in(["vpc-00000000"])
    lab.client("ec2").create_tags(Resources=[shop["vpc"]], Tags=[{"Key": "terrace:cell", "Value": "production"}])
    with pytest.raises(ValueError, match="belongs to the cell production"):
        search().everything_in([shop["vpc"]])


def test_what_no_entry_can_say_is_passed_over_and_so_is_what_needs_it(lab, shop):
    found = found_in(shop["vpc"])
    lab.client("ec2").create_launch_template_version(
        LaunchTemplateId=next(ident for kind, ident in found.resources if kind == "launch_template"),
        LaunchTemplateData={"ImageId": "ami-00000000", "InstanceType": "t3.micro", "UserData": "AAAA" * 6000},
    )
    made = inventory(names.proposed("shop", found.resources, search()._region.carried))
    whys = {what.partition(" ")[0]: why for what, why in made.passed_over.items()}
    assert "user_data: EC2 takes 16384 bytes" in whys["launch_template/web-machines"]
    assert whys["autoscaling_group/web"].startswith("launch_template: no launch_template is called lt-")
    assert "web" not in made.claims["autoscaling_group"].values()
    assert "launch_template" not in made.resources
    # A policy goes with its group, since the cell no longer sees that.
    assert "scaling_policy" not in made.resources


def test_a_database_keeps_aws_s_own_parameter_group_and_its_password_uncompared(lab, shop):
    lab.client("rds").modify_db_instance(
        DBInstanceIdentifier="shop-db", DBParameterGroupName="default.postgres17", ApplyImmediately=True
    )
    made = inventory(names.proposed("shop", found_in(shop["vpc"]).resources, search()._region.carried))
    assert made.not_compared["db_instance/database.parameter_group"] == "default.postgres17 is not adopted"
    assert made.not_compared["db_instance/database.credentials"] == "AWS does not tell the master password"
    assert entries.entry("db_instance", made.resources["db_instance"]["database"]).get("parameter_group") is None


@pytest.mark.parametrize(
    ("kind", "resource", "tags", "name"),
    [
        ("subnet", {}, {"Name": "Web – Zone A"}, "web-zone-a"),
        ("subnet", {}, {"Name": "shop-web-a"}, "web-a"),
        ("subnet", {}, {}, "subnet-1"),
        ("security_group", {"facts": {"name": "self"}}, {}, "self-2"),
        ("bucket", {"facts": {"name": f"shop-logs-{ACCOUNT}"}}, {}, "logs"),
        ("certificate", {"attributes": {"domain": "*.example.com"}, "facts": {"name": "arn:x"}}, {}, "example-com"),
        ("kms_key", {"facts": {"aliases": ["alias/shop/data"]}}, {}, "data"),
        ("target_group", {"facts": {"name": "a" * 32}}, {}, "a" * 25),
    ],
)
def test_names_come_from_the_name_tag_or_what_aws_calls_it(kind, resource, tags, name):
    made = Resource("x", resource.get("attributes", {}), resource.get("facts", {}))
    assert names.proposed("shop", {(kind, "x"): made}, {(kind, "x"): tags}) == {kind: {"x": name}}


def test_names_are_unique_and_those_the_cell_has_stay():
    these = {("subnet", each): Resource(each, {}) for each in ("a", "b", "c")}
    tags = {
        ("subnet", "a"): {"Name": "web"},
        ("subnet", "b"): {"Name": "Web"},
        ("subnet", "c"): {"Name": "shop-web", "terrace:cell": "shop", "terrace:kind": "subnet"},
    }
    assert names.proposed("shop", these, tags) == {"subnet": {"a": "web-2", "b": "web-3"}}


def test_what_is_adopted_is_named_by_ids_and_arns():
    key = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234"
    assert region.address("sg-0123456789abcdef0") == ("security_group", "sg-0123456789abcdef0")
    assert region.address(key) == ("kms_key", "1234")
    assert region.address("arn:aws:s3:::logs") == ("bucket", "logs")
    assert region.address(f"arn:aws:iam::{ACCOUNT}:role/path/web") == ("iam_role", "web")
    assert region.address(f"arn:aws:rds:us-east-1:{ACCOUNT}:db:main") == ("db_instance", "main")
    assert region.address(f"arn:aws:ec2:us-east-1:{ACCOUNT}:vpc/vpc-01234567") == ("vpc", "vpc-01234567")


@pytest.mark.parametrize(
    ("switch", "value", "wrong"),
    [
        ("adopt_vpc", "main", "adopt_vpc: main is not the id of a VPC, such as vpc-0123456789abcdef0"),
        ("adopt_ids", "i-0123456789abcdef0", "adopt_ids: i-0123456789abcdef0 is of no kind of Terrace"),
        ("adopt_ids", ["main"], "adopt_ids: main is neither an id of EC2"),
        ("adopt_tags", "shop", "adopt_tags: shop is not a tag; right is Project=shop"),
        ("adopt_tags", {"Project": 1}, "adopt_tags: must be a dict of tags, all of them texts"),
    ],
)
def test_a_wrong_choice_is_refused(switch, value, wrong):
    _values, problems = switches.read({switch: value})
    assert len(problems) == 1
    assert problems[0].startswith(wrong)


def test_a_choice_is_read_in_every_form_it_is_given_in():
    values, problems = switches.read({"adopt_tags": "Project=shop", "adopt_ids": '["vpc-01234567", "sg-01234567"]'})
    assert problems == []
    assert values["adopt_tags"] == {"Project": "shop"}
    assert values["adopt_ids"] == ("vpc-01234567", "sg-01234567")
    assert switches.read({"adopt_tags": '{"Project": "shop"}'})[0]["adopt_tags"] == {"Project": "shop"}
