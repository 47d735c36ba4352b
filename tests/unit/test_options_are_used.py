"""Every option of every kind counts: another value is valid, shows in a plan, is read from AWS and is written.

The values stand in tests/integration/options/samples.yml, from which they are also provisioned and read back.
"""

from __future__ import annotations

import copy
import pathlib
import re
import typing as t

import pytest

from ansible_collections.terrace.aws.plugins.plugin_utils import specs
from ansible_collections.terrace.aws.plugins.plugin_utils.engine import plan, registry
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.kind import Kind, Resource
from ansible_collections.terrace.aws.plugins.plugin_utils.shapes import Shape
from tests.integration.options import ROOT
from tests.integration.options.samples import EVERY, KINDS, Sample, entry_of, put, wrong

#: What every resource with tags has; tests/unit/plan tries them.
COMMON = set(specs.COMMON)


def leaves(shape: Shape, path: str = "") -> t.Iterator[str]:
    """Every option's path, ``*`` for the names of entries."""
    for name, option in shape.options.items():
        inner, here = shape.entries.get(name), f"{path}{name}"
        if inner:
            here += ".*"
            while inner.each:
                inner, here = inner.each, f"{here}.*"
        inner = inner or shape.parts.get(name) or (Shape(option["options"]) if option.get("options") else None)
        yield from leaves(inner, f"{here}.") if inner else (here,)


def general(shape: Shape, path: str) -> str:
    """A sample's path with ``*`` for the names of entries."""
    made, parts = [], path.split(".")
    while parts:
        name = parts.pop(0)
        made.append(name)
        inner = shape.entries.get(name)
        while inner:
            parts.pop(0)
            made.append("*")
            shape, inner = inner, inner.each
        if name not in (*shape.entries, *shape.parts) and shape.options.get(name, {}).get("options"):
            shape = Shape(shape.options[name]["options"])
    return ".".join(made)


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_every_option_has_a_sample(kind: Kind):
    shape = specs.shape_of(kind.name)
    sampled = {general(shape, sample.path) for sample in EVERY if sample.kind is kind}
    assert sampled == {path for path in leaves(shape) if path not in COMMON}


@pytest.mark.parametrize("sample", EVERY, ids=str)
def test_another_value_is_valid_and_shows_in_a_plan(sample: Sample):
    kind = sample.kind
    before, problems = specs.validated(kind, sample.name, entry_of(sample))
    assert problems == []
    observed = [before]
    for value in sample.values:
        given = put(entry_of(sample), sample.path, value)
        if not sample.not_compared or "name in the inventory" not in sample.not_compared:
            assert wrong(sample, given) == []
        after, problems = specs.validated(kind, sample.name, given)
        assert problems == []
        if sample.not_compared:
            continue
        for earlier in observed:
            resource = Resource("id", kind.normalise(copy.deepcopy(earlier)))
            fields = plan.compare(kind, copy.deepcopy(after), resource)
            fields = fields or kind.condition(sample.name, copy.deepcopy(after), Resource("id", copy.deepcopy(earlier)))
            assert fields, f"{value!r} is not seen beside what was there before"
            assert all(path == sample.shows or path.startswith(f"{sample.shows}.") for path in fields), fields
        observed.append(after)


def filters() -> dict[str, pathlib.Path]:
    """Our own filters and the files they are in."""
    found = {}
    for path in (ROOT / "plugins/filter").glob("*.py"):
        found |= dict.fromkeys(re.findall(r"^def ([a-z]\w+)", path.read_text(), re.MULTILINE), path)
    return found


def imported(texts: list[str], of: str) -> list[str]:
    """The text of what files import of ours."""
    found = []
    for text in texts:
        for module, names in re.findall(of, text, re.MULTILINE):
            base = ROOT / "plugins/plugin_utils" / module.replace(".", "/")
            paths = [base.with_suffix(".py"), *(base / f"{name.strip()}.py" for name in names.split(","))]
            found += [path.read_text() for path in paths if path.is_file() and path.name != "specs.py"]
    return found


def written_by(kind: Kind) -> str:
    """The text of the tasks that write a kind, of our filters and modules that they call, and of what those import."""
    folder = ROOT / "roles" / kind.role / "tasks" / kind.name
    tasks = [path.read_text() for path in [*folder.glob("*.yml"), *(ROOT / "roles" / kind.role / "vars").glob("*.yml")]]
    words = set(re.findall(r"terrace\.aws\.(\w+)", "\n".join(tasks)))
    known = filters()
    files = {known[word] for word in words if word in known}
    files |= {path for word in words if (path := ROOT / f"plugins/modules/{word}.py").is_file()}
    texts = [path.read_text() for path in files]
    return "\n".join([*tasks, *texts, *imported(texts, r"^from [.\w]*plugin_utils\.?([\w.]*) import (.+)$")])


def read_by(kind: Kind) -> str:
    """The text of the module a kind is in, of those it inherits from, and of what lies beside it."""
    modules = {each.__module__ for each in type(kind).__mro__ if ".kinds." in each.__module__}
    folders = {ROOT / "plugins" / module.partition(".plugins.")[2].replace(".", "/") for module in modules}
    texts = [path.read_text() for folder in folders for path in folder.parent.glob("*.py")]
    shared = imported(texts, r"^from \.\.\.(\w[\w.]*) import (.+)$")
    pattern = r"^from [.\w]*module_utils\.(\w+) import|^from [.\w]*module_utils import (\w+)"
    modules = re.findall(pattern, "\n".join(texts), re.MULTILINE)
    shared += [(ROOT / f"plugins/module_utils/{one or other}.py").read_text() for one, other in modules]
    return "\n".join([*texts, *shared])


@pytest.mark.parametrize("kind", registry.all_kinds().values(), ids=list(registry.all_kinds()))
def test_every_option_is_read_and_written(kind: Kind):
    # A kind that takes the options of another is written by its tasks.
    of = kind.options_of or kind.name
    tasks, reading = written_by(KINDS[of]), read_by(kind)
    quiet = {sample.path for sample in EVERY if sample.kind.name == of and sample.not_compared}
    for sample in (each for each in EVERY if each.kind.name == of):
        option = sample.path.rpartition(".")[2]
        assert re.search(rf"\b{re.escape(option)}\b", tasks), f"no task that writes {of} mentions {sample.path}"
        if sample.path not in quiet:
            assert re.search(rf"\b{re.escape(option)}\b", reading), (
                f"nothing that reads {kind.name} mentions {sample.path}"
            )
