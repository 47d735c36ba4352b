#!/usr/bin/env python3
# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends a steady number of requests a second for a time, and says how many failed and how long they took.

    python bench/load.py https://127.1.2.3 --name shop.example.com --ca public.pem --rate 50 --seconds 60
    python bench/load.py http://10.0.33.63 --paths /version /notes --until /tmp/stop

Requests are begun when their time has come, whether or not earlier ones are answered (an open loop), over connections
that are kept, and looked at before they are used again. A request fails when it is not answered with a status below 400
within `--timeout`; nothing is tried twice. It prints one JSON object, and stops at `--until` (a file that appears) if that
comes first. Standard library only, so that it can be run on any machine. Exit status 0 when nothing failed.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import http.client
import json
import queue
import select
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

#: Connections, and so requests under way at a time.
CONNECTIONS = 32
#: Requests a second, unless said otherwise.
RATE = 50


@contextlib.contextmanager
def beside(
    url: str, name: str, folder: Path, paths: Sequence[str] = (), timeout: float = 10, rate: float = RATE
) -> Iterator[dict[str, Any]]:
    """Load in a process of its own for as long as the block takes; the report is in the dict afterwards.

    :param name: what is asked for; its certificate is not verified
    :param folder: where the file that ends it is put
    :param paths: what is asked for in turn; the default of ``--paths`` where nothing is given
    :param timeout: seconds after which a request counts as failed
    :param rate: requests a second
    """
    stop = folder / f"stop-{time.time()}"
    command = [sys.executable, __file__, url, "--name", name, "--insecure", "--seconds", "3600", "--until", str(stop)]
    command += ["--timeout", f"{timeout:g}", "--rate", f"{rate:g}"] + (["--paths", *paths] if paths else [])
    report: dict[str, Any] = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        try:
            time.sleep(2)
            yield report
            time.sleep(1)
        finally:
            stop.touch()
            report.update(json.loads(running.communicate(timeout=timeout + 110)[0]))


class Load:
    """The requests, their latencies in milliseconds and their failures."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.target = urlsplit(options.url)
        self.due: queue.SimpleQueue[tuple[float, str] | None] = queue.SimpleQueue()
        self.latencies: list[float] = []
        self.failures: collections.Counter[str] = collections.Counter()
        self.answered: collections.Counter[str] = collections.Counter()
        self.lock = threading.Lock()
        #: What TLS trusts; reading the authorities takes longer than a handshake.
        self.context = ssl.create_default_context(cafile=options.ca)
        if options.insecure:
            self.context.check_hostname, self.context.verify_mode = False, ssl.CERT_NONE
        #: All connections have asked once before the first request is due: what handshakes cost is not the site's answer.
        self.ready = threading.Barrier(CONNECTIONS + 1)

    def connect(self) -> http.client.HTTPConnection:
        """A new connection; with TLS it is verified against the name given, wherever it leads."""
        host, timeout = self.target.hostname or "", self.options.timeout
        if self.target.scheme != "https":
            return http.client.HTTPConnection(host, self.target.port or 80, timeout=timeout)
        return Named(host, self.target.port or 443, self.options.name or host, timeout=timeout, context=self.context)

    def work(self) -> None:
        """One connection's thread: takes what is due until there is no more."""
        connection: http.client.HTTPConnection | None = self.connect()
        try:
            # It also reads the tickets of TLS 1.3, which would look like a connection that is being closed.
            self.ask(connection, self.options.paths[0])
        except (OSError, http.client.HTTPException):
            connection = None
        self.ready.wait()
        while (item := self.due.get()) is not None:
            began, path = item
            try:
                if connection and closed(connection):
                    connection = None
                connection = connection or self.connect()
                status, told = self.ask(connection, path)
                problem = "" if status < 400 else f"HTTP {status}"
            except (OSError, http.client.HTTPException) as error:
                problem, told = f"{type(error).__name__}: {error}", ""
            if problem and connection:
                connection.close()
                connection = None
            with self.lock:
                self.latencies.append((time.monotonic() - began) * 1000)
                if problem:
                    self.failures[problem] += 1
                elif told:
                    self.answered[told] += 1

    def ask(self, connection: http.client.HTTPConnection, path: str) -> tuple[int, str]:
        """One request: the status, and the version that answered where it says so. A path that begins with + writes a note."""
        headers = {"Host": self.options.name or self.target.netloc, "Content-Type": "application/json"}
        if path.startswith("+"):
            connection.request("POST", path[1:], json.dumps({"text": "load"}), headers)
        else:
            connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        if answer.will_close:
            connection.close()
        version = json.loads(body).get("version", "") if path == "/version" and answer.status == 200 else ""
        return answer.status, version

    def run(self) -> dict[str, object]:
        """Everything, to the report."""
        threads = [threading.Thread(target=self.work, daemon=True) for _ in range(CONNECTIONS)]
        for thread in threads:
            thread.start()
        self.ready.wait()
        self.write_first()
        began, number, stop = time.monotonic(), 0, Path(self.options.until) if self.options.until else None
        while (now := time.monotonic()) - began < self.options.seconds and not (stop and stop.exists()):
            due = began + number / self.options.rate
            if due > now:
                time.sleep(min(due - now, 0.2))
                continue
            self.due.put((due, self.options.paths[number % len(self.options.paths)]))
            number += 1
        for _ in threads:
            self.due.put(None)
        for thread in threads:
            thread.join(self.options.timeout + 5)
        return self.report(time.monotonic() - began, number)

    def write_first(self) -> None:
        """What is written is there before it is asked for: /notes/1 is the first note."""
        for path in {each for each in self.options.paths if each.startswith("+")}:
            with contextlib.suppress(OSError, http.client.HTTPException):
                self.ask(self.connect(), path)

    def report(self, seconds: float, sent: int) -> dict[str, object]:
        """Figures; a request that never came back counts as failed."""
        times = sorted(self.latencies) or [0.0]
        lost = sent - len(self.latencies)
        failures = dict(self.failures) | ({"never answered": lost} if lost else {})
        return {
            "requests": sent,
            "seconds": round(seconds, 1),
            "failed": sum(failures.values()),
            "failures": failures,
            "versions": dict(self.answered),
            "milliseconds": {
                name: round(times[min(len(times) - 1, int(len(times) * share))], 1)
                for name, share in (("median", 0.5), ("p95", 0.95), ("p99", 0.99), ("longest", 1.0))
            },
        }


def closed(connection: http.client.HTTPConnection) -> bool:
    """Whether the other side has closed a connection that was kept, as it may: a client looks before it asks again."""
    if connection.sock is None:
        return True
    readable, _, _ = select.select([connection.sock], [], [], 0)
    return bool(readable)


class Named(http.client.HTTPSConnection):
    """HTTPS to an address, as a name: what a public name server would do."""

    def __init__(self, host: str, port: int, name: str, **more: object) -> None:
        super().__init__(host, port, **more)  # type: ignore[arg-type]
        self.name = name

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        self.sock = self._context.wrap_socket(self.sock, server_hostname=self.name)  # type: ignore[attr-defined]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--paths", nargs="+", default=["/version", "/notes", "/notes/1", "+/notes", "/healthz"])
    parser.add_argument("--rate", type=float, default=RATE)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--timeout", type=float, default=10)
    parser.add_argument("--name", help="the name to ask for, where the URL has an address")
    parser.add_argument("--ca", help="file of the authority to trust")
    parser.add_argument("--insecure", action="store_true", help="trust any certificate")
    parser.add_argument("--until", help="stop when this file is there")
    report = Load(parser.parse_args()).run()
    print(json.dumps(report, indent=1))
    return 0 if not report["failed"] else 1


if __name__ == "__main__":
    sys.exit(main())
