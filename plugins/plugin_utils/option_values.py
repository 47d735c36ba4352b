# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values of options: whether each is of its option's type, and within what is accepted beyond the type.

Ansible's validator makes a text of whatever is given where a text is wanted (``['us-east-1']``, ``None``), says what is wrong
in Python's words, and knows no ranges. So types are checked here first, at any depth, by the path an operator wrote. What is
accepted beyond a type stands in ``roles/<role>/meta/limits.yml`` beside the argument specs, and in an option's spec as
``limit`` (of the value, or of each item of a list), ``values`` (the spec of the values of a dict under names of the
operator's choice) and ``names`` (the limit of those names).
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from ansible.module_utils.parsing.convert_bool import BOOLEANS

from .texts import not_text, sort_of

Spec = dict[str, t.Any]
#: What each type is called in what is wrong with a value.
WORDS = {
    "str": "a text",
    "path": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list": "a list",
    "dict": "a dict",
}


@dataclass(frozen=True)
class Limit:
    """What is accepted of a value beyond its type.

    :ivar least: the smallest number
    :ivar most: the largest number
    :ivar also: numbers outside of that range, or the one text beside the pattern
    :ivar shortest: the fewest characters of a text
    :ivar longest: the most characters of a text
    :ivar pattern: the expression a text must match as a whole
    :ivar right: what matches it, for people: ``… is not <right>``
    """

    least: float | None = None
    most: float | None = None
    also: tuple[t.Any, ...] = ()
    shortest: int = 0
    longest: int | None = None
    pattern: str = ""
    right: str = ""

    @property
    def range(self) -> str:
        """The range for people: ``0 to 900``, ``0, or 30 to 900``, ``1 at least``."""
        also = "".join(f"{each}, or " for each in self.also)
        return f"{also}{self.least} at least" if self.most is None else f"{also}{self.least} to {self.most}"

    def problem(self, value: t.Any) -> str:
        """What is wrong with a value of the right type; empty where nothing is."""
        if value in self.also:
            return ""
        if self.least is not None and isinstance(value, int | float):
            inside = self.least <= value and (self.most is None or value <= self.most)
            return "" if inside else f"{value} is out of range; right is {self.range}"
        text = str(value)
        if len(text) < self.shortest:
            return (
                "must not be empty" if self.shortest == 1 else f"has {len(text)} characters; right are {self.lengths}"
            )
        if self.longest is not None and len(text) > self.longest:
            return f"has {len(text)} characters; right are {self.lengths}"
        if self.pattern and not re.fullmatch(self.pattern, text, re.ASCII):
            return f"{text or 'an empty text'} is not {self.right}"
        return ""

    @property
    def lengths(self) -> str:
        """How long a text may be, for people."""
        return f"at most {self.longest}" if self.longest is not None else f"at least {self.shortest}"


def typed(spec: Spec, value: t.Any, where: str) -> tuple[t.Any, list[str]]:
    """The value of an option without what is of a wrong type in it, and what that is.

    What Ansible's validator converts as it was meant stays as it is: numbers for texts, texts that are numbers or booleans,
    one item for a list of one.

    :param spec: the option's, as in an argument spec
    :param value: never None at the top: an option without a value is one that was not given
    :param where: how the option is named in what is wrong with it
    """
    sort = spec.get("type", "str")
    if problem := _mistyped(spec, sort, value, where):
        return None, [problem]
    if sort == "list" and isinstance(value, list | tuple):
        return _items(spec, value, where)
    if sort == "dict" and spec.get("options"):
        return _options(spec["options"], value, where)
    if sort == "dict":
        return _values(spec, value, where)
    return value, []


def of_variable(spec: Spec, value: t.Any, name: str) -> list[str]:
    """What is wrong with the value of a role's variable, by its type and limit.

    Nobody converts a variable before roles and filters read it, so that one item is no list here.
    """
    sort = spec.get("type", "str")
    if value is None:
        if spec.get("required") or spec.get("default"):
            return [f"{name}: has no value; give {_word(sort)}{'' if spec.get('required') else ', or leave it out'}"]
        return []
    if sort == "list" and not isinstance(value, list | tuple | dict | bool):
        return [f"{name}: must be a list, not {sort_of(value)}; write it as one: [{value}]"]
    made, problems = typed(spec, value, name)
    return problems or list(limits({name: spec}, {name: _number(sort, made)}))


def _number(sort: str, value: t.Any) -> t.Any:
    """A number that was given as a text, as run variables are (``-e network_timeout=60``)."""
    if not isinstance(value, str) or sort not in ("int", "float"):
        return value
    return int(Decimal(value.strip())) if sort == "int" else float(value)


def _word(sort: str) -> str:
    return WORDS.get(sort, "a value")


def _mistyped(spec: Spec, sort: str, value: t.Any, where: str) -> str:
    """What is wrong with the sort of a value, without what is in it."""
    if sort in ("str", "path"):
        # YAML reads the choices "yes" and "no" as booleans, and Ansible knows that.
        misread = "" if spec.get("choices") and isinstance(value, bool) else not_text(where, value)
        if misread and spec.get("no_log"):
            misread = f"{where}: is {sort_of(value)} and not a text; write it in quotes"
        return misread or (_not(spec, value, where) if isinstance(value, dict | list | tuple) else "")
    right = {
        "int": _is_number(value, whole=True),
        "float": _is_number(value, whole=False),
        "bool": isinstance(value, str | int | float) and _folded(value) in BOOLEANS,
        "dict": isinstance(value, dict),
        "list": isinstance(value, list | tuple) or (isinstance(value, str | int) and not isinstance(value, bool)),
    }.get(sort, True)
    if sort == "list" and isinstance(value, str) and not value.strip():
        return f"{where}: must be a list, not an empty text; write []"
    return "" if right else _not(spec, value, where)


def _folded(value: t.Any) -> t.Any:
    return value.lower().strip() if isinstance(value, str) else value


def _is_number(value: t.Any, whole: bool) -> bool:
    """Whether Ansible makes a number of it: of ``5``, ``5.0`` and ``" 5 "``, neither of infinity nor of a boolean."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return False
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return False
    return number.is_finite() and not (whole and number % 1)


def _not(spec: Spec, value: t.Any, where: str) -> str:
    """``must be …, not …``, with the value itself where a number or a boolean is wanted: that is neither long nor a secret."""
    sort = spec.get("type", "str")
    word = "a dict of options" if sort == "dict" and spec.get("options") else _word(sort)
    if isinstance(value, dict | list | tuple) or sort not in ("int", "float", "bool") or spec.get("no_log"):
        return f"{where}: must be {word}, not {sort_of(value)}"
    return f"{where}: must be {word}, not {str(value).lower() if isinstance(value, bool) else value}"


def _items(spec: Spec, value: t.Iterable[t.Any], where: str) -> tuple[list[t.Any], list[str]]:
    """The items of a list."""
    of = {"type": spec.get("elements", "raw"), **{key: spec[key] for key in ("options", "no_log") if key in spec}}
    made, problems = [], []
    for number, item in enumerate(value):
        one, wrong = _present(of, item, f"{where}[{number}]")
        made += [] if wrong and one is None else [one]
        problems += wrong
    return made, problems


def _options(options: dict[str, Spec], value: dict[t.Any, t.Any], where: str) -> tuple[dict[t.Any, t.Any], list[str]]:
    """A dict of options of its own. Those without a value were not given, and unknown ones are reported with the entry's."""
    made, problems = {}, []
    for name, spec in options.items():
        if value.get(name) is not None:
            one, wrong = typed(spec, value[name], f"{where}.{name}")
            made |= {} if wrong and one is None else {name: one}
            problems += wrong
        elif spec.get("required"):
            problems.append(f"{where}.{name}: is required")
    return made, problems


def _values(spec: Spec, value: dict[t.Any, t.Any], where: str) -> tuple[dict[str, t.Any], list[str]]:
    """A dict under names of the operator's choice. Names are texts from here on; two sorts of keys cannot be compared."""
    made, problems = {}, []
    for key, item in value.items():
        if wrong_key := misnamed(key, where):
            problems.append(wrong_key)
        elif "values" in spec:
            one, wrong = _present(spec["values"], item, f"{where}.{key}")
            made |= {} if wrong and one is None else {str(key): _converted(spec["values"], one)}
            problems += wrong
        else:
            made[str(key)], wrong = _free(item, f"{where}.{key}")
            problems += wrong
    return made, problems


def _converted(spec: Spec, value: t.Any) -> t.Any:
    """What Ansible's validator makes of the value of an option, of one that it does not see: numbers that are texts, one item."""
    if spec.get("type") == "list":
        return [
            _converted({"type": spec.get("elements")}, each) for each in (value if isinstance(value, list) else [value])
        ]
    return str(value) if spec.get("type") == "str" else value


def _free(value: t.Any, where: str) -> tuple[t.Any, list[str]]:
    """What has no spec (a policy's document): whatever it is, its keys are texts."""
    if isinstance(value, dict):
        return _values({}, value, where)
    if isinstance(value, list | tuple):
        each = [_free(item, f"{where}[{number}]") for number, item in enumerate(value)]
        return [made for made, _wrong in each], [problem for _made, wrong in each for problem in wrong]
    return value, []


def _present(spec: Spec, value: t.Any, where: str) -> tuple[t.Any, list[str]]:
    """What is in a list or a dict has a value: one without is no item that was not given."""
    if value is None and spec.get("type") != "raw":
        return None, [f"{where}: has no value; right is {_word(spec.get('type', 'str'))}"]
    return typed(spec, value, where)


def misnamed(key: t.Any, where: str) -> str:
    """What is wrong with a key of a dict under names of the operator's choice, which is to be a text."""
    if key is None:
        return f"{where}: a name is missing (YAML reads null and ~ as nothing); write it in quotes"
    problem = not_text(f"{where}.{str(key).lower()}", key)
    return f"{problem}, as a name" if problem else ""


def limits(options: dict[str, Spec], value: dict[str, t.Any], where: str = "") -> t.Iterator[str]:
    """What of an entry's values, converted to their types, is not accepted beyond the type."""
    for name, spec in options.items():
        item = value.get(name) if isinstance(value, dict) else None
        # An empty text says nothing where there is nothing to say instead.
        if item is not None and not (item == "" and not spec.get("default") and not spec.get("required")):
            yield from _limited(spec, item, f"{where}.{name}" if where else name)


def _limited(spec: Spec, value: t.Any, where: str) -> t.Iterator[str]:
    limit: Limit | None = spec.get("limit")
    if isinstance(value, list | tuple):
        each = {key: spec[key] for key in ("limit", "options") if key in spec}
        for number, item in enumerate(value):
            yield from _limited(each, item, f"{where}[{number}]")
    elif isinstance(value, dict):
        yield from limits(spec.get("options") or {}, value, where)
        for name, item in value.items() if "values" in spec else ():
            yield from _limited(spec["values"], item, f"{where}.{name}")
        yield from misnamed_in(spec, value, where)
    elif limit and (problem := limit.problem(value)):
        yield f"{where}: {problem}"


def misnamed_in(spec: Spec, value: dict[t.Any, t.Any], where: str) -> t.Iterator[str]:
    """Names under an option that are not accepted."""
    names: Limit | None = spec.get("names")
    for name in value if names else ():
        if problem := names.problem(name):
            yield f"{where}.{name}: {problem}"
