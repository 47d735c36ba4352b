"""Load balancers and target groups, read from resources made with boto3."""

from __future__ import annotations

import json

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.terrace.aws.plugins.filter import load_balancer as filters
from ansible_collections.terrace.aws.plugins.modules import acm_certificate, elb_listener_certificates
from ansible_collections.terrace.aws.plugins.plugin_utils import specs
from ansible_collections.terrace.aws.plugins.plugin_utils.engine import plan, registry


@pytest.fixture
def elb(lab):
    return lab.client("elbv2")


@pytest.fixture
def net(lab, tags):
    """A VPC with two subnets and a security group, of the cell."""
    ec2 = lab.client("ec2")

    def spec(sort, kind, name):
        return [{"ResourceType": sort, "Tags": tags(kind, name)}]

    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=spec("vpc", "vpc", "main"))["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(
            VpcId=vpc,
            CidrBlock=f"10.0.{number}.0/24",
            AvailabilityZone=f"us-east-1{zone}",
            TagSpecifications=spec("subnet", "subnet", f"public-{zone}"),
        )["Subnet"]["SubnetId"]
        for number, zone in enumerate("ab")
    ]
    group = ec2.create_security_group(
        GroupName="test-balancer",
        Description="x",
        VpcId=vpc,
        TagSpecifications=spec("security-group", "security_group", "balancer"),
    )["GroupId"]
    return {"vpc": vpc, "subnets": subnets, "group": group}


def target_group(elb, net, name, tags):
    made = elb.create_target_group(
        Name=f"test-{name}", Protocol="HTTP", Port=80, VpcId=net["vpc"], HealthCheckPath="/healthz", Tags=tags
    )
    return made["TargetGroups"][0]["TargetGroupArn"]


def entry(kind, **options):
    made, problems = specs.validated(registry.kind(kind), "x", options)
    assert problems == []
    return made


def test_target_group(cell, elb, net, tags):
    arn = target_group(elb, net, "web", tags("target_group", "web", Owner="ops"))
    elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=[{"Key": "stickiness.enabled", "Value": "true"}])
    found = cell().observed("target_group")["web"]
    assert found.id == arn
    assert found.tags == {"Owner": "ops"}
    assert found.attributes["vpc"] == "main"
    assert found.attributes["stickiness"] == {"enabled": True, "duration": 86400}
    wanted = entry("target_group", port=80, health_check={"path": "/healthz"}, tags={"Owner": "ops"})
    fields = plan.compare(registry.kind("target_group"), wanted, found)
    # What AWS gives where nothing was said is what the argument specs give.
    assert set(fields) == {"stickiness.enabled"}


def test_groups_of_other_cells_and_without_tags_are_not_seen(cell, elb, net, tags):
    target_group(elb, net, "untagged", [{"Key": "a", "Value": "b"}])
    foreign = [{**tag, "Value": tag["Value"].replace("test", "other")} for tag in tags("target_group", "foreign")]
    target_group(elb, net, "foreign", foreign)
    assert cell().observed("target_group") == {}


def test_tags_are_read_twenty_at_a_time(cell, lab, elb, net, tags):
    for number in range(23):
        target_group(elb, net, f"g{number}", tags("target_group", f"g{number}"))
    lab.reset_calls()
    assert len(cell().observed("target_group")) == 23
    # Groups and VPCs once each, the VPC's DNS settings, tags twice, and each group's attributes.
    assert lab.calls()["total"] <= 1 + 3 + 2 + 23


def balancer(elb, net, tags):
    made = elb.create_load_balancer(
        Name="test-public",
        Subnets=net["subnets"],
        SecurityGroups=[net["group"]],
        Scheme="internet-facing",
        Tags=tags("load_balancer", "public"),
    )
    return made["LoadBalancers"][0]["LoadBalancerArn"]


LISTENERS = {
    "80": {
        "redirect": {},
        "rules": {
            "status": {"priority": 10, "paths": ["/status"], "hosts": ["a.example"], "fixed_response": {"status": 200}},
            "api": {"priority": 20, "headers": {"X-Api": ["1"]}, "target_group": "web"},
        },
    }
}


def test_load_balancer_with_rules(cell, elb, net, tags):
    from ansible_collections.terrace.aws.plugins.filter import load_balancer as filters

    web = target_group(elb, net, "web", tags("target_group", "web"))
    arn = balancer(elb, net, tags)
    ids = {"target_group": {"web": web}}
    kind = registry.kind("load_balancer")
    wanted = entry(
        "load_balancer",
        subnets=["public-a", "public-b"],
        security_groups=["balancer"],
        drop_invalid_headers=False,
        listeners=LISTENERS,
    )
    listener = filters.alb_listeners(wanted["listeners"], ids)[0]
    made = elb.create_listener(LoadBalancerArn=arn, **listener)["Listeners"][0]["ListenerArn"]
    for rule in filters.alb_rules(wanted["listeners"], ids)["80"]:
        elb.create_rule(
            ListenerArn=made, Priority=rule["priority"], Conditions=rule["conditions"], Actions=rule["actions"]
        )
    found = cell().observed("load_balancer")["public"]
    assert found.facts["listener_arns"] == {"80": made}
    assert plan.compare(kind, wanted, found) == {}
    wanted["listeners"]["80"]["rules"]["status"]["hosts"] = []
    assert set(plan.compare(kind, wanted, found)) == {"listeners.80.rules.10.hosts"}


def test_provisioning_is_pending(cell, lab, elb, net, tags):
    lab.delays(load_balancer=60)
    balancer(elb, net, tags)
    found = cell().observed("load_balancer")["public"]
    assert (found.state, found.status) == ("pending", "provisioning")


@pytest.mark.parametrize(
    ("listeners", "words"),
    [
        ({"http": {"redirect": {}}}, "keyed by its port"),
        ({"80": {}}, "needs one of target_group, redirect, fixed_response, has none"),
        ({"80": {"redirect": {}, "target_group": "web"}}, "has target_group and redirect"),
        ({"443": {"protocol": "HTTPS", "target_group": "web"}}, "certificate: HTTPS needs one"),
        ({"80": {"redirekt": {}}}, "public.listeners.80.redirekt: there is no option redirekt; did you mean redirect?"),
        ({"80": {"redirect": {"status": 303}}}, "value of status must be one of"),
        ({"80": {"redirect": {}, "rules": {"a": {"priority": 1, "target_group": "web"}}}}, "needs a condition"),
        ({"80": {"redirect": {}, "rules": {"a": {"prority": 1}}}}, "listeners.80.rules.a.prority: there is no option"),
        ({"80": {"redirect": {"stats": 301}}}, "listeners.80.redirect.stats: there is no option stats; did you mean"),
        (
            {
                "80": {
                    "redirect": {},
                    "rules": {
                        "a": {"priority": 1, "paths": ["/a"], "target_group": "web"},
                        "b": {"priority": 1, "paths": ["/b"], "target_group": "web"},
                    },
                }
            },
            "1 is rule a's",
        ),
        (
            {
                "80": {
                    "redirect": {},
                    "rules": {"a": {"priority": 1, "source_cidrs": ["10.0.0.1/8"], "target_group": "web"}},
                }
            },
            "listeners.80.rules.a.source_cidrs: 10.0.0.1/8 has host bits set; write 10.0.0.0/8",
        ),
    ],
)
def test_wrong_listeners_are_named(listeners, words):
    kind, options = registry.kind("load_balancer"), {"subnets": ["a", "b"], "security_groups": ["x"]}
    wanted, problems = specs.validated(kind, "public", {**options, "listeners": listeners})
    problems = problems or list(kind.check("public", wanted, {"subnet": {}}))
    assert any(words in problem for problem in problems), problems


def test_one_subnet_a_zone():
    wanted = entry("load_balancer", subnets=["a", "b"], security_groups=["x"])
    world = {"subnet": {"a": {"zone": "us-east-1a"}, "b": {"zone": "us-east-1a"}}}
    problems = list(registry.kind("load_balancer").check("public", wanted, world))
    assert problems == ["subnets: two of them are in one zone; AWS takes one subnet a zone"]


def test_what_listeners_name():
    listeners = {
        "443": {
            "certificate": "public",
            "target_group": "web",
            "rules": {"api": {"target_group": "app"}, "again": {"target_group": "web"}},
        }
    }
    kind = registry.kind("load_balancer")
    assert kind.names_in("listeners.target_group", {"listeners": listeners}) == ["web", "app"]
    assert kind.names_in("listeners.certificate", {"listeners": listeners}) == ["public"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"health_check": {"interval": 5, "timeout": 5}}, "not shorter than the interval"),
        ({"health_check": {"path": "healthz"}}, "health_check.path: healthz is not a path, which begins with a slash"),
        ({"health_check": {"healthy": 1}}, "health_check.healthy: 1 is out of range; right is 2 to 10"),
        ({"health_check": {"port": "-1"}}, "health_check.port: -1 is not a port or traffic-port"),
        ({"health_check": {"matcher": "fine"}}, "health_check.matcher: fine is not status codes"),
        ({"slow_start": 5}, "slow_start: 5 is out of range; right is 0, or 30 to 900"),
        ({"stickiness": {"duration": -1}}, "stickiness.duration: -1 is out of range; right is 1 to 604800"),
    ],
)
def test_wrong_target_groups_are_named(options, words):
    kind = registry.kind("target_group")
    made, problems = specs.validated(kind, "web", {"port": 80, **options})
    problems = problems or list(kind.check("web", made, {}))
    assert any(words in problem for problem in problems), problems


BALANCER = registry.kind("load_balancer")


def run(module, capsys, **options):
    """What a module returns, given these options."""
    capsys.readouterr()
    with patch_module_args(options), pytest.raises(SystemExit):
        module.main()
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def https(lab, elb, net, tags):
    """A balancer that AWS calls otherwise than the cell does, its HTTPS listener, and a function that makes certificates."""
    acm = lab.client("acm")

    def certificate(name, owned=True):
        pem, key = acm_certificate.self_signed(f"{name}.example.com", [], 90)
        every = {"Tags": tags("certificate", name)} if owned else {}
        return acm.import_certificate(Certificate=pem, PrivateKey=key, **every)["CertificateArn"]

    where = {"Scheme": "internet-facing", "Subnets": net["subnets"], "SecurityGroups": [net["group"]]}
    made = elb.create_load_balancer(Name="legacy", Tags=tags("load_balancer", "web"), **where)
    arn = made["LoadBalancers"][0]["LoadBalancerArn"]
    listener = elb.create_listener(
        LoadBalancerArn=arn,
        Protocol="HTTPS",
        Port=443,
        Certificates=[{"CertificateArn": certificate("public")}],
        DefaultActions=[
            {"Type": "forward", "TargetGroupArn": target_group(elb, net, "web", tags("target_group", "web"))}
        ],
    )["Listeners"][0]["ListenerArn"]
    return arn, listener, certificate


def test_several_certificates_are_written_read_and_referred_to(capsys, cell, elb, https):
    _arn, listener, certificate = https
    second, third, by_hand = certificate("second"), certificate("third"), certificate("theirs", owned=False)
    elb.add_listener_certificates(ListenerArn=listener, Certificates=[{"CertificateArn": by_hand}])
    elb.add_listener_certificates(ListenerArn=listener, Certificates=[{"CertificateArn": third}])
    found = cell().observed("load_balancer")["web"]
    assert found.facts["name"] == "legacy"
    assert found.attributes["listeners"]["443"]["certificate"] == "public"
    assert sorted(found.attributes["listeners"]["443"]["additional_certificates"]) == sorted([by_hand, "third"])

    options = {"certificate": "public", "additional_certificates": ["second"], "target_group": "web"}
    listeners = {"443": {"protocol": "HTTPS", **options}}
    wanted = entry("load_balancer", subnets=["public-a", "public-b"], security_groups=["balancer"], listeners=listeners)
    assert list(BALANCER.check("web", wanted, {})) == []
    assert "listeners.443.additional_certificates" in plan.compare(BALANCER, wanted, found)
    assert BALANCER.names_in("listeners.additional_certificates", wanted) == ["second"]
    ids = {"certificate": {"second": second}}
    written = filters.alb_certificates(wanted["listeners"], ids)["443"]
    assert run(elb_listener_certificates, capsys, listener_arn=listener, certificates=written)["changed"]
    assert not run(elb_listener_certificates, capsys, listener_arn=listener, certificates=written)["changed"]
    found = cell().observed("load_balancer")["web"]
    assert not {path for path in plan.compare(BALANCER, wanted, found) if "certificate" in path}
    assert len(elb.describe_listener_certificates(ListenerArn=listener)["Certificates"]) == 2


def test_additional_certificates_come_beside_a_default_one():
    def problems(**listener):
        options = {"protocol": "HTTPS", "target_group": "web", **listener}
        wanted = entry("load_balancer", subnets=["a", "b"], security_groups=[], listeners={"443": options})
        return "; ".join(BALANCER.check("web", wanted, {}))

    assert "the default one; give that as well" in problems(additional_certificates=["second"])
    assert "and not the default one" in problems(certificate="a", additional_certificates=["a"])
    assert problems(certificate="a", additional_certificates=["b"]) == ""


def test_a_protected_balancer_is_neither_removed_nor_replaced(cell, elb, https):
    arn = https[0]
    found = cell().observed("load_balancer")["web"]
    assert BALANCER.refusal("web", {}, {}, found) == ""
    protection = [{"Key": "deletion_protection.enabled", "Value": "true"}]
    elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=protection)
    found = cell().observed("load_balancer")["web"]
    assert "load_balancer_balancers.web.deletion_protection: false" in BALANCER.refusal("web", {}, {}, found)
    assert BALANCER.refusal("web", {"scheme": {}}, {"scheme": "internal"}, found)
    assert BALANCER.refusal("web", {"deletion_protection": {}}, {"scheme": "public"}, found) == ""


def test_a_certificate_is_removed_once_nothing_uses_it(capsys, lab, elb, https, monkeypatch):
    arn, _listener, _certificate = https
    acm = lab.client("acm")
    used = acm.list_certificates()["CertificateSummaryList"][0]["CertificateArn"]
    waits = []

    def let_go(_seconds):
        waits.append(1)
        elb.delete_load_balancer(LoadBalancerArn=arn)

    monkeypatch.setattr(acm_certificate.time, "sleep", let_go)
    assert run(acm_certificate, capsys, state="absent", arn=used)["changed"]
    assert waits == [1]
    assert not run(acm_certificate, capsys, state="absent", arn=used)["changed"]


def test_a_replaced_target_group_stands_beside_the_old_one_where_its_name_leaves_room(cell, elb, net, tags):
    kind = registry.kind("target_group")
    target_group(elb, net, "web", tags("target_group", "web"))
    long = "x" * 26
    target_group(elb, net, long, tags("target_group", long))
    found = cell().observed("target_group")
    assert kind.replacement == "create_first"
    assert kind.refusal("web", {"port": {}}, {"port": 81}, found["web"]) == ""
    assert "shorten the name" in kind.refusal(long, {"port": {}}, {"port": 81}, found[long])
    assert kind.refusal(long, {"algorithm": {}}, {"port": 80}, found[long]) == ""
