# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a deploy of many machines costs: `python -m bench.deploy --hosts 20 --earlier CHECKOUT` (root, no other lab).

In a lab of its own the development cell gets that many application machines, which are configured from nothing; then a release
is deployed to all at once, another one in two batches under 25 requests a second, and the first again in batches of five.
With --earlier the same is done by the playbooks and the lab of another checkout of this repository (with a .venv) before, in the
same run. What is done goes to standard error, a table to standard output.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench import load
from lab.api.testing import free_port
from tests.integration.hosts.cell import CELL, ROOT, Cell

RATE = 25


def steps(cell: Cell, hosts: int) -> Iterator[tuple[str, Callable[[], object], bool]]:
    """What is done, and whether visitors are there meanwhile."""
    cell.lab("up")
    cell.must("site")
    cell.must("release_configuration")
    first, second = cell.release(), cell.release()
    yield f"configure {hosts + 3} machines from nothing", lambda: cell.must("configure_hosts"), False
    cell.must("configure_database")
    yield "the same again, nothing to do", lambda: cell.must("configure_hosts"), False

    def deploy(version: str, batch: str) -> Callable[[], object]:
        return lambda: cell.must(
            "deploy_app", "-e", f"app_release_version={version}", "-e", f"deploy_app_batch={batch}"
        )

    yield f"deploy to {hosts} machines, which serve nobody yet", deploy(first, "100%"), False
    yield f"deploy another release to {hosts} machines in two batches", deploy(second, "50%"), True
    yield f"roll {hosts} machines back in batches of five", deploy(first, "5"), True
    if cell.served() != {first}:
        raise SystemExit(f"not {first} is served everywhere: {cell.served()}")


def measured(cell: Cell, hosts: int) -> dict[str, str]:
    """The figure of each step."""
    found: dict[str, str] = {}
    for what, act, visited in steps(cell, hosts):
        print(what, file=sys.stderr, flush=True)
        began, report = time.monotonic(), dict[str, Any]()
        if visited:
            with load.beside(f"https://{cell.public()}", f"{CELL}.example.com", cell.folder, (), 30, RATE) as report:
                act()
                took = time.monotonic() - began
        else:
            act()
            took = time.monotonic() - began
        asked = f", {report['requests']} requests, failed: {report['failed']}" if report else ""
        found[what] = f"{took:.0f} s{asked} (load {os.getloadavg()[0]:.0f})"
        print(f"  {found[what]}", file=sys.stderr, flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, default=20, help="application machines")
    parser.add_argument("--earlier", type=Path, help="another checkout, measured first")
    options = parser.parse_args()
    size = {"min": options.hosts, "max": options.hosts, "desired": options.hosts}
    more = ("-e", json.dumps({"three_tier_app_size": size}))
    columns: dict[str, dict[str, str]] = {}
    for name, root in (("before", options.earlier), ("now", ROOT)):
        if not root:
            continue
        folder = Path(tempfile.mkdtemp(prefix="terrace-deploy-")).resolve()
        (folder / "lab").mkdir()
        cell = Cell(folder / "lab", free_port(), folder, root.resolve(), more)
        try:
            columns[name] = measured(cell, options.hosts)
        finally:
            cell.lab("down")
    print("# A deploy of many machines\n")
    print(f"`python -m bench.deploy --hosts {options.hosts}` on {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}.\n")
    print("| what |", " | ".join(columns), "|\n|---|" + "---|" * len(columns))
    for what in columns["now"]:
        print("|", what, "|", " | ".join(column.get(what, "") for column in columns.values()), "|")


if __name__ == "__main__":
    main()
