"""The order of everything comes from the references: forward, backward, and around a replacement."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.terrace.aws.plugins.plugin_utils.engine import plan
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.graph import ABSENT, MAKE, PRESENT, RETIRE, Graph
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.kind import (
    CREATE_FIRST,
    LEAVING,
    PENDING,
    READY,
    Kind,
    Resource,
)


class Net(Kind):
    name = "net"
    immutable = frozenset({"range"})


class Group(Kind):
    """Groups name each other."""

    name = "group"
    references: t.ClassVar[dict[str, str]] = {"net": "net", "peers": "group"}
    loose = frozenset({"peers"})
    immutable = frozenset({"description"})
    created_empty = True


class Template(Kind):
    name = "template"
    references: t.ClassVar[dict[str, str]] = {"groups": "group"}


class Cert(Kind):
    name = "cert"
    immutable = frozenset({"domain"})
    replacement = CREATE_FIRST


class Fleet(Kind):
    name = "fleet"
    references: t.ClassVar[dict[str, str]] = {"template": "template", "cert": "cert"}
    follows = frozenset({"template"})
    created_empty = True
    waits_for_itself = True


class Hook(Kind):
    name = "hook"
    references: t.ClassVar[dict[str, str]] = {"fleet": "fleet"}
    precedes = frozenset({"fleet"})


class Record(Kind):
    name = "record"
    references: t.ClassVar[dict[str, str]] = {"target": "fleet"}
    needs_ready = frozenset({"target"})
    loose = frozenset({"target"})


KINDS = {kind.name: kind for kind in (Net(), Group(), Template(), Cert(), Fleet(), Hook(), Record())}
WORLD = {
    "net": {"main": {"range": "10/8"}},
    "group": {"a": {"net": "main", "peers": ["b"]}, "b": {"net": "main", "peers": ["a"]}},
    "template": {"web": {"groups": ["a"]}},
    "cert": {"public": {"domain": "a.example"}},
    "fleet": {"web": {"template": "web", "cert": "public"}},
    "hook": {"ready": {"fleet": "web"}},
    "record": {"www": {"target": "web"}},
}


def there(world: dict, **states: str) -> dict[str, dict[str, Resource]]:
    """A world as AWS has it; ``states`` by name."""
    return {
        kind: {
            name: Resource(f"{kind}-{name}", dict(entry), state=states.get(name, READY))
            for name, entry in entries.items()
        }
        for kind, entries in world.items()
    }


def planned(world: dict, observed: dict, **rules: t.Any) -> list[plan.Change]:
    chosen = plan.Rules(**rules)
    found = [
        change
        for name, kind in KINDS.items()
        for change in plan.changes(kind, world.get(name, {}), observed.get(name, {}), chosen)
    ]
    found += plan.follow_ons(KINDS, world, observed, found, chosen)
    plan.refuse_in_use(KINDS, world, observed, found)
    return found


def graph(world: dict, observed: dict, **rules: t.Any) -> Graph:
    return Graph(KINDS, world, observed, [c for c in planned(world, observed, **rules) if c.action != plan.ORPHAN])


def order(made: Graph, observed: dict | None = None) -> list[tuple[str, str, str]]:
    """The nodes in an order that respects the graph; what is waited for is taken as ready."""
    done: list[tuple[str, str, str]] = []
    left = dict(made.nodes)
    while left:
        free = sorted(key for key, node in left.items() if node.after <= set(done))
        assert free, f"stuck at {sorted(left)}"
        done += free
        for key in free:
            del left[key]
    return done


def before(made: Graph, first: tuple, second: tuple) -> bool:
    found = order(made)
    return found.index(first) < found.index(second)


def test_creating_walks_the_references_forward():
    made = graph(WORLD, {})
    assert before(made, (PRESENT, "net", "main"), (MAKE, "group", "a"))
    assert before(made, (MAKE, "group", "a"), (PRESENT, "template", "web"))
    assert before(made, (PRESENT, "template", "web"), (MAKE, "fleet", "web"))


def test_what_names_each_other_is_made_before_it_is_written():
    made = graph(WORLD, {})
    for name, peer in (("a", "b"), ("b", "a")):
        assert (MAKE, "group", peer) in made.nodes[PRESENT, "group", name].after


def test_a_template_waits_only_until_its_group_is_made_and_not_for_its_rules():
    needs = graph(WORLD, {}).nodes[PRESENT, "template", "web"].after
    assert needs == {(MAKE, "group", "a")}


def test_a_fleet_has_its_hooks_before_it_has_machines():
    made = graph(WORLD, {})
    assert (MAKE, "fleet", "web") in made.nodes[PRESENT, "hook", "ready"].after
    assert (PRESENT, "hook", "ready") in made.nodes[PRESENT, "fleet", "web"].after


def test_a_reference_can_ask_for_ready():
    made = graph(WORLD, {})
    node = made.nodes[PRESENT, "record", "www"]
    assert node.ready == {("fleet", "web")}
    done = set(made.nodes) - {node.key}
    assert not made.satisfied(node, done, there(WORLD, web=PENDING))
    assert made.satisfied(node, done, there(WORLD))


def test_removing_walks_the_references_backward():
    made = graph({}, there(WORLD), prune=True)
    for first, second in (
        (("record", "www"), ("fleet", "web")),
        (("hook", "ready"), ("fleet", "web")),
        (("fleet", "web"), ("template", "web")),
        (("template", "web"), ("group", "a")),
        (("group", "a"), ("net", "main")),
        (("fleet", "web"), ("cert", "public")),
    ):
        assert before(made, (ABSENT, *first), (ABSENT, *second))


def test_what_goes_waits_until_its_user_is_gone_and_not_only_told_to_go():
    made = graph({}, there(WORLD), prune=True)
    node = made.nodes[ABSENT, "net", "main"]
    assert ("group", "a") in node.gone
    assert not made.satisfied(node, set(made.nodes), there(WORLD, a=LEAVING))


def test_what_is_dropped_goes_after_its_user_was_written_without_it():
    world = {**WORLD, "template": {"web": {"groups": ["b"]}}, "group": {"b": {"net": "main", "peers": []}}}
    made = graph(world, there(WORLD), prune=True)
    assert (PRESENT, "template", "web") in made.nodes[ABSENT, "group", "a"].after


def test_a_replacement_that_can_be_created_first_is_moved_to_before_the_old_one_goes():
    world = {**WORLD, "cert": {"public": {"domain": "b.example"}}}
    observed = there(WORLD)
    made = graph(world, observed, replace=("cert/*",))
    old = plan.outgoing_name("public", observed["cert"]["public"])
    assert before(made, (RETIRE, "cert", "public"), (PRESENT, "cert", "public"))
    assert before(made, (PRESENT, "cert", "public"), (PRESENT, "fleet", "web"))
    assert before(made, (PRESENT, "fleet", "web"), (ABSENT, "cert", old))


def test_what_nothing_refers_to_is_also_created_before_the_old_one_goes():
    alone = {"cert": {"public": {"domain": "a.example"}}}
    made = graph({"cert": {"public": {"domain": "b.example"}}}, there(alone), replace=("cert/*",))
    assert [action for action, _kind, _name in order(made)] == [RETIRE, PRESENT, ABSENT]


def test_what_refers_to_a_replaced_resource_is_planned_although_it_does_not_differ():
    found = planned({**WORLD, "cert": {"public": {"domain": "b.example"}}}, there(WORLD), replace=("cert/*",))
    change = next(change for change in found if change.address == "fleet/web")
    assert change.action == plan.UPDATE
    assert change.fields["cert"]["after"] == "public (replaced)"


def test_all_that_is_replaced_of_what_one_option_names_is_told():
    wide = {**WORLD, "group": {"a": {"net": "main"}, "b": {"net": "main"}}, "template": {"web": {"groups": ["a", "b"]}}}
    described = {name: {**entry, "description": "new"} for name, entry in wide["group"].items()}
    found = planned({**wide, "group": described}, there(wide), replace=("group/*",))
    change = next(change for change in found if change.address == "template/web")
    assert change.fields["groups"] == {"before": "a, b", "after": "a (replaced), b (replaced)"}


def test_a_change_that_is_followed_is_a_reason_to_write_the_follower():
    world = {**WORLD, "template": {"web": {"groups": ["a", "b"]}}}
    found = planned(world, there(WORLD))
    assert {change.address for change in found} == {"template/web", "fleet/web"}


def test_tags_alone_roll_nothing():
    world = {**WORLD, "template": {"web": {"groups": ["a"], "tags": {"owner": "x"}}}}
    assert {change.address for change in planned(world, there(WORLD))} == {"template/web"}


def test_a_replacement_that_goes_first_is_refused_while_its_users_stay():
    world = {**WORLD, "net": {"main": {"range": "11/8"}}}
    found = planned(world, there(WORLD), replace=("net/*",))
    change = next(change for change in found if change.address == "net/main")
    assert "while it is used by group/a, group/b" in change.refused


def test_what_an_orphan_still_uses_is_not_removed():
    observed = there(WORLD)
    found = plan.changes(KINDS["net"], {}, observed["net"], plan.Rules(prune=True))
    plan.refuse_in_use(KINDS, {}, observed, found)
    assert "group/a" in found[0].refused


def test_what_is_leaving_is_created_again_once_it_is_gone():
    made = graph(WORLD, there({"net": WORLD["net"]}, main=LEAVING))
    assert made.nodes[PRESENT, "net", "main"].gone == {("net", "main")}


@pytest.mark.parametrize("how", ["leaving", "replaced"])
def test_what_was_created_empty_waits_only_once_for_the_old_one(how):
    world = {**WORLD, "group": {**WORLD["group"], "a": {**WORLD["group"]["a"], "description": "new"}}}
    observed = there(WORLD, **({"a": LEAVING} if how == "leaving" else {}))
    change = plan.Change(plan.CREATE if how == "leaving" else plan.REPLACE, "group", "a")
    made = Graph(KINDS, world, observed, [change])
    assert made.nodes[MAKE, "group", "a"].gone == {("group", "a")}
    assert made.nodes[PRESENT, "group", "a"].gone == set(), "it would be the new one that has to be gone"
    assert (MAKE, "group", "a") in made.nodes[PRESENT, "group", "a"].after


def test_what_is_still_being_made_is_awaited_before_it_is_changed():
    world = {**WORLD, "fleet": {"web": {"template": "web", "cert": "public", "size": 2}}}
    made = graph(world, there(WORLD, web=PENDING))
    assert ("fleet", "web") in made.nodes[PRESENT, "fleet", "web"].ready


def test_what_is_still_being_made_is_awaited_before_it_is_removed():
    made = graph({}, there(WORLD, web=PENDING), prune=True)
    assert ("fleet", "web") in made.nodes[ABSENT, "fleet", "web"].ready
    assert made.nodes[ABSENT, "template", "web"].ready == set()


def test_a_kind_can_come_twice():
    world = {
        "net": {"main": {"range": "10/8"}},
        "group": {"a": {"net": "main", "peers": []}},
        "template": {"first": {"groups": []}, "second": {"groups": ["a"]}},
    }
    found = order(graph(world, {}))
    assert found.index((PRESENT, "template", "first")) < found.index((MAKE, "group", "a"))
    assert found.index((PRESENT, "template", "second")) > found.index((MAKE, "group", "a"))


def test_a_circle_is_named():
    class Left(Kind):
        name = "left"
        references: t.ClassVar[dict[str, str]] = {"right": "right"}

    class Right(Kind):
        name = "right"
        references: t.ClassVar[dict[str, str]] = {"left": "left"}

    kinds = {"left": Left(), "right": Right()}
    world = {"left": {"a": {"right": "b"}}, "right": {"b": {"left": "a"}}}
    changes = [change for name, kind in kinds.items() for change in plan.changes(kind, world[name], {}, plan.Rules())]
    with pytest.raises(ValueError, match="left/a, right/b"):
        Graph(kinds, world, {}, changes)


def test_references_to_what_nobody_makes_are_told():
    world = {"template": {"web": {"groups": ["a"]}}}
    assert graph(world, {"group": {}}).missing() == {("group", "a"): ["template/web"]}


def test_everything_is_written_where_the_plan_is_not_trusted():
    made = Graph(KINDS, WORLD, there(WORLD), [], everything=True)
    assert {key[1:] for key in made.nodes} == {(kind, name) for kind, names in WORLD.items() for name in names}
    assert before(made, (PRESENT, "net", "main"), (PRESENT, "group", "a"))


def test_what_an_earlier_run_has_told_to_go_is_awaited_and_no_reason_to_refuse():
    observed = there({"net": WORLD["net"], "group": {"a": {"net": "main", "peers": []}}}, a=LEAVING)
    found = planned({}, observed, absent=True)
    assert [change.refused for change in found] == [""]
    node = Graph(KINDS, {}, observed, found).nodes[ABSENT, "net", "main"]
    assert node.gone == {("group", "a")}


def test_what_is_used_by_a_kind_that_is_not_planned_now_is_not_replaced_either():
    """One layer alone: the users of the old one would keep it, and it would be removed beneath them."""
    observed = there(WORLD)
    world = {"cert": {"public": {"domain": "b.example"}}}
    found = plan.changes(KINDS["cert"], world["cert"], observed["cert"], plan.Rules(replace=("cert/*",)))
    plan.refuse_in_use(KINDS, world, observed, found)
    assert "fleet/web" in found[0].refused
    everything = planned({**WORLD, **world}, observed, replace=("cert/*",))
    assert next(change for change in everything if change.kind == "cert").refused == ""
