"""What is wrong is said at once, by name, and before anything is written."""

from __future__ import annotations

import json
import pathlib

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


def test_wrong_types_and_what_aws_would_refuse_are_named_before_any_call(api, refused):
    """As Ansible reads and templates them; every option of every role is walked in tests/unit/plan/test_wrong_values.py."""
    said = refused(
        cell_claims={"subnet": 5},
        network_zones=None,
        network_route_tables={"own": {"vpc": "main", "routes": {"0.0.0.0/0": None, "10.9.0.0/16": ["igw"]}}},
        tier_groups={"web": {"size": "two", "cooldown": -1}, "a [outgoing b]": {}},
        identity_roles={"web": {"path": "machines", "assumed_by": "any text", "boundary": "any text"}},
        dns_names={"internal": {"api": {"values": ["192.0.2.1"], "ttl": -1}}},
    )
    for words in (
        "cell_claims.subnet: must be a dict, not a number",
        "network_zones: name at least one zone by its letter",
        "network_route_tables.own.routes.0.0.0.0/0: has no value; right is a text",
        "network_route_tables.own.routes.10.9.0.0/16: must be a text, not a list",
        "tier_groups.web.size: must be a dict of options, not a text",
        "tier_groups.web.cooldown: -1 is out of range; right is 0 at least",
        "tier_groups.a [outgoing b]: a [outgoing b] is not a name AWS and Terrace allow",
        "identity_roles.web.path: machines is not a path, which begins and ends with a slash",
        "identity_roles.web.assumed_by[0]: any text is not a service",
        "identity_roles.web.boundary: any text is not the ARN of a policy",
        "dns_names.internal.api.ttl: -1 is out of range; right is 0 to 2147483647",
    ):
        assert words in said, said
    assert "NoneType" not in said
    assert "tier_launch_templates" not in said
    assert api.calls()["total"] == 0
    said = refused(cell_region=["us-east-1"])
    assert "cell_region: must be a text, not a list" in said
    assert "network_subnets" not in said


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
        pytest.param({"network_cidr": "10.0.0.0/24"}, ["AWS takes at most a /28"], marks=pytest.mark.slow),
        pytest.param({"network_zones": list("abcde")}, ["leaves room for 4 zones"], marks=pytest.mark.slow),
        pytest.param(
            {"network_tiers": {"app": {"number": 1, "route": "internet"}, "web": {"number": 1}}},
            ["overlaps"],
            marks=pytest.mark.slow,
        ),
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


def test_names_accounts_and_tags_are_refused_together_before_any_call(api, refused):
    said = refused(
        cells={"My_cell": {"cell_account": 1402433619, "cell_tags": {"aws:x": "1", "name": "x", "Cost": 1.1}}},
        arguments=["-e", "terrace_prune=maybe", "-e", "terrace_allow_data_loss=secret/a,secret/b"],
    )
    for words in (
        "cell_name: My_cell contains M, _",
        'cell_account: "012345670123"',
        "cell_tags.aws:x: AWS keeps keys",
        "cell_tags.name: beside Name",
        "cell_tags.Cost: 1.1 is a number and not a text",
        "terrace_prune: maybe is not a boolean; right is true or false",
        '-e \'{"terrace_allow_data_loss": ["secret/a", "secret/b"]}\'',
    ):
        assert words in said, said
    assert api.calls()["total"] == 0


def test_what_awx_adds_and_other_tools_variables_are_no_misspelling(api, operator, tmp_path):
    host = {"remote_host_enabled": "true", "remote_host_id": 3, "remote_tower_enabled": "true", "remote_tower_id": 3}
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(yaml.safe_dump({"cells": {"hosts": {"awx-use1": {**GOOD, **host}}}}))
    extra = {"awx_job_id": 7, "tower_user_name": "x", "change_ticket": "CHG0001", "remote_tower_id": 3}
    unanswered = tmp_path / "extra.yml"
    unanswered.write_text("!unsafe 'terrace_prune': !unsafe ''\n!unsafe 'terrace_allow_data_loss': !unsafe ''\n")
    arguments = ["--check", "-e", json.dumps(extra), "-e", f"@{unanswered}"]
    operator.play("provision_network", *arguments, inventory=inventory).ok()
    said = operator.play("provision_network", "--check", "-e", "network_ticket=x", inventory=inventory)
    assert said.status != 0
    assert "network_ticket: there is no such variable" in said.output


def test_a_run_on_more_cells_than_it_is_meant_for(api, refused):
    other = {"network_cidr": "10.9.0.0/16"}
    said = refused(cells={"one": {}, "two": other}, arguments=["-e", "terrace_cells=one"])
    assert "terrace_cells: the run is also on two; right is --limit one" in said
    assert api.calls()["total"] == 0


MACHINE_PLAYS = [
    "deploy_app",
    *(
        pytest.param(playbook, marks=pytest.mark.slow)
        for playbook in ("configure_hosts", "configure_database", "patch_hosts", "rollback_app", "rotate_credentials")
    ),
]


@pytest.fixture
def machines(api):
    """Machines of the cell wrong-use1 in EC2, by the tags given; gone afterwards."""
    ec2, started = api.client("ec2"), []

    def start(*tags):
        image = ec2.register_image(Name="machine", RootDeviceName="/dev/xvda")["ImageId"]
        for each in tags:
            own = {"Name": "wrong-use1-x", "terrace:cell": "wrong-use1", **each}
            specification = {"ResourceType": "instance", "Tags": [{"Key": k, "Value": v} for k, v in own.items()]}
            run = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, TagSpecifications=[specification])
            started.append(run["Instances"][0]["InstanceId"])
        return started

    yield start
    if started:
        ec2.terminate_instances(InstanceIds=started)


@pytest.mark.parametrize("playbook", MACHINE_PLAYS)
def test_no_machine_at_all(refused, playbook):
    said = " ".join(refused(playbook, arguments=["-e", "app_release_version=1.0.0"]).split())
    assert "EC2 has no running machine of the cell; provision it first: site.yml" in said


@pytest.mark.parametrize("playbook", MACHINE_PLAYS)
def test_machines_that_the_inventory_lacks(refused, machines, playbook):
    """No inventory of the machines, or one of another account: nothing is deployed, and nothing is recorded as deployed."""
    machines({"role": "bastion", "tier": "bastion"}, {"role": "app", "tier": "app"})
    said = " ".join(refused(playbook, arguments=["-e", "app_release_version=1.0.0"]).split())
    assert "EC2 has 2 machines of the cell, the inventory none" in said
    assert "assume_role_arn" in said


@pytest.fixture
def inventories(api, tmp_path):
    """The inventory of the machines beside the cells', as inventories/three_tier has it; arguments of a run with both."""
    root = pathlib.Path(__file__).parents[3]
    text = (
        (root / "inventories/three_tier/development.aws_ec2.yml").read_text().replace("development-use1", "wrong-use1")
    )
    path = tmp_path / "machines" / "wrong.aws_ec2.yml"
    path.parent.mkdir()
    path.write_text(text)
    environment = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{api.port}",
        "AWS_ACCESS_KEY_ID": "lab",
        "AWS_SECRET_ACCESS_KEY": "only-the-lab-knows-this",
        "AWS_REGION": "us-east-1",
    }
    return {"environment": environment, "arguments": ["-i", str(path), "-e", "app_release_version=1.0.0"]}


def test_a_limit_that_leaves_the_machines_out(refused, machines, inventories):
    machines({"role": "bastion", "tier": "bastion"}, {"role": "app", "tier": "app"}, {})
    inventories["arguments"] += ["--limit", "wrong-use1"]
    said = " ".join(refused("deploy_app", **inventories).split())
    assert "the limit leaves out all of tier_app (1 machine); add them: --limit 'wrong-use1,cell_wrong_use1'" in said
    said = " ".join(refused("patch_hosts", **inventories).split())
    assert "the limit leaves out all of machines (2 machines)" in said


def test_a_limit_that_leaves_the_cell_out(refused, machines, inventories):
    machines({"role": "bastion", "tier": "bastion"}, {"role": "app", "tier": "app"})
    inventories["arguments"] += ["--limit", "tier_app"]
    said = " ".join(refused("deploy_app", **inventories).split())
    assert "its cell wrong-use1 is not in this run; add it: --limit 'wrong-use1," in said


def test_a_cell_without_a_bastion(refused, machines, inventories):
    """ssh itself would speak of a loop of jump hosts."""
    machines({"role": "app", "tier": "app"}, {})
    said = " ".join(refused("configure_hosts", **inventories).split())
    assert "EC2 has no running machine with the tag role=bastion" in said


def test_a_tier_without_machines(refused, machines, inventories):
    machines({"role": "bastion", "tier": "bastion"}, {"role": "web", "tier": "web"})
    said = " ".join(refused("deploy_app", **inventories).split())
    assert "the inventory has no machine of tier_app in this cell" in said


BLUEPRINT = "network_cidr: 10.0.0.0/16\nnetwork_zones: [a, b\nnetwork_nat: none\n"


@pytest.mark.parametrize("output", ["plain", "watch"])
def test_what_is_not_yaml_is_named_with_its_file_line_and_column(api, operator, tmp_path, output):
    """In a file of a group that several environments share through a link, and in one of the host."""
    environment = tmp_path / "env"
    for folder in (environment / "group_vars", environment / "host_vars", tmp_path / "blueprint"):
        folder.mkdir(parents=True)
    (environment / "group_vars/shared").symlink_to("../../blueprint")
    (environment / "hosts.yml").write_text(yaml.safe_dump({"cells": {"children": {"shared": {"hosts": {"one": {}}}}}}))
    host = environment / "host_vars/one.yml"
    host.write_text(yaml.safe_dump(GOOD))
    (tmp_path / "blueprint/network.yml").write_text(BLUEPRINT)
    (tmp_path / "blueprint/queues.yml").write_text("queues: a: b\n")
    api.reset_calls()
    done = operator.play("site", inventory=environment, environment={"TERRACE_OUTPUT": output})
    said = done.output[done.output.index("[ERROR]") :].splitlines()
    # Everything that is wrong with the group, the file first.
    assert said[0].startswith(f"[ERROR]: {tmp_path}/blueprint/network.yml:3:12: not valid YAML: "), done.output
    assert said[1].startswith(f"{tmp_path}/blueprint/queues.yml:1:"), done.output
    (tmp_path / "blueprint/network.yml").unlink()
    (tmp_path / "blueprint/queues.yml").unlink()
    host.write_text("cell_region: us-east-1\n  database_password: correct-horse\n")
    done = operator.play("site", inventory=environment, environment={"TERRACE_OUTPUT": output})
    assert f"[ERROR]: {host}:2:20: not valid YAML: Mapping values are not allowed" in done.output, done.output
    assert "correct-horse" not in done.output
    assert done.status == 4
    assert api.calls()["total"] == 0


def test_a_wrong_value_that_an_option_of_the_inventory_sets_is_told_with_the_option(api, operator, tmp_path):
    environment = tmp_path / "env"
    for folder in (environment / "group_vars", environment / "host_vars"):
        folder.mkdir(parents=True)
    (environment / "hosts.yml").write_text(yaml.safe_dump({"cells": {"hosts": {"one": {}}}}))
    options = {"own_ttl": {"type": "int"}}
    names = {"internal": {"api": {"values": ["192.0.2.1"], "ttl": "{{ own_ttl }}"}}}
    blueprint = {
        "terrace_inventory_options": options,
        "dns_names": "{{ __names | combine({}) }}",
    }
    (environment / "group_vars/cells.yml").write_text(yaml.safe_dump({**blueprint, "__names": names}))
    host = environment / "host_vars/one.yml"
    host.write_text(yaml.safe_dump(GOOD) + "own_ttl: -1\n")
    line = len(host.read_text().splitlines())
    api.reset_calls()
    said = operator.play("site", inventory=environment).output
    assert (
        f"dns_names.internal.api.ttl: -1 is out of range; right is 0 to 2147483647 (set by own_ttl in {host}:{line})"
        in said
    )
    assert api.calls()["total"] == 0
