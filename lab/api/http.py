"""A threaded HTTP/1.1 server for the emulator.

werkzeug's own server closes each connection and lingers 10 ms after every answer; a run of Terrace makes many small
calls, so this one keeps connections open and sends each answer in one piece.
"""

from __future__ import annotations

import io
import socketserver
from http.server import ThreadingHTTPServer
from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler


class DropConnectionError(Exception):
    """Raised by the application: close the connection and answer nothing."""


class Handler(MotoRequestHandler):
    """Serves WSGI requests over one connection until the client closes it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = 120

    def run_wsgi(self) -> None:
        """Read the whole request, call the application, send the whole answer."""
        if self.headers.get("Expect", "").lower().strip() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.wfile.flush()
        self.environ = environ = self.make_environ()
        body = self._read_body()
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        environ["lab.body"] = body
        answer: dict[str, Any] = {}

        def start_response(status: str, headers: list[tuple[str, str]], _exc_info: Any = None) -> Any:
            answer.update(status=status, headers=headers)
            return lambda _data: None

        try:
            chunks = self.server.app(environ, start_response)  # type: ignore[attr-defined]
            payload = b"".join(chunks)
            if hasattr(chunks, "close"):
                chunks.close()
        except DropConnectionError:
            self.close_connection = True
            return
        self._send(answer["status"], answer["headers"], payload)

    def _send(self, status: str, headers: list[tuple[str, str]], payload: bytes) -> None:
        code, _, phrase = status.partition(" ")
        self.send_response_only(int(code), phrase)
        names = set()
        for name, value in headers:
            if name.lower() in ("connection", "transfer-encoding"):
                continue
            names.add(name.lower())
            self.send_header(name, value)
        if "date" not in names:
            self.send_header("Date", self.date_time_string())
        bodiless = int(code) in (204, 304) or int(code) < 200
        if "content-length" not in names and not bodiless:
            self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        if self.command != "HEAD" and not bodiless:
            self.wfile.write(payload)
        self.wfile.flush()

    def _read_body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            parts = []
            while size := int(self.rfile.readline().split(b";")[0].strip() or b"0", 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return b"".join(parts)
        length = int(self.headers.get("Content-Length") or 0)
        return self.rfile.read(length) if length else b""

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        """Write no access log: the counters say what was called."""


class Server(ThreadingHTTPServer):
    """Listens on loopback; one thread a connection."""

    daemon_threads = True
    request_queue_size = 256
    multithread = True
    multiprocess = False
    ssl_context = None
    passthrough_errors = False
    _send_buffer = 0

    def __init__(self, host: str, port: int, app: Any) -> None:
        self.app = app
        super().__init__((host, port), Handler)

    @property
    def port(self) -> int:
        """The port listened on."""
        return int(self.server_address[1])

    def server_bind(self) -> None:
        """Bind without the reverse look-up of the host name that http.server does."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def log(self, kind: str, message: str, *args: Any) -> None:
        """werkzeug's handler logs through its server."""
        print(f"{kind}: {message % args if args else message}", flush=True)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error of ours."""
        import sys

        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)
