# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Route 53 health checks, really made, and the choice among records they decide.

https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/health-checks-how-route-53-chooses-records.html
"""

from __future__ import annotations

import contextlib
import http.client
import random
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lab.machines.daemon import Lab

TIMEOUT = 4.0
#: Names of services and buckets, which the emulated API answers for; balancers' names are the lab's own.
AWS_NAMES = (".amazonaws.com", ".api.aws")


class Health:
    """Makes the checks from this machine, as the internet would, and remembers what they say."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        #: By check, what the last checks said and how many in a row said it.
        self.row: dict[str, tuple[bool, int]] = {}
        self.due: dict[str, float] = {}
        self.state: dict[str, bool] = {}

    def step(self) -> None:
        """Start the checks that are due; called again and again."""
        now = time.monotonic()
        checks = self.lab.plan.health_checks
        for key in [key for key in self.due if key not in checks]:
            for known in (self.due, self.row, self.state):
                known.pop(key, None)
        for key, check in checks.items():
            if check["type"] in ("CALCULATED", "CLOUDWATCH_METRIC", "RECOVERY_CONTROL") or self.due.get(key, 0) > now:
                continue
            if check["disabled"]:
                continue
            self.due[key] = now + check["interval"]
            threading.Thread(target=self._check, args=(key, check), daemon=True).start()

    def _check(self, key: str, check: dict[str, Any]) -> None:
        self.report(key, check, self._passes(check))

    def report(self, key: str, check: dict[str, Any], passed: bool) -> None:
        """Count a check: the status changes after as many in a row as the threshold says, either way; until then
        the check is as it was.

        https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/dns-failover-determining-health-of-endpoints.html
        """
        before, times = self.row.get(key, (passed, 0))
        times = times + 1 if passed == before else 1
        self.row[key] = (passed, times)
        if times >= check["threshold"]:
            self.state[key] = passed

    def _passes(self, check: dict[str, Any]) -> bool:
        address, port = check["address"], check["port"]
        secure = check["type"].startswith("HTTPS")
        name = str(check["name"] or "").lower().rstrip(".")
        if not address and name.endswith(AWS_NAMES) and name not in self.lab.names:
            # A bucket's object, say: the emulated API answers on this machine, without TLS.
            address, port, secure = "127.0.0.1", self.lab.port, False
        elif not address and check["name"]:
            records, _ = self.lab.host_resolver.resolve(check["name"], "A")
            address = next((record.value for record in records if record.type == "A"), None)
        if not address:
            return False
        with contextlib.suppress(OSError, http.client.HTTPException):
            if check["type"] == "TCP":
                socket.create_connection((address, port), TIMEOUT).close()
                return True
            connection: http.client.HTTPConnection
            if secure:
                # Route 53 does not validate certificates either.
                context = ssl._create_unverified_context()  # noqa: S323 - see above
                connection = http.client.HTTPSConnection(address, port, timeout=TIMEOUT, context=context)
            else:
                connection = http.client.HTTPConnection(address, port, timeout=TIMEOUT)
            with contextlib.closing(connection):
                connection.request(
                    "GET",
                    check["path"],
                    headers={"Host": check["name"] or address, "User-Agent": "Amazon-Route53-Health-Check-Service"},
                )
                response = connection.getresponse()
                text = response.read(5120).decode(errors="replace")
            return 200 <= response.status < 400 and (not check["search"] or check["search"] in text)
        return False

    def healthy(self, key: str | None) -> bool:
        """What a check says; one that was never made counts as healthy, as on AWS. Alarms are not followed."""
        check = self.lab.plan.health_checks.get(key or "")
        if check is None:
            return True
        # One that is disabled counts as healthy, so that inverting it makes it unhealthy.
        if check["disabled"]:
            good = True
        elif check["type"] == "CALCULATED":
            good = sum(self.healthy(child) for child in check["children"]) >= check["children_needed"]
        else:
            good = self.state.get(key or "", True)
        return good != check["inverted"]

    def choose(self, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The records of one name and type that an answer has: failover, weighted, or all that are healthy."""
        if not records or not any(record["set"] for record in records):
            return records[:1] if records and records[0]["alias"] else records
        good = [record for record in records if self.healthy(record["health_check"]) and self._alias_healthy(record)]
        if any(record["failover"] for record in records):
            primary = [r for r in records if r["failover"] == "PRIMARY"]
            secondary = [r for r in records if r["failover"] == "SECONDARY"]
            return [r for r in primary if r in good] or [r for r in secondary if r in good] or primary
        if any(record["weight"] is not None for record in records):
            pool = good or records
            weights = [record["weight"] or 0 for record in pool]
            return random.choices(pool, weights) if any(weights) else pool[:1]  # noqa: S311 - no secret
        return good or records

    def _alias_healthy(self, record: dict[str, Any]) -> bool:
        """Whether the balancer an alias leads to has a healthy target (as EvaluateTargetHealth asks)."""
        if not record["alias"] or not record.get("evaluate"):
            return True
        return self.lab.balancer_healthy(record["alias"].lower().rstrip("."))
