"""Trouble on demand: throttling, server errors, time-outs and lost answers, at a chosen rate."""

from __future__ import annotations

import random
import threading
from typing import Any

from . import errors
from .calls import Call

KINDS = ("throttle", "error", "timeout", "lost")


class FaultError(ValueError):
    """A fault specification that makes no sense; the message says why."""


class Faults:
    """Decides for each call whether, and how, it fails."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        """No faults from now on."""
        with self._lock:
            self.rate, self.kinds, self.services = 0.0, list(KINDS[:3]), None
            self.operations: list[str] | None = None
            self.regions: list[str] | None = None
            self.seconds, self.limit, self._random = 1.0, None, random.Random(0)  # noqa: S311 - no secret

    def set(self, spec: dict[str, Any]) -> None:
        """Take a specification: rate (0 to 1), kinds, seed, services, operations, regions, seconds, limit (number of faults)."""
        unknown = set(spec) - {"rate", "kinds", "seed", "services", "operations", "regions", "seconds", "limit"}
        kinds = list(spec.get("kinds") or KINDS[:3])
        rate = float(spec.get("rate", 0))
        if unknown:
            raise FaultError(f"unknown keys: {', '.join(sorted(unknown))}")
        if not 0 <= rate <= 1:
            raise FaultError(f"rate is {rate}, must lie between 0 and 1")
        if bad := sorted(set(kinds) - set(KINDS)):
            raise FaultError(f"unknown kinds: {', '.join(bad)}; there are {', '.join(KINDS)}")
        with self._lock:
            self.rate, self.kinds = rate, kinds
            self.services, self.operations = spec.get("services"), spec.get("operations")
            self.regions = spec.get("regions")
            self.seconds = float(spec.get("seconds", 1.0))
            self.limit = spec.get("limit")
            self._random = random.Random(spec.get("seed", 0))  # noqa: S311 - no secret

    def report(self) -> dict[str, Any]:
        """Return the specification in force."""
        return {
            "rate": self.rate, "kinds": self.kinds, "services": self.services, "operations": self.operations,
            "regions": self.regions, "seconds": self.seconds, "limit": self.limit,
        }  # fmt: skip

    def pick(self, call: Call) -> str | None:
        """Return the kind of fault this call meets, or None."""
        if not self.rate:
            return None
        if self.services and call.service not in self.services:
            return None
        if self.operations and call.operation not in self.operations:
            return None
        if self.regions and call.region not in self.regions:
            return None
        with self._lock:
            if self.limit is not None and self.limit <= 0:
                return None
            if self._random.random() >= self.rate:
                return None
            if self.limit is not None:
                self.limit -= 1
            return self._random.choice(self.kinds)


def throttled(call: Call) -> errors.Answer:
    """Return the throttling error the service of ``call`` answers with."""
    message = "Rate exceeded"
    if call.protocol == "ec2":
        return errors.answer("ec2", "ec2", 503, "RequestLimitExceeded", "Request limit exceeded.")
    if call.service == "s3":
        return errors.answer("rest-xml", "s3", 503, "SlowDown", "Please reduce your request rate.")
    if call.protocol == "rest-json":
        return errors.answer("rest-json", call.service, 429, "TooManyRequestsException", message)
    if call.protocol in ("json", "cbor"):
        return errors.answer(call.protocol, call.service, 400, "ThrottlingException", message)
    return errors.answer(call.protocol, call.service, 400, "Throttling", message)


def failed(call: Call) -> errors.Answer:
    """Return the internal error the service of ``call`` answers with."""
    message = "An internal error has occurred. Please try your query again at a later time."
    code = "InternalError" if call.protocol == "ec2" or call.service == "s3" else "InternalFailure"
    return errors.answer(call.protocol, call.service, 500, code, message)
