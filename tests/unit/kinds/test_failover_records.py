"""Failover records, and records of several cells in one zone."""

from __future__ import annotations

import json

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.terrace.aws.plugins.filter import dns as filters
from ansible_collections.terrace.aws.plugins.modules import route53_records
from ansible_collections.terrace.aws.plugins.plugin_utils import desired, specs
from ansible_collections.terrace.aws.plugins.plugin_utils.engine import plan, registry
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.cell import Cell, Settings
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.kind import every_tag

RECORD = registry.kind("dns_record")
CHECKS = {"health_check": {"active": {"fqdn": "standby.example.net"}}}


@pytest.fixture
def route53(lab):
    return lab.client("route53")


@pytest.fixture
def public(route53):
    """A public zone of nobody's."""
    made = route53.create_hosted_zone(Name="example.com", CallerReference="by hand")
    return made["HostedZone"]["Id"].rpartition("/")[2]


@pytest.fixture
def check(route53):
    """A health check of the cell ``one``."""
    config = {"Type": "HTTPS", "FullyQualifiedDomainName": "standby.example.net"}
    made = route53.create_health_check(CallerReference="active", HealthCheckConfig=config)["HealthCheck"]["Id"]
    tags = [{"Key": key, "Value": value} for key, value in every_tag("one", "health_check", "active").items()]
    route53.change_tags_for_resource(ResourceType="healthcheck", ResourceId=made, AddTags=tags)
    return made


def view(name: str, shared=("example.com",)) -> Cell:
    return Cell(name, "us-east-1", registry.all_kinds(), settings=Settings(shared_zones=tuple(shared)))


def entries(**names):
    """Entries of dns_records that names in the shared zone expand to."""
    made = {}
    for key, options in filters.dns_records({"domain:example.com": names}).items():
        made[key], wrong = specs.validated(RECORD, key, options)
        assert wrong == []
    return made


def run(module, capsys, **options):
    capsys.readouterr()
    with patch_module_args(options), pytest.raises(SystemExit):
        module.main()
    return json.loads(capsys.readouterr().out)


def write(capsys, name, made, action="create"):
    """Write entries of a cell as the role does."""
    cell = view(name)
    known = {
        kind: {key: each.as_dict() for key, each in cell.observed(kind).items()}
        for kind in ("hosted_zone", "health_check")
    }
    made = {key: {**entry, "action": action} for key, entry in made.items()}
    [(zone, records)] = filters.dns_record_sets(made, known, name).items()
    return run(route53_records, capsys, hosted_zone_id=zone, records=records)


def refused(name, made, shared=("example.com",)):
    return "; ".join(RECORD.prechange_errors(view(name, shared), made, {"dns_record": made}))


PRIMARY = {"values": ["192.0.2.1"], "set_identifier": "one", "failover": "primary", "health_check": "active"}
SECONDARY = {"values": ["192.0.2.2"], "set_identifier": "two", "failover": "secondary"}


def test_two_cells_have_one_record_each_of_a_pair(capsys, route53, public, check):
    one, two = entries(www=PRIMARY), entries(www=SECONDARY)
    assert list(one) == ["domain:example.com/www/A/one"]
    for name, made in (("one", one), ("two", two)):
        assert refused(name, made) == ""
        assert write(capsys, name, made)["changed"]
        assert not write(capsys, name, made, "update")["changed"]
        found = view(name).observed("dns_record")
        assert list(found) == list(made), "the other cell's record is not this one's"
        assert plan.compare(RECORD, *made.values(), *found.values()) == {}
        assert not RECORD.kept(*found.values())
        assert refused(name, made) == ""
    records = route53.list_resource_record_sets(HostedZoneId=public)["ResourceRecordSets"]
    assert {each["SetIdentifier"]: each["Failover"] for each in records if each["Type"] == "A"} == {
        "one": "PRIMARY",
        "two": "SECONDARY",
    }
    assert [each["HealthCheckId"] for each in records if each.get("Failover") == "PRIMARY"] == [check]

    # Without entries it is still found, so that it can be removed.
    found = view("two").observed("dns_record")
    gone = filters.dns_gone({name: each.as_dict() for name, each in found.items()}, "two")
    assert list(gone) == [public]
    assert run(route53_records, capsys, hosted_zone_id=public, records=gone[public], state="absent")["changed"]
    assert view("two").observed("dns_record") == {}
    assert list(view("one").observed("dns_record")) == list(one)


def test_an_owner_of_the_zone_keeps_the_records_of_the_other_cell(capsys, route53, public, check):
    tags = [{"Key": key, "Value": value} for key, value in every_tag("one", "hosted_zone", "public").items()]
    route53.change_tags_for_resource(ResourceType="hostedzone", ResourceId=public, AddTags=tags)
    write(capsys, "two", entries(www=SECONDARY))
    found = view("one", ()).observed("dns_record")
    assert [(name, RECORD.kept(each)) for name, each in found.items()] == [("public/www/A/two", True)]
    assert "example.com is public of dns_zones" in refused("one", entries(www=PRIMARY))
    key, own = "public/www/A/one", {**PRIMARY, "zone": "public", "name": "www"}
    made, _wrong = specs.validated(RECORD, key, own)
    for options, problem in (
        ({}, ""),
        ({"failover": "secondary"}, "failover: the record two of cell two is secondary already"),
        ({"failover": None, "weight": 1}, "set_identifier: this record is weighted, that of cell two is failover"),
    ):
        problems = list(RECORD.prechange_errors(view("one", ()), {key: {**made, **options}}, {"dns_record": {}}))
        assert problem in "; ".join(problems)
        assert bool(problems) == bool(problem)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({}, ""),
        ({"failover": "primary", "health_check": "active"}, "failover: the record one of cell one is primary already"),
        ({"failover": None, "weight": 5}, "this record is weighted, that of cell one is failover"),
        ({"failover": None, "set_identifier": None}, "this record is simple, that of cell one is failover"),
        ({"set_identifier": "one"}, "name: there is a A record one of www.example.com already, which cell one wrote"),
        ({"type": "CNAME", "values": ["a.example"]}, "type: a CNAME record must be the only one of its name"),
        ({"type": "TXT", "values": ["a"]}, ""),
    ],
)
def test_what_aws_does_not_take_beside_the_other_cells_record(capsys, public, check, options, problem):
    write(capsys, "one", entries(www=PRIMARY))
    given = {key: value for key, value in {**SECONDARY, **options}.items() if value is not None}
    found = refused("two", entries(www=given))
    assert problem in found
    assert bool(found) == bool(problem), found


def test_a_record_of_nobody_is_not_taken_over(capsys, route53, public):
    record = {"Name": "www.example.com", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.9"}]}
    batch = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
    route53.change_resource_record_sets(HostedZoneId=public, ChangeBatch=batch)
    made = entries(www={"values": ["192.0.2.1"]})
    assert "there is a A record of www.example.com already, which somebody else wrote" in refused("one", made)
    assert view("one").observed("dns_record") == {}


def test_the_zone_is_listed_there_and_the_only_one(route53, public):
    made = entries(www=SECONDARY)
    assert "example.com is not in dns_shared_zones" in refused("one", made, ())
    assert "example.org" not in refused("one", made, ("example.com", "example.org"))
    other = {key.replace(".com", ".org"): {**each, "zone": "domain:example.org"} for key, each in made.items()}
    assert "this account has no public zone of the domain example.org" in refused("one", other, ("example.org",))
    route53.create_hosted_zone(Name="example.com", CallerReference="another")
    assert "this account has several public zones of the domain example.com" in refused("one", made)
    assert view("one").observed("dns_record") == {}


def test_a_cell_that_shares_no_zone_makes_no_further_call(lab, public):
    calls = []
    for shared in ((), ("example.com",)):
        lab.reset_calls()
        view("one", shared).observed("dns_record")
        calls.append(lab.calls()["by_operation"])
    assert "route53.ListHealthChecks" not in calls[0]
    assert calls[0].get("route53.ListResourceRecordSets", 0) == 0
    assert calls[1] == {**calls[0], "route53.ListResourceRecordSets": 1}


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (PRIMARY, ""),
        (SECONDARY, ""),
        ({**PRIMARY, "weight": 1}, "set_identifier: needs one of failover, weight and region"),
        ({"values": ["192.0.2.1"], "failover": "primary", "health_check": "active"}, "set_identifier: missing"),
        ({"values": ["192.0.2.1"], "health_check": "active"}, "health_check: only a record with a set_identifier"),
        ({**PRIMARY, "health_check": ""}, "health_check: missing; AWS takes no primary record without one"),
        ({**PRIMARY, "failover": "secondary", "evaluate_target_health": True}, "evaluate_target_health: only an alias"),
        ({"set_identifier": "a", "weight": 1, "values": ["192.0.2.1"], "health_check": "active"}, ""),
        ({**PRIMARY, "health_check": "", "values": [], "target": "load_balancer:a"}, ""),
    ],
)
def test_check(options, problem):
    [(name, entry)] = entries(www=options).items()
    found = "; ".join(RECORD.check(name, entry, {}))
    assert problem in found
    assert bool(found) == bool(problem), found


def test_a_name_has_one_primary_and_one_secondary_record():
    made = entries(
        a={**PRIMARY, "name": "www"}, b={**SECONDARY, "name": "www", "failover": "primary", "health_check": "active"}
    )
    found = [problem for name, entry in made.items() for problem in RECORD.check(name, entry, {"dns_record": made})]
    assert found == [
        "failover: domain:example.com/www/A/two is primary as well; a name has one primary and one secondary record"
    ]


def test_a_zone_of_others_is_no_entry_and_another_cells_is_named_by_its_domain():
    made = entries(www=PRIMARY)
    world = {"dns_record": made, "hosted_zone": {}, "health_check": {"active": {}}}
    assert RECORD.names_in("zone", *made.values()) == []
    assert desired.cross_checked({"dns_record": made, "hosted_zone": {}}, "one") == []
    assert "no health_check is called active" in "; ".join(desired.cross_checked({**world, "health_check": {}}, "one"))
    [entry] = made.values()
    found = RECORD.check("two/public/www/A/one", {**entry, "zone": "two/public"}, {})
    assert "zone: a zone of another cell is named by its domain" in "; ".join(found)
    found = RECORD.check("domain:Example.com/www/A/one", {**entry, "zone": "domain:Example.com"}, {})
    assert "write domain:example.com" in "; ".join(found)


def test_a_primary_that_nothing_checks_is_said():
    [(name, entry)] = entries(www={**PRIMARY, "health_check": "", "values": [], "target": "load_balancer:a"}).items()
    assert "its secondary never answers" in "; ".join(RECORD.warnings({name: entry}, {}))
    assert list(RECORD.warnings({name: {**entry, "evaluate_target_health": True}}, {})) == []


def test_an_alias_says_whether_its_targets_count():
    resources = {"load_balancer": {"a": {"facts": {"dns_name": "lb.example.com", "hosted_zone": "Z2"}}}}
    options = {"values": [], "target": "load_balancer:a", "set_identifier": "one", "failover": "primary"}
    [entry] = entries(www={**options, "evaluate_target_health": True}).values()
    [[made]] = filters.dns_record_sets({"x": entry}, resources, "test").values()
    assert made["record_set"] == {
        "Name": "www.example.com",
        "Type": "A",
        "SetIdentifier": "one",
        "Failover": "PRIMARY",
        "AliasTarget": {"HostedZoneId": "Z2", "DNSName": "lb.example.com", "EvaluateTargetHealth": True},
    }
