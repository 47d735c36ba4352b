"""What is refused before the first write, and how it is said."""

from __future__ import annotations

from botocore.exceptions import EndpointConnectionError

from ansible_collections.terrace.aws.plugins.plugin_utils.engine import plan
from ansible_collections.terrace.aws.plugins.plugin_utils.sdk import lab_hint

GOING = [plan.Change(plan.REMOVE, "subnet", name) for name in "abc"]
REFUSED = plan.Change(plan.REMOVE, "bucket", "data", refused="it holds data")


def test_everything_that_is_refused_is_told_at_once():
    """Also a limit of removals: whoever lifts it is to know what else is in the way."""
    limit, data = plan.refusals([*GOING, REFUSED], 2)
    assert limit.startswith("4 resources would be removed, and terrace_remove_at_most is 2.")
    assert data == "bucket/data: it holds data"


def test_a_limit_that_holds_or_does_not_count_is_not_mentioned():
    assert plan.refusals(GOING, 3) == plan.refusals(GOING, None) == []


def test_a_lab_that_does_not_run_is_named():
    assert "make lab" in lab_hint(EndpointConnectionError(endpoint_url="http://127.0.0.1:5566/"))
    assert lab_hint(EndpointConnectionError(endpoint_url="https://ec2.us-east-1.amazonaws.com/")) == ""
    assert lab_hint(ValueError("x")) == ""
