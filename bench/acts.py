# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests lost and the longest pause while operators act: `python -m bench.acts >bench/results/acts.md` (root, no other lab).

In a lab of its own the development cell serves the sample application. First the undisturbed site is asked more and more often;
then every act is done at 200 requests a second, or at 80 % of the most that was served without a failure and within half a
second (99 of 100 requests), where that is less. Planned acts meet notes being written as well; a machine that is terminated
meets only what is safe to ask twice. --only WORD does the acts alone whose name has that word. What is done goes to standard
error, a table to standard output.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench import load
from lab.api.testing import free_port
from tests.integration.hosts.cell import CELL, Cell, wait
from tests.integration.hosts.releases import Releases

GOAL = 200
RATES = (25, 50, 100, 150, 200, 250, 300)
READS = ("/version", "/notes", "/notes/1", "/healthz")
Report = dict[str, Any]


def under_load(cell: Cell, act: Callable[[], object], rate: float, *paths: str, timeout: float = 30) -> Report:
    """What was measured while something was done."""
    with load.beside(f"https://{cell.public()}", f"{CELL}.example.com", cell.folder, paths, timeout, rate) as report:
        began = time.monotonic()
        act()
        took = time.monotonic() - began
    return {**report, "took": took}


def served(cell: Cell) -> tuple[int, list[Report]]:
    """The most requests a second the undisturbed site serves well, and what was measured."""
    most, reports = 0, []
    # The first requests find no note, and processes that have answered nobody yet.
    under_load(cell, lambda: time.sleep(10), RATES[0])
    for rate in RATES:
        report = under_load(cell, lambda: time.sleep(10), rate)
        reports.append({"rate": rate, **report})
        if report["failed"] or report["milliseconds"]["p99"] > 500:
            break
        most = rate
    if not most:
        raise SystemExit(f"the undisturbed site does not serve {RATES[0]} requests a second: {reports}")
    return most, reports


def lost(cell: Cell) -> None:
    """An application machine is terminated; done once another serves in its place."""
    machines = {each["InstanceId"] for each in cell.group("app")}
    cell.client("ec2").terminate_instances(InstanceIds=[min(machines)])
    wait("another serves", lambda: len(cell.healthy("app") - {min(machines)}) == 2, 600)


def rebooted(cell: Cell) -> None:
    """Every machine of the application tier is patched and restarts."""
    for each in cell.machines("app"):
        cell.shell(each, "touch /run/reboot-required")
    cell.must("patch_hosts", "--limit", f"{CELL},tier_app,bastion")


def refreshed(cell: Cell) -> None:
    """The application tier's machines are replaced by new ones, as after a change of their launch template."""
    scaling = cell.client("autoscaling")
    name = f"{CELL}-app"
    scaling.start_instance_refresh(AutoScalingGroupName=name, Preferences={"MinHealthyPercentage": 100})

    def ended() -> bool:
        found = scaling.describe_instance_refreshes(AutoScalingGroupName=name)["InstanceRefreshes"]
        return bool(found[0]["Status"] == "Successful")

    wait("the refresh ends", ended, 900)
    wait("the new ones serve", lambda: len(cell.healthy("app")) == 2, 300)


def acts(cell: Cell, releases: Releases) -> Iterator[tuple[str, Callable[[], object], tuple[str, ...]]]:
    """What is done, and what is asked meanwhile; nothing for what is asked otherwise."""
    yield "nothing, for a minute", lambda: time.sleep(60), ()
    yield "deploy, two batches", lambda: cell.must("deploy_app", "-e", f"app_release_version={releases['second']}"), ()
    yield "rollback", lambda: cell.must("rollback_app"), ()
    yield "the application's credentials", lambda: cell.must("rotate_credentials"), ()
    yield "passwords of owner and administrator", lambda: cell.must("rotate_database_passwords"), ()
    yield "the cache's token", lambda: cell.must("rotate_cache_token"), ()
    yield "patches with a restart of every application machine", lambda: rebooted(cell), ()
    yield "instance refresh of the application tier", lambda: refreshed(cell), ()
    yield "an application machine terminated, until its replacement serves", lambda: lost(cell), READS


def prepare(cell: Cell) -> Releases:
    """The lab and the cell, to the answering application."""
    cell.lab("up")
    cell.must("site")
    releases = Releases(cell)
    cell.must("release_configuration")
    releases.begin()
    cell.must("configure_hosts", "playbooks/configure_database.yml")
    cell.must("deploy_app", "-e", f"app_release_version={releases['first']}", "-e", "deploy_app_batch=100%")
    return releases


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="a word of the acts that are done")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="terrace-acts-")).resolve()
    (folder / "lab").mkdir()
    cell = Cell(folder / "lab", free_port(), folder)
    try:
        releases = prepare(cell)
        most, undisturbed = served(cell)
        rate = min(GOAL, int(most * 0.8))
        print("# Requests while operators act\n")
        print(
            f"`python -m bench.acts` on {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}: {rate} requests a second",
            end="",
        )
        print(f" (the undisturbed site served {most}).\n" if rate < GOAL else ".\n")
        print("| what | seconds | requests | failed | median, p99, longest |\n|---|---|---|---|---|")
        for report in undisturbed:
            show(f"undisturbed, {report['rate']} a second", report)
        for what, act, paths in acts(cell, releases):
            if options.only not in what:
                continue
            print(what, file=sys.stderr, flush=True)
            show(what, under_load(cell, act, rate, *paths))
    finally:
        cell.lab("down")


def show(what: str, report: Report) -> None:
    """A line of the table; what failed goes to standard error."""
    found = report["milliseconds"]
    times = f"{found['median']:.0f} ms, {found['p99']:.0f} ms, {found['longest'] / 1000:.1f} s"
    print(f"| {what} | {report['took']:.0f} | {report['requests']} | {report['failed']} | {times} |", flush=True)
    if report["failures"]:
        print(f"{what}: {report['failures']}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
