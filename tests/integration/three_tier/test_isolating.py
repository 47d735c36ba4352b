"""One machine of one of several cells is taken out, through AWS alone."""

from __future__ import annotations

import pytest

CELL = {
    "network_cidr": "10.0.0.0/16",
    "network_zones": ["a"],
    "network_tiers": {"app": {"number": 1, "route": "none"}},
    "firewall_security_groups": {"quarantine": {"vpc": "main", "description": "Machines that are looked into"}},
}
CELLS = {"first": CELL, "second": CELL}


@pytest.fixture(scope="module")
def machine(api, cells):
    """A machine of the second cell."""
    cells.play("site", CELLS).ok()
    ec2 = api.client("ec2", "eu-west-1")
    subnets = ec2.describe_subnets(Filters=[{"Name": "tag:terrace:cell", "Values": ["second"]}])["Subnets"]
    tags = [{"Key": "Name", "Value": "second-app"}, {"Key": "terrace:cell", "Value": "second"}]
    image = ec2.register_image(Name="machine", RootDeviceName="/dev/xvda")["ImageId"]
    run = ec2.run_instances(
        ImageId=image, MinCount=1, MaxCount=1, SubnetId=subnets[0]["SubnetId"],
        TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
    )  # fmt: skip
    return run["Instances"][0]["InstanceId"]


def test_the_cell_that_has_the_machine_isolates_it_and_twice_is_fine(api, cells, machine):
    ec2 = api.client("ec2", "eu-west-1")
    for _time in range(2):
        cells.play("isolate_instance", CELLS, "-e", f"isolate_instance={machine}").ok()
        (found,) = ec2.describe_instances(InstanceIds=[machine])["Reservations"][0]["Instances"]
        assert [group["GroupName"] for group in found["SecurityGroups"]] == ["second-quarantine"]
        assert "terrace:isolated" in {tag["Key"] for tag in found["Tags"]}


def test_a_machine_that_no_cell_has_is_refused(api, cells, machine):
    api.reset_calls()
    run = cells.play("isolate_instance", CELLS, "-e", "isolate_instance=i-0123456789abcdef0")
    assert run.status == 2
    assert "first, second: there is no machine i-0123456789abcdef0" in run.output
    assert "say -e isolate_instance=i-" in cells.play("isolate_instance", CELLS).output
    assert api.calls()["writes"] == 0
