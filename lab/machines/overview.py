# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m lab.machines.overview [--json]`: machines, addresses, health and URLs at a glance."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from lab.machines import box
from lab.machines.api import Api
from lab.machines.machine import Machine
from lab.machines.plan import PUBLIC_POOL, REPLICATION_POOL, Endpoint, Plan, Pool, build
from lab.machines.util import alive, read_json, state_dir
from lab.process import request

COLUMNS = ("kind", "name", "state", "health", "address", "public", "details")


def collect(directory: Path | None = None) -> dict[str, Any]:
    """What runs: {following, port, machines, boxes}.

    A machine has kind, name, state, health, address, public, vpc, region and details.
    """
    directory = (directory or state_dir()).resolve()
    known = read_json(directory / "machines.json")
    answer: dict[str, Any] = {"following": False, "port": None, "machines": [], "boxes": []}
    answer["boxes"] = [{"name": name, "address": box.address(name)} for name in box.boxes()]
    if not isinstance(known, dict):
        return answer
    answer |= {"following": alive(known["pid"], known["started"]), "port": known["port"]}
    pools = dict(read_json(directory / "addresses.json", {}))  # type: ignore[call-overload]
    snapshot = Api(known["port"]).post("/lab/machines/snapshot")
    plan = build(
        snapshot, Pool(PUBLIC_POOL, pools.get("public", {})), Pool(REPLICATION_POOL, pools.get("replication", {}))
    )
    health = _health(known["port"])
    outside = {inner: outer for outer, inner in plan.public.items()}
    for endpoint in sorted(plan.endpoints.values(), key=lambda e: (e.vpc, e.kind, e.name)):
        row = _row(directory, plan, endpoint, outside)
        answer["machines"].append(row | {"health": ", ".join(health.get(row["name"], []))})
    return answer


def _health(port: int) -> dict[str, list[str]]:
    """What the balancers' checks say of each instance: ``web healthy``, with the reason where it is not."""
    told: dict[str, list[str]] = {}
    for each in request(f"http://127.0.0.1:{port}", "/lab/target-health")["targets"]:
        group = each["target_group_arn"].split("/")[1]
        reason = f" ({each['reason']})" if each["reason"] else ""
        told.setdefault(each["instance_id"], []).append(f"{group} {each['state']}{reason}")
    return told


def _row(directory: Path, plan: Plan, endpoint: Endpoint, outside: dict[str, str]) -> dict[str, Any]:
    folder = "machines" if endpoint.kind == "instance" else "services"
    machine = Machine(endpoint.name, directory / folder / endpoint.name)
    inner = {private: public for public, private in plan.vpcs[endpoint.vpc].enter.items()}
    public = next((outside[inner[a]] for a in endpoint.addresses if a in inner), "")
    want = endpoint.want
    details = ""
    if endpoint.kind == "instance":
        details = want["tags"].get("Name", "")
    elif endpoint.kind == "database":
        role = "replica" if want["upstream"] and want["active"] else "primary" if want["active"] else "standby"
        details = f"{role} {want['names'][0]}:{want['port']}"
    elif endpoint.kind == "cache":
        details = f"{'rediss' if want['tls'] else 'redis'}://{want['primary_name']}:{want['port']}"
    elif endpoint.kind == "balancer":
        schemes = {"HTTPS": "https", "TLS": "tls", "HTTP": "http"}
        host = public or want["dns_name"]
        details = " ".join(f"{schemes.get(i['protocol'], 'tcp')}://{host}:{i['port']}/" for i in want["listeners"])
    return {
        "kind": endpoint.kind,
        "name": endpoint.name if endpoint.kind == "instance" else want.get("id") or want["name"],
        "state": "running" if machine.running() else "stopped" if not endpoint.running else "starting",
        "address": ", ".join(endpoint.addresses),
        "public": public,
        "vpc": endpoint.vpc,
        "region": plan.vpcs[endpoint.vpc].region,
        "details": details,
    }


def show(directory: Path | None = None, as_json: bool = False) -> dict[str, Any]:
    """Print what runs as a table, or as JSON."""
    answer = collect(directory)
    if as_json:
        print(json.dumps(answer, indent=1))
        return answer
    if not answer["following"]:
        print("machines: not followed")
    rows = [COLUMNS, *(tuple(str(row[c]) for c in COLUMNS) for row in answer["machines"])]
    if len(rows) > 1:
        widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
        for row in rows:
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    for entry in answer["boxes"]:
        print(f"box  {entry['name']}  {entry['address']}")
    return answer


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m lab.machines.overview", description=__doc__)
    parser.add_argument("--json", action="store_true")
    show(as_json=parser.parse_args().json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
