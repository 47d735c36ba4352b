# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make failover-demo``: two regions serve an application, visitors write, the first region is lost, the second one takes over.

The visitors come from this machine, over HTTPS, to the public name; they know what was acknowledged. What is missing
afterwards is looked for by another way, with psycopg in the database of the second region. The first region then comes back
by itself. Run again, it first leads back to the first one.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import commands

from . import process, visit
from .machines import outage, overview
from .machines.machine import Machine
from .machines.names import host_address

INVENTORY = "inventories/three_tier/rehearsal"
FIRST, SECOND, REGION = "rehearsal-use1", "rehearsal-usw2", "us-east-1"
ZONE, NAME = "example.com", "shop.example.com"
#: Visitors, writes a second of all of them, and the seconds after which they go home whatever happens.
VISITORS, RATE, LONGEST = 4, 50, 1200


class Visitors:
    """People who leave numbered notes at the public name, and remember which of them were acknowledged."""

    def __init__(self, trusted: str) -> None:
        self.context = ssl.create_default_context(cadata=trusted)
        self.acknowledged: dict[str, float] = {}
        self.refused: dict[str, int] = {}
        self.run = f"{time.time():.0f}"
        self.ends, self.going = time.monotonic() + LONGEST, threading.Event()
        self.threads = [threading.Thread(target=self._visit, args=(number,), daemon=True) for number in range(VISITORS)]

    def come(self) -> None:
        self.going.set()
        for each in self.threads:
            each.start()

    def leave(self) -> None:
        self.going.clear()
        for each in self.threads:
            each.join(10)

    def _visit(self, visitor: int) -> None:
        link, address, asked, number = None, "", 0.0, 0
        while self.going.is_set() and time.monotonic() < self.ends:
            number += 1
            text = f"{self.run}-{visitor}-{number}"
            try:
                if link is None or time.monotonic() > asked + 1:
                    leads, asked = host_address(NAME), time.monotonic()
                    link, address = link if leads == address else None, leads
                link = link or self._link(address)
                link.request("POST", visit.PATH, json.dumps({"text": text}), {"Content-Type": "application/json"})
                answer = link.getresponse()
                answer.read()
                if answer.status == 201:
                    self.acknowledged[text] = time.time()
                else:
                    self._refused(f"status {answer.status}")
            except (OSError, http.client.HTTPException) as error:
                link = None
                self._refused(type(error).__name__)
            time.sleep(VISITORS / RATE)

    def _link(self, address: str) -> http.client.HTTPSConnection:
        link = http.client.HTTPSConnection(NAME, timeout=3, context=self.context)
        link.sock = self.context.wrap_socket(socket.create_connection((address, 443), 3), server_hostname=NAME)
        return link

    def _refused(self, how: str) -> None:
        self.refused[how] = self.refused.get(how, 0) + 1


def main() -> int:
    """Do it; 0 when the second region took over, visitors write there, and nothing but the newest writes is missing."""
    state = process.running()
    if os.geteuid() != 0 or not state:
        raise process.LabError("the demo needs root and a lab with machines: make failover-demo")
    url, directory, began = state["url"], process.state_dir(), time.monotonic()
    with contextlib.suppress(process.LabError):  # nothing runs there as yet
        outage.plug(REGION, directory)
    _zone(url)
    if _writer(url) == SECOND:
        _say(f"{SECOND} writes since the last time: back to {FIRST}")
        given = [*_variables("dr_rebuild", cell=FIRST, confirm=FIRST), f"dr_failover_directory={directory}/recovery"]
        _play("dr_failback", *given)
    if len(_writers(url)) == 2:  # the one that wrote before follows nothing
        _say(f"{SECOND} follows again")
        _play("dr_rebuild", *_variables("dr_rebuild", cell=SECOND, confirm=SECOND))
    _say("two regions, one database: provision, configure and deploy")
    for command in ("apply", "configure", "deploy"):
        _make(command)
    visitors = Visitors((directory / "authority/ca.pem").read_text())
    visitors.come()
    _await("acknowledged writes", lambda: len(visitors.acknowledged) > 10 * RATE)
    _say(f"{len(visitors.acknowledged)} notes were acknowledged at https://{NAME}; {REGION} is lost")
    outage.unplug(REGION, directory)
    lost, command_began = time.time(), time.time()
    given = _variables(
        "dr_failover", mode="unplanned", to=SECOND, confirm=SECOND, unfenced=FIRST, directory=f"{directory}/recovery"
    )
    _play(
        "dr_failover",
        *given,
        limit=f"{SECOND},cell_{SECOND.replace('-', '_')}",
        machines=f"{INVENTORY}-usw2.aws_ec2.yml",
    )
    opened = _writable(directory)
    _await(
        "writes that are acknowledged there",
        lambda: sum(at > opened for at in visitors.acknowledged.values()) > 5 * RATE,
    )
    visitors.leave()
    status = _told(url, visitors, lost, opened - command_began)
    _say(f"{REGION} comes back by itself, with nobody there")
    outage.plug(REGION, directory)
    _await("guard that stops the application there", lambda: not _serves(directory))
    _say(f"the application of {FIRST} is stopped: {_why(directory)}")
    _say(
        f"it took {(time.monotonic() - began) / 60:.1f} min; make failover-demo leads back to {FIRST} and does this again"
    )
    return status


def _machine(directory: Path) -> Machine:
    """The machine of the application in the first region."""
    machines = overview.collect(directory)["machines"]
    ident = next(each["name"] for each in machines if each["details"] == f"{FIRST}-app")
    return Machine(ident, directory / "machines" / ident)


def _serves(directory: Path) -> bool:
    return _machine(directory).enter("systemctl", "is-active", "notes.service", check=False).strip() == "active"


def _why(directory: Path) -> str:
    return _machine(directory).enter("cat", "/var/lib/terrace-recovery-guard/fenced").splitlines()[0]


def _told(url: str, visitors: Visitors, lost: float, writable: float) -> int:
    """Say what became of the writes."""
    wrote = visitors.acknowledged
    kept = {text for each in _databases(SECOND) for text in visit.texts(url, each)}
    missing = sorted((text for text in wrote if text not in kept), key=wrote.__getitem__)
    before, after = [at for at in wrote.values() if at <= lost], [at for at in wrote.values() if at > lost + 1]
    report = max((process.state_dir() / "recovery/rehearsal").glob("*.html"))
    _say(f"{SECOND} could be written to {writable:.1f} s after the command began")
    _say(f"visitors wrote again {min(after) - lost:.1f} s after the region was lost, over the public name")
    _say(f"of {len(wrote)} acknowledged notes {len(missing)} are missing: {', '.join(missing[:20]) or 'none'}")
    _say(
        f"refused meanwhile: {', '.join(f'{how} {count}' for how, count in sorted(visitors.refused.items())) or 'nothing'}"
    )
    _say(f"report: file://{report}")
    # Whatever is missing was acknowledged after all that is kept of the time before, but for visitors who overtake each other.
    newest = max((wrote[text] for text in wrote if text in kept and wrote[text] <= lost), default=0)
    return 0 if before and after and all(wrote[text] > newest - 1 for text in missing) else 1


def _say(text: str) -> None:
    print(f"failover-demo: {text}", flush=True)


def _await(what: str, true: Any, seconds: float = 180) -> None:
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            raise process.LabError(f"no {what} within {seconds:g} s")
        time.sleep(0.5)


def _zone(url: str) -> None:
    """The public zone that the name lies in, which an operator has from elsewhere."""
    route53 = visit.client(url, REGION, "route53")
    if not route53.list_hosted_zones_by_name(DNSName=ZONE)["HostedZones"]:
        route53.create_hosted_zone(Name=ZONE, CallerReference="failover-demo")


def _writers(url: str) -> dict[str, str]:
    """The cells whose database is there and follows nothing, with since when it says that it writes."""
    found = {}
    for cell, region in ((FIRST, REGION), (SECOND, "us-west-2")):
        for each in visit.client(url, region, "rds").describe_db_instances()["DBInstances"]:
            if each["DBInstanceIdentifier"] == f"{cell}-main" and not each.get("ReadReplicaSourceDBInstanceIdentifier"):
                tags = {tag["Key"]: tag["Value"] for tag in each["TagList"]}
                found[cell] = tags.get("terrace:writer-since", "")
    return found


def _writer(url: str) -> str:
    """The cell that writes; empty before there is one."""
    writers = _writers(url)
    return max(writers, key=writers.__getitem__, default="")


def _databases(cell: str) -> list[dict[str, Any]]:
    machines = overview.collect(process.state_dir())["machines"]
    return [each for each in machines if each["kind"] == "database" and each["name"] == f"{cell}-main"]


def _writable(directory: Path) -> float:
    """When the database could be written to, as the journal has it."""
    journal = json.loads(max((directory / "recovery/rehearsal").glob("*.json")).read_text())
    ended = next(each["ended"] for each in journal["steps"] if each["step"] == "let in")
    return dt.datetime.fromisoformat(ended).timestamp()


def _variables(role: str, **values: str) -> list[str]:
    return [f"{role}_{name}={value}" for name, value in values.items()]


def _make(command: str) -> None:
    _run([sys.executable, "commands.py", command], {**os.environ, "INVENTORY": INVENTORY, "LAB": "machines"})


def _play(playbook: str, *variables: str, limit: str = "", machines: str = f"{INVENTORY}.aws_ec2.yml") -> None:
    inventories = (INVENTORY, "inventories/lab", machines)
    taken = {"LAB": "machines", "LAB_PORT": os.environ.get("LAB_PORT") or commands.DEFAULTS["LAB_PORT"]}
    words = [
        str(commands.ROOT / ".venv/bin/ansible-playbook"),
        *(word for each in inventories for word in ("-i", each)),
        *(("--limit", limit) if limit else ()),
        f"playbooks/{playbook}.yml",
        *(word for each in variables for word in ("-e", each)),
    ]
    _run(words, commands.surroundings(commands.Step("", (), machines=True), taken, os.environ))


def _run(words: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(words, cwd=commands.ROOT, env=environment, check=False)
    if done.returncode:
        raise process.LabError(f"{' '.join(words[:2])} … ended with status {done.returncode}")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_signal: sys.exit(1))
    try:
        sys.exit(main())
    except process.LabError as error:
        print(f"failover-demo: {error}", file=sys.stderr)
        sys.exit(1)
