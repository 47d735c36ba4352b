"""Which target groups a machine belongs in, and how long they take to find it healthy."""

from __future__ import annotations

import pytest

from ansible_collections.terrace.aws.plugins.filter.target_groups import health_check_seconds, target_groups_of


def group(name, interval, healthy):
    return {"id": f"arn:{name}", "attributes": {"health_check": {"interval": interval, "healthy": healthy}}}


RESOURCES = {
    "target_group": {"web": group("web", 10, 2), "app": group("app", 5, 3), "admin": group("admin", 30, 5)},
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


def test_the_slowest_check_counts():
    assert health_check_seconds(target_groups_of(RESOURCES, {"tier": "web"})) == 150
    assert health_check_seconds([RESOURCES["target_group"]["app"]]) == 15
    assert health_check_seconds([]) == 0
