# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""app-health UNIT ADDRESS PATH SECONDS SETTINGS: asks a service how it is until it answers 200, for that many seconds at most.

ADDRESS is host:port or the path of a socket. Gives up early when the unit is neither up nor coming up. One line: the last
status (0 without an answer) and the beginning of what was answered, without the secrets that SETTINGS names; the exit status
is 0 with 200 only.
"""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import time
from pathlib import Path

#: Letters of an answer that are shown, and bytes that are read of it: what is cut off is cut off after secrets are masked.
SHOWN, READ = 400, 65536


class LocalConnection(http.client.HTTPConnection):
    """HTTP over a socket of the file system."""

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.host)


def ask(address: str, path: str, seconds: float) -> tuple[int, str]:
    """The status and the beginning of the answer; 0 and why when there is none."""
    made = LocalConnection if address.startswith("/") else http.client.HTTPConnection
    connection = made(address, timeout=seconds)
    try:
        connection.request("GET", path, headers={"Host": "localhost"})
        answer = connection.getresponse()
        return answer.status, answer.read(READ).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return 0, f"{type(error).__name__}: {error}"
    finally:
        connection.close()


def main() -> int:
    """Ask once a half second."""
    unit, address, path, seconds, settings = *sys.argv[1:4], float(sys.argv[4]), sys.argv[5]
    until = time.monotonic() + seconds
    while True:
        status, text = ask(address, path, max(1.0, min(10.0, until - time.monotonic())))
        left = until - time.monotonic()
        if status == 200 or left <= 0:
            break
        state = subprocess.run(
            ["systemctl", "is-active", unit], capture_output=True, text=True, check=False
        ).stdout.strip()
        if state in ("failed", "inactive"):
            break
        time.sleep(0.5)
    if status != 200:
        # A page of a debugger may show whatever the application knows.
        command = [Path(__file__).with_name("terrace-app-environment"), "mask", settings]
        text = subprocess.run(command, input=text, capture_output=True, text=True, check=False).stdout
    print(status, " ".join(text.split())[:SHOWN])
    return 0 if status == 200 else 1


if __name__ == "__main__":
    sys.exit(main())
