# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Talks to the API's admin endpoints (bridge.py has those of the machines)."""

from __future__ import annotations

import http.client
import json
import threading
from typing import Any


class ApiError(OSError):
    """The API is not there, or refuses."""


class Api:
    """One kept connection a thread."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._local = threading.local()

    def post(self, path: str, data: dict[str, Any] | None = None, timeout: float = 30) -> dict[str, Any]:
        """POST JSON and return the answer; raises ApiError when the API is not there or refuses."""
        body = json.dumps(data or {})
        for attempt in range(2):
            connection = getattr(self._local, "connection", None)
            if connection is None:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
                self._local.connection = connection
            try:
                connection.request("POST", path, body, {"Content-Type": "application/json"})
                response = connection.getresponse()
                answer = json.loads(response.read())
            except (OSError, http.client.HTTPException, ValueError) as error:
                connection.close()
                self._local.connection = None
                if attempt:
                    raise ApiError(f"{path}: {error}") from error
                continue
            if response.status != 200:
                raise ApiError(f"{path}: {answer.get('error', response.status)}")
            return dict(answer)
        raise ApiError(path)
