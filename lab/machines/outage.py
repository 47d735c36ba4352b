# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m lab unplug us-east-1``: a region is lost, and ``plug`` has it come back as it was.

Every call to the region's API fails, those of global services with it where it is us-east-1, and no packet reaches its machines,
databases, caches and load balancers or leaves them. What they run goes on, unlike after a power cut.
"""

from __future__ import annotations

from pathlib import Path

from lab.machines.api import Api
from lab.machines.machine import Machine
from lab.machines.plan import PUBLIC_POOL, REPLICATION_POOL, Pool, build
from lab.machines.util import LabError, read_json, run
from lab.process import request

TABLE = "unplugged"
RULES = f"""
add table inet {TABLE}
add chain inet {TABLE} input {{ type filter hook input priority -300; policy drop; }}
add chain inet {TABLE} output {{ type filter hook output priority -300; policy drop; }}
"""


def unplug(region: str, directory: Path) -> int:
    """Lose a region; how many machines and servers it had."""
    machines, port = _running(region, directory)
    request(
        f"http://127.0.0.1:{port}",
        "/lab/faults",
        method="POST",
        data={"rate": 1, "kinds": ["error"], "regions": [region]},
    )
    for machine in machines:
        _filter(machine, RULES)
    return len(machines)


def plug(region: str, directory: Path) -> int:
    """Have a lost region come back; how many machines and servers it has."""
    machines, port = _running(region, directory)
    for machine in machines:
        _filter(machine, f"add table inet {TABLE}\ndelete table inet {TABLE}\n")
    request(f"http://127.0.0.1:{port}", "/lab/faults", method="POST", data={"rate": 0})
    return len(machines)


def _running(region: str, directory: Path) -> tuple[list[Machine], int]:
    known = read_json(directory / "machines.json")
    if not isinstance(known, dict):
        raise LabError("no machines run; start them with: python -m lab up --level machines")
    pools = dict(read_json(directory / "addresses.json", {}))  # type: ignore[call-overload]
    plan = build(
        Api(known["port"]).post("/lab/machines/snapshot"),
        Pool(PUBLIC_POOL, pools.get("public", {})),
        Pool(REPLICATION_POOL, pools.get("replication", {})),
    )
    made = [
        Machine(each.name, directory / ("machines" if each.kind == "instance" else "services") / each.name)
        for each in plan.endpoints.values()
        if plan.vpcs[each.vpc].region == region
    ]
    running = [machine for machine in made if machine.running()]
    if not running:
        raise LabError(f"nothing runs in {region}")
    return running, known["port"]


def _filter(machine: Machine, rules: str) -> None:
    run("nsenter", "-t", str(machine.pid()), "-n", "nft", "-f", "-", stdin=rules)
