"""Flow logs, read from resources made with boto3."""

from __future__ import annotations

import pytest

from ansible_collections.terrace.aws.plugins.filter.flow_logs import flow_log_arguments
from ansible_collections.terrace.aws.plugins.plugin_utils.engine import registry
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.kind import READY

ENTRY = {
    "vpc": "main",
    "traffic": "ALL",
    "bucket": "logs",
    "log_group": None,
    "role": None,
    "aggregation_interval": 600,
    "format": None,
}
BUCKET = "test-logs-123456789012"


@pytest.fixture
def make(lab, tags):
    ec2, s3 = lab.client("ec2"), lab.client("s3")
    vpc = ec2.create_vpc(
        CidrBlock="10.0.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": tags("vpc", "main")}]
    )["Vpc"]["VpcId"]
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": tags("bucket", "logs")})

    def log(name="all", own=None, **options):
        arguments = {"LogDestinationType": "s3", "LogDestination": f"arn:aws:s3:::{BUCKET}", "TrafficType": "ALL"}
        arguments = {key: value for key, value in {**arguments, **options}.items() if value is not None}
        specification = [{"ResourceType": "vpc-flow-log", "Tags": tags("flow_log", name, **(own or {}))}]
        made = ec2.create_flow_logs(ResourceType="VPC", ResourceIds=[vpc], TagSpecifications=specification, **arguments)
        assert not made.get("Unsuccessful"), made
        return made["FlowLogIds"][0]

    return log


def test_a_log_to_a_bucket_is_read_in_the_inventorys_words(make, cell):
    ident = make(own={"Owner": "ops"}, MaxAggregationInterval=60, LogFormat="${srcaddr} ${dstaddr}")
    found = cell().observed("flow_log")["all"]
    assert found.id == ident
    assert found.state == READY
    assert found.tags == {"Owner": "ops"}
    assert found.attributes == {
        **ENTRY,
        "log_group": "",
        "role": "",
        "aggregation_interval": 60,
        "format": "${srcaddr} ${dstaddr}",
    }


def test_a_log_to_a_group_names_its_role_and_shows_that_it_fails(lab, make, cell, tags):
    role = lab.client("iam").create_role(
        RoleName="test-flow", AssumeRolePolicyDocument="{}", Tags=tags("iam_role", "flow")
    )["Role"]["Arn"]
    group = {"LogDestinationType": "cloud-watch-logs", "LogGroupName": "/nowhere", "DeliverLogsPermissionArn": role}
    make("refused", TrafficType="REJECT", LogDestination=None, **group)
    found = cell().observed("flow_log")["refused"]
    words = {each: found.attributes[each] for each in ("bucket", "log_group", "role", "traffic")}
    assert words == {"bucket": "", "log_group": "/nowhere", "role": "flow", "traffic": "REJECT"}
    # Only bucket and role can mend that, so it is said and not planned.
    assert (found.state, found.status) == (READY, "Access error")
    warned = list(registry.kind("flow_log").warnings({}, {"refused": found}))
    assert warned == ["refused: AWS cannot deliver its lines (Access error)"]


def test_a_folder_the_inventory_cannot_say_shows_as_a_difference(lab, make, cell):
    lab.client("s3").create_bucket(Bucket="elsewhere")
    make(LogDestination="arn:aws:s3:::elsewhere")
    assert cell().observed("flow_log")["all"].attributes["bucket"] == "elsewhere"


def test_what_differs_needs_another_log(make, cell):
    from ansible_collections.terrace.aws.plugins.plugin_utils.engine import plan

    make()
    kind, observed = registry.kind("flow_log"), cell().observed("flow_log")
    assert plan.changes(kind, {"all": ENTRY}, observed, plan.Rules()) == []
    change = plan.changes(kind, {"all": {**ENTRY, "traffic": "REJECT"}}, observed, plan.Rules())[0]
    assert (change.action, change.forced) == ("replace", ["traffic"])
    assert change.refused
    allowed = plan.Rules(replace=("flow_log/all",))
    assert not plan.changes(kind, {"all": {**ENTRY, "traffic": "REJECT"}}, observed, allowed)[0].refused


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({}, ""),
        ({"bucket": None}, "either a bucket or a log_group"),
        ({"log_group": "/a"}, "either a bucket or a log_group"),
        ({"bucket": None, "log_group": "/a"}, "role: needed"),
        ({"role": "flow"}, "role: nothing needs it"),
        ({"bucket": "deaf"}, "log_delivery must name vpc_flow_logs"),
    ],
)
def test_check(options, problem):
    world = {"bucket": {"logs": {"log_delivery": ["vpc_flow_logs"]}, "deaf": {"log_delivery": []}}}
    found = "; ".join(registry.kind("flow_log").check("all", {**ENTRY, **options}, world))
    assert problem in found
    assert bool(found) == bool(problem)


def test_two_logs_of_a_vpc_cannot_share_a_destination():
    kind, world = registry.kind("flow_log"), {"flow_log": {"all": ENTRY, "more": {**ENTRY, "traffic": "REJECT"}}}
    assert list(kind.check("all", ENTRY, world)) == []
    assert list(kind.check("more", ENTRY, world)) == ["main logs to logs already by all; AWS allows that once"]


def test_arguments_name_what_there_is_and_say_what_is_missing():
    from ansible.errors import AnsibleFilterError

    known = {"vpc": {"main": {"id": "vpc-1"}}, "bucket": {"logs": {"facts": {"arn": "arn:logs"}}}, "iam_role": {}}
    entry = {**ENTRY, "id": "fl-1", "action": "update", "aws_name": "test-all"}
    assert flow_log_arguments(entry, known) == {"resource_id": "vpc-1", "flow_log_id": "fl-1", "bucket_arn": "arn:logs"}
    assert "flow_log_id" not in flow_log_arguments({**entry, "action": "replace"}, known)
    with pytest.raises(AnsibleFilterError, match="test-all: there is no bucket none yet"):
        flow_log_arguments({**entry, "bucket": "none"}, known)
