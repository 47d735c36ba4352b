"""What is global is asked in the partition's main region, whichever region the cell is in."""

from __future__ import annotations

import pytest

from ansible_collections.terrace.aws.plugins.plugin_utils.engine import service_models
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.cell import Cell
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.kind import GLOBAL, Kind


@pytest.mark.parametrize(
    ("region", "main"),
    [("eu-west-3", "us-east-1"), ("cn-north-1", "cn-northwest-1"), ("us-gov-east-1", "us-gov-west-1")],
)
def test_the_main_region_is_the_partitions(region, main):
    assert service_models.global_region(region) == main


@pytest.mark.parametrize(("scope", "asked"), [(GLOBAL, "us-east-1"), (Kind.scope, "eu-west-3")])
def test_a_kind_is_read_where_it_lives(lab, scope, asked):
    regions = []

    class Anywhere(Kind):
        name = "anywhere"

        def read(self, cell):
            regions.append(cell.client("acm").meta.region_name)
            return {}

    kind = Anywhere()
    kind.scope = scope
    Cell("test", "eu-west-3", {"anywhere": kind}).observed("anywhere")
    assert regions == [asked]
    assert Cell("test", "eu-west-3", {"anywhere": kind}).client("ec2").meta.region_name == "eu-west-3"
