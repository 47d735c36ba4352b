"""A role's interface is files that agree, with each other and with the kinds the role owns."""

from __future__ import annotations

import importlib
import inspect
import pathlib
import re
import typing as t

import pytest
import yaml

from ansible_collections.terrace.aws.plugins.plugin_utils import desired, task_files
from ansible_collections.terrace.aws.plugins.plugin_utils import specs as argument_specs
from ansible_collections.terrace.aws.plugins.plugin_utils.engine import registry
from ansible_collections.terrace.aws.plugins.plugin_utils.engine.kind import Kind
from ansible_collections.terrace.aws.plugins.plugin_utils.shapes import Shape

ROOT = pathlib.Path(__file__).parents[2]
FRAGMENTS = "ansible_collections.terrace.aws.plugins.doc_fragments"
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if (path / "tasks").is_dir())
KINDS = registry.all_kinds()
#: Entry points of variables that describe several kinds at once.
COMPACT = {"network": ["tier"], "tier": ["group"], "bastion": ["host"]}


def part(role: str, name: str) -> dict:
    path = ROOT / "roles" / role / name
    return (yaml.safe_load(path.read_text()) or {}) if path.is_file() else {}


def specs(role: str) -> dict:
    return part(role, "meta/argument_specs.yml")["argument_specs"]


@pytest.mark.parametrize("role", ROLES)
def test_defaults_and_argument_specs_name_the_same_variables(role):
    defaults = {name for name in part(role, "defaults/main.yml") if not name.startswith("__")}
    options = (specs(role).get("main") or specs(role)[role]).get("options", {})
    assert defaults <= set(options), f"not in meta/argument_specs.yml: {defaults - set(options)}"
    missing = {name for name, option in options.items() if not option.get("required") and name not in defaults}
    assert not missing, f"optional, but without a default: {missing}"
    assert all(name.startswith(f"{role}_") for name in options), role


BOOLEANS = [
    name
    for role in ROLES
    for name, option in (specs(role).get("main") or specs(role)[role]).get("options", {}).items()
    if option["type"] == "bool"
]


@pytest.mark.parametrize("name", BOOLEANS)
def test_a_boolean_that_is_given_to_a_run_is_a_text(name):
    """``-e database_skip_final_snapshot=false`` is the text false, which is true in an expression that does not convert it."""
    folders = [*(ROOT / "roles" / role for role in ROLES), ROOT / "playbooks"]
    for path in (path for folder in folders for path in folder.rglob("*") if path.suffix in (".yml", ".j2")):
        if path.parent.name in ("meta", "defaults"):
            continue
        for line in path.read_text().splitlines():
            for use in re.finditer(rf"(?<![\w.]){name}\b(?!:|=)(.*)", line):
                passed_on = re.search(rf"\{{\{{ {name} \}}\}}", line)
                assert passed_on or use[1].startswith(" | bool"), f"{path}: {line.strip()}"


@pytest.mark.parametrize("role", ROLES)
def test_every_default_has_a_comment(role):
    path = ROOT / "roles" / role / "defaults/main.yml"
    if not path.is_file():
        return
    lines = path.read_text().splitlines()
    for number, line in enumerate(lines):
        if re.match(r"^[a-z_]+:", line):
            above = next(each for each in reversed(lines[:number]) if not re.match(r"^[a-z_]+:", each))
            assert above.startswith(("#", " ")), f"{path}:{number + 1} {line}"


@pytest.mark.parametrize("role", ROLES)
def test_galaxy_is_told_what_the_argument_specs_say(role):
    told = part(role, "meta/main.yml")["galaxy_info"]
    assert told["description"] == (specs(role).get("main") or specs(role)[role])["short_description"]


@pytest.mark.parametrize("role", ROLES)
def test_the_readme_says_what_a_user_needs(role):
    text = (ROOT / "roles" / role / "README.md").read_text()
    for heading in ("Permissions", "Output"):
        assert re.search(rf"^#+ .*{heading}", text, re.MULTILINE | re.IGNORECASE), f"{role}: no section on {heading}"
    assert "```yaml" in text, f"{role}: no example"


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_a_kind_belongs_to_a_role_that_specifies_its_entries(kind: Kind):
    assert kind.role in ROLES
    spec = specs(kind.role)
    assert kind.name in spec, f"roles/{kind.role}/meta/argument_specs.yml has no entry point {kind.name}"
    assert kind.variable in spec["main"]["options"]
    if kind.options_of:
        assert not spec[kind.name].get("options"), f"{kind.name} repeats options of {kind.options_of}"
        assert kind.options_of in str(spec[kind.name]["description"]), (
            f"{kind.name} does not say whose options it takes"
        )
    options = set(argument_specs.of_kind(kind.name))
    known = {option.split(".")[0] for option in {*kind.immutable, *kind.references, *kind.ordered}}
    # What AWS cannot change may be something that follows from several options.
    known = {word for word in known if f'"{word}":' not in inspect.getsource(type(kind).normalise)}
    assert known <= options, f"not among the options: {known - options}"
    assert set(kind.references.values()) <= set(KINDS)


def every_option(shape: Shape, path: str) -> t.Iterator[tuple[str, dict]]:
    """Path and spec of each option, nested ones too."""
    for name, option in shape.options.items():
        here = f"{path}.{name}"
        yield here, option
        inner = shape.entries.get(name) or shape.parts.get(name)
        while inner and inner.each:
            inner = inner.each
        yield from every_option(inner or Shape(option.get("options") or {}), here)


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_every_option_says_what_it_is(kind: Kind):
    for path, option in every_option(argument_specs.shape_of(kind.name), kind.name):
        assert option.get("type"), f"{path} has no type"
        assert option.get("description"), f"{path} has no description"
        assert not (option.get("required") and "default" in option), f"{path} is required and has a default"
        if option.get("default") is not None and option["type"] == "str":
            assert isinstance(option["default"], str), f"the default of {path} is not a text"
        if option.get("choices") and option["type"] != "list":
            assert option.get("default") in [None, *option["choices"]], f"the default of {path} is none of its choices"


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_every_shape_is_an_entry_point_and_holds_an_option(kind: Kind):
    owner = KINDS[kind.options_of] if kind.options_of else kind
    for path, point in kind.shapes.items():
        assert point in specs(owner.role), f"roles/{owner.role}/meta/argument_specs.yml has no entry point {point}"
        assert specs(owner.role)[point].get("short_description")
        shape = argument_specs.shape_of(kind.name)
        for part in path.removesuffix(".*").split("."):
            inner = shape.entries.get(part) or shape.parts.get(part)
            assert inner, f"{kind.name}.shapes: there is no option {path}"
            shape = inner


def test_every_entry_point_describes_something():
    """An entry point that nothing names is an option described in vain."""
    for role in {kind.role for kind in KINDS.values()}:
        named = {"main", *COMPACT.get(role, ())}
        for kind in KINDS.values():
            named |= {kind.name} if kind.role == role else set()
            owner = KINDS[kind.options_of] if kind.options_of else kind
            named |= set(kind.shapes.values()) if owner.role == role else set()
        assert set(specs(role)) == named


OWNERS = sorted(registry.roles())
#: Actions of every kind, whose task files are the role cell's.
COMMON = {"retire", "adopt"}
TASK_FILES = sorted(path for role in [*OWNERS, "cell"] for path in (ROOT / "roles" / role / "tasks").glob("*/*.yml"))
#: What `_step` of the executor gives the tasks of a step.
STEP = {"action", "kind", "refers", "entries", "resources", "known", "ids"}


def named(path: pathlib.Path) -> str:
    return str(path.relative_to(ROOT / "roles"))


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_every_kind_says_how_it_is_written_and_removed(kind: Kind):
    other = KINDS[kind.options_of] if kind.options_of else kind
    for action in ("present", "absent", *(["create"] if kind.created_empty else [])):
        assert task_files.load(kind.role, kind.name, action) or task_files.load(other.role, other.name, action), (
            f"roles/{kind.role}/tasks/{kind.name}/{action}.yml is missing"
        )
    folder = ROOT / "roles" / kind.role / "tasks" / kind.name
    assert kind.created_empty or not (folder / "create.yml").exists(), f"{kind.name} is not created empty"


@pytest.mark.parametrize("role", OWNERS)
def test_a_role_that_owns_kinds_has_no_other_tasks(role: str):
    tasks = ROOT / "roles" / role / "tasks"
    folders = {kind.name for kind in KINDS.values() if kind.role == role}
    found = {str(path.relative_to(tasks)) for path in tasks.rglob("*") if path.is_file()}
    known = {f"{kind}/{action}.yml" for kind in folders for action in ("create", "present", "absent")}
    assert found - known == {"main.yml"}
    (task,) = part(role, "tasks/main.yml")
    assert task["terrace.aws.apply"] == {"role": role, "state": f"{{{{ {role}_state }}}}"}
    assert task["register"] == f"{role}_output"


@pytest.mark.parametrize("path", TASK_FILES, ids=named)
def test_a_task_file_uses_only_what_is_understood(path: pathlib.Path):
    for task in yaml.safe_load(path.read_text()):
        module = task_files.module_of(task)
        assert module.count(".") == 2, f"{module} is not a full name"
        prefix = f"{path.parent.name} | {path.stem} | "
        assert re.match(rf"{re.escape(prefix)}[A-Z]", task["name"]), f"{task['name']} does not begin with {prefix}"
        assert set(task.get("loop_control", {})) <= {"loop_var", "label"}
        if "loop" in task:
            assert set(task["loop_control"]) == {"loop_var", "label"}, task["name"]


@pytest.mark.parametrize("path", TASK_FILES, ids=named)
def test_what_a_task_file_reads_of_the_step_exists(path: pathlib.Path):
    """Parts of terrace_step, and the kinds under `ids` and `known`: those the kind refers to, and itself."""
    text = path.read_text()
    parts = set(re.findall(r"\bterrace_step\b\.?(\w*)", text))
    assert parts <= STEP, f"terrace_step has no {', '.join(sorted(parts - STEP))}"
    assert not re.search(r"\bterrace_step\b(?!\.)", text), "parts of terrace_step are read with a dot"
    kind = KINDS.get(path.parent.name)
    if kind is None:
        return
    takers = [each for each in KINDS.values() if each.options_of == kind.name]
    for each in [kind, *takers]:
        others = {each.name, *each.references.values()}
        read = set(re.findall(r"\bterrace_step\.(?:ids|known)\.(\w+)", text))
        assert read <= others, f"{each.name} does not refer to {', '.join(sorted(read - others))}"
    for option in re.findall(r"\bterrace_step\.refers\.(\w+)", text):
        assert all(option in each.references for each in [kind, *takers]), f"refers.{option} is no reference"


def test_a_role_with_slow_kinds_says_how_long_they_may_take():
    """Read from the defaults, for a play on a whole cell includes no role."""
    slow = {"bastion", "cache", "certificate", "database", "endpoints", "load_balancer", "network", "tier"}
    assert {role for role in OWNERS if desired.default(role, f"{role}_timeout", None)} == slow
    assert desired.default("network", "network_timeout", None) == 900
    assert desired.default("firewall", "firewall_timeout", 3600) == 3600


@pytest.mark.parametrize("path", sorted((ROOT / "plugins/action").glob("*.py")), ids=lambda path: path.stem)
def test_an_actions_options_are_documented(path: pathlib.Path):
    """The module of an action's name documents it."""
    taken = re.search(r"_VALID_ARGS = frozenset\((.*?)\)", path.read_text(), re.DOTALL)
    documented = re.search(
        r'^DOCUMENTATION = r"""(.*?)"""', (ROOT / "plugins/modules" / path.name).read_text(), re.DOTALL | re.MULTILINE
    )
    assert documented, path.name
    told = yaml.safe_load(documented[1])
    options = dict(told.get("options", {}))
    for name in told.get("extends_documentation_fragment", []):
        fragment = importlib.import_module(FRAGMENTS + name.removeprefix("terrace.aws")).ModuleDocFragment
        options |= yaml.safe_load(fragment.DOCUMENTATION)["options"]
    assert set(re.findall(r"\w+", taken[1] if taken else "")) == set(options)


def test_the_action_group_is_the_modules_that_take_credentials():
    fragment = "amazon.aws.common.modules"
    modules = {path.stem for path in (ROOT / "plugins/modules").glob("*.py") if fragment in path.read_text()}
    group = yaml.safe_load((ROOT / "meta/runtime.yml").read_text())["action_groups"]["aws"]
    assert [each for each in group if isinstance(each, str)] == sorted(modules)


@pytest.mark.parametrize("role", ROLES)
def test_no_variable_of_a_task_has_the_name_of_a_fact(role):
    """A fact of an earlier task counts more: the second application of a run would be judged by what the first one said."""
    facts: set[str] = set()
    variables: set[str] = set()

    def look(tasks: t.Any) -> None:
        for each in tasks if isinstance(tasks, list) else [tasks]:
            if isinstance(each, dict):
                facts.update(each.get("ansible.builtin.set_fact") or {}, [str(each.get("register", ""))])
                variables.update(each.get("vars") or {})
                look([part for name in ("block", "rescue", "always") for part in each.get(name, [])])

    for path in (ROOT / "roles" / role / "tasks").rglob("*.yml"):
        look(yaml.safe_load(path.read_text()) or [])
    assert not facts & variables


def plays() -> list[t.Any]:
    """The plays of all playbooks, named by file and play."""
    found = []
    for path in sorted((ROOT / "playbooks").glob("*.yml")):
        found += [pytest.param(play, id=f"{path.stem}: {play['name']}") for play in yaml.safe_load(path.read_text())]
    return found


@pytest.mark.parametrize("play", plays())
def test_a_batch_is_counted_of_one_cells_machines(play):
    """C(serial) counts over all cells: half of the machines of two cells can be all of one."""
    serial = play.get("serial", 1)
    assert serial == 1 or "groups | terrace.aws.batch_size('" in serial


@pytest.mark.parametrize("play", plays())
def test_a_play_in_batches_fails_no_machine_for_what_another_one_did(play):
    """Where any error is fatal, the machines of a batch that are well stay out of their target groups."""
    assert "serial" not in play or not play.get("any_errors_fatal") or play["name"] == "Remove it, batch by batch"


def test_nothing_on_machines_is_done_once_for_all_cells():
    """C(run_once) does it for the first cell, and the others go without."""
    assert [path.name for path in (ROOT / "playbooks").rglob("*.yml") if "run_once" in path.read_text()] == [
        "adopt_cell.yml"
    ]
