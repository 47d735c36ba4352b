# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where machines find the AWS API: every name below amazonaws.com leads here, over TLS signed by the lab's authority.

So nothing on a machine has to know that it is in a lab: `aws s3 cp` and boto3 work with no endpoint given.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from typing import TYPE_CHECKING

from lab.machines import authority, firewall
from lab.machines.network import vpc_namespace
from lab.machines.util import inside

if TYPE_CHECKING:
    from lab.machines.daemon import Lab


class Endpoint:
    """Forwards ports 80 and 443 of the API's address in one VPC to the API on this machine."""

    def __init__(self, lab: Lab, vpc: str) -> None:
        self.lab = lab
        self.listeners: list[socket.socket] = []
        with inside(vpc_namespace(vpc)):
            for port in (80, 443):
                listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind((firewall.API, port))
                listener.listen(64)
                self.listeners.append(listener)
        # A thread stays in the namespace it is started in, and these connect to the API on this machine: not in there.
        for listener, secure in zip(self.listeners, (False, True), strict=True):
            threading.Thread(target=self._accept, args=(listener, secure), daemon=True).start()

    def close(self) -> None:
        """Stop answering."""
        for listener in self.listeners:
            listener.close()

    def _accept(self, listener: socket.socket, secure: bool) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection, secure), daemon=True).start()

    def _serve(self, connection: socket.socket, secure: bool) -> None:
        try:
            connection.settimeout(30)
            if secure:
                connection = self.lab.certificates.context.wrap_socket(connection, server_side=True)
            connection.settimeout(None)
            upstream = socket.create_connection(("127.0.0.1", self.lab.port), 5)
            upstream.settimeout(None)
        except OSError:
            connection.close()
            return
        back = threading.Thread(target=_pump, args=(upstream, connection), daemon=True)
        back.start()
        _pump(connection, upstream)
        back.join()
        connection.close()
        upstream.close()


def _pump(source: socket.socket, target: socket.socket) -> None:
    """Copy one way until it ends."""
    with contextlib.suppress(OSError, ValueError):
        while text := source.recv(65536):
            target.sendall(text)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_RDWR if isinstance(target, ssl.SSLSocket) else socket.SHUT_WR)


class Certificates:
    """A TLS context that has a certificate for whatever name is asked for, made when first asked."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.made: dict[str, ssl.SSLContext] = {}
        self.lock = threading.Lock()
        self.context = self._make("amazonaws.com")
        self.context.sni_callback = self._choose

    def _choose(self, connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        if not name:
            return
        with self.lock:
            if name not in self.made:
                self.made[name] = self._make(name)
        connection.context = self.made[name]

    def _make(self, name: str) -> ssl.SSLContext:
        folder = self.lab.state / "certificates" / name
        if not (folder / "server.pem").exists():
            authority.issue(self.lab.state, [name], folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem", folder / "server.key")
        return context
