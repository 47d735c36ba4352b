# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m lab.machines.daemon`: looks at the API twice a second and makes machines, networks and servers follow.

It keeps no truth of its own: the plan comes from the API's snapshot, each driver compares it with what runs. Killed and
started again it starts from a clean machine (see `lab.machines.up`) with the disks that were there.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import threading
import time
import traceback
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TextIO

from lab.machines import authority, hub, image, trust
from lab.machines.api import Api, ApiError
from lab.machines.backups import Backups
from lab.machines.dns import Resolver
from lab.machines.endpoint import Certificates
from lab.machines.endpoint import Endpoint as ApiEndpoint
from lab.machines.haproxy import Balancers
from lab.machines.health import Health
from lab.machines.imds import Service
from lab.machines.instances import Instances
from lab.machines.network import Networks
from lab.machines.plan import PUBLIC_POOL, REPLICATION_POOL, Endpoint, Plan, Pool, build
from lab.machines.postgres import Databases
from lab.machines.redis import Caches
from lab.machines.replica_lag import ReplicaLag
from lab.machines.util import read_json, write_json

TICK = 0.5
#: The registries' addresses change now and then.
REFRESH = 600


class Lab:
    """Everything that runs, and what the parts need from each other."""

    def __init__(self, port: int, state: Path, log: TextIO) -> None:
        self.port, self.state, self._log = port, state, log
        self.api = Api(port)
        self.plan = Plan()
        self.names: dict[str, tuple[list[str], list[str]]] = {}
        self.registries = hub.registries()
        self.authority = authority.ensure(state).read_text()
        self.host_layer = trust.layer(state, state / "authority" / "ca.pem")
        pools = dict(read_json(state / "addresses.json", {}))  # type: ignore[call-overload]
        self.public = Pool(PUBLIC_POOL, pools.get("public", {}))
        self.replication = Pool(REPLICATION_POOL, pools.get("replication", {}))
        self.networks = Networks()
        self.health = Health(self)
        self.instances = Instances(self)
        self.backups = Backups(self)
        self.drivers: dict[str, Any] = {
            "instance": self.instances,
            "database": Databases(self),
            "cache": Caches(self),
            "balancer": Balancers(self),
        }
        self.replica_lag = ReplicaLag(self, self.drivers["database"])
        self.certificates = Certificates(self)
        self.host_resolver = Resolver(self, None)
        self.per_vpc: dict[str, list[Any]] = {}
        self.pool = ThreadPoolExecutor(8)
        self.jobs: dict[str, Future[None]] = {}
        self.kinds: dict[str, str] = {}
        self.failures: dict[str, str] = {}
        self.retry: dict[str, float] = {}
        self.serial: str | None = None
        self.stopping = threading.Event()

    def layers(self) -> list[Path]:
        """What an instance boots from, the top layer first."""
        return [self.host_layer, image.base()]

    def log(self, text: str) -> None:
        """One line for the log."""
        print(f"{time.strftime('%H:%M:%S')} {text}", file=self._log, flush=True)

    def balancer_healthy(self, name: str) -> bool:
        """Whether each target group of a balancer, by its DNS name, has a healthy target.

        https://docs.aws.amazon.com/Route53/latest/APIReference/API_AliasTarget.html
        """
        balancers: Balancers = self.drivers["balancer"]
        for endpoint in self.plan.endpoints.values():
            if endpoint.kind == "balancer" and endpoint.want["dns_name"].lower() == name:
                good = {key[0] for key, (state, _) in balancers.reported.items() if state == "healthy"}
                return set(endpoint.want["target_groups"]) <= good
        return True

    def run(self) -> None:
        """Follow the API until told to stop."""
        refreshed = time.monotonic()
        while not self.stopping.is_set():
            started = time.monotonic()
            try:
                self.follow()
            except ApiError as error:
                self._once("api", f"the API does not answer: {error}")
            except Exception:
                self._once("follow", traceback.format_exc())
            if started - refreshed > REFRESH:
                refreshed = started
                with contextlib.suppress(Exception):
                    hub.refresh()
            self.stopping.wait(max(0.05, TICK - (time.monotonic() - started)))

    def follow(self) -> None:
        """One look at the API, and one step of everything."""
        snapshot = self.api.post("/lab/machines/snapshot", {"serial": self.serial, "authority": self.authority})
        if not snapshot.get("unchanged"):
            plan = build(snapshot, self.public, self.replication)
            pools = {"public": self.public.known, "replication": self.replication.known}
            if read_json(self.state / "addresses.json") != pools:
                write_json(self.state / "addresses.json", pools)
            self.names = _names(plan)
            self.plan = plan
            self.networks.follow(plan)
            self._services_of_vpcs(plan)
            self.serial = snapshot["serial"]
        self._remove(self.plan)
        self.backups.follow(self.plan, self.drivers["database"].nodes)
        for endpoint in list(self.plan.endpoints.values()):
            self._step(endpoint)
        for replica in self.replica_lag.replicas():
            job = f"{replica.name}, its lag"
            if not self._busy(job) and self.replica_lag.claim(replica.name):
                self.jobs[job] = self.pool.submit(self._guard, job, self.replica_lag.step, replica)
        self.health.step()
        self.failures.pop("api", None)

    def _services_of_vpcs(self, plan: Plan) -> None:
        for vpc in plan.vpcs:
            if vpc not in self.per_vpc:
                self.per_vpc[vpc] = [Service(self, vpc), Resolver(self, vpc), ApiEndpoint(self, vpc)]
        for vpc in [vpc for vpc in self.per_vpc if vpc not in plan.vpcs]:
            service, *others = self.per_vpc.pop(vpc)
            threading.Thread(target=service.shutdown, daemon=True).start()
            for other in others:
                other.close()

    def _busy(self, name: str) -> bool:
        job = self.jobs.get(name)
        return job is not None and not job.done()

    def _step(self, endpoint: Endpoint) -> None:
        name = endpoint.name
        if self._busy(name) or self.retry.get(name, 0) > time.monotonic():
            return
        self.kinds[name] = endpoint.kind
        self.jobs[name] = self.pool.submit(self._guard, name, self.drivers[endpoint.kind].step, endpoint)

    def _remove(self, plan: Plan) -> None:
        """End what the API no longer has; its network goes once it has ended."""
        for name in [name for name in self.kinds if name not in plan.endpoints]:
            if self._busy(name):
                continue
            kind = self.kinds.pop(name)
            self._guard(name, self.drivers[kind].remove, name)
            self.jobs.pop(name, None)
        ended = {name for name in self.networks.endpoints if name not in plan.endpoints and name not in self.kinds}
        if ended:
            keep = Plan(
                vpcs=plan.vpcs,
                endpoints=plan.endpoints
                | {n: self.networks.endpoints[n] for n in self.kinds if n in self.networks.endpoints},
            )
            self.networks.forget(keep)

    def _guard(self, name: str, action: Any, argument: Any) -> None:
        """Run one step; what goes wrong is logged once and tried again a little later."""
        try:
            action(argument)
            self.failures.pop(name, None)
            self.retry.pop(name, None)
        except Exception as error:
            self._once(name, f"{name}: {type(error).__name__}: {error}", traceback.format_exc())
            self.retry[name] = time.monotonic() + 2

    def _once(self, name: str, text: str, details: str = "") -> None:
        if self.failures.get(name) != text:
            self.failures[name] = text
            self.log(text + ("\n" + details if details else ""))


def _names(plan: Plan) -> dict[str, tuple[list[str], list[str]]]:
    """The DNS names AWS gives: {name: (private addresses, public ones)}."""
    names: dict[str, tuple[list[str], list[str]]] = {}

    def add(name: str | None, private: list[str], public: list[str] | None = None) -> None:
        if name:
            before = names.get(name.lower(), ([], []))
            names[name.lower()] = (before[0] + private, before[1] + (public or []))

    for endpoint in plan.endpoints.values():
        want, own = endpoint.want, list(endpoint.addresses)
        if endpoint.kind == "database" and want["active"]:
            for name in want["names"]:
                add(name, own)
        elif endpoint.kind == "cache":
            add(want["node"]["name"], own)
            primary = want["node"]["primary"]
            add(want["primary_name"] if primary else want["reader_name"], own)
            if primary and len(want["nodes"]) == 1:
                add(want["reader_name"], own)
        elif endpoint.kind == "balancer":
            add(want["dns_name"], own, [] if want["internal"] else [want["public"]])
    return names


def main() -> int:
    """Run until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True)
    options = parser.parse_args()
    lab = Lab(options.port, options.state, sys.stdout)
    signal.signal(signal.SIGTERM, lambda *_: lab.stopping.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    lab.log("following the API")
    write_json(options.state / "ready.json", {"since": time.time()})
    lab.run()
    lab.pool.shutdown(wait=True, cancel_futures=True)
    lab.log("stopped following")
    return 0


if __name__ == "__main__":
    sys.exit(main())
