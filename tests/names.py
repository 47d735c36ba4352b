"""Names, as the lab's name server on this machine answers them."""

from __future__ import annotations

import socket

from lab.machines import dns, dnswire


def host_address(name: str) -> str:
    """Ask the lab's name server on this machine."""
    query = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + dnswire._name(name) + b"\x00\x01\x00\x01"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.settimeout(3)
        link.sendto(query, (dns.HOST_ADDRESS, 53))
        return next(iter(dnswire.addresses(link.recv(4096))), "")
