# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What AWS allows of a cell's name, account and tags, which every resource of the cell carries."""

from __future__ import annotations

import re
import typing as t
import unicodedata

from .engine.kind import MANAGED_TAGS
from .texts import not_text, sort_of

#: Names of load balancers and target groups have at most 32 characters, ``<cell>-<name>``; so a cell has at most these.
LONGEST_CELL = 30
#: What names of some service cannot begin with: balancers, SSM parameters, buckets.
#: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html
#: https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html
#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
RESERVED = {
    "internal-": "a load balancer's name",
    "aws": "an SSM parameter's name",
    "ssm": "an SSM parameter's name",
    "sthree-": "a bucket's name",
    "amzn-s3-demo-": "a bucket's name",
}
RIGHT_CELL = "right are lower-case letters, digits and single hyphens, beginning with a letter, such as production-use1"
#: https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html
MOST_TAGS, LONGEST_KEY, LONGEST_VALUE = 50, 128, 256
TAG_CHARACTERS = "_.:/=+-@"
#: Tags Terrace itself writes on every resource.
OWN_TAGS = 3


def name_problems(name: str) -> t.Iterator[str]:
    """What is wrong with a cell's name: it begins every resource's name, so every service has to take it.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html (letters, digits, single hyphens)
    """
    if wrong := sorted(set(re.findall(r"[^a-z0-9-]", name))):
        listed = ", ".join("a space" if each.isspace() else each for each in wrong)
        yield f"cell_name: {name} contains {listed}; {RIGHT_CELL}"
    elif not re.fullmatch(r"[a-z](-?[a-z0-9])*", name):
        yield f"cell_name: {name or 'an empty name'} is not a cell's name; {RIGHT_CELL}"
    if len(name) > LONGEST_CELL:
        yield (
            f"cell_name: {name} has {len(name)} characters; right are at most {LONGEST_CELL}, because AWS allows a load "
            f"balancer's name, <cell>-<name>, 32"
        )
    for word, what in RESERVED.items():
        if f"{name.lower()}-".startswith(word):
            yield f"cell_name: {name}: AWS does not allow {what} to begin with {word}; choose another name"


def account_problems(account: t.Any) -> t.Iterator[str]:
    """What is wrong with an account: YAML reads digits without quotes as a number, with a zero before them as an octal one."""
    right = 'write its twelve digits in quotes: cell_account: "012345670123"'
    text = str(account)
    if isinstance(account, bool | float) or not isinstance(account, str | int):
        yield f"cell_account: {text} is {sort_of(account)}; {right}"
    elif isinstance(account, int) and len(text) != 12:
        octal = f" (0{account:o} without quotes is an octal number)" if account > 0 else ""
        yield f"cell_account: {text} is a number and not an account{octal}; {right}"
    elif not re.fullmatch(r"[0-9]{12}", text):
        yield f"cell_account: {text} has {len(text)} characters; an account has twelve digits; {right}"


def tag_problems(tags: t.Any, where: str) -> t.Iterator[str]:
    """What AWS would not take of tags; those of the cell and of an entry together are counted by :func:`count_problems`.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html (the strictest: keys are compared regardless of case)
    """
    if not isinstance(tags, dict):
        return
    seen = {own.lower(): own for own in MANAGED_TAGS}
    for key, value in tags.items():
        key = str(key)
        here = f"{where}.{key}"
        if key in MANAGED_TAGS or key.lower().startswith("terrace:"):
            yield f"{here}: Terrace itself writes this tag; leave it out"
        elif key.lower() in seen:
            yield f"{here}: beside {seen[key.lower()]}; IAM takes the two for one tag, so choose another key"
        seen.setdefault(key.lower(), key)
        if key.lower().startswith("aws:"):
            yield f"{here}: AWS keeps keys that begin with aws: to itself; choose another key"
        if not 1 <= len(key) <= LONGEST_KEY:
            yield f"{here}: the key has {len(key)} characters; AWS allows 1 to {LONGEST_KEY}"
        if problem := _value_problem(value):
            yield f"{here}: {problem}"
        elif len(str(value)) > LONGEST_VALUE:
            yield f"{here}: the value has {len(str(value))} characters; AWS allows at most {LONGEST_VALUE}"
        if wrong := _characters(f"{key}{value if isinstance(value, str) else ''}"):
            allowed = f"letters, digits, spaces and {' '.join(TAG_CHARACTERS)}"
            yield f"{here}: {wrong} is not allowed in tags by every AWS service; allowed are {allowed}"


def count_problems(tags: dict[str, t.Any], where: str) -> t.Iterator[str]:
    """Whether a resource would have more tags than AWS allows."""
    most = MOST_TAGS - OWN_TAGS
    if len(tags) > most:
        yield f"{where}: {len(tags)} tags; AWS allows {MOST_TAGS}, of which Terrace uses {OWN_TAGS}, so at most {most}"


def _value_problem(value: t.Any) -> str:
    if value is None:
        return 'has no value; write "" for an empty one'
    if isinstance(value, dict | list | tuple):
        return f"the value is {sort_of(value)}; right is a text"
    return not_text("", value).removeprefix(": ")


def _characters(text: str) -> str:
    """The characters that not every service takes in a tag, for people."""
    wrong = {each for each in text if unicodedata.category(each)[0] not in "LNZ" and each not in TAG_CHARACTERS}
    return " ".join(each if each.isprintable() else repr(each)[1:-1] for each in sorted(wrong))
