"""Health checks, made with the role's filter and module, and read from what boto3 made."""

from __future__ import annotations

import json

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.terrace.aws.plugins.filter import dns as filters
from ansible_collections.terrace.aws.plugins.modules import resource_tags, route53_health_check
from ansible_collections.terrace.aws.plugins.plugin_utils import specs
from ansible_collections.terrace.aws.plugins.plugin_utils.engine import plan, registry
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.cell import Cell, Settings
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.kind import every_tag

CHECK = registry.kind("health_check")
HTTPS = {"Type": "HTTPS", "FullyQualifiedDomainName": "www.example.com"}


@pytest.fixture
def route53(lab):
    return lab.client("route53")


def desired(name, /, **options):
    made, wrong = specs.validated(CHECK, name, options)
    assert wrong == []
    return made


def run(module, capsys, check_mode=False, **options):
    """What a module returns, given these options."""
    capsys.readouterr()
    with patch_module_args({**options, "_ansible_check_mode": check_mode}), pytest.raises(SystemExit):
        module.main()
    return json.loads(capsys.readouterr().out)


def written(capsys, name, entry, ident="", check_mode=False, **others):
    """Write an entry as the role does."""
    answer = run(
        route53_health_check,
        capsys,
        check_mode,
        id=ident,
        config=filters.dns_health_check(entry, others),
        reference=f"terrace/test/{name}/",
        tags=every_tag("test", "health_check", name, entry.get("tags")),
    )
    assert not answer.get("failed"), answer
    return answer


@pytest.mark.parametrize(
    "options",
    [
        {"fqdn": "WWW.example.com.", "resource_path": "/healthz", "request_interval": 10, "failure_threshold": 2},
        {"type": "HTTP", "ip_address": "192.0.2.1", "inverted": True, "disabled": True, "measure_latency": True},
        {"type": "HTTPS_STR_MATCH", "fqdn": "a.example", "search_string": "ok", "enable_sni": False},
        {"type": "TCP", "ip_address": "2001:0DB8::1", "port": 22, "regions": ["us-west-2", "us-east-1", "us-west-1"]},
        {"type": "CLOUDWATCH_METRIC", "alarm": {"region": "us-west-2", "name": "lag", "insufficient_data": "Healthy"}},
    ],
)
def test_what_is_written_is_read_as_it_was_desired(capsys, cell, options):
    entry = desired("www", tags={"Owner": "ops"}, **options)
    assert list(CHECK.check("www", entry, {})) == []
    assert written(capsys, "www", entry, check_mode=True) | {"diff": {}, "invocation": {}} == {
        "changed": True,
        "id": "",
        "diff": {},
        "invocation": {},
    }
    ident = written(capsys, "www", entry)["id"]
    found = cell().observed("health_check")["www"]
    assert (found.id, found.tags) == (ident, {"Owner": "ops"})
    assert plan.compare(CHECK, entry, found) == {}
    assert not written(capsys, "www", entry, ident)["changed"]


def test_what_differs_is_changed_and_what_is_left_out_is_emptied(capsys, route53, cell):
    regions = ["us-east-1", "us-west-1", "us-west-2"]
    entry = desired("www", fqdn="www.example.com", resource_path="/one", regions=regions)
    ident = written(capsys, "www", entry)["id"]
    other = desired("www", fqdn="www.example.com", inverted=True, port=8443)
    found = cell().observed("health_check")["www"]
    assert sorted(plan.compare(CHECK, other, found)) == ["inverted", "port", "regions", "resource_path"]
    assert written(capsys, "www", other, ident, check_mode=True)["changed"]
    assert plan.compare(CHECK, entry, cell().observed("health_check")["www"]) == {}, "check mode writes nothing"
    answer = written(capsys, "www", other, ident)
    assert answer["diff"]["before"]["ResourcePath"] == "/one"
    assert plan.compare(CHECK, other, cell().observed("health_check")["www"]) == {}
    assert route53.get_health_check(HealthCheckId=ident)["HealthCheck"]["HealthCheckVersion"] == 2


def test_a_check_is_calculated_from_others(capsys, cell):
    children = {name: written(capsys, name, desired(name, fqdn=f"{name}.example.com"))["id"] for name in ("a", "b")}
    entry = desired("both", type="CALCULATED", children=["b", "a"], health_threshold=2)
    assert CHECK.names_in("children", entry) == ["b", "a"]
    ident = written(capsys, "both", entry, **children)["id"]
    found = cell().observed("health_check")["both"]
    assert found.attributes["children"] == ["a", "b"]
    assert plan.compare(CHECK, entry, found) == {}
    assert not written(capsys, "both", entry, ident, **children)["changed"]


def test_what_aws_cannot_change_makes_another_check(capsys, cell):
    entry = desired("www", fqdn="www.example.com")
    ident = written(capsys, "www", entry)["id"]
    found = cell().observed("health_check")
    for options in ({"request_interval": 10}, {"type": "HTTP"}, {"measure_latency": True}, {"ip_address": "192.0.2.1"}):
        other = desired("www", **{"fqdn": "www.example.com", **options})
        rules = plan.Rules(replace=("*",))
        [change] = plan.changes(CHECK, {"www": other}, found, rules)
        assert change.action == plan.REPLACE, options
        answer = run(route53_health_check, capsys, id=ident, config=filters.dns_health_check(other, {}))
        assert "AWS cannot change" in answer["msg"]


def test_what_a_killed_run_left_without_tags_is_the_cells(capsys, route53, cell):
    route53.create_health_check(CallerReference="terrace/test/www/00abcdef012", HealthCheckConfig=HTTPS)
    route53.create_health_check(CallerReference="terrace/other/www/00abcdef012", HealthCheckConfig=HTTPS)
    entry = desired("www", fqdn="www.example.com")
    [(name, found)] = cell().observed("health_check").items()
    assert (name, list(CHECK.condition("www", entry, found))) == ("www", ["tagged"])
    assert written(capsys, "www", entry, found.id)["changed"]
    assert CHECK.condition("www", entry, cell().observed("health_check")["www"]) == {}


def test_a_reference_fits_and_is_not_used_twice(capsys, route53):
    longest = "x" * (CHECK.longest_name - len("test-"))
    first = written(capsys, longest, desired(longest, fqdn="a.example"))["id"]
    [check] = route53.list_health_checks()["HealthChecks"]
    assert len(check["CallerReference"]) == 64
    assert run(route53_health_check, capsys, id=first, state="absent")["changed"]
    assert not run(route53_health_check, capsys, id=first, state="absent")["changed"]
    assert written(capsys, longest, desired(longest, fqdn="a.example"))["id"] != first


def test_many_checks_are_asked_for_their_tags_ten_at_a_time(lab, route53, tags, cell):
    for number in range(12):
        made = route53.create_health_check(CallerReference=str(number), HealthCheckConfig=HTTPS)["HealthCheck"]["Id"]
        every = tags("health_check", f"check-{number}")
        route53.change_tags_for_resource(ResourceType="healthcheck", ResourceId=made, AddTags=every)
    lab.reset_calls()
    assert len(cell().observed("health_check")) == 12
    assert lab.calls()["by_operation"] == {"route53.ListHealthChecks": 1, "route53.ListTagsForResources": 2}


@pytest.mark.parametrize(("region", "calls"), [("us-east-1", 0), ("us-west-2", 1)])
def test_a_cell_without_checks_asks_for_none_where_the_tagging_api_knows_them(lab, region, calls):
    settings = Settings(unwanted=frozenset({"health_check"}))
    cell = Cell("test", region, registry.all_kinds(), settings=settings)
    lab.reset_calls()
    assert cell.observed("health_check") == {}
    assert lab.calls()["by_operation"].get("route53.ListHealthChecks", 0) == calls


def test_one_that_the_inventory_no_longer_names_is_an_orphan(lab, route53, capsys):
    written(capsys, "www", desired("www", fqdn="www.example.com"))
    settings = Settings(unwanted=frozenset({"health_check"}))
    for region in ("us-east-1", "us-west-2"):
        assert list(Cell("test", region, registry.all_kinds(), settings=settings).observed("health_check")) == ["www"]


def test_the_one_that_is_replaced_is_marked(capsys, cell):
    ident = written(capsys, "www", desired("www", fqdn="www.example.com"))["id"]
    arn = cell().observed("health_check")["www"].facts["arn"]
    assert run(resource_tags, capsys, arn=arn, tags={"terrace:outgoing": "now"})["changed"]
    assert list(cell().observed("health_check")) == [f"www [outgoing {ident}]"]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({}, "fqdn: give fqdn or ip_address"),
        ({"fqdn": "a.example"}, ""),
        ({"ip_address": "a.example"}, "ip_address: a.example is not an IP address"),
        ({"ip_address": "10.0.0.1"}, "ip_address: 10.0.0.1 is not a public address"),
        ({"ip_address": "fd00::1"}, "ip_address: fd00::1 is not a public address"),
        ({"type": "TCP", "fqdn": "a.example"}, "port: missing"),
        ({"type": "TCP", "fqdn": "a.example", "port": 22, "resource_path": "/a"}, "resource_path: a check of type TCP"),
        ({"type": "HTTP_STR_MATCH", "fqdn": "a.example"}, "search_string: checks of type HTTP_STR_MATCH"),
        ({"fqdn": "a.example", "search_string": "a"}, "search_string: checks of type HTTP_STR_MATCH"),
        ({"fqdn": "a.example", "regions": ["us-east-1"]}, "regions: give at least 3 of them"),
        ({"type": "CLOUDWATCH_METRIC"}, "alarm: missing"),
        ({"fqdn": "a.example", "alarm": {"region": "us-west-2", "name": "a"}}, "alarm: a check of type CLOUDWATCH"),
        ({"type": "CALCULATED"}, "children: missing"),
        ({"type": "CALCULATED", "children": ["a"]}, ""),
        ({"type": "CALCULATED", "children": ["both"]}, "children: both is of type CALCULATED"),
        ({"type": "CALCULATED", "children": ["a"], "port": 80}, "port: a check of type CALCULATED asks no endpoint"),
        ({"fqdn": "a.example", "children": ["a"]}, "children: a check of type CALCULATED has some"),
    ],
)
def test_check(options, problem):
    world = {"health_check": {"both": desired("both", type="CALCULATED", children=["a"])}}
    found = "; ".join(CHECK.check("www", desired("www", **options), world))
    assert problem in found
    assert bool(found) == bool(problem), found
