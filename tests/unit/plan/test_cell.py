"""What a look at a cell asks AWS, and what it takes as known."""

from __future__ import annotations

import pytest

from ansible_collections.terrace.aws.plugins.plugin_utils.engine import registry
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.cell import IGNORED_TAGS, Cell, Settings
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.kind import Kind, every_tag


def test_what_is_known_is_not_read_again(lab, cell, tags):
    ec2 = lab.client("ec2")
    vpc = ec2.create_vpc(
        CidrBlock="10.0.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": tags("vpc", "main")}]
    )["Vpc"]["VpcId"]
    subnet = [{"ResourceType": "subnet", "Tags": tags("subnet", "a")}]
    ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24", TagSpecifications=subnet)
    known = cell().observe(["vpc"])
    # Gone from AWS as far as tags tell; who is told what was known still finds the name behind the id.
    ec2.delete_tags(Resources=[vpc], Tags=[{"Key": "terrace:cell"}])
    again = Cell("test", "us-east-1", registry.all_kinds(), True, known)
    assert again.observe(["subnet"])["subnet"]["a"].attributes["vpc"] == "main"
    assert cell().observe(["subnet"])["subnet"]["a"].attributes["vpc"] == vpc


def test_tags_that_others_write_are_neither_compared_nor_lost(lab, tags):
    """What cell_ignored_tags names; every other tag is the inventory's."""
    more = {"team/owner": "a", "CreatedBy": "b", "kubernetes.io/cluster/c": "owned", "Own": "1"}
    lab.client("ec2").create_vpc(
        CidrBlock="10.0.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": tags("vpc", "main", **more)}]
    )

    def found(*ignored: str):
        settings = Settings(ignored_tags=(*IGNORED_TAGS, *ignored))
        return Cell("test", "us-east-1", registry.all_kinds(), settings=settings).observed("vpc")["main"]

    assert found().tags == {"team/owner": "a", "CreatedBy": "b", "Own": "1"}
    vpc = found("team/*", "CreatedBy")
    assert vpc.tags == {"Own": "1"}
    written = every_tag("test", "vpc", "main", {"Own": "2"}, vpc.marks)
    assert written == {
        "Name": "test-main",
        "terrace:cell": "test",
        "terrace:kind": "vpc",
        **more,
        "Own": "2",
    }


def test_a_kind_that_asks_for_itself_is_told_so(lab):
    class Selfish(Kind):
        name = "selfish"

        def read(self, cell):
            return cell.observed("selfish")

    with pytest.raises(RuntimeError, match="selfish"):
        Cell("test", "us-east-1", {"selfish": Selfish()}).observed("selfish")
