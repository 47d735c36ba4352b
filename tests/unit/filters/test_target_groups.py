"""Which target groups a machine belongs in."""

from __future__ import annotations

import pytest

from ansible_collections.terrace.aws.plugins.filter.target_groups import (
    draining_in,
    healthy_in_all,
    target_groups_of,
    unhealthy_because,
    unhealthy_in,
)

RESOURCES = {
    "target_group": {
        name: {"id": f"arn:{name}", "attributes": {"port": port}}
        for name, port in (("web", 80), ("app", 8000), ("admin", 8001))
    },
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


def test_one_application_has_the_groups_of_its_port():
    assert [each["id"] for each in target_groups_of(RESOURCES, {"tier": "web"}, 8001)] == ["arn:admin"]


def test_a_machine_is_excused_where_it_was_unhealthy():
    def group(name, *states):
        targets = [{"target_health": {"state": state}} for state in states]
        return {"target_group_arn": name, "targets": targets}

    states = [group("well", "healthy"), group("ill", "unhealthy"), group("draining", "draining"), group("none")]
    assert unhealthy_in(states) == ["ill"]


def test_why_a_machine_is_unhealthy_is_said_with_what_it_is_asked_for():
    def group(name, **attributes):
        return {"id": f"arn:{name}", "facts": {"name": f"cell-{name}"}, "attributes": {"port": 8000, **attributes}}

    def state(name, **health):
        return {"target_group_arn": f"arn:{name}", "targets": [{"target_health": health}]}

    groups = [group("app", health_check={"path": "/up"}), group("tcp"), group("well")]
    codes = "Health checks failed with these codes: [500]"
    states = [
        state("app", state="unhealthy", reason="Target.ResponseCodeMismatch", description=codes),
        state("tcp", state="initial", reason="Elb.RegistrationInProgress"),
        state("well", state="healthy"),
        state("another", state="unhealthy"),
    ]
    assert unhealthy_because(groups, states) == (
        f"it is unhealthy in cell-app, which asks for /up at port 8000: {codes}; "
        "it is initial in cell-tcp, at port 8000: Elb.RegistrationInProgress"
    )
    assert unhealthy_because(groups, []) == ""


@pytest.mark.parametrize(
    ("states", "well", "leaving"),
    [
        ({"a": ["healthy"], "b": ["healthy"], "c": ["unhealthy"]}, True, []),
        ({"a": ["healthy"]}, False, []),  # it is not even registered in b
        ({"a": ["healthy"], "b": []}, False, []),
        ({"a": ["healthy"], "b": ["initial"]}, False, []),
        ({"a": ["healthy"], "b": ["draining"], "c": ["draining"]}, False, ["b"]),
        ({"a": ["healthy", "unhealthy"], "b": ["healthy"]}, False, []),
    ],
)
def test_a_machine_is_back_when_it_is_healthy_in_each(states, well, leaving):
    told = [
        {"target_group_arn": name, "targets": [{"target_health": {"state": each}} for each in found]}
        for name, found in states.items()
    ]
    assert healthy_in_all(told, ["a", "b"]) is well
    assert draining_in(told, ["a", "b"]) == leaving


def test_who_belongs_in_no_group_is_back():
    assert healthy_in_all([], []) is True
