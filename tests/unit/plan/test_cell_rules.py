"""Names, accounts and tags that every AWS service takes."""

from __future__ import annotations

import pytest

from ansible_collections.terrace.aws.plugins.plugin_utils import cell_rules


@pytest.mark.parametrize("name", ["production-use1", "one", "c1", "internals", "a-b-c"])
def test_good_names(name):
    assert list(cell_rules.name_problems(name)) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Production", "contains P; right are lower-case letters"),
        ("my_cell", "contains _"),
        ("my.cell", "contains ."),
        ("my cell", "contains a space"),
        ("1cell", "beginning with a letter"),
        ("cell-", "is not a cell's name"),
        ("a--b", "single hyphens"),
        ("", "an empty name"),
        ("x" * 31, "has 31 characters; right are at most 30"),
        ("internal", "to begin with internal-"),
        ("internal-x", "to begin with internal-"),
        ("aws-prod", "to begin with aws"),
    ],
)
def test_names_that_some_service_refuses(name, words):
    problems = list(cell_rules.name_problems(name))
    assert problems
    assert all(problem.startswith("cell_name: ") for problem in problems)
    assert any(words in problem for problem in problems)


def test_accounts():
    assert list(cell_rules.account_problems("012345670123")) == []
    assert list(cell_rules.account_problems(123456789012)) == []
    octal = int("12345670123", 8)
    assert "1402433619 is a number and not an account (012345670123 without quotes is an octal number)" in next(
        cell_rules.account_problems(octal)
    )
    for wrong in ("12345678901", 12345678901, "1234-5678-9012", True, ["x"], 1.5, ""):
        assert 'cell_account: "012345670123"' in next(cell_rules.account_problems(wrong))


def test_tags():
    assert list(cell_rules.tag_problems({"Cost center": "a/b=c@d+e-f_g:h", "Größe": "ü", "n": 5, "e": ""}, "t")) == []
    assert "IAM takes the two" in next(cell_rules.tag_problems({"Team": "a", "team": "b"}, "t"))
    assert "the value has 257 characters" in next(cell_rules.tag_problems({"a": "x" * 257}, "t"))
    assert "the key has 0 characters" in next(cell_rules.tag_problems({"": "x"}, "t"))
    assert "the value is a list" in next(cell_rules.tag_problems({"a": ["x"]}, "t"))
    assert "is a boolean" in next(cell_rules.tag_problems({"a": True}, "t"))
    assert list(cell_rules.tag_problems(None, "t")) == []
