# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with roles and databases, and the grants that follow from them."""

from ansible_collections.terrace.aws.plugins.filter import database_content as filters

ROLES = {"owner": {"login": True}, "app": {}, "app_a": {"login": True, "member_of": ["app"]}}
SHOP = {"owner": "owner", "grants": {"app": "write"}}


def test_what_is_right_has_no_problems():
    assert filters.database_content_problems(ROLES, {"shop": SHOP}, {"owner": "x", "app_a": "y"}) == []


def test_everything_wrong_is_said_and_no_password_is():
    wrong = {"owner": "nobody", "grants": {"app": "all"}, "row_security": {"orders": {"using": "true"}}}
    found = filters.database_content_problems(
        {**ROLES, "b": {"member_of": ["c"]}}, {"shop": wrong}, {"owner": "hidden"}
    )
    text = "\n".join(found)
    for part in ("passwords.app_a", "roles.b.member_of", "shop.owner", "grants.app", "row_security.orders"):
        assert part in text, part
    assert "hidden" not in text


def test_misspelt_options_and_names_are_refused():
    found = "\n".join(filters.database_content_problems({"App": {"logn": True}}, {}, {}))
    assert "lower-case" in found
    assert "logn" in found


def test_grants_reach_tables_that_are_made_later():
    calls = filters.database_content_grants({"shop": SHOP})
    assert {(call["type"], call["objs"], call["privs"]) for call in calls} == {
        ("database", "shop", "CONNECT"),
        ("schema", "public", "USAGE"),
        ("table", "ALL_IN_SCHEMA", "SELECT,INSERT,UPDATE,DELETE"),
        ("sequence", "ALL_IN_SCHEMA", "USAGE,SELECT"),
        ("default_privs", "TABLES", "SELECT,INSERT,UPDATE,DELETE"),
        ("default_privs", "SEQUENCES", "USAGE,SELECT"),
    }
    assert {call["target_roles"] for call in calls if call["type"] == "default_privs"} == {"owner"}
    reading = filters.database_content_grants({"shop": {"owner": "owner", "grants": {"app": "read"}}})
    assert not any("INSERT" in call["privs"] for call in reading)


def test_of_roles_that_take_turns_only_the_one_named_has_the_password():
    secrets = {"owner": "owner", "app_a": "app", "app_b": "app", "lost": "none"}
    values = {"owner": {"username": "owner", "password": "x"}, "app": {"username": "app_b", "password": "y"}}
    assert filters.database_content_passwords(values, secrets) == {"owner": "x", "app_b": "y"}


def test_row_security_is_listed_table_by_table():
    shop = {**SHOP, "row_security": {"orders": {"to": "app", "using": "tenant = 1"}}}
    assert filters.database_content_policies({"shop": shop, "other": SHOP}) == [
        {"database": "shop", "owner": "owner", "table": "orders", "to": "app", "using": "tenant = 1"}
    ]
