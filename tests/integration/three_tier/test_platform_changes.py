"""Changes of a whole platform that once took two runs, lost something on the way or were never carried out.

The tests follow one another on one development cell. AWS is asked with boto3, also while a run goes on.
"""

from __future__ import annotations

import itertools
import json
import typing as t

import pytest
import yaml

from .conftest import ROOT

CELL = "development-use1"
BLUEPRINT = ROOT / "inventories/three_tier/blueprint"


def blueprint(name: str, variable: str) -> dict[str, t.Any]:
    """A variable as the blueprint has it, templates and all."""
    return yaml.safe_load((BLUEPRINT / f"{name}.yml").read_text())[variable]


class Platform:
    """The development cell with variables that the tests change one after the other."""

    def __init__(self, api, operator) -> None:
        self.api, self.operator, self.variables = api, operator, {}

    def arguments(self, **switches: t.Any) -> tuple[str, str]:
        return ("-e", json.dumps(self.variables | switches))

    def change(self, **variables: t.Any) -> None:
        self.variables |= variables

    def apply(self, **switches: t.Any):
        return self.operator.play("site", *self.arguments(**switches))

    def plan(self, **switches: t.Any):
        return self.operator.play("site", "--check", "--diff", *self.arguments(**switches)).ok()

    def in_sync(self) -> None:
        run = self.plan()
        assert run.planned(CELL) == {"add": 0, "change": 0, "remove": 0, "orphan": 0}, run.output

    def client(self, service: str):
        return self.api.client(service)


@pytest.fixture(scope="module")
def platform(api, operator):
    platform = Platform(api, operator)
    platform.apply().ok()
    return platform


def named(items: list[dict], name: str) -> dict:
    """The one whose Name tag is the cell's ``name``."""
    [found] = [each for each in items if {"Key": "Name", "Value": f"{CELL}-{name}"} in each.get("Tags", [])]
    return found


# -- routes --------------------------------------------------------------------------------------------------------
def without_route(ec2) -> list[str]:
    """Subnets of the web and the app tier from which no packet leaves, by what EC2 says now.

    An answer that lists several tables is no snapshot: a subnet that changes tables meanwhile can be missing from it. So what
    one look misses counts when another one right after it misses it too.
    """
    missing = _unserved(ec2)
    return sorted(missing & _unserved(ec2)) if missing else []


def _unserved(ec2) -> set[str]:
    subnets = {
        each["SubnetId"]: tag["Value"]
        for each in ec2.describe_subnets(Filters=[{"Name": "tag:terrace:cell", "Values": [CELL]}])["Subnets"]
        for tag in each["Tags"]
        if tag["Key"] == "Name" and tag["Value"].startswith((f"{CELL}-web", f"{CELL}-app"))
    }
    assert len(subnets) == 6
    served = {
        association["SubnetId"]
        for table in ec2.describe_route_tables()["RouteTables"]
        if any(route.get("NatGatewayId") for route in table["Routes"])
        for association in table["Associations"]
        if association.get("SubnetId")
    }
    return {name for ident, name in subnets.items() if ident not in served}


def watched(platform, look: t.Callable[[], t.Any], **switches: t.Any):
    """Apply, and look again and again meanwhile; the run and all that was seen."""
    seen = []
    with platform.operator.started("site", *platform.arguments(**switches)) as run:
        while run.process.poll() is None:
            seen.append(look())
        return run.ended().ok(), seen


def test_a_nat_gateway_a_zone_and_back_without_a_moment_without_a_route(platform):
    ec2 = platform.client("ec2")
    platform.change(three_tier_nat="per_zone")
    _run, seen = watched(platform, lambda: without_route(ec2))
    assert not any(seen), [each for each in seen if each][:3]
    assert len(seen) > 20, "the watch was too slow to mean anything"
    gateways = ec2.describe_nat_gateways(Filter=[{"Name": "state", "Values": ["available"]}])["NatGateways"]
    assert len(gateways) == 3
    platform.change(three_tier_nat="single")
    _run, seen = watched(platform, lambda: without_route(ec2), terrace_prune=True)
    assert not any(seen), [each for each in seen if each][:3]
    gateways = ec2.describe_nat_gateways(Filter=[{"Name": "state", "Values": ["available"]}])["NatGateways"]
    assert len(gateways) == 1
    assert len(ec2.describe_addresses()["Addresses"]) == 2, "the gateway's and the bastion's"
    platform.in_sync()


# -- machines ------------------------------------------------------------------------------------------------------
def types(platform) -> dict[str, set[str]]:
    """The types of the machines that run, by the role they are tagged with."""
    live = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
    found: dict[str, set[str]] = {}
    for reservation in platform.client("ec2").describe_instances(Filters=live)["Reservations"]:
        for machine in reservation["Instances"]:
            tags = {each["Key"]: each["Value"] for each in machine["Tags"]}
            found.setdefault(tags["role"], set()).add(machine["InstanceType"])
    return found


def refreshes(platform, group: str) -> list[str]:
    """How the instance refreshes of a group went, the latest first."""
    found = platform.client("autoscaling").describe_instance_refreshes(AutoScalingGroupName=f"{CELL}-{group}")
    return [each["Status"] for each in found["InstanceRefreshes"]]


def test_another_type_of_machine_rolls_them_in_one_run(platform):
    assert types(platform) == {"web": {"t3.medium"}, "app": {"t3.medium"}, "bastion": {"t3.micro"}}
    bastion = blueprint("bastion", "bastion_hosts")
    bastion["bastion"]["instance_type"] = "t3.small"
    platform.change(three_tier_instance_type="t3.small", bastion_hosts=bastion)
    before = {group: refreshes(platform, group) for group in ("web", "app", "bastion")}
    platform.apply().ok()
    assert types(platform) == {"web": {"t3.small"}, "app": {"t3.small"}, "bastion": {"t3.small"}}
    for group, earlier in before.items():
        assert refreshes(platform, group)[: -len(earlier) or None] == ["Successful"], group
    platform.in_sync()


# -- certificates --------------------------------------------------------------------------------------------------
def listeners(elb) -> dict[int, list[str]]:
    """The certificates of the public balancer's listeners, by port."""
    [balancer] = [each for each in elb.describe_load_balancers()["LoadBalancers"] if each["Scheme"] != "internal"]
    found = elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    return {each["Port"]: [one["CertificateArn"] for one in each.get("Certificates", [])] for each in found}


def test_a_certificate_in_use_is_replaced(platform):
    """The new one is made, the listener is moved, the old one goes; at no moment does the listener name what is gone."""
    elb, acm = platform.client("elbv2"), platform.client("acm")
    [old] = listeners(elb)[443]
    platform.change(three_tier_domain="shop.example.com")
    refused = platform.apply()
    assert refused.status == 2
    assert "terrace_allow_replace" in refused.output

    def look() -> bool:
        named_ones = set(listeners(elb)[443])
        return named_ones <= {each["CertificateArn"] for each in acm.list_certificates()["CertificateSummaryList"]}

    _run, seen = watched(platform, look, terrace_allow_replace=["certificate/public"])
    # Between the two calls of one look the listener may have moved and the old one gone: never twice in a row.
    assert not any(not one and not two for one, two in itertools.pairwise(seen))
    [new] = listeners(elb)[443]
    assert new != old
    assert acm.describe_certificate(CertificateArn=new)["Certificate"]["DomainName"] == "shop.example.com"
    assert [each["CertificateArn"] for each in acm.list_certificates()["CertificateSummaryList"]] == [new]
    platform.in_sync()


@pytest.mark.slow
def test_several_certificates_on_a_listener(platform):
    elb, acm = platform.client("elbv2"), platform.client("acm")
    certificates = blueprint("certificate", "certificate_entries")
    certificates["second"] = {"domain": "second.example.com", "self_signed": True}
    certificates["third"] = {"domain": "third.example.com", "self_signed": True}
    balancers = blueprint("load_balancer", "load_balancer_balancers")
    balancers["public"]["listeners"]["443"]["additional_certificates"] = ["second"]
    platform.change(certificate_entries=certificates, load_balancer_balancers=balancers)
    platform.apply().ok()
    arns = {each["DomainName"]: each["CertificateArn"] for each in acm.list_certificates()["CertificateSummaryList"]}
    [balancer] = [each for each in elb.describe_load_balancers()["LoadBalancers"] if each["Scheme"] != "internal"]
    found = elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    [listener] = [each["ListenerArn"] for each in found if each["Port"] == 443]

    def additional() -> set[str]:
        certificates = elb.describe_listener_certificates(ListenerArn=listener)["Certificates"]
        return {each["CertificateArn"] for each in certificates if not each["IsDefault"]}

    assert additional() == {arns["second.example.com"]}
    elb.add_listener_certificates(ListenerArn=listener, Certificates=[{"CertificateArn": arns["third.example.com"]}])
    run = platform.plan()
    assert list(run.changes(CELL)) == ["load_balancer/public"], run.output
    assert "third" in str(run.changes(CELL)["load_balancer/public"]["fields"])
    platform.apply().ok()
    assert additional() == {arns["second.example.com"]}
    platform.in_sync()


# -- what failed ---------------------------------------------------------------------------------------------------
@pytest.mark.slow
def test_a_failed_nat_gateway_is_remade(platform):
    ec2 = platform.client("ec2")
    [old] = ec2.describe_nat_gateways(Filter=[{"Name": "state", "Values": ["available"]}])["NatGateways"]
    platform.api.state("nat_gateway", old["NatGatewayId"], "failed")
    run = platform.plan()
    assert next(iter(run.changes(CELL))).startswith("nat_gateway/"), run.output
    platform.apply().ok()
    [new] = ec2.describe_nat_gateways(Filter=[{"Name": "state", "Values": ["available"]}])["NatGateways"]
    assert new["NatGatewayId"] != old["NatGatewayId"]
    assert without_route(ec2) == []
    routes = {
        route["NatGatewayId"]
        for table in ec2.describe_route_tables()["RouteTables"]
        for route in table["Routes"]
        if "NatGatewayId" in route
    }
    assert routes == {new["NatGatewayId"]}
    platform.in_sync()


# -- databases -----------------------------------------------------------------------------------------------------
def database(platform) -> dict:
    [found] = platform.client("rds").describe_db_instances()["DBInstances"]
    return found


def test_a_minor_version_that_aws_upgraded_is_not_downgraded(platform):
    rds = platform.client("rds")
    major, _dot, minor = database(platform)["EngineVersion"].partition(".")
    newest = f"{major}.{int(minor or 0) + 1}"
    rds.modify_db_instance(DBInstanceIdentifier=f"{CELL}-main", EngineVersion=newest, ApplyImmediately=True)
    assert database(platform)["EngineVersion"] == newest
    platform.in_sync()


def test_a_database_that_was_stopped_by_hand(platform):
    rds = platform.client("rds")
    # Without this AWS keeps changes for the maintenance window.
    platform.change(__database_main=blueprint("database", "__database_main") | {"apply_immediately": True})
    rds.stop_db_instance(DBInstanceIdentifier=f"{CELL}-main")
    run = platform.plan()
    assert "stopped" in str(run.changes(CELL)["db_instance/main"]["fields"]), run.output
    platform.change(three_tier_backup_days=9)
    platform.api.reset_calls()
    refused = platform.apply()
    assert refused.status == 2
    assert "start it" in " ".join(refused.output.split())
    assert platform.api.calls()["writes"] == 0
    rds.start_db_instance(DBInstanceIdentifier=f"{CELL}-main")
    platform.apply().ok()
    assert database(platform)["BackupRetentionPeriod"] == 9


@pytest.mark.slow
def test_a_major_upgrade_takes_a_parameter_group_of_another_family(platform):
    """A family cannot be changed and a group in use cannot be deleted: a new one, the database on it, the old one away."""
    rds = platform.client("rds")
    groups = blueprint("database", "database_parameter_groups")
    groups["main"]["family"] = "postgres18"
    main = blueprint("database", "__database_main") | {
        "engine_version": "18",
        "allow_major_version_upgrade": True,
        "apply_immediately": True,
    }
    platform.change(database_parameter_groups=groups, __database_main=main)
    before = database(platform)
    platform.apply(terrace_allow_replace=["db_parameter_group/main"]).ok()
    after = database(platform)
    assert after["DbiResourceId"] == before["DbiResourceId"], "the database itself was not replaced"
    assert after["EngineVersion"].startswith("18")
    [used] = [each["DBParameterGroupName"] for each in after["DBParameterGroups"]]
    own = [
        each
        for each in rds.describe_db_parameter_groups()["DBParameterGroups"]
        if not each["DBParameterGroupName"].startswith("default.")
    ]
    assert [(each["DBParameterGroupName"], each["DBParameterGroupFamily"]) for each in own] == [(used, "postgres18")]
    parameters = rds.describe_db_parameters(DBParameterGroupName=used, Source="user")["Parameters"]
    assert {each["ParameterName"]: each["ParameterValue"] for each in parameters}["log_connections"] == "1"
    platform.in_sync()


@pytest.mark.slow
def test_a_replaced_database_is_created_like_a_new_one(platform):
    main = platform.variables["__database_main"] | {"database_name": "orders"}
    platform.change(__database_main=main)
    before = database(platform)
    platform.api.reset_calls()
    refused = platform.apply(terrace_allow_replace=["db_instance/main"])
    assert refused.status == 2
    assert "terrace_allow_data_loss" in refused.output
    assert platform.api.calls()["writes"] == 0
    everything = {"terrace_allow_replace": ["db_instance/main"], "terrace_allow_data_loss": ["db_instance/main"]}
    platform.apply(**everything).ok()
    after = database(platform)
    assert after["DbiResourceId"] != before["DbiResourceId"]
    assert after["DBName"] == "orders"
    kept = ("MasterUsername", "KmsKeyId", "EngineVersion", "AllocatedStorage", "DBInstanceClass")
    assert {key: after[key] for key in kept} == {key: before[key] for key in kept}
    assert after["StorageEncrypted"]
    [record] = [
        each
        for zone in platform.client("route53").list_hosted_zones()["HostedZones"]
        for each in platform.client("route53").list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]
        if each["Name"].startswith("database.")
    ]
    assert record["ResourceRecords"] == [{"Value": after["Endpoint"]["Address"]}]
    platform.in_sync()


def test_dropping_the_source_of_a_replica_is_a_promotion(platform):
    platform.change(three_tier_database_replicas=1)
    platform.apply().ok()
    alone = {key: value for key, value in platform.variables["__database_main"].items() if key != "database_name"}
    instances = {"main": platform.variables["__database_main"], "replica-1": alone}
    platform.change(database_instances=instances)
    run = platform.plan()
    change = run.changes(CELL)["db_instance/replica-1"]
    assert "promot" in json.dumps(change), change
    platform.api.reset_calls()
    assert platform.apply().status == 2
    assert platform.api.calls()["writes"] == 0


# -- removing ------------------------------------------------------------------------------------------------------
@pytest.mark.slow
def test_a_tier_and_its_group_are_dropped_together(platform):
    """What refers to the tier's security group goes before it, in the same run."""
    platform.variables.pop("database_instances", None)
    tiers, groups = blueprint("tier", "tier_groups"), blueprint("firewall", "firewall_security_groups")
    tiers["worker"] = {
        "image": tiers["app"]["image"],
        "instance_type": "t3.small",
        "security_groups": ["worker"],
        "profile": "app",
        "subnets": tiers["app"]["subnets"],
        "size": {"min": 1, "max": 1, "desired": 1},
    }
    groups["worker"] = {"vpc": "main", "description": "Workers"}
    groups["database"]["ingress"]["workers"] = {"ports": 5432, "from": "worker"}
    platform.change(tier_groups=tiers, firewall_security_groups=groups)
    platform.apply().ok()
    ec2, autoscaling = platform.client("ec2"), platform.client("autoscaling")
    worker = named(ec2.describe_security_groups()["SecurityGroups"], "worker")["GroupId"]
    del platform.variables["tier_groups"], platform.variables["firewall_security_groups"]
    platform.apply(terrace_prune=True).ok()
    assert worker not in {each["GroupId"] for each in ec2.describe_security_groups()["SecurityGroups"]}
    names = {each["AutoScalingGroupName"] for each in autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]}
    assert names == {f"{CELL}-web", f"{CELL}-app", f"{CELL}-bastion"}
    assert "worker" not in types(platform)
    platform.in_sync()
