"""Which target groups a machine belongs in."""

from __future__ import annotations

import pytest

from ansible_collections.terrace.aws.plugins.filter.target_groups import target_groups_of

RESOURCES = {
    "target_group": {name: {"id": f"arn:{name}"} for name in ("web", "app", "admin")},
    "autoscaling_group": {
        "web": {"attributes": {"target_groups": ["web", "admin"]}},
        "worker": {"attributes": {"target_groups": []}},
    },
}


@pytest.mark.parametrize(
    ("tags", "names"),
    [
        ({"tier": "web"}, ["arn:web", "arn:admin"]),
        ({"tier": "worker"}, []),
        ({"role": "bastion"}, []),
        ({"tier": "x"}, []),
    ],
)
def test_a_machine_belongs_in_the_groups_of_its_tier(tags, names):
    assert [each["id"] for each in target_groups_of(RESOURCES, tags)] == names
