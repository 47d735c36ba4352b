"""A reference can name another cell's resource."""

from __future__ import annotations

import typing as t

from ansible_collections.terrace.aws.plugins.plugin_utils.engine import elsewhere, plan, registry
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.cell import Cell, Settings
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.graph import PRESENT, Graph
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.kind import PENDING, READY, Kind, Resource
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.view import View


class Archive(Kind):
    name = "archive"


class Log(Kind):
    name = "log"
    references: t.ClassVar[dict[str, str]] = {"archive": "archive"}
    counterparts: t.ClassVar[dict[str, str]] = {"twin": "log"}


KINDS = {kind.name: kind for kind in (Archive(), Log())}
WORLD = {"log": {"all": {"archive": "central/logs"}, "own": {"archive": "a/b"}}}


def test_a_name_with_a_slash_is_another_cells_only_where_there_is_such_a_cell():
    assert elsewhere.references(KINDS, WORLD, "mine", ["mine", "central"]) == {"central": {"archive": {"logs"}}}
    assert elsewhere.references(KINDS, WORLD, "mine", ["mine"]) == {}


def test_a_counterpart_is_looked_at_and_not_awaited():
    world = {"log": {"all": {"twin": "far/all"}}}
    assert elsewhere.references(KINDS, world, "near", ["near", "far"]) == {"far": {"log": {"all"}}}
    assert elsewhere.references(KINDS, world, "near", ["near", "far"], counterparts=False) == {}
    changes = plan.changes(KINDS["log"], world["log"], {}, plan.Rules())
    node = Graph(KINDS, world, {"archive": {}}, changes, elsewhere={("log", "far/all")}).nodes[PRESENT, "log", "all"]
    assert (node.after, node.ready) == (set(), set())


def test_it_is_awaited_and_not_missed():
    world = {"log": {"all": WORLD["log"]["all"]}}
    changes = plan.changes(KINDS["log"], world["log"], {}, plan.Rules())
    made = Graph(KINDS, world, {"archive": {}}, changes, elsewhere={("archive", "central/logs")})
    assert made.missing() == {}
    node = made.nodes[PRESENT, "log", "all"]
    assert not made.satisfied(node, set(), {"archive": {"central/logs": Resource("x", {}, state=PENDING)}})
    assert made.satisfied(node, set(), {"archive": {"central/logs": Resource("x", {}, state=READY)}})


def test_the_view_has_it_beside_the_cells_own():
    there = {"archive": {"central/logs": Resource("far", {})}}
    observed = {"archive": {"own": Resource("near", {})}}
    seen = View(
        lambda _known: None, KINDS, observed, elsewhere=lambda kinds: {k: v for k, v in there.items() if k in kinds}
    )
    assert {name: res.id for name, res in seen.get(["archive"])["archive"].items()} == {
        "own": "near",
        "central/logs": "far",
    }


def test_its_id_is_read_back_as_it_is_referred_to(lab):
    settings = Settings(elsewhere={"bucket": {"central-logs-123456789012": "central/logs"}})
    cell = Cell("mine", "us-east-1", registry.all_kinds(), settings=settings)
    assert cell.name_of("bucket", "central-logs-123456789012") == "central/logs"
