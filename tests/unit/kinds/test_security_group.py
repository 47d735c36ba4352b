"""Security groups, read from groups made with boto3, and what is wrong with entries."""

from __future__ import annotations

import pytest

from ansible_collections.terrace.aws.plugins.plugin_utils import desired, specs
from ansible_collections.terrace.aws.plugins.plugin_utils.engine import plan, registry

KIND = registry.kind("security_group")


@pytest.fixture
def ec2(lab):
    return lab.client("ec2")


@pytest.fixture
def make(ec2, tags):
    vpc = ec2.create_vpc(
        CidrBlock="10.0.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": tags("vpc", "main")}]
    )["Vpc"]["VpcId"]

    def group(name: str, aws_name: str = "", **own: str) -> str:
        specification = [{"ResourceType": "security-group", "Tags": tags("security_group", name, **own)}]
        made = ec2.create_security_group(
            GroupName=aws_name or f"test-{name}", Description=f"For {name}", VpcId=vpc, TagSpecifications=specification
        )["GroupId"]
        everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
        ec2.revoke_security_group_egress(GroupId=made, IpPermissions=everything)
        return made

    return group


def allow(ec2, group: str, first: int, last: int | None = None, protocol: str = "tcp", **ends) -> None:
    ports = {"FromPort": first, "ToPort": first if last is None else last}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[{"IpProtocol": protocol, **ports, **ends}])


def cidr(network: str, description: str = "") -> list[dict[str, str]]:
    return [{"CidrIp": network, **({"Description": description} if description else {})}]


def pair(group: str, description: str) -> list[dict[str, str]]:
    return [{"GroupId": group, "Description": description}]


def validated(**options):
    return specs.validated(KIND, "web", {"vpc": "main", "description": "For web", **options})


def entry(**options):
    made, wrong = validated(**options)
    assert wrong == []
    return {option: value for option, value in made.items() if option not in plan.NOT_COMPARED}


def problems(name: str = "web", **options) -> str:
    made, wrong = validated(**options)
    return "; ".join(wrong or KIND.check(name, made, {}))


def test_permissions_of_one_description_are_one_rule(ec2, make, cell):
    web = make("web", Owner="ops")
    for port in (80, 443):
        for network in ("10.1.0.0/16", "10.2.0.0/16"):
            allow(ec2, web, port, IpRanges=cidr(network, "clients"))
    found = cell().observed("security_group")["web"]
    assert (found.id, found.tags, found.facts) == (web, {"Owner": "ops"}, {"name": "test-web"})
    rule = {"protocol": "tcp", "ports": ["443", "80"], "from": ["10.1.0.0/16", "10.2.0.0/16"]}
    assert found.attributes == entry(ingress={"clients": rule})


def test_a_missing_permission_shows_beside_the_rule(ec2, make, cell):
    web = make("web")
    for port, network in ((80, "10.1.0.0/16"), (80, "10.2.0.0/16"), (443, "10.1.0.0/16")):
        allow(ec2, web, port, IpRanges=cidr(network, "clients"))
    rules = cell().observed("security_group")["web"].attributes["ingress"]
    assert rules == {
        "clients": {"protocol": "tcp", "ports": ["80"], "from": ["10.1.0.0/16", "10.2.0.0/16"]},
        "clients (tcp 443)": {"protocol": "tcp", "ports": ["443"], "from": ["10.1.0.0/16"]},
    }


def test_rules_nobody_named_are_named_for_what_they_let_through(ec2, make, cell):
    web = make("web")
    allow(ec2, web, 22, IpRanges=cidr("0.0.0.0/0"))
    allow(ec2, web, 8, -1, protocol="icmp", IpRanges=cidr("10.0.0.0/8", "by hand"))
    observed = cell().observed("security_group")
    assert sorted(observed["web"].attributes["ingress"]) == ["by hand", "unnamed tcp 22"]
    assert observed["web"].attributes["ingress"]["by hand"]["ports"] == ["8"]
    changed = plan.changes(KIND, {"web": entry()}, observed, plan.Rules())
    assert [each.action for each in changed] == ["update"]
    assert sorted(changed[0].fields) == ["ingress.by hand", "ingress.unnamed tcp 22"]


def test_groups_name_each_other_themselves_and_strangers(ec2, make, cell):
    web, app = make("web"), make("app")
    stranger = ec2.create_security_group(GroupName="other", Description="Other")["GroupId"]
    allow(ec2, web, 80, UserIdGroupPairs=pair(app, "from-app"))
    allow(ec2, web, 81, UserIdGroupPairs=pair(web, "own"))
    allow(ec2, web, 82, UserIdGroupPairs=pair(stranger, "strange"))
    allow(ec2, app, 80, UserIdGroupPairs=pair(web, "from-web"))
    observed = cell().observed("security_group")
    assert sorted(observed) == ["app", "web"]
    ends = {name: rule["from"] for name, rule in observed["web"].attributes["ingress"].items()}
    assert ends == {"from-app": ["app"], "own": ["self"], "strange": [stranger]}
    assert observed["app"].attributes["ingress"]["from-web"]["from"] == ["web"]
    wanted = {name: {**each.attributes, "ingress": dict(each.attributes["ingress"])} for name, each in observed.items()}
    assert plan.changes(KIND, wanted, observed, plan.Rules()) == []


def test_a_double_is_shown_by_its_id(make, cell):
    idents = sorted([make("web"), make("web", aws_name="by-hand")])
    assert sorted(cell().observed("security_group")) == ["web", f"web ({idents[1]})"]


def test_an_entry_is_compared_with_defaults_filled_in(make, cell, ec2):
    web = make("web")
    allow(ec2, web, 443, IpRanges=cidr("10.0.0.0/16", "https"))
    wanted = {"web": entry(ingress={"https": {"ports": 443, "from": "10.0.0.0/16"}})}
    assert plan.changes(KIND, wanted, cell().observed("security_group"), plan.Rules()) == []


def test_circles_are_no_problem_and_unknown_groups_are():
    circle = {
        "web": entry(egress={"a": {"ports": 80, "to": "app"}}, ingress={"b": {"ports": 81, "from": "app"}}),
        "app": entry(egress={"a": {"ports": 81, "to": "web"}}, ingress={"b": {"ports": 80, "from": ["web", "self"]}}),
    }
    assert desired.cross_checked({"security_group": circle}) == []
    circle["app"]["ingress"]["b"]["from"] = ["wbe", "10.0.0.0/8", "sg-0123456789abcdef0", "pl-01234567"]
    (problem,) = desired.cross_checked({"security_group": circle})
    assert "firewall_security_groups.app.ingress.from: no security_group is called wbe" in problem


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ({"ports": 443, "from": "10.0.0.0/16"}, ""),
        ({"from": "10.0.0.0/16"}, "ports: is required"),
        ({"ports": 443}, "firewall_security_groups.web.ingress.one.from: is required"),
        (
            {"ports": 443, "to": "web", "from": "web"},
            "firewall_security_groups.web.ingress.one.to: there is no option to",
        ),
        ({"prots": 443, "from": "web"}, "ingress.one.prots: there is no option prots; did you mean ports?"),
        ({"ports": "90-80", "from": "web"}, "does not go upwards"),
        ({"ports": 65536, "from": "web"}, "must be all, 443 or 8000-8010"),
        ({"ports": "0-65535", "from": "web"}, "write all"),
        ({"ports": 1, "from": "10.0.0.1/16"}, "10.0.0.1/16 has host bits set; write 10.0.0.0/16"),
        ({"ports": 1, "from": "10.0.0.0/33"}, "10.0.0.0/33"),
        ({"protocol": "6", "ports": 1, "from": "web"}, "write tcp, not 6"),
        ({"protocol": "tpc", "ports": 1, "from": "web"}, "protocol: must be"),
        ({"protocol": "all", "ports": 1, "from": "web"}, "has none"),
        ({"protocol": "icmp", "ports": "300", "from": "web"}, "a type such as 8"),
        ({"protocol": "icmp", "ports": "3/4", "from": "web"}, ""),
        ("443", "must be a dict of options"),
    ],
)
def test_what_is_wrong_with_a_rule(rule, problem):
    found = problems(ingress={"one": rule})
    assert problem in found
    assert bool(found) == bool(problem), found


def test_a_permission_cannot_stand_in_two_rules():
    twice = {"a": {"ports": [80, 443], "from": "self"}, "b": {"ports": 443, "from": "web"}}
    assert problems(ingress=twice) == "ingress.b: tcp 443 from self stands in a already"


def test_names_and_descriptions_aws_would_not_take():
    assert "no group can be called self" in problems("self")
    assert "description: must be" in problems(description="Größe")
    assert "a rule's name is its description" in problems(ingress={"a\tb": {"ports": 1, "from": "web"}})


def test_the_long_form_of_an_ipv6_network_is_no_difference(ec2, make, cell):
    allow(ec2, make("web"), 443, Ipv6Ranges=[{"CidrIpv6": "2001:db8::/32", "Description": "clients"}])
    made, wrong = validated(ingress={"clients": {"ports": 443, "from": "2001:0DB8:0:0::/32"}})
    assert wrong == []
    assert list(KIND.check("web", made, {})) == []
    assert plan.changes(KIND, {"web": made}, cell().observed("security_group"), plan.Rules()) == []
