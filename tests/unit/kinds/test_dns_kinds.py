"""Hosted zones and records, read from zones made with boto3, and what is wrong with entries."""

from __future__ import annotations

import pytest

from ansible_collections.terrace.aws.plugins.plugin_utils.engine import registry
from ansible_collections.terrace.aws.plugins.plugin_utils.kinds.route53.dns_record import host

RECORD = registry.kind("dns_record")
ENTRY = {"zone": "internal", "name": "api", "type": "A", "ttl": 60, "values": ["10.0.0.1"], "target": ""}


@pytest.fixture
def route53(lab):
    return lab.client("route53")


@pytest.fixture
def zone(lab, route53, tags):
    def make(name: str = "internal", domain: str = "example.internal", private: bool = False, **own: str) -> str:
        extra = {}
        if private:
            specification = [{"ResourceType": "vpc", "Tags": tags("vpc", "main")}]
            vpc = lab.client("ec2").create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=specification)["Vpc"]
            extra = {"VPC": {"VPCId": vpc["VpcId"], "VPCRegion": "us-east-1"}}
        made = route53.create_hosted_zone(
            Name=domain,
            CallerReference=f"{name}-{domain}",
            HostedZoneConfig={"Comment": "Names", "PrivateZone": private},
            **extra,
        )["HostedZone"]["Id"].rpartition("/")[2]
        every = tags("hosted_zone", name, **own)
        route53.change_tags_for_resource(ResourceType="hostedzone", ResourceId=made, AddTags=every)
        return made

    return make


@pytest.fixture
def write(route53):
    def record(zone: str, name: str, kind: str = "A", **options) -> None:
        if not options:
            options = {"TTL": 60, "ResourceRecords": [{"Value": "10.0.0.1"}]}
        batch = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": {"Name": name, "Type": kind, **options}}]}
        route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)

    return record


def test_a_private_zone_names_its_vpcs(zone, cell):
    ident = zone(private=True, Owner="ops")
    found = cell().observed("hosted_zone")["internal"]
    assert (found.id, found.tags) == (ident, {"Owner": "ops"})
    assert found.attributes == {"domain": "example.internal", "vpcs": ["main"], "comment": "Names"}
    assert [each["region"] for each in found.facts["vpcs"]] == ["us-east-1"]


def test_a_public_zone_has_name_servers_and_no_vpc(zone, cell):
    zone("public", "example.com")
    found = cell().observed("hosted_zone")["public"]
    assert found.attributes["vpcs"] == []
    assert found.facts["name_servers"]


def test_many_zones_are_asked_for_their_tags_ten_at_a_time(route53, zone, cell):
    for number in range(12):
        zone(f"zone-{number}", f"z{number}.example.com")
    route53.create_hosted_zone(Name="other.example.com", CallerReference="other")
    assert sorted(cell().observed("hosted_zone")) == sorted(f"zone-{number}" for number in range(12))


def test_records_are_called_for_zone_name_and_type(zone, write, cell):
    ident = zone()
    write(ident, "api.example.internal")
    write(ident, "*.example.internal", "CNAME", TTL=5, ResourceRecords=[{"Value": "elsewhere.example.com"}])
    write(ident, "example.internal", "TXT", TTL=300, ResourceRecords=[{"Value": '"a"'}, {"Value": '"b"'}])
    found = cell().observed("dns_record")
    assert sorted(found) == ["internal/*/CNAME", "internal/@/TXT", "internal/api/A"]
    assert found["internal/api/A"].attributes == ENTRY
    assert found["internal/@/TXT"].attributes["values"] == ['"a"', '"b"']
    assert found["internal/api/A"].facts["zone_id"] == ident


def test_a_record_names_the_database_it_leads_to(lab, zone, write, cell, tags):
    made = lab.client("rds").create_db_instance(
        DBInstanceIdentifier="test-main",
        Engine="postgres",
        DBInstanceClass="db.t4g.medium",
        AllocatedStorage=20,
        MasterUsername="root",
        MasterUserPassword="only-for-this-test",
        Tags=tags("db_instance", "main"),
    )["DBInstance"]
    endpoint = made["Endpoint"]["Address"].upper() + "."
    write(zone(), "database.example.internal", "CNAME", TTL=60, ResourceRecords=[{"Value": endpoint}])
    found = cell().observed("dns_record")["internal/database/CNAME"].attributes
    assert (found["target"], found["values"]) == ("database:main", [])


def test_names_compare_without_case_dot_and_prefix():
    assert host("DualStack.LB-1.elb.amazonaws.com.") == "lb-1.elb.amazonaws.com"
    assert host(None) == ""


def test_the_ttl_of_an_alias_is_not_ours():
    alias = {**ENTRY, "values": [], "target": "load_balancer:internal"}
    assert RECORD.normalise(alias)["ttl"] is None
    assert RECORD.normalise(ENTRY)["ttl"] == 60
    assert RECORD.names_in("target.load_balancer", alias) == ["internal"]
    assert RECORD.names_in("target.database", alias) == []


@pytest.mark.parametrize(
    ("name", "options", "problem"),
    [
        ("internal/api/A", {}, ""),
        ("internal/api/AAAA", {}, "must be keyed internal/api/A"),
        ("internal/api/A", {"values": []}, "either values or a target"),
        ("internal/api/A", {"target": "load_balancer:x"}, "either values or a target"),
        ("internal/api/A", {"values": [], "target": "load_balancer:x"}, ""),
        ("internal/api/A", {"values": [], "target": "balancer:x"}, "target: must be one of"),
        ("internal/api/A", {"values": [], "target": "database:"}, "target: must be one of"),
        ("internal/api/A", {"values": [], "target": "database:main"}, "type: a target database needs CNAME, not A"),
    ],
)
def test_check(name, options, problem):
    found = "; ".join(RECORD.check(name, {**ENTRY, **options}, {}))
    assert problem in found
    assert bool(found) == bool(problem), found
