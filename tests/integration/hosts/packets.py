# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections tried from wherever an address of the cell is: machines, balancers, the database, the cache, and outside."""

from __future__ import annotations

import json
import subprocess
import sys

#: Tries all connections of a JSON list of [address, port] at once: opened, refused (a packet came back), or silent.
SCRIPT = """
import errno, json, select, socket, sys, time
tries, poll, told = json.loads(sys.argv[1]), select.poll(), {}
sockets = {}
for number, (address, port) in enumerate(tries):
    one = socket.socket()
    one.setblocking(False)
    one.connect_ex((address, port))
    sockets[one.fileno()] = number, one
    poll.register(one, select.POLLOUT)
until = time.monotonic() + 3.5
while len(told) < len(tries) and (left := until - time.monotonic()) > 0:
    for file, _ in poll.poll(left * 1000):
        number, one = sockets[file]
        error = one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        told[number] = "opened" if not error else "refused" if error == errno.ECONNREFUSED else "silent"
        poll.unregister(one)
print(json.dumps([told.get(number, "silent") for number in range(len(tries))]))
"""


def namespaces() -> dict[str, str]:
    """Which network namespace has an address, of all this machine has."""
    found = {}
    for line in subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout.splitlines():
        name = line.split()[0]
        asked = ["ip", "-n", name, "-json", "-4", "address"]
        told = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
        for link in json.loads(told or "[]"):
            found |= {each["local"]: name for each in link["addr_info"] if link["ifname"] != "lo"}
    return found


def tried(namespace: str | None, targets: list[tuple[str, int]]) -> list[str]:
    """What connections to addresses and ports came to, from a namespace, or from this machine."""
    where = ["ip", "netns", "exec", namespace] if namespace else []
    command = [*where, sys.executable, "-c", SCRIPT, json.dumps(targets)]
    return list(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
