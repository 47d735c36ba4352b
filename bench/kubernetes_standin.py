# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for a Kubernetes API, enough for bench/warm.py to create ConfigMaps through kubernetes.core.k8s. No cluster.

It keeps objects in memory and knows discovery, get, create, patch (merge) and delete of ConfigMaps; nothing is validated,
nobody is authenticated.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

VERBS = ["create", "delete", "get", "list", "patch"]
DISCOVERY = {
    "/version": {"major": "1", "minor": "32", "gitVersion": "v1.32.0-standin"},
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
    "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": [
        {"name": "configmaps", "singularName": "", "namespaced": True, "kind": "ConfigMap", "verbs": VERBS}]},
}  # fmt: skip


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # header and body in one packet
    objects: dict[str, dict] = {}  # noqa: RUF012 - of the one server there is

    def answer(self, body: dict | None, status: int = 200) -> None:
        if body is None:
            status = 404
            body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def path_and_body(self) -> tuple[str, dict]:
        size = int(self.headers.get("Content-Length") or 0)
        return self.path.partition("?")[0].rstrip("/"), json.loads(self.rfile.read(size) or b"{}")

    def do_GET(self) -> None:
        path, _ = self.path_and_body()
        self.answer(DISCOVERY.get(path) or self.objects.get(path))

    def do_POST(self) -> None:
        path, body = self.path_and_body()
        body["metadata"] |= {"uid": str(uuid.uuid4()), "resourceVersion": "1"}
        self.objects[f"{path}/{body['metadata']['name']}"] = body
        self.answer(body, 201)

    def do_PATCH(self) -> None:
        path, body = self.path_and_body()
        if path in self.objects:
            self.objects[path]["data"] = self.objects[path].get("data", {}) | body.get("data", {})
        self.answer(self.objects.get(path))

    def do_DELETE(self) -> None:
        self.answer(self.objects.pop(self.path_and_body()[0], None))

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@contextmanager
def running_standin() -> Iterator[str]:
    """Serve on a free port of loopback; yield the URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
