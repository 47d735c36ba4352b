"""What is said of a restored copy beside the database."""

from __future__ import annotations

from ansible_collections.terrace.aws.plugins.plugin_utils.recovery import tables

RECOVERY = {"id": "shop-main", "copy_id": "shop-main-restored", "time": "2026-12-01T02:59:07Z"}


def counted(name: str, **found: int) -> dict:
    rows = {table.replace("__", "."): rows for table, rows in found.items()}
    return {"__database_recovery_item": {"name": name}, "query_result": [{"tables": rows}]}


def test_a_table_that_was_dropped_or_changed_is_told_and_the_same_ones_are_counted():
    copy = [counted("shop", public__orders=10000, public__items=1, public__users=7)]
    now = [counted("shop", public__items=2, public__users=7, public__later=0)]
    assert tables.told(copy, now, RECOVERY) == [
        "shop-main-restored is shop-main as it was at 2026-12-01T02:59:07Z",
        "shop, public.items: 1 row in the copy, 2 rows now",
        "shop, public.later: not there in the copy, 0 rows now",
        "shop, public.orders: 10,000 rows in the copy, not there now",
        "1 table has as many rows in both",
    ]


def test_what_cannot_be_counted_is_not_called_the_same():
    told = tables.told([counted("shop", public__orders=-1)], [counted("shop", public__orders=-1)], RECOVERY)
    assert told[1:] == [
        "shop, public.orders: rows that cannot be counted in the copy, rows that cannot be counted now",
        "0 tables have as many rows in both",
    ]


def test_a_database_that_cannot_be_read_any_more_is_told():
    failed = {"__database_recovery_item": {"name": "shop"}, "failed": True, "msg": "database does not exist"}
    told = tables.told([counted("shop", public__orders=3)], [failed], RECOVERY)
    assert told[1] == "shop cannot be read in shop-main; tables of it in the copy: 1"
