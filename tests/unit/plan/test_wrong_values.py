"""Every option of every role given values of every wrong type: each is refused by name, saying what would be right.

What is refused beyond types (ranges, forms of texts) stands in roles/<role>/meta/limits.yml and is walked here as well.
"""

from __future__ import annotations

import copy
import re
import typing as t

import pytest
from ansible.errors import AnsibleError
from ansible.module_utils.common.text.converters import to_text
from jinja2.nativetypes import NativeEnvironment

from ansible_collections.terrace.aws.plugins.filter import bastion, cell, dns, network, tier
from ansible_collections.terrace.aws.plugins.plugin_utils import desired, specs
from ansible_collections.terrace.aws.plugins.plugin_utils.engine import registry
from ansible_collections.terrace.aws.plugins.plugin_utils.inventory_check import InventoryCheck
from ansible_collections.terrace.aws.plugins.plugin_utils.option_values import Limit
from ansible_collections.terrace.aws.plugins.plugin_utils.shapes import Shape
from tests.integration.options.samples import EVERY, KINDS, SAMPLES, entry_of, put, world_of

#: One value of each type; the text is neither a number nor a boolean.
VALUES: dict[str, t.Any] = {
    "int": 7,
    "float": 1.5,
    "bool": True,
    "text": "some words",
    "list": ["one", 2],
    "list of nothing": [None],
    "list of lists": [["one"]],
    "dict": {"one": 2},
    "dict of nothing": {None: 1},
    "null": None,
}
#: Which of them are right for a type. A number is a text too, and one item a list of one.
RIGHT = {
    "str": {"int", "text"},
    "path": {"int", "text"},
    "int": {"int"},
    "float": {"int", "float"},
    "bool": {"bool"},
    "list": {"int", "text", "list", "list of nothing", "list of lists"},
    "dict": {"dict", "dict of nothing"},
    "raw": set(VALUES),
}
#: What says what would be right.
HELPS = re.compile(
    r"must be|is required|has no value|write it in quotes|there is no option|is missing|right (is|are)|give"
)
#: Python's own words, and Ansible's for them.
BARE = re.compile(
    r"NoneType|<class|object has no|subscriptable|unexpected keyword|unhashable|not supported between|unsupported operand"
    r"|argument '|invalid literal|cannot be converted|not iterable|Traceback|Error\b|has no element|dict object|str object"
)


def wrong_for(spec: dict[str, t.Any], word: str) -> bool:
    """Whether a value is of none of the types an option takes."""
    sort, items = spec.get("type", "str"), spec.get("elements")
    if word == "null":
        return bool(spec.get("required"))
    if sort == "bool" and word == "int":
        return True  # 7 is neither true nor false
    if sort == "list" and word in ("list of nothing", "list of lists"):
        return items is not None
    if sort == "list" and word == "list":
        return items not in (None, "str", "raw")
    if sort == "list" and word in ("int", "text"):
        return items not in (None, "str", "raw") and not (items == "int" and word == "int")
    if sort == "dict" and word == "dict":
        return bool(spec.get("options"))
    if sort == "dict" and word == "dict of nothing":
        return True
    if spec.get("choices") and word == "bool":
        return False  # YAML's yes and no; Ansible's validator judges the choice
    return word not in RIGHT[sort]


def judge(problems: list[str], path: str, wrong: bool) -> None:
    """A wrong value is refused by its path and with what would be right; nothing is said in Python's words in any case."""
    assert not [each for each in problems if BARE.search(each)], problems
    if wrong:
        assert any(path in each and HELPS.search(each) for each in problems), problems or "nothing is refused"


# -- variables of roles ------------------------------------------------------------------------------------------------
GOOD = {
    "inventory_hostname": "probe",
    "cell_name": "probe",
    "cell_region": "us-east-1",
    "cell_account": "123456789012",
    "network_cidr": "10.0.0.0/16",
    "network_zones": ["a", "b"],
    "network_tiers": {"public": {"number": 0, "route": "internet"}},
}
LAYOUTS = {
    **network.FilterModule().filters(),
    **tier.FilterModule().filters(),
    **bastion.FilterModule().filters(),
    **dns.FilterModule().filters(),
    **cell.FilterModule().filters(),
}
#: Templates as Ansible has them, compiled once: its own engine takes a tenth of a second for the roles' defaults.
JINJA = NativeEnvironment()
JINJA.filters |= {f"terrace.aws.{name}": function for name, function in LAYOUTS.items()} | {"expanduser": str}
COMPILED: dict[str, t.Any] = {}


def templates(variables: dict[str, t.Any]) -> t.Callable[[t.Any], t.Any]:
    """Resolves what the roles' defaults say, and what a test does."""

    def template(raw: t.Any) -> t.Any:
        if isinstance(raw, dict) and "{{" in str(raw):
            return {key: template(item) for key, item in raw.items()}
        if not isinstance(raw, str) or "{{" not in raw:
            return raw
        if raw not in COMPILED:
            COMPILED[raw] = JINJA.from_string(raw)
        mentioned = {
            name: template(variables[name]) for name in re.findall(r"(?<![.\w])[a-z_]+", raw) if name in variables
        }
        try:
            return COMPILED[raw].render(mentioned)
        except AnsibleError:
            raise
        except Exception as error:
            raise AnsibleError(to_text(error)) from error

    return template


def checked(**variables: t.Any) -> list[str]:
    """What the check of an inventory says of a cell with these variables."""
    own = {**GOOD, **variables, "groups": {"cells": ["probe"]}, "hostvars": {"probe": {}}}
    own["ansible_play_hosts_all"] = ["probe"]
    every = desired.variables_with_defaults(own)
    name = own["cell_name"] if isinstance(own["cell_name"], str) else "probe"
    return InventoryCheck(name, own, every, templates(every)).problems()


def test_the_good_cell_is_right():
    assert checked() == []


VARIABLES = {name: spec for role in specs.every_role() for name, spec in specs.variables_of(role).items()}


#: Those that something else is derived from, which must not be said to be wrong in their place.
SOURCES = [
    name
    for name in VARIABLES
    if name.startswith("cell_")
    or name in ("dns_names", "tier_groups", "bastion_hosts")
    or re.match(r"network_(?!time)", name)
]


@pytest.mark.parametrize("word", VALUES)
def test_a_variable_of_a_wrong_type_is_refused_by_its_name(word: str):
    others = {name: copy.deepcopy(VALUES[word]) for name in VARIABLES if name not in SOURCES}
    for given in (others, *({name: copy.deepcopy(VALUES[word])} for name in SOURCES)):
        problems = checked(**given)
        for name in given:
            if name == "cell_account":
                continue  # test_cell_rules.py
            spec = VARIABLES[name]
            wrong = wrong_for(spec, word)
            # Nobody converts one item to a list before a role reads its variable.
            wrong |= spec.get("type") == "list" and word in ("int", "text")
            # Null is nothing, and where unset means something else than nothing it is refused.
            wrong |= word == "null" and bool(spec.get("default"))
            judge(problems, name, wrong)


@pytest.mark.parametrize("role", specs.every_role())
def test_defaults_are_within_what_is_accepted(role: str):
    """A default that is refused could not be left alone."""
    given = {
        name: copy.deepcopy(spec["default"])
        for name, spec in specs.variables_of(role).items()
        if "default" in spec and "{{" not in str(spec["default"]) and name not in GOOD
    }
    assert checked(**given) == []


# -- entries -----------------------------------------------------------------------------------------------------------
def spec_at(shape: Shape, path: str) -> dict[str, t.Any]:
    """The spec of what stands at a path; of a named entry, and of what holds some, a dict of options."""
    spec: dict[str, t.Any] = {"type": "dict", "options": shape.options}
    parts = path.split(".")
    while parts:
        name = parts.pop(0)
        if shape.each:
            shape, spec = shape.each, {"type": "dict", "options": shape.each.options, "required": True}
        elif name in shape.entries:
            shape, spec = Shape({}, each=shape.entries[name]), shape.options[name]
        else:
            spec = shape.options[name]
            shape = shape.parts.get(name) or Shape(spec.get("options") or {})
    return spec


def places(kind: str) -> dict[str, t.Any]:
    """Every option's path in the entry of a sample, what holds it included, and that sample."""
    found = {}
    for sample in EVERY:
        if sample.kind.name == kind:
            parts = sample.path.split(".")
            # A file's name is one part of a path.
            for length in range(1, len(parts) + 1):
                found.setdefault(".".join(parts[:length]), sample)
    return found


@pytest.mark.parametrize("word", VALUES)
@pytest.mark.parametrize("kind", KINDS)
def test_an_option_of_a_wrong_type_is_refused_by_its_path(kind: str, word: str):
    shape = specs.shape_of(kind)
    for path, sample in places(kind).items():
        spec = spec_at(shape, path)
        if spec.get("options", {}).get("value") and word in ("text", "int", "null"):
            continue  # what is no dict is short for the option value
        entry = put(entry_of(sample), path, copy.deepcopy(VALUES[word]))
        problems = world_of(sample.kind, sample.name, entry)[1]
        judge(problems, f"{sample.kind.variable}.{sample.name}.{path}", wrong_for(spec, word))


@pytest.mark.parametrize("word", VALUES)
@pytest.mark.parametrize("kind", KINDS)
def test_an_entry_of_a_wrong_type_is_refused_by_its_name(kind: str, word: str):
    name = SAMPLES[KINDS[kind].role].get(kind, {}).get("name", "probe")
    variable = KINDS[kind].variable
    for entries, path, right in (
        ({name: VALUES[word]}, f"{variable}.{name}", ("dict", "dict of nothing")),
        (VALUES[word], variable, ("dict", "null")),
    ):
        problems = desired.of_kinds([kind], {variable: copy.deepcopy(entries)}, lambda value: value)[1]
        judge(problems, path, word not in right)


#: The variables with one entry for several kinds: the entry points its options are described in, and an entry.
COMPACT: dict[str, tuple[dict[str, t.Any], dict[str, t.Any]]] = {
    "network_tiers": (
        specs.shape("network", "tier", network.TIER_SHAPES).options,
        {"number": 1, "acl": {"ingress": {100: {"cidr": "10.0.0.0/8"}}}},
    ),
    "tier_groups": (
        {
            **specs.of_kind("launch_template"),
            **specs.of_kind("autoscaling_group"),
            **specs.entry_point("tier", "group"),
        },
        {
            "image": "ami-0123456789abcdef0",
            "instance_type": "t3.micro",
            "security_groups": [],
            "subnets": ["public-a"],
            "size": {"min": 0, "max": 1},
        },
    ),
    "bastion_hosts": (
        {
            **specs.of_kind("launch_template"),
            **specs.of_kind("autoscaling_group"),
            **specs.entry_point("bastion", "host"),
        },
        {"image": "ami-0123456789abcdef0", "instance_type": "t3.micro", "security_groups": [], "subnets": ["public-a"]},
    ),
}


def inner_paths(options: dict[str, t.Any], path: str = "") -> t.Iterator[tuple[str, dict[str, t.Any]]]:
    """Every option, and those of dicts of options."""
    for name, spec in options.items():
        yield f"{path}{name}", spec
        yield from inner_paths(spec.get("options") or {}, f"{path}{name}.")


def laid_out(variable: str, entries: t.Any) -> list[str]:
    """What is wrong with the entries, and with what they expand to."""
    filters = {
        "network_tiers": lambda: network.network_layout("10.0.0.0/16", "us-east-1", ["a"], entries),
        "tier_groups": lambda: tier.tier_layout(entries, "probe"),
        "bastion_hosts": lambda: bastion.bastion_layout(entries, "probe"),
        "dns_names": lambda: dns.dns_records(entries),
    }
    try:
        filters[variable]()
    except AnsibleError as error:
        return desired.why("an expansion", error)
    return checked(**{variable: entries}) if entries else []


@pytest.mark.parametrize("word", VALUES)
@pytest.mark.parametrize("variable", COMPACT)
def test_an_option_of_a_compact_entry_is_refused_by_the_path_that_was_written(variable: str, word: str):
    options, entry = COMPACT[variable]
    for path, spec in inner_paths(options):
        first = path.partition(".")[0]
        if path != first and not isinstance(entry.get(first, {}), dict):
            continue
        if path in ("min_size", "max_size", "launch_template"):
            spec = {**spec, "required": False}  # the layout gives it
        changed = put(entry, path, copy.deepcopy(VALUES[word]))
        judge(laid_out(variable, {"web": changed}), f"{variable}.web.{path}", wrong_for(spec, word))
    for given, path in (({"web": VALUES[word]}, f"{variable}.web"), (VALUES[word], variable)):
        judge(laid_out(variable, copy.deepcopy(given)), path, word not in ("dict", "null", "dict of nothing"))


@pytest.mark.parametrize("word", VALUES)
def test_names_of_dns_are_refused_by_the_path_that_was_written(word: str):
    for path, spec in inner_paths(specs.shape_of("dns_record").without("zone").optional("name").options):
        entry = put({"values": ["192.0.2.1"]}, path, copy.deepcopy(VALUES[word]))
        problems = laid_out("dns_names", {"internal": {"api": entry}})
        judge(problems, f"dns_names.internal.api.{path}", wrong_for(spec, word))
    for given in (VALUES[word], {"api": VALUES[word]}):
        problems = laid_out("dns_names", {"internal": copy.deepcopy(given)})
        judge(problems, "dns_names.internal", word not in ("dict", "dict of nothing"))


# -- what a breaker found ----------------------------------------------------------------------------------------------
TIER = COMPACT["tier_groups"][1]


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"cell_claims": 5}, ["cell_claims: must be a dict, not a number"]),
        ({"cell_claims": {"subnet": 5}}, ["cell_claims.subnet: must be a dict, not a number"]),
        (
            {"cell_claims": {"subnet": {"subnet-1": None}}},
            ["cell_claims.subnet.subnet-1: has no value; right is a text"],
        ),
        ({"cell_claims": {"subnt": {}}}, ["cell_claims.subnt: there is no kind subnt; did you mean subnet?"]),
        ({"cell_region": ["us-east-1"]}, ["cell_region: must be a text, not a list"]),
        ({"cell_region": None}, ["cell_region: has no value; give a text"]),
        ({"network_zones": None}, ["network_zones: name at least one zone by its letter"]),
        ({"network_zones": "ab"}, ["network_zones: must be a list, not a text; write it as one: [ab]"]),
        ({"network_zones": ["us-east-1a"]}, ["network_zones[0]: us-east-1a is not the letter of a zone, such as a"]),
        (
            {"network_route_tables": {"a": {"vpc": "main", "routes": {"0.0.0.0/0": None}}}},
            ["network_route_tables.a.routes.0.0.0.0/0: has no value; right is a text"],
        ),
        (
            {"tier_groups": {"web": {**TIER, "size": "two"}}},
            ["tier_groups.web.size: must be a dict of options, not a text"],
        ),
        (
            {"tier_groups": {"web": {**TIER, "size": [1]}}},
            ["tier_groups.web.size: must be a dict of options, not a list"],
        ),
        (
            {"tier_groups": {"web": {**TIER, "size": {}}}},
            ["tier_groups.web.size.min: is required", "tier_groups.web.size.max: is required"],
        ),
        (
            {"network_vpcs": {True: {"cidr": "10.0.0.0/16"}}},
            ['network_vpcs.true: true is a boolean and not a text; write it in quotes, for example "yes", as a name'],
        ),
    ],
)
def test_what_is_wrong_is_said_once_and_where_it_is(variables, said):
    assert checked(**variables)[: len(said)] == said


def test_a_target_that_is_a_number_is_one_that_does_not_exist():
    problems = checked(network_route_tables={"a": {"vpc": "main", "routes": {"0.0.0.0/0": 5}}})
    assert any("routes.0.0.0.0/0: there is no target 5; write <target>:<name or id>" in each for each in problems)


def test_what_follows_from_a_wrong_variable_is_not_said_as_well():
    """What is derived from it has other names, and fails in other words."""
    assert checked(network_cidr=["10.0.0.0/16"]) == ["network_cidr: must be a text, not a list"]
    assert checked(network_tiers=[1]) == ["network_tiers: must be a dict, not a list"]
    others = checked(
        network_cidr=5.5, tier_groups={"web": {**TIER, "cooldown": "x"}}, queue_entries={"q": {"delay": -1}}
    )
    assert len(others) == 3
    assert "tier_groups.web.cooldown: must be a whole number, not x" in others
    assert "queue_entries.q.delay: -1 is out of range; right is 0 to 900" in others


def test_an_inventory_s_own_variables_are_held_to_their_types_and_what_is_made_of_them_is_not_blamed():
    own = {
        "terrace_inventory_options": {"our_zones": {"type": "list", "elements": "str"}, "our_port": {"type": "int"}},
        "network_zones": "{{ our_zones | sort }}",
        "load_balancer_target_groups": {"w": {"port": "{{ our_port }}"}},
        "our_port": 80,
    }
    assert checked(**own, our_zones=["b", "a"]) == []
    assert checked(**{**own, "our_port": "x", "our_zones": ["a"]}) == ["our_port: must be a whole number, not x"]
    assert checked(**own, our_zones=5) == ["our_zones: must be a list, not a number; write it as one: [5]"]
    assert checked(**own, our_zones={"a": 1}) == ["our_zones: must be a list, not a dict"]
    assert checked(**own, our_zones=None) == [
        "our_zones: has no value, and what is made of it cannot be worked out; give it one"
    ]
    # The inventory's own mistake is told as it is.
    (problem,) = checked(**own, our_zones=["a"], cell_connects="{{ 5 | sort }}")
    assert problem.startswith("cell_connects: ")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"ours": 5}, "terrace_inventory_options.ours: must be what an argument spec says of an option"),
        (
            {"ours": {"type": "integer"}},
            "terrace_inventory_options.ours.type: there is no type integer; right are str, path",
        ),
        ({"ours": {"type": "list", "elements": "text"}}, "ours.elements: there is no type text"),
        ({"ours": {"choices": "a"}}, "ours.choices: must be a list, not a text"),
        ({"ours": {"type": "dict", "options": {"x": []}}}, "terrace_inventory_options.ours.options.x: must be what"),
    ],
)
def test_an_inventory_s_own_options_are_an_argument_spec(options, said):
    assert any(said in each for each in checked(terrace_inventory_options=options))


# -- limits ------------------------------------------------------------------------------------------------------------
def every_limit() -> t.Iterator[tuple[str, dict[str, t.Any]]]:
    """Path and spec of every option of every entry point."""
    for role in specs.every_role():
        for point in specs.load(role, "meta/argument_specs")["argument_specs"]:
            for path, spec in inner_paths(specs.entry_point(role, point)):
                yield f"{role}/{point}: {path}", spec


LIMITED = {path: spec for path, spec in every_limit() if "limit" in spec}
#: Roles for machines: Ansible holds their variables to their types there, and what they mean is no concern of AWS.
HOSTS = ("app_release", "bastion_host", "configuration_release", "database_content", "flask_app", "host_baseline",
         "monitoring_agent", "recovery_guard", "reverse_proxy")  # fmt: skip
#: The kind looks at it: any number above 0.
JUDGED = {"tier/scaling_policy: target"}


def test_every_number_has_a_range():
    numbers = {path for path, spec in every_limit() if spec["type"] in ("int", "float") and not spec.get("choices")}
    without = {path for path in numbers - set(LIMITED) - JUDGED if path.partition("/")[0] not in HOSTS}
    assert not without, f"not in meta/limits.yml of their role: {sorted(without)}"


@pytest.mark.parametrize("path", [path for path, spec in LIMITED.items() if spec["limit"].least is not None])
def test_a_description_names_the_numbers_that_are_accepted(path: str):
    spec, limit = LIMITED[path], LIMITED[path]["limit"]
    text = " ".join(spec["description"]) if isinstance(spec["description"], list) else spec["description"]
    numbers = {int(each.replace(",", "")) for each in re.findall(r"(?<![\w.])\d[\d,]*", text)}
    # A range without an end is counted from 0 or 1, which need not be said.
    expected = {limit.least, limit.most} if limit.most is not None else {limit.least} - {0, 1}
    assert expected <= numbers, f"{path}: {text}"


@pytest.mark.parametrize("path", LIMITED)
def test_a_limit_refuses_what_is_beyond_it_and_says_what_is_right(path: str):
    limit: Limit = LIMITED[path]["limit"]
    assert bool(limit.pattern) == bool(limit.right)
    beyond: list[t.Any] = []
    if limit.least is not None:
        beyond += [limit.least - 1, *([limit.most + 1] if limit.most is not None else [])]
        assert limit.problem(limit.least) == ""
    if limit.shortest:
        beyond.append("")
    if limit.longest:
        beyond.append("x" * (limit.longest + 1))
    if limit.pattern:
        beyond.append("/any text at all \N{SNOWMAN}/")
    assert beyond
    for value in beyond:
        if value not in limit.also:
            assert re.search(r"right (is|are) |must not be empty|is not ", limit.problem(value)), value


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"load_balancer_target_groups": {"w": {"port": -80}}}, "w.port: -80 is out of range; right is 1 to 65535"),
        (
            {"load_balancer_target_groups": {"w": {"port": 80, "stickiness": {"duration": -1}}}},
            "w.stickiness.duration: -1 is out of range; right is 1 to 604800",
        ),
        (
            {"dns_zones": {"z": {"domain": "a.b"}}, "dns_names": {"z": {"api": {"ttl": -1}}}},
            "dns_names.z.api.ttl: -1 is out",
        ),
        ({"tier_groups": {"web": {**TIER, "cooldown": -5}}}, "tier_groups.web.cooldown: -5 is out of range"),
        (
            {"tier_groups": {"web": {**TIER, "volumes": {"root": {"size": 0}}}}},
            "tier_groups.web.volumes.root.size: 0 is out of range; right is 1 to 65536",
        ),
        ({"database_instances": {"d": {"iops": -1}}}, "database_instances.d.iops: -1 is out of range"),
        (
            {"database_instances": {"d": {"backup_retention_period": 36}}},
            "d.backup_retention_period: 36 is out of range",
        ),
        ({"keys_deletion_window": 3}, "keys_deletion_window: 3 is out of range; right is 7 to 30"),
        ({"keys_deletion_window": "3"}, "keys_deletion_window: 3 is out of range; right is 7 to 30"),
        ({"secrets_recovery_window": 5}, "secrets_recovery_window: 5 is out of range; right is 0, or 7 to 30"),
        ({"network_timeout": -1}, "network_timeout: -1 is out of range; right is 1 at least"),
        (
            {"identity_roles": {"r": {"path": "machines"}}},
            "identity_roles.r.path: machines is not a path, which begins",
        ),
        ({"identity_roles": {"r": {"path": ""}}}, "identity_roles.r.path: an empty text is not a path"),
        (
            {"identity_roles": {"r": {"assumed_by": ["any text"]}}},
            "identity_roles.r.assumed_by[0]: any text is not a service",
        ),
        (
            {"identity_roles": {"r": {"assumed_by": "account:1"}}},
            "identity_roles.r.assumed_by[0]: account:1 is not a service",
        ),
        (
            {"identity_roles": {"r": {"boundary": "any text"}}},
            "identity_roles.r.boundary: any text is not the ARN of a policy",
        ),
        (
            {"identity_roles": {"r": {"policies": {"a b": {"S": {"actions": "*", "resources": "*"}}}}}},
            "identity_roles.r.policies.a b: a b is not the name of a policy",
        ),
    ],
)
def test_what_aws_would_refuse_is_refused_by_the_path_that_was_written(variables, said):
    problems = checked(**variables)
    assert any(said in each for each in problems), problems


def test_what_says_nothing_may_be_empty():
    """An inventory's template makes an empty text of what is not set."""
    roles = {"r": {"boundary": "", "description": ""}}
    assert checked(identity_roles=roles, cell_role_arn="", cell_role_external_id="") == []
    for each in ("account:111122223333", "lambda", "edgelambda.amazonaws.com", "arn:aws:iam::111122223333:role/x"):
        assert checked(identity_roles={"r": {"assumed_by": each}}) == []


# -- names -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", [kind for kind in registry.all_kinds() if kind != "dns_record"])
@pytest.mark.parametrize("name", ["", " ", "*", "a [outgoing b]", "a (b)?", "a[1]", "web ", " web", "a\nb"])
def test_a_name_that_breaks_our_own_words_is_refused(kind: str, name: str):
    variable = registry.kind(kind).variable
    problems = desired.of_kinds([kind], {variable: {name: {}}}, lambda value: value)[1]
    assert any(each.startswith(variable) and "allowed are " in each for each in problems), problems


@pytest.mark.parametrize("kind", [kind for kind in registry.all_kinds() if kind != "dns_record"])
def test_a_plain_name_is_none_of_it(kind: str):
    variable = registry.kind(kind).variable
    problems = desired.of_kinds([kind], {variable: {"web-1": {}}}, lambda value: value)[1]
    assert not [each for each in problems if "allowed are " in each]


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"network_tiers": {"*": {"number": 0}}}, "network_tiers.*: * is not a name AWS and Terrace allow"),
        ({"tier_groups": {"a [outgoing b]": TIER}}, "tier_groups.a [outgoing b]: a [outgoing b] is not a name"),
        ({"tier_groups": {"": TIER}}, "tier_groups: an entry has an empty name"),
        ({"tier_groups": {"web": {**TIER, "hooks": {"a b": {}}}}}, "tier_groups.web.hooks.a b: a b is not a name"),
        ({"bastion_hosts": {"a*": COMPACT["bastion_hosts"][1]}}, "bastion_hosts.a*: a* is not a name"),
    ],
)
def test_names_of_compact_entries_are_refused_where_they_were_written(variables, said):
    problems = checked(**variables)
    assert any(each.startswith(said) for each in problems), problems


def test_a_name_that_a_rule_would_take_for_something_else():
    for name in ("self", "10.0.0.1", "sg-0123456789abcdef0"):
        problems = checked(firewall_security_groups={name: {"vpc": "main"}})
        assert any(f"no group can be called {name}; in a rule" in each for each in problems), problems


def test_a_name_is_at_most_as_long_as_the_tag_that_holds_it():
    assert any("AWS allows at most 256" in each for each in checked(network_elastic_ips={"x" * 251: {}}))
    assert checked(network_elastic_ips={"x" * 250: {}}) == []
    assert any("AWS allows at most 100" in each for each in checked(dns_zones={"x" * 95: {"domain": "a.internal"}}))
