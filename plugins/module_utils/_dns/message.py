# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages of the DNS (RFC 1035): a question, and what an answer to it tells."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Iterator

from .._host.errors import HostError

TYPES = {"A": 1, "NS": 2, "SOA": 6, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33}
STATUSES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED", 9: "NOTAUTH"}
HEADER = struct.Struct("!6H")
RECORD = struct.Struct("!2HIH")
RECURSION_DESIRED, RESPONSE, AUTHORITATIVE, TRUNCATED = 0x0100, 0x8000, 0x0400, 0x0200
IN = 1
_POINTER = 0xC0
_LONGEST_LABEL = 63


@dataclass(frozen=True)
class Answer:
    """What a server says: its status, how many records it gives, and the serial where one of them is a SOA."""

    status: str
    authoritative: bool
    truncated: bool
    records: int
    serial: int | None = None


def question(number: int, name: str, kind: str) -> bytes:
    """Write a question; *number* is the one that its answer repeats.

    :raises HostError: for what is not the name of a domain
    """
    labels = [label.encode("idna") if not label.isascii() else label.encode() for label in _labels(name)]
    if any(not 0 < len(label) <= _LONGEST_LABEL for label in labels):
        raise HostError(f'"{name}" is not the name of a domain; expected something like www.example.org.')
    asked = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    return HEADER.pack(number, RECURSION_DESIRED, 1, 0, 0, 0) + asked + struct.pack("!2H", TYPES[kind], IN)


def _labels(name: str) -> list[str]:
    stripped = name[:-1] if name.endswith(".") else name
    return stripped.split(".") if name != "." else []


def answer(number: int, message: bytes) -> Answer:
    """Read the answer to the question of that number.

    :raises HostError: for what is none
    """
    try:
        return _answer(number, message)
    except (struct.error, IndexError):
        raise HostError(f"the answer of {len(message)} bytes is not a message of the DNS") from None


def _answer(number: int, message: bytes) -> Answer:
    found, flags, questions, records, _authorities, _more = HEADER.unpack_from(message)
    if found != number or not flags & RESPONSE:
        raise HostError("the answer is to another question")
    place = HEADER.size
    for _question in range(questions):
        place = _after_name(message, place) + 4
    serials = list(_serials(message, place, records))
    code = flags & 0xF
    return Answer(
        status=STATUSES.get(code, f"status {code}"),
        authoritative=bool(flags & AUTHORITATIVE),
        truncated=bool(flags & TRUNCATED),
        records=records,
        serial=serials[0] if serials else None,
    )


def _serials(message: bytes, place: int, records: int) -> Iterator[int]:
    """Give the serial of each SOA among the records that begin at a place."""
    for _record in range(records):
        kind, _class, _ttl, length = RECORD.unpack_from(message, _after_name(message, place))
        data = _after_name(message, place) + RECORD.size
        if kind == TYPES["SOA"]:
            yield struct.unpack_from("!I", message, _after_name(message, _after_name(message, data)))[0]
        place = data + length


def _after_name(message: bytes, place: int) -> int:
    """Give the place after a name, which ends with an empty label or with a pointer to the rest of it."""
    while message[place]:
        if message[place] & _POINTER == _POINTER:
            return place + 2
        place += 1 + message[place]
    return place + 1
