"""Hosted zones and records, read from zones made with boto3, and what is wrong with entries."""

from __future__ import annotations

import json

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.terrace.aws.plugins.filter import dns as filters
from ansible_collections.terrace.aws.plugins.modules import route53_hosted_zone, route53_records
from ansible_collections.terrace.aws.plugins.plugin_utils import specs
from ansible_collections.terrace.aws.plugins.plugin_utils.engine import plan, registry
from ansible_collections.terrace.aws.plugins.plugin_utils.kinds.route53 import record_sets
from ansible_collections.terrace.aws.plugins.plugin_utils.kinds.route53.dns_record import host

RECORD = registry.kind("dns_record")
ZONE = registry.kind("hosted_zone")
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
    routing = {
        **dict.fromkeys(("set_identifier", "weight", "region", "failover")),
        "health_check": "",
        "evaluate_target_health": False,
        "other": {},
    }
    assert found["internal/api/A"].attributes == {**ENTRY, **routing}
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


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"ttl": -1}, "ttl: -1 is out of range; right is 0 to 2147483647"),
        ({"weight": 256}, "weight: 256 is out of range; right is 0 to 255"),
        ({"name": "a..b"}, "name: a..b is not @ or a name"),
        ({"name": "x" * 64}, "is not @ or a name"),
        ({"values": ["x" * 4001]}, "values[0]: has 4001 characters; right are at most 4000"),
        ({"region": "somewhere"}, "region: somewhere is not a region, such as us-east-1"),
    ],
)
def test_what_route_53_would_refuse(options, problem):
    problems = specs.validated(RECORD, "internal/api/A", {**ENTRY, **options})[1]
    assert any(problem in each for each in problems), problems


def test_names_as_route_53_has_them():
    for name in ("@", "*", "*.apps", "_acme-challenge", "a.b.c", "xn--bcher-kva"):
        assert specs.validated(RECORD, "x", {**ENTRY, "name": name})[1] == []


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
        ("internal/API/A", {"name": "API"}, "must be keyed internal/api/A, with name: api"),
        ("internal/api/A/blue", {"set_identifier": "blue", "weight": 10}, ""),
        ("internal/api/A/blue", {"set_identifier": "blue", "region": "us-east-1"}, ""),
        ("internal/api/A", {"set_identifier": "blue", "weight": 10}, "must be keyed internal/api/A/blue"),
        ("internal/api/A/blue", {"set_identifier": "blue"}, "needs one of failover, weight and region"),
        (
            "internal/api/A/b",
            {"set_identifier": "b", "weight": 1, "region": "us-east-1"},
            "needs one of failover, weight and region",
        ),
        ("internal/api/A", {"weight": 10}, "set_identifier: missing"),
        ("internal/api/A", {"values": []}, "either values or a target"),
        ("internal/api/A", {"target": "load_balancer:x"}, "either values or a target"),
        ("internal/api/A", {"values": [], "target": "load_balancer:x"}, ""),
        ("internal/api/A", {"values": [], "target": "balancer:x"}, "target: must be one of"),
        ("internal/api/A", {"values": [], "target": "database:"}, "target: must be one of"),
        ("internal/api/A", {"values": [], "target": "database:main"}, "type: a target database needs CNAME, not A"),
        ("internal/api/A", {"values": ["10.0.0.1", "example.com"]}, "values: example.com is not an IPv4 address"),
        ("internal/api/AAAA", {"type": "AAAA", "values": ["10.0.0.1"]}, "values: 10.0.0.1 is not an IPv6 address"),
        ("internal/api/AAAA", {"type": "AAAA", "values": ["2001:db8::1"]}, ""),
        (
            "internal/api/CNAME",
            {"type": "CNAME", "values": ["a.example", "b.example"]},
            "a CNAME record has one, not 2",
        ),
    ],
)
def test_check(name, options, problem):
    found = "; ".join(RECORD.check(name, {**ENTRY, **options}, {}))
    assert problem in found
    assert bool(found) == bool(problem), found


@pytest.mark.parametrize(
    ("records", "problems"),
    [
        ({"CNAME": {}}, []),
        (
            {"CNAME": {}, "A": {}, "TXT": {}},
            ["type: a CNAME record must be the only one of its name, which has A, TXT too"],
        ),
        ({"A": {}, "TXT": {}}, []),
        ({"CNAME/a": {"weight": 1}, "CNAME/b": {"weight": 1}}, []),
        (
            {"A": {}, "A/blue": {"weight": 1}},
            [
                "set_identifier: this record is simple, internal/api/A/blue is weighted; AWS takes one way of routing a name"
            ],
        ),
        (
            {"A/a": {"region": "us-east-1"}, "A/b": {"weight": 1}},
            [
                "set_identifier: this record is by latency, internal/api/A/b is weighted; AWS takes one way of routing a name"
            ],
        ),
    ],
)
def test_which_records_of_one_name_aws_takes_together(records, problems):
    world = {"dns_record": {"internal/other/A": {**ENTRY, "name": "other"}}}
    for word, options in records.items():
        sort, _, identifier = word.partition("/")
        values = ["target.example"] if sort == "CNAME" else ENTRY["values"]
        own = {"set_identifier": identifier} if identifier else {}
        world["dns_record"][f"internal/api/{word}"] = {**ENTRY, "type": sort, "values": values, **own, **options}
    found = [problem for name, entry in world["dns_record"].items() for problem in RECORD.check(name, entry, world)]
    assert found == problems


def desired(kind, key, /, **options):
    made, wrong = specs.validated(kind, key, options)
    assert wrong == []
    return made


def run(module, capsys, **options):
    """What a module returns, given these options."""
    capsys.readouterr()
    with patch_module_args(options), pytest.raises(SystemExit):
        module.main()
    return json.loads(capsys.readouterr().out)


def written(capsys, cell, entries, action="create"):
    """Write entries of records as the role does."""
    known = {"hosted_zone": {name: each.as_dict() for name, each in cell().observed("hosted_zone").items()}}
    entries = {name: {**entry, "action": action} for name, entry in entries.items()}
    answers = [
        run(route53_records, capsys, hosted_zone_id=ident, records=records)
        for ident, records in filters.dns_record_sets(entries, known, "test").items()
    ]
    assert not [each for each in answers if each.get("failed")], answers
    return [each["changed"] for each in answers]


def test_what_the_cell_wrote_is_its_own_and_what_others_wrote_is_kept(capsys, zone, write, cell):
    ident = zone("public", "example.com")
    write(ident, "example.com", "MX", TTL=60, ResourceRecords=[{"Value": "10 Mail.example.net."}])
    validation = {"TTL": 300, "ResourceRecords": [{"Value": "_y.z.acm-validations.aws."}]}
    write(ident, "_x.example.com", "CNAME", **validation)
    options = {"zone": "public", "name": "*.app", "type": "CNAME", "values": ["Elsewhere.example.net."]}
    entries = {"public/*.app/CNAME": desired(RECORD, "x", **options)}
    assert written(capsys, cell, entries) == [True]
    assert written(capsys, cell, entries, "update") == [False]
    found = cell().observed("dns_record")
    assert {name: RECORD.kept(each) for name, each in found.items()} == {
        "public/*.app/CNAME": False,
        "public/@/MX": True,
        "public/_x/CNAME": True,
    }
    assert [name for name, each in found.items() if RECORD.holds_data(each)] == ["public/@/MX"]
    assert found["public/@/MX"].attributes["values"] == ["10 mail.example.net"]
    name = "public/*.app/CNAME"
    assert plan.compare(RECORD, entries[name], found[name]) == {}

    gone = filters.dns_gone({name: found[name].as_dict()}, "test")
    assert run(route53_records, capsys, hosted_zone_id=ident, records=gone[ident], state="absent")["changed"]
    assert not run(route53_records, capsys, hosted_zone_id=ident, records=gone[ident], state="absent")["changed"]
    assert sorted(cell().observed("dns_record")) == ["public/@/MX", "public/_x/CNAME"]


def test_another_cells_mark_does_not_make_a_record_ours(capsys, zone, route53, cell):
    ident = zone()
    record = {"Name": "api.example.internal", "Type": "A", "TTL": 5, "ResourceRecords": [{"Value": "10.0.0.9"}]}
    records = [{"record_set": record, "mark": record_sets.mark("test-two", record), "create": True}]
    assert run(route53_records, capsys, hosted_zone_id=ident, records=records)["changed"]
    assert RECORD.kept(cell().observed("dns_record")["internal/api/A"])


def test_a_record_that_somebody_wrote_meanwhile_is_not_overwritten(capsys, zone, write, cell):
    ident = zone()
    write(ident, "api.example.internal")
    record = {"Name": "api.example.internal", "Type": "A", "TTL": 5, "ResourceRecords": [{"Value": "10.0.0.9"}]}
    records = [{"record_set": record, "mark": record_sets.mark("test", record), "create": True}]
    answer = run(route53_records, capsys, hosted_zone_id=ident, records=records)
    assert "api.example.internal A: there already" in answer["msg"]
    found = cell().observed("dns_record")["internal/api/A"]
    assert found.attributes["values"] == ["10.0.0.1"]
    assert RECORD.kept(found), "no mark without its record"


def test_weighted_records_are_entries_of_their_own(capsys, zone, cell):
    ident = zone()
    names = {
        "internal": {
            "API": {"values": ["10.0.0.1"], "set_identifier": "blue", "weight": 90},
            "green": {"name": "api", "values": ["10.0.0.2"], "set_identifier": "green", "weight": 10},
        }
    }
    entries = {key: desired(RECORD, key, **each) for key, each in filters.dns_records(names).items()}
    assert list(entries) == ["internal/api/A/blue", "internal/api/A/green"]
    assert written(capsys, cell, entries) == [True]
    found = cell().observed("dns_record")
    assert {name: plan.compare(RECORD, entries[name], each) for name, each in found.items()} == {
        "internal/api/A/blue": {},
        "internal/api/A/green": {},
    }
    heavier = {**entries["internal/api/A/green"], "weight": 20}
    assert list(plan.compare(RECORD, heavier, found["internal/api/A/green"])) == ["weight"]
    gone = filters.dns_gone({"internal/api/A/blue": found["internal/api/A/blue"].as_dict()}, "test")
    run(route53_records, capsys, hosted_zone_id=ident, records=gone[ident], state="absent")
    left = cell().observed("dns_record")
    assert list(left) == ["internal/api/A/green"]
    assert not RECORD.kept(left["internal/api/A/green"])


def test_texts_are_quoted_and_long_ones_divided():
    assert record_sets.value("v=spf1 -all", "TXT") == '"v=spf1 -all"'
    assert record_sets.value('"already"', "TXT") == '"already"'
    assert record_sets.value("x" * 300, "TXT") == f'"{"x" * 255}" "{"x" * 45}"'
    assert record_sets.domain(r"\052.Example.COM.") == "*.example.com"


def test_a_zone_of_that_name_is_never_adopted_unasked(route53, zone, cell):
    made = route53.create_hosted_zone(Name="example.com", CallerReference="theirs")["HostedZone"]
    entry = desired(ZONE, "public", domain="Example.com.")
    (problem,) = ZONE.precreate_errors(cell(), {"public": entry})
    assert problem.startswith("public.domain: there is a public zone example.com already")
    assert made["Id"].rpartition("/")[2] in problem
    assert "terrace:kind=hosted_zone" in problem
    assert list(ZONE.precreate_errors(cell(), {"public": desired(ZONE, "public", domain="example.org")})) == []
    assert "public" not in cell().observed("hosted_zone")


def test_a_zone_is_created_with_a_reference_that_finds_it_before_it_has_tags(capsys, route53, cell, tags):
    every = {each["Key"]: each["Value"] for each in tags("hosted_zone", "public")}
    options = {"domain": "Example.com", "comment": "Names", "reference": "terrace/test/public/", "tags": every}
    ident = run(route53_hosted_zone, capsys, **options)["id"]
    found = cell().observed("hosted_zone")["public"]
    assert found.id == ident
    entry = desired(ZONE, "public", domain="EXAMPLE.com.", comment="Names")
    assert plan.compare(ZONE, entry, found) == {}
    assert ZONE.condition("public", entry, found) == {}
    assert not run(route53_hosted_zone, capsys, id=ident, **options)["changed"]

    route53.change_tags_for_resource(ResourceType="hostedzone", ResourceId=ident, RemoveTagKeys=list(every))
    found = cell().observed("hosted_zone")["public"]
    assert found.id == ident, "a killed run created it"
    assert ZONE.condition("public", entry, found) == {"tagged": {"before": False, "after": True}}
    assert run(route53_hosted_zone, capsys, id=ident, **options)["changed"]
    assert not cell().observed("hosted_zone")["public"].facts["untagged"]


def test_a_zone_is_changed_by_its_id_and_removed_with_the_marks_left_in_it(capsys, route53, zone, cell):
    other, ident = zone("other", "example.com"), zone("public", "example.com")
    options = {"domain": "example.com", "comment": "Changed", "tags": {"Name": "test-public"}}
    assert run(route53_hosted_zone, capsys, id=ident, **options)["diff"]["after"]["comment"] == "Changed"
    assert route53.get_hosted_zone(Id=other)["HostedZone"]["Config"]["Comment"] == "Names"
    record = {"Name": "api.example.com", "Type": "A", "TTL": 5, "ResourceRecords": [{"Value": "10.0.0.9"}]}
    records = [{"record_set": record, "mark": record_sets.mark("test", record)}]
    run(route53_records, capsys, hosted_zone_id=ident, records=records)
    batch = {"Changes": [{"Action": "DELETE", "ResourceRecordSet": record}]}
    route53.change_resource_record_sets(HostedZoneId=ident, ChangeBatch=batch)
    assert run(route53_hosted_zone, capsys, id=ident, state="absent")["changed"]
    assert not run(route53_hosted_zone, capsys, id=ident, state="absent")["changed"]
    assert [each["Id"].rpartition("/")[2] for each in route53.list_hosted_zones()["HostedZones"]] == [other]


def test_a_private_zone_gets_another_vpc_without_being_replaced(capsys, lab, route53, zone, cell):
    ident = zone(private=True)
    found = cell().observed("hosted_zone")["internal"]
    have = route53.get_hosted_zone(Id=ident)["VPCs"][0]["VPCId"]
    more = lab.client("ec2").create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    vpcs = [{"id": each, "region": "us-east-1"} for each in (have, more)]
    options = {"id": ident, "domain": "example.internal", "comment": "Names", "tags": {}}
    assert run(route53_hosted_zone, capsys, vpcs=vpcs, **options)["changed"]
    assert {each["VPCId"] for each in route53.get_hosted_zone(Id=ident)["VPCs"]} == {have, more}
    run(route53_hosted_zone, capsys, vpcs=vpcs[1:], **options)
    assert [each["VPCId"] for each in route53.get_hosted_zone(Id=ident)["VPCs"]] == [more]
    assert "vpcs" not in ZONE.immutable
    public = desired(ZONE, "internal", domain="example.internal")
    assert "cannot make a private zone public" in ZONE.refusal("internal", {"vpcs": {}}, public, found)
    assert ZONE.refusal("internal", {}, {}, found) == ""


def test_two_zones_of_one_domain_are_refused():
    world = {"hosted_zone": {"a": {"domain": "Example.com", "vpcs": []}, "b": {"domain": "example.com.", "vpcs": []}}}
    assert "is the domain of a as well" in "".join(ZONE.check("b", world["hosted_zone"]["b"], world))
    world["hosted_zone"]["a"]["vpcs"] = ["main"]
    assert list(ZONE.check("b", world["hosted_zone"]["b"], world)) == []
    assert "not a domain name" in "".join(ZONE.check("b", {"domain": "a b.com", "vpcs": []}, {}))
