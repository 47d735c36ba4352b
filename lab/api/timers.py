"""Provisioning delays and everything else in the emulator that happens later.

No thread of its own: what is due is done before the next request is served, so nothing changes while nobody looks.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)

KNOWN = (
    "rds", "rds_modify", "rds_delete", "rds_log_upload", "nat_gateway", "nat_gateway_delete", "endpoint", "endpoint_delete",
    "load_balancer", "load_balancer_delete", "cache", "cache_modify", "cache_delete", "instance_refresh", "refresh_wait",
    "launch_hook",
)  # fmt: skip


class DelayError(ValueError):
    """A delay that makes no sense; the message says why."""


class Timers:
    """Named delays in seconds, and a queue of what is to be done when."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._running = threading.Lock()
        self._count = itertools.count()
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self.delays: dict[str, float] = {}

    def clear(self) -> None:
        """Forget delays and queue."""
        with self._lock:
            self._queue.clear()
            self.delays.clear()

    def set(self, delays: dict[str, Any]) -> None:
        """Set delays by name (see ``KNOWN``) in seconds; 0 takes one away."""
        if unknown := sorted(set(delays) - set(KNOWN)):
            raise DelayError(f"unknown delays: {', '.join(unknown)}; there are {', '.join(KNOWN)}")
        for name, seconds in delays.items():
            if not isinstance(seconds, (int, float)) or isinstance(seconds, bool) or seconds < 0:
                raise DelayError(f"{name}: {seconds!r} is not a number of seconds")
        with self._lock:
            self.delays.update({name: float(seconds) for name, seconds in delays.items()})

    def get(self, name: str) -> float:
        """Return the delay of ``name`` in seconds, 0 when none is set."""
        return self.delays.get(name, 0.0)

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Do ``action`` once ``seconds`` have passed."""
        with self._lock:
            heapq.heappush(self._queue, (time.monotonic() + seconds, next(self._count), action))

    def run_due(self) -> None:
        """Do what is due, in order; one thread at a time."""
        if not self._queue or self._queue[0][0] > time.monotonic():
            return
        with self._running:
            while True:
                with self._lock:
                    if not self._queue or self._queue[0][0] > time.monotonic():
                        return
                    _, _, action = heapq.heappop(self._queue)
                try:
                    action()
                except Exception:
                    log.exception("a delayed action failed")


TIMERS = Timers()
