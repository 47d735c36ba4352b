"""Which option of an inventory a wrong value was written as: said where it is certain, else nothing."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible._internal._datatag._tags import Origin

from ansible_collections.terrace.aws.plugins.plugin_utils.sources import Sources

FILE = str(pathlib.Path.cwd() / "inventories/own/host_vars/one.yml")


def at(line: int, value: t.Any, column: int = 9) -> t.Any:
    """A value as Ansible reads it from a file."""
    return Origin(path=FILE, line_num=line, col_num=column).tag(value)


SIZE = at(3, {"min": at(3, "many", 15), "max": 4})
DAYS, DELAY = at(4, 99), at(5, True)
RAW = {
    "platform_app_size": SIZE,
    "platform_days": DAYS,
    "platform_delay": DELAY,
    "platform_zones": at(6, ["a", "x"]),
    "platform_hooks": True,
    "tier_groups": {
        "app": {
            "size": "{{ platform_app_size }}",
            "cooldown": "{{ platform_delay }}",
            "zones": "{{ platform_zones | map('upper') }}",
            "hooks": "{{ {} if platform_hooks else {'ready': {}} }}",
            "other": "{{ platform_zones | first if platform_hooks else 'x' }}",
            "both": "{{ platform_zones | zip(platform_days) }}",
            "foreign": "{{ another }}",
            "own": 99,
        },
        "app.2": {"size": "{{ platform_app_size }}"},
    },
    "databases": "{{ {'main': __main} | combine(__replicas) }}",
    "another": 5,
}
OPTIONS = [name for name in RAW if name.startswith("platform_")]
#: What they come to.
APP = {
    "size": SIZE,
    "cooldown": True,
    "zones": ["A", "X"],
    "hooks": {},
    "other": "a",
    "both": [],
    "foreign": 5,
    "own": 99,
}
VALUES = {
    "tier_groups": {"app": APP, "app.2": {"size": SIZE}},
    "databases": {"main": {"days": DAYS, "most": 396}},
    "platform_days": DAYS,
    "another": 5,
}
PLACE = "inventories/own/host_vars/one.yml"


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        ("tier_groups.app.size.min: must be a whole number, not many", f" (set by platform_app_size in {PLACE}:3)"),
        ("tier_groups.app.2.size.min: must be a whole number, not many", f" (set by platform_app_size in {PLACE}:3)"),
        ("tier_groups.app.size: desired: is required", f" (set by platform_app_size in {PLACE}:3)"),
        ("tier_groups.app.size.desired: is required", f" (set by platform_app_size in {PLACE}:3)"),
        # Built by filters, but the value itself is the one that was written.
        ("databases.main.days: 99 is out of range", f" (set by platform_days in {PLACE}:4)"),
        # A boolean carries no place; its template is the option. A value that was computed has another one.
        ("tier_groups.app.cooldown: must be a number", " (set by platform_delay)"),
        ("tier_groups.app.zones[1]: there is no zone X", f" (made from platform_zones in {PLACE}:6)"),
        # Not certain: what is wrong may be the option, the other one, or neither.
        ("tier_groups.app.hooks: must not be empty", ""),
        ("tier_groups.app.other: a is wrong", ""),
        ("tier_groups.app.both: must not be empty", ""),
        ("tier_groups.app.foreign: 5 is out of range", ""),
        ("tier_groups.app.own: 99 is out of range", ""),
        ("databases.main.most: 396 is out of range", ""),
        ("databases: something", ""),
        ("platform_days: 99 is out of range", ""),
        ("network: something", ""),
    ],
)
def test_the_option_is_named_where_it_is_certain(problem: str, said: str):
    name = problem.partition(":")[0].partition(".")[0]
    assert Sources(OPTIONS, RAW).of(problem, VALUES.get(name)) == said
