"""What is wrong is said at once, by name, and before anything is written."""

from __future__ import annotations

import json

import pytest
import yaml

GOOD = {
    "cell_region": "us-east-1",
    "cell_account": "123456789012",
    "ansible_connection": "local",
    "ansible_python_interpreter": "{{ ansible_playbook_python }}",
    "network_cidr": "10.0.0.0/16",
    "network_zones": ["a", "b"],
    "network_tiers": {"public": {"number": 0, "route": "internet"}, "app": {"number": 1}},
}


@pytest.fixture
def refused(api, operator, tmp_path):
    """Runs a playbook with a cell that has these variables; returns what was said, having written nothing."""

    def run(playbook="provision_network", cells=None, environment=None, arguments=(), **variables):
        hosts = {name: {**GOOD, **own} for name, own in (cells or {"wrong-use1": variables}).items()}
        inventory = tmp_path / "hosts.yml"
        inventory.write_text(yaml.safe_dump({"cells": {"hosts": hosts}}))
        api.reset_calls()
        done = operator.play(playbook, *arguments, inventory=inventory, environment=environment)
        assert done.status != 0, done.output
        assert api.calls()["writes"] == 0, api.calls()
        return done.output

    return run


def test_every_offender_is_named_at_once_and_no_call_is_made(api, refused):
    said = refused(
        network_cidrr="10.0.0.0/8",
        network_nat="one",
        cell_tags="not a dict",
        firewall_security_groups={
            "web": {"vpc": "main", "descripton": "a typo"},
            "app": {"vpc": "mian", "description": "x", "ingress": {"in": {"ports": [80], "from": ["webb"]}}},
        },
    )
    assert "network_cidrr: there is no such variable; did you mean network_cidr?" in said
    assert "network_nat must be one of" in said
    assert "cell_tags" in said
    assert api.calls()["total"] == 0
    said = refused(
        firewall_security_groups={
            "web": {"vpc": "main", "descripton": "a typo"},
            "app": {"vpc": "main", "description": "x", "ingress": 5},
        }
    )
    assert "there is no option descripton; did you mean description?" in said
    assert "firewall_security_groups.app" in said
    assert api.calls()["total"] == 0


def test_groups_and_networks_that_do_not_exist_are_named(refused):
    said = refused(
        firewall_security_groups={
            "web": {"vpc": "main", "description": "x", "ingress": {"in": {"ports": [80], "from": ["balancr"]}}},
            "app": {"vpc": "mian", "description": "x", "ingress": {"in": {"ports": [80], "from": ["wib"]}}},
        }
    )
    for wrong in ("balancr", "mian", "wib"):
        assert wrong in said


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"network_cidr": "10.0.0.0/8"}, ["AWS takes networks from /16 to /28"]),
        ({"network_cidr": "10.0.0.0/24"}, ["AWS takes at most a /28"]),
        ({"network_zones": list("abcde")}, ["leaves room for 4 zones"]),
        ({"network_tiers": {"app": {"number": 1, "route": "internet"}, "web": {"number": 1}}}, ["overlaps"]),
        (
            {"network_subnets": {"x": {"vpc": "main", "cidr": "10.9.0.0/24", "zone": "us-east-1a"}}},
            ["10.9.0.0/24 does not lie in 10.0.0.0/16"],
        ),
    ],
)
def test_networks_that_do_not_fit(refused, variables, words):
    said = refused(**variables)
    assert all(word in said for word in words), said


def test_a_zone_the_region_does_not_have(refused):
    said = refused(network_zones=["a", "q"])
    assert "there is no zone us-east-1q in us-east-1" in said
    assert "us-east-1a" in said


def test_connected_cells_must_not_share_addresses(refused):
    said = refused(cells={"one": {"cell_connects": ["two"]}, "two": {"network_cidr": "10.0.128.0/17"}, "three": {}})
    assert "network_cidr: 10.0.0.0/16 overlaps 10.0.128.0/17 of two" in said


def test_a_cell_to_connect_with_that_does_not_exist(refused):
    assert "there is no cell tow; did you mean two?" in refused(cells={"one": {"cell_connects": ["tow"]}, "two": {}})


def test_a_region_that_is_missing(refused):
    said = refused(cell_region=None)
    assert "cell_region" in said


def test_credentials_of_another_account(refused):
    said = refused(cell_account="210987654321")
    assert "cell_account is 210987654321, but the credentials are of account 123456789012" in said


def test_credentials_that_have_expired_or_are_unknown(refused):
    assert "have expired" in refused(arguments=["-e", "cell_access_key=AKIAEXPIRED000000000"])
    assert "AWS does not know these credentials" in refused(arguments=["-e", "cell_access_key=AKIAUNKNOWN000000000"])


def test_no_credentials(refused, tmp_path):
    nowhere = {"HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true"}
    assert "no AWS credentials" in refused(arguments=["-e", "cell_access_key="], environment=nowhere)


def test_an_inventory_for_the_lab_never_reaches_aws(refused):
    for endpoint in ("", "https://ec2.us-east-1.amazonaws.com"):
        said = refused(arguments=["-e", json.dumps({"cell_endpoint_url": endpoint})])
        assert "refused, for it would reach real AWS" in said


def test_a_misspelt_nested_option_is_named_with_its_path_and_file(api, refused):
    rule = {"prots": 443, "from": "10.0.0.0/8"}
    said = refused(
        firewall_security_groups={"web": {"vpc": "main", "ingress": {"https": rule}}},
        tier_groups={"web": {"refresh": {"warm": 9}}},
        bastion_hosts={"bastion": {"volumes": {"/dev/xvda": {"sise": 8}}}},
    )
    assert "firewall_security_groups.web.ingress.https.prots: there is no option prots; did you mean ports? (" in said
    assert "tier_groups.web.refresh.warm: there is no option warm; did you mean warmup? (" in said
    assert "bastion_hosts.bastion.volumes./dev/xvda.sise: there is no option sise; did you mean size? (" in said
    assert "hosts.yml:" in said
    # Once each, although several variables are made of a tier's entry.
    assert said.count("tier_groups.web.refresh.warm") == said.count("the inventory is wrong")
    assert api.calls()["total"] == 0
