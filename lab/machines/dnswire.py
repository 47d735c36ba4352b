# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DNS messages (RFC 1035): a query read, an answer written."""

from __future__ import annotations

import ipaddress
import shlex
import struct
from dataclasses import dataclass

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33, "CAA": 257}
NAMES = {number: name for name, number in TYPES.items()}
NOERROR, SERVFAIL, NXDOMAIN = 0, 2, 3


@dataclass(frozen=True)
class Question:
    """What a query asks: the name without its last dot, the type, and the parts an answer repeats."""

    id: int
    flags: int
    name: str
    type: str
    raw: bytes


@dataclass(frozen=True)
class Record:
    """One record, its value written as in a zone file."""

    name: str
    type: str
    ttl: int
    value: str


def parse(message: bytes) -> Question:
    """Read a query; raises ValueError for what is not one."""
    number, flags, questions = struct.unpack("!HHH", message[:6])
    if flags & 0x8000 or questions != 1:
        raise ValueError("not a query")
    name, offset = _read_name(message, 12)
    (kind,) = struct.unpack("!H", message[offset : offset + 2])
    return Question(number, flags, name, NAMES.get(kind, str(kind)), message[12 : offset + 4])


def build(question: Question, records: list[Record], code: int, limit: int) -> bytes:
    """Write an answer; what does not fit into `limit` bytes is cut off and marked."""
    body = b""
    count = 0
    flags = 0x8400 | (question.flags & 0x0100) | 0x0080 | code
    for record in records:
        piece = _record(record)
        if 12 + len(question.raw) + len(body) + len(piece) > limit:
            flags |= 0x0200
            break
        body += piece
        count += 1
    return struct.pack("!HHHHHH", question.id, flags, 1, count, 0, 0) + question.raw + body


def addresses(message: bytes) -> set[str]:
    """The IPv4 addresses in an answer."""
    found = set()
    _, _, questions, answers = struct.unpack("!HHHH", message[:8])
    offset = 12
    for _ in range(questions):
        _, offset = _read_name(message, offset)
        offset += 4
    for _ in range(answers):
        _, offset = _read_name(message, offset)
        kind, _, _, size = struct.unpack("!HHIH", message[offset : offset + 10])
        offset += 10
        if kind == 1 and size == 4:
            found.add(str(ipaddress.IPv4Address(message[offset : offset + 4])))
        offset += size
    return found


def _read_name(message: bytes, offset: int) -> tuple[str, int]:
    words = []
    end = None
    for _ in range(64):
        size = message[offset]
        if size >= 0xC0:
            end = end or offset + 2
            offset = ((size & 0x3F) << 8) | message[offset + 1]
        elif size == 0:
            return ".".join(words), end or offset + 1
        else:
            words.append(message[offset + 1 : offset + 1 + size].decode("ascii", "replace"))
            offset += 1 + size
    raise ValueError("a name that never ends")


def _name(text: str) -> bytes:
    words = [word for word in text.strip().rstrip(".").split(".") if word]
    return b"".join(bytes([len(word)]) + word.encode() for word in words) + b"\0"


def _record(record: Record) -> bytes:
    data = _data(record.type, record.value)
    head = struct.pack("!HHIH", TYPES[record.type], 1, record.ttl, len(data))
    return _name(record.name) + head + data


def _data(kind: str, value: str) -> bytes:
    if kind == "A":
        return ipaddress.IPv4Address(value.strip()).packed
    if kind == "AAAA":
        return ipaddress.IPv6Address(value.strip()).packed
    words = value.split()
    if kind == "MX":
        return struct.pack("!H", int(words[0])) + _name(words[1])
    if kind == "SRV":
        return struct.pack("!HHH", *map(int, words[:3])) + _name(words[3])
    if kind == "TXT":
        pieces = [piece.encode() for piece in shlex.split(value)]
        return b"".join(bytes([len(piece[:255])]) + piece[:255] for piece in pieces)
    if kind == "CAA":
        tag, text = words[1].encode(), shlex.split(value)[2].encode()
        return bytes([int(words[0]), len(tag)]) + tag + text
    if kind == "SOA":
        return _name(words[0]) + _name(words[1]) + struct.pack("!IIIII", *map(int, words[2:7]))
    return _name(value)
