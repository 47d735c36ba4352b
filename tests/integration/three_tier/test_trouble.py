"""Runs that are killed, an API that fails, two accounts: the next run finishes, with nothing twice."""

from __future__ import annotations

import collections
import random
import time

import pytest
import yaml

pytestmark = pytest.mark.slow

CELL = "development-use1"
KILLS = 20
DESTROY = ("-e", f"destroy_confirm={CELL}", "-e", '{"terrace_allow_data_loss": ["*"]}')


def counted(api) -> dict[str, int]:
    """How many there are of everything a run makes, with what carries no tag at all, by plain describe calls."""
    ec2 = api.client("ec2")
    found = {
        "vpcs": [each for each in ec2.describe_vpcs()["Vpcs"] if not each["IsDefault"]],
        "subnets": [each for each in ec2.describe_subnets()["Subnets"] if not each["DefaultForAz"]],
        "gateways": ec2.describe_internet_gateways()["InternetGateways"],
        "nat": [g for g in ec2.describe_nat_gateways()["NatGateways"] if g["State"] not in ("deleted", "deleting")],
        "addresses": ec2.describe_addresses()["Addresses"],
        "tables": ec2.describe_route_tables()["RouteTables"],
        "acls": ec2.describe_network_acls()["NetworkAcls"],
        "endpoints": [e for e in ec2.describe_vpc_endpoints()["VpcEndpoints"] if e["State"] != "deleted"],
        "flow_logs": ec2.describe_flow_logs()["FlowLogs"],
        "groups": ec2.describe_security_groups()["SecurityGroups"],
        "rules": ec2.describe_security_group_rules()["SecurityGroupRules"],
        "templates": ec2.describe_launch_templates()["LaunchTemplates"],
        "databases": api.client("rds").describe_db_instances()["DBInstances"],
        "caches": api.client("elasticache").describe_replication_groups()["ReplicationGroups"],
        "balancers": api.client("elbv2").describe_load_balancers()["LoadBalancers"],
        "target_groups": api.client("elbv2").describe_target_groups()["TargetGroups"],
        "autoscaling": api.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"],
        "policies": api.client("autoscaling").describe_policies()["ScalingPolicies"],
        "buckets": api.client("s3").list_buckets()["Buckets"],
        "certificates": api.client("acm").list_certificates()["CertificateSummaryList"],
        "secrets": api.client("secretsmanager").list_secrets()["SecretList"],
        "aliases": [a for a in api.client("kms").list_aliases()["Aliases"] if CELL in a["AliasName"]],
        "keys": api.client("kms").list_keys()["Keys"],
        "roles": [r for r in api.client("iam").list_roles()["Roles"] if r["RoleName"].startswith(CELL)],
        "profiles": api.client("iam").list_instance_profiles()["InstanceProfiles"],
        "zones": api.client("route53").list_hosted_zones()["HostedZones"],
    }
    return {sort: len(each) for sort, each in found.items()}


@pytest.fixture(scope="module")
def whole(api, operator):
    """What one undisturbed run makes, and with how many calls; the account is emptied again."""
    api.reset()
    operator.play("site").ok()
    complete = {"counted": counted(api), "writes": api.calls()["writes"]}
    api.reset()
    assert complete["counted"]["vpcs"] == 1
    return complete


def killed_after(api, operator, writes: int, playbook: str, *arguments: str) -> bool:
    """Start a run and kill it and all it started once it has written so often; whether it was still running.

    Calls are counted when they come in: one whose client was killed is worked on to its end, and the next run begins after that.
    """
    before = api.calls()["writes"]
    with operator.started(playbook, *arguments) as run:
        while (running := run.process.poll() is None) and api.calls()["writes"] - before < writes:
            time.sleep(0.02)
    while api.calls()["serving"]:
        time.sleep(0.02)
    return running


def test_killed_at_twenty_moments_the_next_run_finishes(api, operator, whole):
    """Each run goes on where the last one was killed; the kills are spread over the whole of the work."""
    moments = random.Random(20261121)
    share = whole["writes"] // KILLS
    killed = 0
    for _kill in range(KILLS):
        killed += killed_after(api, operator, moments.randint(2, 2 * share), "site")
    run = operator.play("site").ok()
    assert killed > KILLS // 2, f"only {killed} runs were long enough to be killed"
    assert "planned and not finished" not in run.output
    assert counted(api) == whole["counted"]
    assert "changed=0" in operator.play("site").ok().output


def test_a_destruction_that_was_killed_is_finished_by_the_next(api, operator, whole):
    if counted(api) != whole["counted"]:
        api.reset()
        operator.play("site").ok()
    assert killed_after(api, operator, 30, "destroy_cell", *DESTROY)
    assert 0 < sum(counted(api).values()) < sum(whole["counted"].values()), "the kill came too early or too late"
    operator.play("destroy_cell", *DESTROY).ok()
    left = counted(api)
    for sort in ("subnets", "nat", "databases", "caches", "balancers", "autoscaling", "buckets", "roles", "zones"):
        assert left[sort] == 0, left


def test_an_api_that_fails_three_calls_in_ten(api, operator, whole):
    api.reset()
    api.faults(rate=0.3, kinds=["throttle", "error", "timeout"], seed=7, seconds=0.2)
    run = operator.play("site", timeout=1500)
    injected = api.calls().get("faults")
    api.faults(rate=0)
    run.ok()
    assert injected, "no fault was injected"
    assert counted(api) == whole["counted"]
    assert operator.play("site", "--check").ok().planned(CELL)["add"] == 0


def test_two_accounts_by_assumed_roles(api, operator, tmp_path):
    api.reset()
    common = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    hosts = {
        f"cell-{account[0]}": {
            **common,
            "cell_region": "eu-west-1",
            "cell_account": account,
            "cell_role_arn": f"arn:aws:iam::{account}:role/terrace",
            "network_cidr": "10.0.0.0/16",
            "network_zones": ["a"],
            "network_tiers": {"public": {"number": 0, "route": "internet"}},
        }
        for account in ("111111111111", "222222222222")
    }
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(yaml.safe_dump({"cells": {"hosts": hosts}}))
    run = operator.play("provision_network", "-vvv", inventory=inventory).ok()
    owners = collections.Counter()
    for account in ("111111111111", "222222222222", "123456789012"):
        for vpc in api.client("ec2", "eu-west-1", account).describe_vpcs()["Vpcs"]:
            owners[account] += not vpc["IsDefault"]
    assert owners == {"111111111111": 1, "222222222222": 1, "123456789012": 0}
    assert "ASIA" not in run.output, "a temporary access key was printed"
