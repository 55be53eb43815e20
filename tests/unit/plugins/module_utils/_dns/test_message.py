from __future__ import annotations

import struct

import pytest
from ansible_collections.orderly.services.plugins.module_utils._dns.message import Answer, answer, question
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError

ASKED = b"\x07example\x03org\x00" + struct.pack("!2H", 6, 1)
POINTER = b"\xc0\x0c"
ALIAS = POINTER + struct.pack("!2HIH", 5, 1, 60, 2) + POINTER
SOA = POINTER + POINTER + struct.pack("!5I", 2026113001, 3600, 600, 86400, 60)
RECORD = POINTER + struct.pack("!2HIH", 6, 1, 60, len(SOA)) + SOA


def reply(flags: int, *records: bytes, number: int = 7) -> bytes:
    return struct.pack("!6H", number, flags, 1, len(records), 0, 0) + ASKED + b"".join(records)


@pytest.mark.parametrize("name", ["example.org", "example.org."])
def test_a_question_names_the_domain_label_by_label(name: str) -> None:
    assert question(7, name, "SOA") == struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + ASKED


def test_the_root_is_asked_for_as_a_dot() -> None:
    assert question(7, ".", "NS").endswith(b"\x00" + struct.pack("!2H", 2, 1))


@pytest.mark.parametrize("name", ["", "a..b", "a" * 64])
def test_what_is_no_domain_is_refused_by_name(name: str) -> None:
    with pytest.raises(HostError, match=f'"{name}" is not the name of a domain'):
        question(7, name, "A")


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (reply(0x8400, RECORD), Answer("NOERROR", True, False, 1, 2026113001)),
        (reply(0x8180, ALIAS, RECORD), Answer("NOERROR", False, False, 2, 2026113001)),
        (reply(0x8182), Answer("SERVFAIL", False, False, 0)),
        (reply(0x8605), Answer("REFUSED", True, True, 0)),
        (reply(0x800B), Answer("status 11", False, False, 0)),
    ],
)
def test_an_answer_tells_its_status_and_the_serial(message: bytes, expected: Answer) -> None:
    assert answer(7, message) == expected


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (reply(0x8180, number=8), "to another question"),
        (reply(0x0100), "to another question"),
        (b"", "of 0 bytes is not a message"),
        (reply(0x8180, RECORD)[:-22], "is not a message"),
    ],
)
def test_what_is_no_answer_is_not_taken_for_one(message: bytes, why: str) -> None:
    with pytest.raises(HostError, match=why):
        answer(7, message)
