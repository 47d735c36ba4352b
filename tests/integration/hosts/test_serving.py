# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The application answers and keeps what it is told; packets go where they may."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.integration.hosts.cell import CELL, Cell
from tests.integration.hosts.packets import namespaces, tried


def test_a_row_is_written_and_read_back(serving: Cell) -> None:
    note = serving.get("/notes", {"text": "over HTTPS"})
    assert serving.get(f"/notes/{note['id']}")["text"] == "over HTTPS"
    health = serving.get("/health")
    assert (health["database"], health["redis"]) == ("ok", "ok")
    assert "in PostgreSQL: " in serving.lab("visit").stdout


#: What opens: from whom, to whom, at which port. Nothing else does. Machines fetch packages from anywhere, and the public
#: balancer is for anybody.
ALLOWED = {
    ("internet", "bastion", 22), ("internet", "public", 80), ("internet", "public", 443),
    ("bastion", "web", 22), ("bastion", "app", 22), ("bastion", "database", 5432),
    ("bastion", "public", 80), ("bastion", "public", 443), ("web", "public", 80), ("web", "public", 443),
    ("app", "public", 80), ("app", "public", 443),
    ("public", "web", 80), ("web", "internal", 80), ("internal", "app", 8000),
    ("app", "database", 5432), ("app", "cache", 6379),
}  # fmt: skip
PORTS = (22, 80, 443, 5432, 6379, 8000, 9100)


def addresses(cell: Cell) -> dict[str, list[str]]:
    """Where the parts of the cell are inside its network."""
    names = {f"{CELL}-{part}": part for part in ("bastion", "web", "app", "public", "internal")}
    found: dict[str, list[str]] = {}
    for each in cell.overview():
        kind = each["kind"]
        name = (
            kind
            if kind in ("database", "cache")
            else names.get(each["details"] if kind == "instance" else each["name"])
        )
        if each["name"].startswith(CELL) or each["details"].startswith(CELL):
            found.setdefault(str(name), []).extend(each["address"].split(", "))
    return found


def test_packets_pass_between_these_tiers_and_no_others(serving: Cell) -> None:
    inside = addresses(serving)
    assert set(inside) == {"bastion", "web", "app", "public", "internal", "database", "cache"}
    outside = {"bastion": [serving.bastion()], "public": [serving.public()]}
    where = namespaces()

    def seen(source: str) -> set[tuple[str, str, int, str]]:
        own = where[inside[source][0]] if source in inside else None
        targets = {
            (address, port): target
            for target, all_of_it in (inside if own else outside).items()
            for address in all_of_it
            for port in PORTS
            if not own or where[address] != own
        }
        told = tried(own, list(targets))
        return {(source, target, port, said) for ((_, port), target), said in zip(targets.items(), told, strict=True)}

    with ThreadPoolExecutor() as pool:
        found = set().union(*pool.map(seen, ["internet", *inside]))
    assert {(*each, "opened") for each in ALLOWED} == {each for each in found if each[3] == "opened"}
    assert not {each for each in found if each[3] == "refused"}, "whoever is not let in learns nothing"
