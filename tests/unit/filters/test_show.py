"""What there is, for a terminal."""

from __future__ import annotations

from typing import Any

from ansible_collections.terrace.aws.plugins.filter.show import cell_table, network_text

ENDPOINT = "development-use1-main.abc123.us-east-1.rds.amazonaws.com"


def resource(ident: str, status: str = "", **attributes: Any) -> dict[str, Any]:
    return {"id": ident, "status": status, "state": "ready", "attributes": attributes, "facts": {}}


def network() -> dict[str, dict[str, Any]]:
    zones = ("us-east-1a", "us-east-1b", "us-east-1c")
    subnets = {
        f"private-{zone[-1]}": resource(
            f"subnet-0{number}23456789abcdef0", zone=zone, tier="private", cidr=f"10.0.{128 + number}.0/24"
        )
        for number, zone in enumerate(zones)
    }
    return {
        "vpc": {"main": resource("vpc-0123456789abcdef0", "available", cidr="10.0.0.0/16")},
        "subnet": subnets,
        "vpc_endpoint": {"secretsmanager": resource("vpce-0123456789abcdef0", "available", subnets=list(subnets))},
        "db_instance": {"main": {**resource("development-use1-main", "available"), "facts": {"endpoint": ENDPOINT}}},
    }


def test_a_terminal_of_eighty_columns_holds_the_table_and_the_drawing():
    for text in (cell_table(network()), network_text(network())):
        assert max(len(line) for line in text.splitlines()) <= 80


def test_the_table_says_what_there_is_and_where_it_answers():
    lines = cell_table(network()).splitlines()
    assert lines[:3] == ["database", "  db_instance main             available", f"      {ENDPOINT}"]
    at = lines.index("  subnet private-a             ready      subnet-0023456789abcdef0")
    assert lines[at + 1] == "      10.0.128.0/24"
    assert lines[-1] == "  vpc main                     available  vpc-0123456789abcdef0  10.0.0.0/16"
    assert cell_table({}) == "nothing"


def test_the_drawing_wraps_what_a_zone_has_no_room_for():
    lines = [line.strip("│").split("│")[0].strip() for line in network_text(network()).splitlines()]
    at = lines.index("vpc endpoint")
    assert lines[at - 1 : at + 2] == ["private-a 10.0.128.0/24", "vpc endpoint", "secretsmanager"]
